package sessiontimeout

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// storageTimeout bounds one operation, so that a storage that hangs holds up
// neither start nor shutdown for longer than a few of them.
const storageTimeout = 10 * time.Second

// store is the client of the storage extension that one engine keeps things
// with. Safe for concurrent use.
type store struct{ client storage.Client }

func (s *store) get(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	return s.client.Get(ctx, key)
}

// batch does ops in their order; file_storage does all of them or none.
func (s *store) batch(ctx context.Context, ops ...*storage.Operation) error {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	return s.client.Batch(ctx, ops...)
}

// openStorage opens the client that the engine keeps things with, or nothing
// where none is configured. A storage that cannot be opened is an error only
// where the hash key is in it; otherwise the processor does without.
func (w *watch) openStorage(ctx context.Context, host component.Host) error {
	if w.cfg.Storage == nil {
		return nil
	}
	extension, ok := host.GetExtensions()[*w.cfg.Storage]
	if !ok {
		return fmt.Errorf("storage: must be the id of an extension that is configured under service::extensions (got %q)", w.cfg.Storage)
	}
	s, ok := extension.(storage.Extension)
	if !ok {
		return fmt.Errorf("storage: must be the id of a storage extension (got %q, which is none)", w.cfg.Storage)
	}
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	client, err := s.GetClient(ctx, component.KindProcessor, w.id, "")
	switch {
	case err == nil:
		w.kept = &store{client}
	case w.cfg.SessionID.HashKey == "":
		return fmt.Errorf("storage: cannot be opened, and the generated hash key is in it: %w", err)
	default:
		w.set.Logger.Error("The storage cannot be opened: what was known of sessions is lost, and nothing will be kept", zap.Error(err))
	}
	return nil
}

// Values that we store begin with a version and a checksum: not every storage
// notices that it has gone bad.
const (
	sealVersion = 1
	sealLength  = 5
)

var (
	errTruncated    = errors.New("truncated")
	errCorrupt      = errors.New("corrupt")
	errSealVersion  = errors.New("newer_version")
	castagnoliTable = crc32.MakeTable(crc32.Castagnoli)
)

// unsealed begins a value in buf; what is appended is its content.
func unsealed(buf []byte) []byte { return append(buf[:0], make([]byte, sealLength)...) }

// seal completes a value that unsealed began.
func seal(value []byte) []byte {
	value[0] = sealVersion
	binary.BigEndian.PutUint32(value[1:], crc32.Checksum(value[sealLength:], castagnoliTable))
	return value
}

// unseal returns the content of a sealed value. Its errors are reasons in
// metrics.
func unseal(value []byte) ([]byte, error) {
	switch {
	case len(value) < sealLength:
		return nil, errTruncated
	case value[0] > sealVersion:
		return nil, errSealVersion
	case value[0] < sealVersion, binary.BigEndian.Uint32(value[1:]) != crc32.Checksum(value[sealLength:], castagnoliTable):
		return nil, errCorrupt
	}
	return value[sealLength:], nil
}

// turn is a lock that is held while the storage works: who waits for it lets go
// with its context.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) pass() { <-t }
