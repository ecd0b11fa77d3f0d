package session

// Checkpoint is one pass over what an Engine knew when it began.
type Checkpoint struct {
	e *Engine
}

// BeginCheckpoint begins one.
func (e *Engine) BeginCheckpoint(now int64) *Checkpoint { return &Checkpoint{e: e} }

// Next returns the next chunk that changed since it was last stored.
func (c *Checkpoint) Next(buf []byte) (key string, value []byte, ok bool) { return "", nil, false }

// Commit says that all was stored.
func (c *Checkpoint) Commit() {}

// Abort says that it was not.
func (c *Checkpoint) Abort() {}
