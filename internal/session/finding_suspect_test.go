package session

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// A session has so many suspects that wait; what comes beyond is only deferred,
// and suspected when its time has come, or acquitted.
func TestAccused(t *testing.T) {
	n := int(maxPending) + 6
	fill := func() *stage {
		s := newStage(t, "policy p0 idle=10s\nconfig update=1s", func(c *Config) { c.MaxRecentRequests = 1000 })
		s.tell("a started at=0s")
		for i := range n {
			m := s.served(0, 20*time.Second+time.Duration(i)*time.Millisecond, 0)
			require.True(t, m.Suspected)
			require.Equal(t, int64(10*time.Second)+int64(i)*int64(time.Millisecond), m.Overrun)
		}
		require.Equal(t, n, s.pending())
		require.Len(t, s.suspects.of(sessiontest.SessionName(0).ID), int(maxPending))
		return s
	}
	s := fill()
	s.wait(20 * time.Second)
	require.Zero(t, s.pending())
	require.EqualValues(t, n, violations(s.Engine))

	s = fill()
	s.tell("a activity at=10s")
	s.wait(time.Second)
	require.Zero(t, s.pending(), "all are acquitted")
	require.Zero(t, s.open)
	s.wait(time.Minute)
	require.Zero(t, violations(s.Engine))
}

func violations(e *Engine) (n int64) {
	e.counters().Violations(func(_ int, _ string, _ fact.Type, k int64) { n += k })
	return n
}

// What is suspected already is marked as it was.
func TestMarkOfTheSuspected(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=25s id=2/2")
	first := s.tell("a request at=24s id=1/1")
	require.Equal(t, Mark{Suspected: true, Type: fact.IdleTimeout, Overrun: int64(14 * time.Second)}, first)
	require.Equal(t, first, s.tell("a request at=24s id=1/1"))
	s.tell("a request at=24s id=1/1 rejected")
	s.wait(0)
	require.Equal(t, 1, s.pending(), "it was refused after all")
}

// Suspects are decided in the order of their time, though evidence that comes
// late makes it another than that of their arrival.
func TestSuspectsInOrder(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\nb started at=0s\nb request at=9s\nadvance")
	s.tell("now=10s b ended at=2s")
	s.tell("now=12s a request at=12s")
	require.Equal(t, 1, s.pending())
	s.tell("now=19s advance")
	require.Equal(t, 2, s.pending())
	s.tell("now=20s advance")
	require.Equal(t, 1, s.pending())
	require.Len(t, s.takeFindings(), 1)
	s.tell("now=21.999999999s advance")
	require.Equal(t, 1, s.pending())
	s.tell("now=22s advance")
	require.Zero(t, s.pending())
}

// What is deferred waits as long as what is suspected, though its place is
// needed at once.
func TestAccusedWait(t *testing.T) {
	n := int(maxPending) + 6
	s := newStage(t, "policy p0 idle=10s\nconfig update=1s", func(c *Config) { c.MaxRecentRequests = n + 1 })
	s.tell("a started at=0s")
	for i := range n {
		s.served(0, 20*time.Second+time.Duration(i), 0)
	}
	for i := range 2 * n {
		s.served(1, 20*time.Second+time.Duration(i), fact.NoPolicy)
	}
	s.wait(10*time.Second - time.Millisecond)
	require.Zero(t, violations(s.Engine))
	require.Equal(t, n, s.pending())
	s.wait(time.Second)
	require.EqualValues(t, n, violations(s.Engine))
}

// Logins that were given up may be what made a request one in time: its verdict
// stands. One that is still known clears it.
func TestOutOfReach(t *testing.T) {
	fill := func(s *stage) {
		for i := range maxInstants - 1 {
			s.tell("a authenticated at=" + (100*time.Second + time.Duration(i)*time.Second).String())
		}
	}
	s := newStage(t, "policy p0 absolute=5s tolerance=1s")
	s.tell("a authenticated at=0s\na authenticated at=10s\na request at=13s\na request at=13.5s p-")
	fill(s)
	s.tell("a authenticated at=200s\nadvance")
	require.Zero(t, s.pending())
	require.EqualValues(t, 2, s.counters().Truncated())
	s.wait(time.Minute)
	require.Zero(t, violations(s.Engine))

	s = newStage(t, "policy p0 absolute=5s tolerance=1s\nconfig wait=1h")
	s.tell("a authenticated at=0s\na request at=20s")
	fill(s)
	s.wait(0)
	require.Equal(t, 1, s.pending())
	s.tell("a authenticated at=21s\nadvance")
	require.EqualValues(t, 1, s.counters().Truncated(), "the first login")
	require.Zero(t, s.pending(), "it was in time by the second")
}

// Once all its suspicions are gone a session can make room for others.
func TestClearedCanBeEvicted(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s\na request at=20s\na authenticated at=19s\nadvance\nb started at=20s")
	require.Zero(t, s.counters().Refused(RefusedLimit))
	require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit))
}

// All sessions together have so many suspects; what comes beyond is deferred.
func TestSuspectsAreBounded(t *testing.T) {
	n := minOpen + 110
	s := newStage(t, standard, func(c *Config) { c.MaxSessions, c.MaxRecentRequests = n, 400 })
	for i := range n {
		s.served(i, 0, 0)
		require.True(t, s.served(i, 20*time.Second, 0).Suspected)
	}
	require.Equal(t, n, s.pending())
	require.Equal(t, minOpen+400/4+1, s.open)
	require.Len(t, s.wait(time.Minute), n, "all are found")
}

// TestAccusedKeepsItsName: where too many requests are suspected a session whose
// requests are only deferred rests in its small form until their time has come,
// and is called what it is called then.
func TestAccusedKeepsItsName(t *testing.T) {
	const sessions = 600
	cfg := historyConfig()
	cfg.MaxSessions, cfg.MaxRecentRequests = 2*sessions, 1024
	cfg.Policies = []Policy{{Name: "p0", EndGrace: time.Second}}
	for name, restart := range map[string]bool{"goes on": false, "is restored": true} {
		t.Run(name, func(t *testing.T) {
			e, now := New(cfg), sessiontest.Epoch
			tell := func(kind fact.Kind, n int) {
				f := fact.Fact{Kind: kind, Session: sessiontest.SessionName(n), Start: now, End: now, At: now, Resource: sessiontest.Resources["web"]}
				f.Session.Raw = strconv.Itoa(n)
				e.observe(&f, now)
			}
			for n := range sessions {
				tell(fact.Ended, n)
			}
			now += int64(5 * time.Second)
			for n := range sessions {
				tell(fact.Request, n)
			}
			if waiting := e.suspects.pending.Len(); waiting == sessions {
				t.Fatal("none is only accused")
			}
			e.advance(now)
			if restart {
				var why string
				if e, why = everything(e, now).restored(cfg, now); why != "" {
					t.Fatal(why)
				}
			}
			e.advance(now + int64(cfg.DecisionWait))
			names := map[fact.Pseudonym]bool{}
			e.advance(now + int64(2*cfg.DecisionWait))
			for _, f := range e.takeFindings() {
				names[f.Session] = true
			}
			if len(names) != sessions || names[fact.Pseudonym{}] {
				t.Errorf("%d names for %d sessions, %d without one", len(names), sessions, len(names)-sessions)
			}
		})
	}
}
