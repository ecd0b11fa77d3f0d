package session

import "errors"

// Errors of [Restore]: what is stored is left alone.
var (
	// ErrNewerVersion: a newer version of this program wrote it.
	ErrNewerVersion = errors.New("the stored state was written by a newer version")
	// ErrOtherKey: its ids were hashed with another key.
	ErrOtherKey = errors.New("the stored state belongs to another hash key")
)

// LostChunk is a chunk that could not be read.
type LostChunk struct {
	Key    string
	Reason string // corrupt, truncated, missing or version
}

// Restored says what [Restore] found.
type Restored struct {
	Found    bool  // there was something
	At       int64 // up to when everything is contained, on the collector's clock
	Sessions int
	Lost     []LostChunk
}

// Restore makes an engine of what was stored.
func Restore(cfg Config, get func(key string) ([]byte, error), now int64) (*Engine, Restored, error) {
	return New(cfg), Restored{}, nil
}

// Resume lets what waits for its decision wait from now on again.
func (e *Engine) Resume(now int64) {}
