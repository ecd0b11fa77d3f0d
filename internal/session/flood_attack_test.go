package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// floodAttack: a thousand sessions in use end, by themselves or by their user's
// end; so many invented ids come, with what change makes of them; then the
// sessions are served. It returns how many of those are confirmed, and how many
// inconclusive.
func floodAttack(t *testing.T, invented int, shown bool, change func(e *Engine, i int, f *fact.Fact)) (e *Engine, confirmed, inconclusive int) {
	t.Helper()
	const n = 1000
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p", IdleTimeout: time.Hour, Tolerance: 2 * time.Second, EndGrace: 5 * time.Second, RotationGrace: 30 * time.Second}}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.Shards, cfg.ReorderWindow, cfg.Retention = 2000, 4000, 4, 10*time.Minute, 24*time.Hour
	e = New(cfg)
	now := sessiontest.Epoch
	tell := func(f fact.Fact) {
		f.Start, f.End, f.At, f.Resource = now, now, now, sessiontest.Resources["web"]
		e.observe(&f, now)
		now += int64(time.Millisecond)
	}
	session := func(i int) fact.Name {
		return fact.Name{ID: fact.ID{mix(uint64(i), 3), mix(uint64(i), 5)}, Raw: fmt.Sprint("s", i)}
	}
	user := func(i int) fact.Name { return fact.Name{ID: fact.ID{mix(uint64(i), 7), 7}, Raw: fmt.Sprint("u", i)} }
	for range 2 {
		for i := range n {
			f := fact.Fact{Session: session(i), Trace: [16]byte{1, byte(i), byte(i >> 8)}, Span: [8]byte{1}}
			if i%2 == 1 {
				f.User = user(i)
			}
			tell(f)
		}
		now += int64(20 * time.Second)
	}
	for i := range n {
		switch {
		case i%2 == 1:
			tell(fact.Fact{Kind: fact.EndedUser, User: user(i)})
		case i%4 == 0:
			tell(fact.Fact{Kind: fact.Rotated, Previous: new(session(i)), Session: session(n + i)})
		default:
			tell(fact.Fact{Kind: fact.Ended, Session: session(i)})
		}
	}
	e.advance(now)
	for i := range invented {
		f := fact.Fact{Session: session(10*n + i), Trace: [16]byte{2, byte(i), byte(i >> 8), byte(i >> 16)}, Span: [8]byte{1}}
		if change != nil {
			change(e, i, &f)
		}
		if tell(f); i%100 == 0 {
			e.advance(now)
		}
	}
	now += int64(time.Minute)
	require.Empty(t, e.takeFindings())
	for i := range n {
		f := fact.Fact{Session: session(i), Trace: [16]byte{3, byte(i), byte(i >> 8)}, Span: [8]byte{1}}
		if shown && i%2 == 1 {
			f.User = user(i)
		}
		tell(f)
	}
	e.advance(now + int64(cfg.DecisionWait))
	for _, f := range e.takeFindings() {
		require.Contains(t, []fact.Type{fact.EndedSession, fact.RotatedSession, fact.RevokedSession}, f.Type)
		switch f.State {
		case fact.Confirmed:
			confirmed++
			require.Equal(t, "web", f.EndedBy)
		case fact.Inconclusive:
			inconclusive++
			require.Equal(t, ReasonEvicted, f.Reason)
		}
	}
	return e, confirmed, inconclusive
}

// Invented ids displace one another, and not sessions that ended.
func TestFloodOfInventedIDs(t *testing.T) {
	e, confirmed, _ := floodAttack(t, 20_000, true, nil)
	require.Equal(t, 1000, confirmed)
	require.Greater(t, e.counters().Evicted(EvictedLimit), int64(18_000))
}

