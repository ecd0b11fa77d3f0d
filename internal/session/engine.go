package session

// Engine decides. Stub under construction.
type Engine struct{}

// New returns an engine.
func New(cfg Config) *Engine { return &Engine{} }

// Observe takes one fact that arrived at now.
func (e *Engine) Observe(f *Fact, now int64) Mark { return Mark{} }

// Advance decides what has waited long enough at now.
func (e *Engine) Advance(now int64) {}

// TakeFindings returns what was decided since the last call.
func (e *Engine) TakeFindings() []Finding { return nil }

// Blind says that facts of [from, to] may be lost for good.
func (e *Engine) Blind(from, to int64, reason string) {}

// Mark is what is thought of a request as it passes.
type Mark struct {
	Suspected bool
	Type      Type
	Overrun   int64
}
