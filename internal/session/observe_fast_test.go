package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// asSeen is what e would store and has counted by now, but for when it last looked up a
// resource, and under which of its policies a session was in use last: that is what it came
// to be when it was read again.
func asSeen(e *Engine, now int64) (stored, Stats) {
	e.advance(now)
	for i := range e.services.resources {
		e.services.resources[i].used.Store(0)
	}
	e.eachTimeline(func(t *timeline) { t.policy = 0 })
	counted := e.counters()
	return atRest(e, now), Stats{requests: counted.requests, judged: counted.judged, findings: counted.findings, facts: counted.facts, early: counted.early, lost: counted.lost, closed: counted.closed}
}

// TestFastIsSlow: an engine that looks at each request closely finds, counts and would store
// the same.
func TestFastIsSlow(t *testing.T) {
	for seed := range max(histories/200, 500) {
		h := seededHistory(firstSeed+seed, []sessiontest.Delivery{sessiontest.InWindow, sessiontest.AnyOrder}[seed%2])
		fast, slow, now := New(h.config()), New(h.config()), sessiontest.Epoch
		for i := range h.Steps[:len(h.Steps)*int(1+seed%4)/4] {
			s := &h.Steps[i]
			now = s.Now
			doStep(s, fast)
			if s.Verb != sessiontest.Observe {
				doStep(s, slow)
				continue
			}
			slow.watch(s.Now)
			if order := slow.observed.Add(1); slow.admit(&s.Fact, s.Now) {
				slow.observeAny(&s.Fact, s.Now, order)
			}
		}
		have, counted := asSeen(fast, now)
		want, wanted := asSeen(slow, now)
		require.Equal(t, slow.takeFindings(), fast.takeFindings(), "seed %d", firstSeed+seed)
		require.Equal(t, wanted, counted, "seed %d", firstSeed+seed)
		if key := unlike(have, want, func(string) bool { return true }); key != "" {
			t.Fatalf("seed %d: %s is\n%q, not\n%q", firstSeed+seed, key, have[key], want[key])
		}
	}
}
