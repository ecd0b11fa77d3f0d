package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// Where more was thrown away than can be remembered one by one, new sessions go
// the fast way and need no more than they did in a fresh engine: what was lost is
// older than they are.
func TestNewSessionsWhenAged(t *testing.T) {
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p", IdleTimeout: time.Hour, EndGrace: time.Second, Tolerance: time.Second}}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.Shards, cfg.Retention = 4096, 1<<16, 4, 24*time.Hour
	e := New(cfg)
	now, id := sessiontest.Epoch, uint64(0)
	measure := func(what string) (left, bytes int) {
		facts := make([]fact.Fact, 2000)
		for i := range facts {
			id++
			f := fact.Fact{Session: fact.Name{ID: fact.ID{mix(id, 7), mix(id, 9)}, Raw: "s"}, Start: now, End: now, At: now, Resource: sessiontest.Resources["web"]}
			f.Trace[0], f.Trace[1], f.Trace[2], f.Span[0] = byte(id), byte(id>>8), byte(id>>16), 1
			facts[i] = f
		}
		rest := e.route(facts)
		e.observeFast(facts, now, rest)
		left = rest.len()
		e.observeSlow(facts, now, rest, func(int, Mark) { t.Error("suspected") })
		e.compactAll()
		e.each(func(l *shard) { bytes += l.sessions.slab.Bytes() })
		t.Logf("%s: %d of 2000 go the slow way; %d bytes beside %d entries", what, left, bytes, e.sessions())
		return left, bytes
	}
	measure("the first, whose service is not known")
	fresh, _ := measure("fresh")
	for range 5 {
		now += int64(25 * time.Hour)
		for range 8 {
			e.advance(now)
		}
		require.Zero(t, e.sessions())
		aged, bytes := measure("aged")
		require.LessOrEqual(t, aged, fresh+20)
		require.Zero(t, bytes)
	}
}

// An entry that stands for all doubts no less than what it was made of: not
// what came since it began, and all of what is older.
func TestPlainDoubtsWhatIsOlder(t *testing.T) {
	s := newStage(t, "policy p0 idle=10s tolerance=2s\nconfig wait=0s ahead=1h")
	s.tombstones.raise(sessiontest.Epoch + int64(20*time.Second))
	s.tell("c request at=30s id=1/1") // now its service is known
	s.compactAll()
	s.tell("b request at=30s id=2/2\na request at=30s id=3/3")
	require.Zero(t, s.timelines(), "both went the fast way")
	s.tombstones.raise(sessiontest.Epoch + int64(70*time.Second))
	s.tell("a request at=60s id=4/4")
	found := s.wait(0)
	require.Len(t, found, 1)
	require.Equal(t, fact.Confirmed, found[0].State, "it was known since it was heard of last, whatever became of others")

	s.tell("b request at=5s id=5/5") // it is older than it seemed
	found = s.wait(0)
	require.Len(t, found, 1)
	require.Equal(t, ReasonEvicted, found[0].Reason, "what lay between may have been thrown away")
}
