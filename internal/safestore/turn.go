package safestore

import "context"

// Turn is a lock that is held while a storage works: who waits for it lets go with its context.
// Make one with NewTurn. Safe for concurrent use.
type Turn chan struct{}

// NewTurn returns a turn that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits until nobody has the turn. The error is the context's.
func (t Turn) Take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pass gives the turn to the next one. Only who has it may call it.
func (t Turn) Pass() { <-t }
