// Package safestore is a storage client that neither hangs nor panics, for processor and exporter.
//
// The storage extensions that people use answer to no context while a disk hangs, and panic where a file
// is damaged. Neither may stop a pipeline or end the collector.
package safestore

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

const (
	// Timeout bounds one operation, so that a storage that hangs holds up neither start nor shutdown for
	// longer than a few of them.
	Timeout = 10 * time.Second
	// hangingWait is for how long an operation waits behind one that was given up and has not come back. It
	// is enough for a file's sync on a busy disk, which obeys no context: the last checkpoint comes behind
	// whatever a stop broke off.
	hangingWait = time.Second
)

var (
	// ErrBroken is of a storage that has panicked, as bbolt does where its file is damaged.
	ErrBroken = errors.New("the storage is damaged")
	// ErrHangs is of a storage that has not come back from an operation that was given up.
	ErrHangs = errors.New("the storage hangs")
)

// Client does one operation at a time, each within Timeout and the caller's context. It returns then
// whether the storage does or not; the storage may go on to read what an operation that failed was to
// write, so its values belong to the storage then. A storage that panics is never asked again: what it
// holds a lock of is held for good. Safe for concurrent use.
type Client struct {
	client  storage.Client
	working CtxMutex // held while the storage works, so that nobody waits in it for such a lock
	broken  error    // guarded by working

	mu struct {
		sync.Mutex
		hangs bool // an operation that was given up holds working
	}
}

var _ storage.Client = (*Client)(nil)

// New guards a client.
func New(client storage.Client) *Client { return &Client{client: client, working: NewCtxMutex()} }

// Open gets a client from a storage extension and guards it. Errors are the extension's, ErrBroken where
// it panics, and the context's or a timeout's where it does not answer.
func Open(ctx context.Context, extension storage.Extension, kind component.Kind, owner component.ID, name string) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	type opened struct {
		client storage.Client
		err    error
	}
	result := make(chan opened, 1)
	go func() {
		var o opened
		o.err = unbroken(func() (err error) {
			o.client, err = extension.GetClient(ctx, kind, owner, name)
			return err
		})
		result <- o
	}()
	select {
	case o := <-result:
		if o.err != nil {
			return nil, o.err
		}
		return New(o.client), nil
	case <-ctx.Done():
		go func() { // nobody else would close what opens after all
			if o := <-result; o.err == nil {
				_ = unbroken(func() error { return o.client.Close(context.WithoutCancel(ctx)) })
			}
		}()
		return nil, ctx.Err()
	}
}

// Get returns the value of a key, nil where there is none.
func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte // of an operation that was given up it is nobody's
	err := c.ask(ctx, func(ctx context.Context) (err error) {
		value, err = c.client.Get(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Set stores a value.
func (c *Client) Set(ctx context.Context, key string, value []byte) error {
	return c.ask(ctx, func(ctx context.Context) error { return c.client.Set(ctx, key, value) })
}

// Delete removes a key.
func (c *Client) Delete(ctx context.Context, key string) error {
	return c.ask(ctx, func(ctx context.Context) error { return c.client.Delete(ctx, key) })
}

// Batch does operations in their order. Whether some are done where others fail is the storage's own.
func (c *Client) Batch(ctx context.Context, ops ...*storage.Operation) error {
	// The storage gets copies: one that hangs must not write what the caller reads.
	copies := make([]storage.Operation, len(ops))
	pointers := make([]*storage.Operation, len(ops))
	for i, op := range ops {
		copies[i] = *op
		pointers[i] = &copies[i]
	}
	err := c.ask(ctx, func(ctx context.Context) error { return c.client.Batch(ctx, pointers...) })
	if err != nil {
		return err
	}
	for i, op := range ops {
		if op.Type == storage.Get {
			op.Value = copies[i].Value
		}
	}
	return nil
}

// Close closes the client, unless its storage is broken: then there is nothing left to close.
func (c *Client) Close(ctx context.Context) error {
	err := c.ask(ctx, c.client.Close)
	if errors.Is(err, ErrBroken) {
		return nil
	}
	return err
}

// ask lets the storage do one thing, on a goroutine that can be left behind.
func (c *Client) ask(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if err := c.lock(ctx); err != nil {
		return err
	}
	if c.broken != nil {
		defer c.working.Unlock()
		return c.broken
	}
	done := make(chan error, 1)
	go func() {
		err := unbroken(func() error { return do(ctx) })
		if errors.Is(err, ErrBroken) {
			c.broken = err
		}
		c.mu.Lock()
		done <- err
		c.mu.hangs = false
		c.mu.Unlock()
		c.working.Unlock()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case err := <-done: // it came back in between
		return err
	default:
		c.mu.hangs = true
		return ctx.Err()
	}
}

// lock waits for the operation before this one, but hardly for one that was given up.
func (c *Client) lock(ctx context.Context) error {
	c.mu.Lock()
	hangs := c.mu.hangs
	c.mu.Unlock()
	if !hangs {
		return c.working.Lock(ctx)
	}
	brief, cancel := context.WithTimeout(ctx, hangingWait)
	defer cancel()
	if c.working.Lock(brief) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrHangs
}

// unbroken turns a panic of the storage into an error, one of a damaged memory map included.
func unbroken(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrBroken, r)
		}
	}()
	return do()
}
