package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestCloseLooksDoNotSpread: a fact that had to be looked at closely costs itself as
// much and nobody else, neither others of its batch nor those that follow it in its
// session. They leave the fast path together otherwise, and more of them each time.
func TestCloseLooksDoNotSpread(t *testing.T) {
	defer asShipped()()
	const sessions, batches, odd = 20_000, 100, 8
	s := newTraffic(sessions)
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "default", IdleTimeout: 30 * time.Minute, AbsoluteTimeout: 12 * time.Hour, Tolerance: 2 * time.Second}}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.Shards, cfg.MaxAge = 10*sessions, 10*sessions, 8, 0
	e := New(cfg)
	for s.made < 2*sessions {
		e.Observe(s.batch(), s.now, nil)
	}
	e.advance(s.now)

	left := 0
	for range batches {
		batch := s.batch()
		// That its trace was sampled is what nobody knows of its session yet.
		for i := range odd {
			batch[i*100].Flags = fact.Sampled
		}
		rest := e.route(batch)
		e.observeFast(batch, s.now, rest)
		left += rest.len()
		for e.observeSlow(batch, s.now, rest, func(int, Mark) { t.Error("suspected") }) {
		}
	}
	require.GreaterOrEqual(t, left, batches*odd, "what this is about")
	// Some share a session with one of them, or what that is known by in a batch.
	require.Less(t, left, batches*odd*5/4)
}
