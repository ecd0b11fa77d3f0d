package sessionconsole

import (
	"sync"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// countsAge is how old counts may be: so often at most an engine is asked for them, however
// many look.
const countsAge = time.Second

// engine is one that is shown, or was before it stopped. Safe for concurrent use.
type engine struct {
	id          string
	description console.Description
	extension   *consoleExtension
	past        past

	mu struct {
		sync.Mutex
		asked  console.Engine // nil when it has stopped
		counts console.Counts
		at     time.Time
	}
}

var _ console.Sink = (*engine)(nil)

// Found shows findings.
func (e *engine) Found(findings []findinglog.Record) {
	e.extension.ring.push(e, findings)
	e.extension.streams.wake()
}

// End lets the engine go. What it counted last stays.
func (e *engine) End() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.asked = nil
}

// counts are what the engine counts, or counted last, and whether it runs.
func (e *engine) counts(now time.Time) (c console.Counts, running bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.asked != nil && now.Sub(e.mu.at) >= countsAge {
		e.mu.counts, e.mu.at = e.mu.asked.Counts(), now
	}
	return e.mu.counts, e.mu.asked != nil
}

// policy returns that of an index, or none.
func (e *engine) policy(i int) console.Policy {
	if i < 0 || i >= len(e.description.Policies) {
		return console.Policy{}
	}
	return e.description.Policies[i]
}
