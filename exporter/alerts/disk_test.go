package alerts

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

var storageID = component.MustNewID("file_storage")

// disk is a storage extension that outlives the exporters of a test.
type disk struct {
	component.StartFunc
	component.ShutdownFunc
	mu     sync.Mutex
	files  map[string]map[string][]byte
	broken error
	closed string // the name of what cannot be opened
	// before is called before every operation on a file, and may block, panic or fail it.
	before func(file string, ops ...*storage.Operation) error
	writes map[string]int // how often each file was written
}

func newDisk() *disk { return &disk{files: map[string]map[string][]byte{}, writes: map[string]int{}} }

func (d *disk) GetClient(_ context.Context, _ component.Kind, id component.ID, name string) (storage.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name == d.closed && name != "" {
		return nil, errors.New("invalid database")
	}
	file := id.String() + "|" + name
	if d.files[file] == nil {
		d.files[file] = map[string][]byte{}
	}
	return &diskFile{disk: d, name: file, values: d.files[file]}, nil
}

// hold has before called from now on.
func (d *disk) hold(before func(file string, ops ...*storage.Operation) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = before
}

// written is how often the file of leases was.
func (d *disk) written() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for file, writes := range d.writes {
		if isLeases(file) {
			n += writes
		}
	}
	return n
}

// leases returns what is stored of them.
func (d *disk) leases() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for file, values := range d.files {
		if isLeases(file) {
			return string(values[storeKey])
		}
	}
	return ""
}

func isLeases(file string) bool { return strings.HasSuffix(file, "|"+storeName) }

func (d *disk) breakDown(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = err
}

// clone copies what is stored at this moment.
func (d *disk) clone() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	other := newDisk()
	for name, values := range d.files {
		other.files[name] = maps.Clone(values)
	}
	return other
}

type diskFile struct {
	disk   *disk
	name   string
	values map[string][]byte
}

func (f *diskFile) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := f.Batch(ctx, op)
	return op.Value, err
}

func (f *diskFile) Set(ctx context.Context, key string, value []byte) error {
	return f.Batch(ctx, storage.SetOperation(key, value))
}

func (f *diskFile) Delete(ctx context.Context, key string) error {
	return f.Batch(ctx, storage.DeleteOperation(key))
}

func (f *diskFile) Batch(_ context.Context, ops ...*storage.Operation) error {
	f.disk.mu.Lock()
	before := f.disk.before
	f.disk.mu.Unlock()
	if before != nil {
		if err := before(f.name, ops...); err != nil {
			return err
		}
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.broken != nil {
		return f.disk.broken
	}
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = f.values[op.Key]
		case storage.Set:
			f.disk.writes[f.name]++
			f.values[op.Key] = append([]byte(nil), op.Value...)
		case storage.Delete:
			delete(f.values, op.Key)
		}
	}
	return nil
}

func (*diskFile) Close(context.Context) error { return nil }