// Those that show users push out what ended, too: its tombstones say so, whether
// the user is shown again or not.
func TestFloodOfSessionsInUse(t *testing.T) {
	noGoroutine(t)
	users := func(_ *Engine, i int, f *fact.Fact) {
		f.User = fact.Name{ID: fact.ID{mix(uint64(1<<20+i), 7), 7}, Raw: "x"}
	}
	for _, shown := range []bool{false, true} {
		e, confirmed, inconclusive := floodAttack(t, 2000, shown, users)
		require.Greater(t, e.counters().Evicted(EvictedLimit), int64(1200))
		require.Zero(t, e.counters().Forgotten())
		require.Equal(t, 1000, confirmed+inconclusive)
		require.Greater(t, confirmed, 850)
	}
	// There are so many that only fingerprints are left.
	e, confirmed, inconclusive := floodAttack(t, 20_000, true, users)
	require.Zero(t, e.counters().Forgotten())
	require.Equal(t, 1000, confirmed+inconclusive)
	require.Less(t, confirmed, 10)
	// And so many that not even those are: that is counted.
	e, confirmed, inconclusive = floodAttack(t, 60_000, true, users)
	require.GreaterOrEqual(t, e.counters().Forgotten(), int64(1000-confirmed-inconclusive))
}

// A user whose end comes when only tombstones tell of the sessions is found by
// them.
func TestUserEndsBehindTombstones(t *testing.T) {
	s := newStage(t, standard+"config ahead=1h", func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s user=u1\nb activity at=5s")
	s.wait(0)
	require.Zero(t, s.users.count, "nothing shows the user")
	s.tell("- ended_user at=8s user=u1\na request at=20s")
	found := s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, fact.RevokedSession, found[0].Type)
	require.Equal(t, fact.Confirmed, found[0].State)

	s = newStage(t, standard+"config ahead=1h", func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s user=u1\nb activity at=5s\na request at=9s\n")
	require.Equal(t, 1, s.users.count, "half known")
	s.tell("- ended_user at=10s user=u1\na request at=15s")
	found = s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, fact.RevokedSession, found[0].Type)
	require.Equal(t, "u1", sessiontest.RawOf(found[0].User))
	require.Equal(t, 1, s.users.count)
	s.tell("a request at=16s user=u1\n- ended_user at=16s user=u2\na request at=17s user=u1")
	require.Equal(t, []identity{
		{at: sessiontest.Epoch, user: sessiontest.UserName(0).ID, source: anySource},
		{at: sessiontest.Epoch + int64(16*time.Second), user: sessiontest.UserName(0).ID},
	}, s.get(sessiontest.SessionName(0).ID).identities)
}

// What ended and was thrown away is over until it is logged in to.
func TestComeback(t *testing.T) {
	for _, c := range []struct {
		text, want, state string
	}{
		{"a ended at=5s|a request at=8s", "", ""},
		{"a ended at=5s|a request at=8.1s", "ended", "confirmed"},
		{"c rotated from=a at=5s|a request at=9s", "", ""},
		{"c rotated from=a at=5s|a request at=9.1s", "rotated", "confirmed"},
		{"a activity at=1s user=u1\n- ended_user at=5s user=u1|a request at=8.1s", "revoked", "confirmed"},
		{"a ended at=5s|a authenticated at=7s\na request at=9s", "", ""},
		{"a ended at=5s|a started at=7.1s\na request at=9s", "ended", "confirmed"},
		{"a ended at=5s|a request at=9s\na authenticated at=8s", "", ""},
		{"a ended at=5s|a activity at=6s|a request at=9s", "ended", "confirmed"},
		{"a authenticated at=6s\na ended at=5s|a request at=9s", "", ""},
		{"|a request at=12.1s", "idle_timeout", "confirmed"},
		{"|a request at=12s", "", ""},
	} {
		s := newStage(t, standard+"config ahead=1h")
		for n, text := range strings.Split("a started at=0s\n"+c.text, "|") {
			if n > 0 {
				s.evict(s.get(sessiontest.SessionName(0).ID), s.now, EvictedLimit)
			}
			s.tell(text)
		}
		found := s.wait(time.Minute)
		if c.want == "" {
			require.Empty(t, found, c.text)
			continue
		}
		require.Len(t, found, 1, c.text)
		require.Equal(t, c.want+" "+c.state, found[0].Type.String()+" "+found[0].State.String(), c.text)
	}
}
