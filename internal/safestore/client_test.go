package safestore

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

var (
	errFull = errors.New("no space left on device")
	id      = component.MustNewID("file_storage")
)

// fake is a storage in memory that does before each operation what a test wants.
type fake struct {
	component.StartFunc
	component.ShutdownFunc
	before func(ctx context.Context) error

	mu     sync.Mutex
	values map[string][]byte
	asked  int
	closed int
}

func newFake(before func(context.Context) error) *fake {
	return &fake{before: before, values: map[string][]byte{}}
}

func works(context.Context) error { return nil }

func (f *fake) setBefore(before func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

func (f *fake) ready(ctx context.Context) error {
	f.mu.Lock()
	f.asked++
	before := f.before
	f.mu.Unlock()
	return before(ctx)
}

func (f *fake) GetClient(ctx context.Context, _ component.Kind, _ component.ID, _ string) (storage.Client, error) {
	return f, f.ready(ctx)
}

func (f *fake) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := f.Batch(ctx, op)
	return op.Value, err
}

func (f *fake) Set(ctx context.Context, key string, value []byte) error {
	return f.Batch(ctx, storage.SetOperation(key, value))
}

func (f *fake) Delete(ctx context.Context, key string) error {
	return f.Batch(ctx, storage.DeleteOperation(key))
}

func (f *fake) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if err := f.ready(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = f.values[op.Key]
		case storage.Set:
			f.values[op.Key] = op.Value
		case storage.Delete:
			delete(f.values, op.Key)
		}
	}
	return nil
}

func (f *fake) Close(ctx context.Context) error {
	err := f.ready(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return err
}

// operations are all that a client can be asked.
var operations = map[string]func(context.Context, *Client) error{
	"get":    func(ctx context.Context, c *Client) error { _, err := c.Get(ctx, "k"); return err },
	"set":    func(ctx context.Context, c *Client) error { return c.Set(ctx, "k", []byte("v")) },
	"delete": func(ctx context.Context, c *Client) error { return c.Delete(ctx, "k") },
	"batch":  func(ctx context.Context, c *Client) error { return c.Batch(ctx, storage.GetOperation("k")) },
}

func TestClient(t *testing.T) {
	ctx := t.Context()
	f := newFake(works)
	c, err := Open(ctx, f, component.KindExporter, id, "")
	require.NoError(t, err)
	require.NoError(t, c.Set(ctx, "a", []byte("1")))
	require.NoError(t, c.Set(ctx, "b", []byte("2")))
	require.NoError(t, c.Delete(ctx, "a"))
	a, b := storage.GetOperation("a"), storage.GetOperation("b")
	require.NoError(t, c.Batch(ctx, a, b, storage.SetOperation("c", []byte("3"))))
	require.Nil(t, a.Value)
	require.Equal(t, "2", string(b.Value))
	value, err := c.Get(ctx, "c")
	require.NoError(t, err)
	require.Equal(t, "3", string(value))
	require.NoError(t, c.Close(ctx))
	require.Equal(t, 1, f.closed)

	f.setBefore(func(context.Context) error { return errFull })
	for name, do := range operations {
		require.ErrorIs(t, do(ctx, c), errFull, name)
	}
	_, err = Open(ctx, f, component.KindExporter, id, "")
	require.ErrorIs(t, err, errFull)
}

// TestPanics: a storage that panics is given up, and asked no more.
func TestPanics(t *testing.T) {
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			f := newFake(works)
			c := New(f)
			f.setBefore(func(context.Context) error { panic("freepages: failed to get all reachable pages") })
			require.ErrorIs(t, do(t.Context(), c), ErrBroken)
			asked := f.asked
			for name, do := range operations {
				require.ErrorIs(t, do(t.Context(), c), ErrBroken, name)
			}
			require.NoError(t, c.Close(t.Context()))
			require.Equal(t, asked, f.asked)
		})
	}
	_, err := Open(t.Context(), newFake(func(context.Context) error { panic("x") }), component.KindExporter, id, "")
	require.ErrorIs(t, err, ErrBroken)
}

// TestHangs: a storage that does not come back, and does not care for contexts, holds nobody up for
// longer than the timeout or the caller's own context. It is used again when it has come back.
func TestHangs(t *testing.T) {
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				back := make(chan struct{})
				f := newFake(func(context.Context) error { <-back; return nil })
				c := New(f)
				begin := time.Now()
				require.ErrorIs(t, do(t.Context(), c), context.DeadlineExceeded)
				require.Equal(t, Timeout, time.Since(begin))
				begin = time.Now()
				require.ErrorIs(t, do(t.Context(), c), ErrHangs)
				require.Equal(t, hangingWait, time.Since(begin), "nobody waits for long any more")
				require.ErrorIs(t, c.Close(t.Context()), ErrHangs)

				close(back)
				synctest.Wait()
				require.NoError(t, do(t.Context(), c))
				require.NoError(t, c.Close(t.Context()))
			})
		})
	}
}

func TestHangsUntilTheCallerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		c := New(newFake(func(context.Context) error { <-back; return nil }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		require.ErrorIs(t, c.Set(ctx, "k", nil), context.DeadlineExceeded)
		require.ErrorIs(t, c.Set(ctx, "k", nil), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begin))
		close(back)
	})
}

// TestObeys: a storage that obeys its context can be used at once again.
func TestObeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		c := New(f)
		require.ErrorIs(t, c.Set(t.Context(), "k", nil), context.DeadlineExceeded)
		f.setBefore(works)
		require.NoError(t, c.Set(t.Context(), "k", nil))
	})
}

// TestOneAtATime: who comes while the storage works waits, and is not told that it hangs.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		working, most := 0, 0
		c := New(newFake(func(context.Context) error {
			mu.Lock()
			working++
			most = max(most, working)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			working--
			mu.Unlock()
			return nil
		}))
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(func() {
				if err := c.Set(t.Context(), "k", nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, most)
	})
}

// TestLeftBehind: what comes back too late writes nothing that its caller reads.
func TestLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		f := newFake(func(context.Context) error { <-back; return nil })
		f.values["k"] = []byte("late")
		c := New(f)
		op := storage.GetOperation("k")
		require.Error(t, c.Batch(t.Context(), op))
		close(back)
		synctest.Wait()
		require.Nil(t, op.Value)
	})
}

// TestOpensTooLate: a client that nobody waits for any longer is closed.
func TestOpensTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		f := newFake(func(context.Context) error { <-back; return nil })
		_, err := Open(t.Context(), f, component.KindExporter, id, "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, f.closed)
		close(back)
		synctest.Wait()
		require.Equal(t, 1, f.closed)
	})
}

// extensions is a host of some.
type extensions map[component.ID]component.Component

func (e extensions) GetExtensions() map[component.ID]component.Component { return e }

func TestHost(t *testing.T) {
	other := component.MustNewID("other")
	f := newFake(func(context.Context) error { panic("x") })
	h := Host(extensions{id: f, other: f}, id)
	e := h.GetExtensions()
	require.Same(t, f, e[other])
	_, err := e[id].(storage.Extension).GetClient(t.Context(), component.KindExporter, id, "")
	require.ErrorIs(t, err, ErrBroken)

	f.setBefore(works)
	client, err := e[id].(storage.Extension).GetClient(t.Context(), component.KindExporter, id, "")
	require.NoError(t, err)
	require.IsType(t, &Client{}, client)

	none := componenttest.NewNopHost()
	require.Equal(t, none, Host(none, id))
}
