package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// asSeen is what e would store and has counted by now, but for when it last looked up a
// resource, under which policy a session was in use last and since when it is looked at more
// closely: those are as they were when it was read again.
func asSeen(e *Engine, now int64) (stored, Stats) {
	e.advance(now)
	for i := range e.services.resources {
		e.services.resources[i].used.Store(0)
	}
	e.eachTimeline(func(t *timeline) { t.policy, t.lastInactiveStart = 0, 0 })
	counted := e.counters()
	return atRest(e, now), Stats{requests: counted.requests, judged: counted.judged, findings: counted.findings, facts: counted.facts, early: counted.early, lost: counted.lost, closed: counted.closed}
}

// beside gives h, but for its end, to an engine and to one that looks at each request
// closely, and returns both and when that was.
func beside(h *trial, steps int) (fast, slow *Engine, now int64) {
	fast, slow, now = New(h.config()), New(h.config()), sessiontest.Epoch
	for i := range h.Steps[:steps] {
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
	return fast, slow, now
}

// TestFastIsSlow: an engine that looks at each request closely finds, counts and would store
// the same.
func TestFastIsSlow(t *testing.T) {
	noGoroutine(t)
	for seed := range max(histories/200, 500) {
		h := seededHistory(firstSeed+seed, []sessiontest.Delivery{sessiontest.InWindow, sessiontest.AnyOrder}[seed%2])
		fast, slow, now := beside(h, len(h.Steps)*int(1+seed%4)/4)
		have, counted := asSeen(fast, now)
		want, wanted := asSeen(slow, now)
		require.Equal(t, slow.takeFindings(), fast.takeFindings(), "seed %d", firstSeed+seed)
		require.Equal(t, wanted, counted, "seed %d", firstSeed+seed)
		if key := unlike(have, want, func(string) bool { return true }); key != "" {
			t.Fatalf("seed %d: %s is\n%q, not\n%q", firstSeed+seed, key, have[key], want[key])
		}
	}
}

// TestFastIsSlowInLittleRoom: it counts the same requests and verdicts also where they give
// up their places before they are decided.
func TestFastIsSlowInLittleRoom(t *testing.T) {
	noGoroutine(t)
	for seed := range max(histories/200, 500) {
		h := seededHistory(firstSeed+seed, sessiontest.InWindow)
		h.room.requests = 8 + int(seed%40)
		fast, slow, now := beside(h, len(h.Steps))
		for range 3 {
			now += int64(h.Config.DecisionWait)
			fast.advance(now)
			slow.advance(now)
		}
		_, counted := asSeen(fast, now)
		_, wanted := asSeen(slow, now)
		require.Equal(t, wanted.requests, counted.requests, "seed %d", firstSeed+seed)
		require.Equal(t, wanted.judged, counted.judged, "seed %d", firstSeed+seed)
	}
}
