package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// What gives up its place to what is looked at closely waits if it says something of
// silences and there is room, and is decided at once otherwise.
func TestMakesRoom(t *testing.T) {
	defer func(was int) { maxLater = was }(maxLater)
	maxLater = 1
	for name, c := range map[string]struct {
		old         string
		change      func(r *record)
		dirty       bool
		later       int
		early, lost int64
	}{
		"served":                         {"a request at=5s", nil, false, 0, 1, 0},
		"decided already":                {"a request at=5s", func(r *record) { r.state |= afterGap | decided }, false, 0, 0, 0},
		"behind a silence":               {"a request at=5s", func(r *record) { r.state |= afterGap }, false, 1, 1, 0},
		"around a rejection":             {"a request at=5s", func(r *record) { r.state |= aroundRejected }, false, 1, 1, 0},
		"rejected":                       {"a request at=5s rejected", nil, false, 1, 1, 0},
		"rejected, of one that is dirty": {"a request at=4s\na request at=5s", func(r *record) { r.state |= afterGap }, true, 0, 1, 0},
		"it was never placed":            {"a request at=5s", func(r *record) { r.state |= unplaced }, false, 0, 1, 1},
	} {
		s := newStage(t, "policy p0 idle=1h\n", func(c *Config) { c.MaxRecentRequests = 1; c.Shards = 1 })
		s.tell(c.old)
		l := &s.shards[0]
		old := l.recent.at(l.recent.next - 1)
		if c.change != nil {
			c.change(old)
		}
		if c.dirty {
			s.markDirty(s.get(sessiontest.SessionName(0).ID), dirtyVerdicts, cause{at: s.now})
		}
		s.gather()
		early, lost := s.stats.early, s.stats.lost
		s.work.allow(workOfHold)
		s.makeRoom(l)
		require.Len(t, l.later, c.later, name)
		require.NotZero(t, old.state&decided, name)
		require.Equal(t, c.early, s.stats.early-early, name)
		require.Equal(t, c.lost, s.stats.lost-lost, name)
		if c.later == 1 {
			old.state &^= decided
			s.makeRoom(l)
			require.Len(t, l.later, 1, "%s: another waits", name)
			require.NotZero(t, old.state&decided, name)
		}
	}
}

// A second record that ends no later than what is known makes nothing else late.
func TestSecondRecordRaises(t *testing.T) {
	for end, raised := range map[string]int{"9s": 0, "10s": 0, "10.000000001s": 1} {
		s := newStage(t, standard)
		s.tell("a started at=0s\na request at=1s..5s id=1/1\na request at=10s\na request at=1s.." + end + " id=1/1")
		require.Len(t, s.get(sessiontest.SessionName(0).ID).raised, raised, end)
	}
}

// A second record of a request whose session was thrown away brings it back as any fact
// does, and is one of its facts; if another did, it is the past, and counted.
func TestSecondRecordOfEvicted(t *testing.T) {
	a := sessiontest.SessionName(0).ID
	for _, back := range []bool{false, true} {
		s := newStage(t, standard)
		s.tell("a request at=1s id=1/1 log")
		s.evict(s.get(a), s.now, EvictedLimit)
		if back {
			s.tell("b activity at=1s\na activity at=2s")
		}
		lost := s.counters().Truncated()
		s.tell("a request at=1s..3s id=1/1")
		require.Equal(t, back, s.counters().Truncated() == lost+1)
		require.Equal(t, !back, s.counters().Truncated() == lost)
		require.EqualValues(t, 2, s.get(a).facts, "what its tombstone told, and one more")
	}
}

// Whoever was known by half of an id is named when the whole is heard.
func TestUserIsNamedOnce(t *testing.T) {
	s := newStage(t, standard)
	u := sessiontest.UserName(0)
	s.users.byHash(u.ID[0])
	require.Zero(t, s.users.pseudonymOf(u.ID))
	s.nameUser(&u)
	require.Equal(t, s.cfg.pseudonym(&u), s.users.pseudonymOf(u.ID))
	require.Equal(t, u.ID, s.users.get(u.ID).id)
	other := u
	other.Raw = "whoever"
	s.nameUser(&other)
	require.Equal(t, s.cfg.pseudonym(&u), s.users.pseudonymOf(u.ID), "it has a name")
}

// What merely presents an id counts where a policy takes that for proof, and there is one.
func TestMerelyPresented(t *testing.T) {
	s := newStage(t, "policy p0\npolicy p1 presented\n")
	for policy, want := range map[uint8]bool{0: true, 1: false, 2: true, fact.NoPolicy: true} {
		f := fact.Fact{Kind: fact.Ended, Flags: fact.FromRequest | fact.Presented, Policy: policy}
		require.Equal(t, want, s.merelyPresented(&f), "%d", policy)
	}
}

// A service that turns out to call lets be looked through what ended since then, and a parent
// that is seen those that wait for it.
func TestCallersAreHeldAgainstWhatCame(t *testing.T) {
	for before, due := range map[int64]bool{0: true, 1: false} {
		s := newStage(t, "config window=10s\npolicy p0\n")
		s.tell("a request at=20s")
		at := s.now + int64(10*time.Second) + before
		s.ObserveCallers([]fact.Caller{{Trace: [16]byte{9}, Span: [8]byte{9}, Calls: true, Start: at, End: at, Resource: sessiontest.Resources["web"]}}, at)
		require.Equal(t, due, s.callers.walk.due, "%d", before)
	}

	s := newStage(t, "policy p0\n")
	c := fact.Caller{Trace: [16]byte{9}, Span: [8]byte{9}, Start: s.now, End: s.now, Resource: sessiontest.Resources["web"]}
	hash := spanHash(c.Trace, c.Span)
	s.callers.awaited.add(hash, recordPlace{session: sessiontest.SessionName(0).ID, position: 1})
	s.ObserveCallers([]fact.Caller{c}, s.now)
	require.NotContains(t, s.callers.awaited.of, hash)
}
