package sessiontimeout

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// storing is a host with a storage extension.
type storing struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h storing) GetExtensions() map[component.ID]component.Component { return h.extensions }

// segmentPrefix is what the keys of the journal's segments begin with.
const segmentPrefix = "journal/"

var memoryID = component.MustNewID("memory_storage")

// stored lets a configuration keep what is known in a memory.
func stored(cfg *Config) { cfg.Storage = &memoryID }

// acknowledged does, and keeps what is acknowledged, too.
func acknowledged(cfg *Config) { cfg.Storage, cfg.Durability = &memoryID, durabilityAcknowledged }

// hostWithStorage has a real file_storage.
func hostWithStorage(t *testing.T, directory string) (storing, component.ID) {
	t.Helper()
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = directory
	id := component.NewID(f.Type())
	set := extensiontest.NewNopSettings(f.Type())
	set.ID = id
	e, err := f.Create(context.Background(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { _ = e.Shutdown(context.Background()) })
	return storing{componenttest.NewNopHost(), map[component.ID]component.Component{id: e}}, id
}

// memory is a storage in memory, with faults. Its batches are atomic, and it
// remembers them.
type memory struct {
	component.StartFunc
	component.ShutdownFunc

	mu     sync.Mutex
	values map[string][]byte
	writes [][]*storage.Operation // in the order in which they took effect
	open   int                    // clients
	// fault says what becomes of a batch: an error, or errHang.
	fault  func(op *storage.Operation) error
	panics int // everything but GetClient is asked again only by mistake
	// wrote is called after every write, with mu held.
	wrote func()
	// released lets go who is stuck.
	released chan struct{}
}

var (
	// errHang: the storage does nothing until the context ends.
	errHang = errors.New("hang")
	// errStuck: nor then, as a file does on a disk that hangs.
	errStuck = errors.New("stuck")
	// errPanic: the storage panics, and is of no more use.
	errPanic = errors.New("freepages: failed to get all reachable pages")
	errDisk  = errors.New("no space left on device")
)

func newMemory(values map[string][]byte) *memory {
	m := &memory{values: map[string][]byte{}, released: make(chan struct{})}
	maps.Copy(m.values, values)
	return m
}

func (m *memory) host() storing {
	return storing{componenttest.NewNopHost(), map[component.ID]component.Component{memoryID: m}}
}

func (m *memory) setFault(f func(op *storage.Operation) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// writesFail lets every write that touches a key with the prefix fail.
func writesFail(prefix string, err error) func(op *storage.Operation) error {
	return func(op *storage.Operation) error {
		if op.Type != storage.Get && len(op.Key) >= len(prefix) && op.Key[:len(prefix)] == prefix {
			return err
		}
		return nil
	}
}

func (m *memory) GetClient(ctx context.Context, _ component.Kind, _ component.ID, _ string) (storage.Client, error) {
	if err := m.refuse(ctx, storage.GetOperation("client")); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open++
	return memoryClient{m}, nil
}

func (m *memory) refuse(ctx context.Context, ops ...*storage.Operation) error {
	m.mu.Lock()
	fault := m.fault
	m.mu.Unlock()
	for _, op := range ops {
		if fault == nil {
			continue
		}
		switch err := fault(op); {
		case errors.Is(err, errHang):
			<-ctx.Done()
			return ctx.Err()
		case errors.Is(err, errStuck):
			<-m.released
			return err
		case errors.Is(err, errPanic):
			m.mu.Lock()
			m.panics++
			m.open = 0
			m.mu.Unlock()
			panic(err)
		case err != nil:
			return err
		}
	}
	return ctx.Err()
}

type memoryClient struct{ m *memory }

func (c memoryClient) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := c.Batch(ctx, op)
	return op.Value, err
}

func (c memoryClient) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

func (c memoryClient) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}

func (c memoryClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if err := c.m.refuse(ctx, ops...); err != nil {
		return err
	}
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	if write := apply(c.m.values, ops); len(write) > 0 {
		c.m.writes = append(c.m.writes, write)
		if c.m.wrote != nil {
			c.m.wrote()
		}
	}
	return nil
}

// apply does ops and returns copies of those that write.
func apply(values map[string][]byte, ops []*storage.Operation) (writes []*storage.Operation) {
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = bytes.Clone(values[op.Key])
		case storage.Set:
			value := append([]byte{}, op.Value...)
			values[op.Key] = value
			writes = append(writes, storage.SetOperation(op.Key, value))
		case storage.Delete:
			delete(values, op.Key)
			writes = append(writes, storage.DeleteOperation(op.Key))
		}
	}
	return writes
}

func (c memoryClient) Close(context.Context) error {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.m.open--
	return nil
}

func (m *memory) snapshot() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.values)
}

func (m *memory) writesSoFar() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.writes)
}
