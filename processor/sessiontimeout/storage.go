package sessiontimeout

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// storageTimeout bounds one operation, so that a storage that hangs holds up
// neither start nor shutdown for longer than a few of them.
const storageTimeout = 10 * time.Second

// errBroken: the storage has panicked, as bbolt does where its file is damaged.
var errBroken = errors.New("the storage is damaged")

// store is the client of the storage extension that one engine keeps things
// with. A storage that panics is never asked again: what it holds a lock of is
// held for good. Safe for concurrent use.
type store struct {
	client storage.Client
	turn   // held while it works, so that nobody waits in it for such a lock
	broken error
}

func newStore(client storage.Client) *store { return &store{client: client, turn: newTurn()} }

func (s *store) get(ctx context.Context, key string) (value []byte, err error) {
	err = s.ask(ctx, func(ctx context.Context) error {
		value, err = s.client.Get(ctx, key)
		return err
	})
	return value, err
}

// batch does ops in their order; file_storage does all of them or none.
func (s *store) batch(ctx context.Context, ops ...*storage.Operation) error {
	return s.ask(ctx, func(ctx context.Context) error { return s.client.Batch(ctx, ops...) })
}

func (s *store) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.pass()
	if s.broken != nil {
		return nil
	}
	return unbroken(func() error { return s.client.Close(ctx) })
}

// ask lets the storage do one thing.
func (s *store) ask(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.pass()
	if s.broken != nil {
		return s.broken
	}
	err := unbroken(func() error { return do(ctx) })
	if errors.Is(err, errBroken) {
		s.broken = err
	}
	return err
}

// unbroken turns a panic of the storage into an error, one of a damaged memory
// map included.
func unbroken(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errBroken, r)
		}
	}()
	return do()
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
	var client storage.Client
	err := unbroken(func() (err error) {
		client, err = s.GetClient(ctx, component.KindProcessor, w.id, "")
		return err
	})
	switch {
	case err == nil:
		w.kept = newStore(client)
	case w.cfg.SessionID.HashKey == "":
		return fmt.Errorf("storage: cannot be opened, and the generated hash key is in it: %w", err)
	default:
		w.set.Logger.Error("The storage cannot be opened: what was known of sessions is lost, and nothing will be kept", zap.Error(err))
	}
	return nil
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
