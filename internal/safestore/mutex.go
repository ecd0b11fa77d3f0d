package safestore

import "context"

// CtxMutex is a mutex that may be held while a storage works: who waits for it gives up with its context.
// Make one with NewCtxMutex. Safe for concurrent use.
type CtxMutex chan struct{}

// NewCtxMutex returns a mutex that nobody holds.
func NewCtxMutex() CtxMutex { return make(CtxMutex, 1) }

// Lock waits until nobody holds the mutex. The error is the context's: then the caller does not hold it.
func (m CtxMutex) Lock(ctx context.Context) error {
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Unlock lets the next one have it. Only who holds it may call it.
func (m CtxMutex) Unlock() { <-m }
