package session

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// manyFindings is an engine that has found n requests of one session, each for itself.
func manyFindings(t *testing.T, n int) *stage {
	t.Helper()
	s := newStage(t, "policy p0 idle=10s\nconfig update=1s", func(c *Config) { c.PerRequest, c.MaxRecentRequests, c.Retention = true, 64*minReach, time.Hour })
	s.tell("a started at=0s")
	for i := range n {
		s.request(i)
		if i%16 == 15 {
			s.wait(time.Minute)
		}
	}
	s.wait(time.Minute)
	return s
}

// request is one that comes too late after all others.
func (s *stage) request(i int) {
	at := sessiontest.Epoch + int64(20*time.Second)*int64(i+1)
	s.now = max(s.now, at)
	f := fact.Fact{Session: sessiontest.SessionName(0), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"], Trace: [16]byte{1, byte(i), byte(i >> 8)}, Span: [8]byte{1}}
	s.observe(&f, s.now)
}

// One session has so many suspects as can be reached twice; beyond that one that was
// reported makes room for each that comes, and is counted.
func TestSuspectsOfSessionMakeRoom(t *testing.T) {
	n := 2 * minReach
	s := manyFindings(t, n)
	require.Len(t, s.suspects.of(sessiontest.SessionName(0).ID), n)
	require.Zero(t, s.counters().Closed())
	for more := range 3 {
		s.request(n + more)
		require.EqualValues(t, more, s.counters().Closed())
		require.Len(t, s.wait(time.Minute), 1)
		require.Len(t, s.suspects.of(sessiontest.SessionName(0).ID), n)
		require.EqualValues(t, more+1, s.counters().Closed())
	}
	require.Zero(t, s.counters().Truncated())
	require.Empty(t, auditWork(s.Engine))
}

// A session that has been silent for the retention goes with all its findings, however
// many they are and however often that is gone on with.
func TestEvictionOfManyFindings(t *testing.T) {
	s := manyFindings(t, 100)
	l := s.shardOf(sessiontest.SessionName(0).ID)
	now := s.now + int64(time.Hour)
	for _, work := range []int{2*maxIdentities - 1, maxIdentities + maxMembers} {
		s.work.allow(work)
		require.False(t, s.evictSilent(l, now))
		require.Equal(t, 1, s.sessions())
	}
	rounds, open := 0, s.open
	for done := false; !done; rounds++ {
		s.work.allow(2*maxIdentities + 20)
		done = s.evictSilent(l, now+2)
		require.GreaterOrEqual(t, s.work.left, 0)
		require.True(t, done || s.open < open, "it goes on")
		open = s.open
	}
	require.Greater(t, rounds, 2)
	require.Zero(t, s.sessions())
	require.Zero(t, s.open)
	require.EqualValues(t, 1, s.counters().Evicted(EvictedRetention))
	require.Zero(t, l.swept)
}

// Where more requests wait for parents than may, the first of them waits no longer.
func TestAwaitedAreBounded(t *testing.T) {
	defer func(was int) { maxAwaited = was }(maxAwaited)
	maxAwaited = 2
	s := newStage(t, standard)
	web := sessiontest.Resources["web"]
	s.ObserveCallers([]fact.Caller{{Trace: [16]byte{9}, Span: [8]byte{9}, Calls: true, Start: s.now, End: s.now, Resource: web}}, s.now)
	request := func(n, parent byte, from, to int64) {
		s.observe(&fact.Fact{
			Session: sessiontest.SessionName(0), Start: from, End: to, At: from, Resource: web,
			Trace: [16]byte{1}, Span: [8]byte{1, n}, Parent: [8]byte{parent},
		}, s.now)
	}
	request(0, 0, s.now, s.now+int64(time.Second))
	for n := range byte(4) {
		request(1+n, 7+n, s.now+int64(n), s.now+int64(n)+1)
		require.Len(t, s.callers.awaited.queue, min(int(n)+1, maxAwaited))
		require.EqualValues(t, max(int(n)+1-maxAwaited, 0), s.counters().Truncated(), "%d", n)
	}
}

// A decided request that turns out to have violated only a rule which waits longer waits
// once more, as long as that one does.
func TestUndecidedAgain(t *testing.T) {
	s := newStage(t, "policy p0 idle=10s end=2s\nconfig wait=10s", func(c *Config) { c.IdleDecisionWait = time.Minute })
	s.tell("a started at=0s\na ended at=5s\na request at=20s")
	require.Equal(t, 1, s.pending())
	require.Empty(t, s.wait(10*time.Second-1))
	found := s.wait(1)
	require.Len(t, found, 1)
	require.Equal(t, fact.EndedSession, found[0].Type)
	require.Zero(t, s.pending())
	s.tell("a authenticated at=7s")
	s.wait(time.Second)
	require.Equal(t, 1, s.pending())
	require.Empty(t, auditWork(s.Engine))
	require.Empty(t, s.wait(49*time.Second-1), "a moment before it has waited for a minute")
	found = s.wait(1)
	require.NotEmpty(t, found)
	require.Equal(t, fact.IdleTimeout, found[0].Type)
	require.Equal(t, fact.Confirmed, found[0].State)
	require.Zero(t, s.pending())
	require.Empty(t, auditWork(s.Engine))
}

// What waits by a rule that turns out not to be the one waits by that one from when it
// turned out.
func TestWaitsByAnotherRule(t *testing.T) {
	s := newStage(t, "policy p0 idle=10s end=2s\nconfig wait=10s", func(c *Config) { c.IdleDecisionWait = time.Minute })
	s.tell("a started at=0s\na request at=20s")
	require.Empty(t, s.wait(30*time.Second))
	s.tell("a ended at=5s")
	require.Empty(t, s.wait(10*time.Second-1))
	found := s.wait(1)
	require.Len(t, found, 1)
	require.Equal(t, fact.EndedSession, found[0].Type)
}

// Where a session has as many suspects as may be, one of several that are looked at, from
// all over them, stays as it was reported: not the one that the finding is about, nor one of
// which something is yet to be said.
func TestSuspectRoom(t *testing.T) {
	defer func(was int) { minReach = was }(minReach)
	minReach = 4
	of := func(s *stage) (list []*suspect) { return slices.Clone(s.suspects.of(sessiontest.SessionName(0).ID)) }
	late := func(s *stage, n int) (*timeline, []*suspect) {
		s.tell(repeated(n, "a request at=2#s id=1/1#"))
		return s.get(sessiontest.SessionName(0).ID), of(s)
	}
	room := func(text string) *stage {
		s := newStage(t, text+standard, func(c *Config) { c.MaxRecentRequests = 64 })
		s.tell("a ended at=0s")
		return s
	}

	s := room("")
	tl, _ := late(s, 7)
	s.wait(time.Minute)
	require.True(t, s.makeSuspectRoom(tl))
	require.Len(t, of(s), 7, "there is room")

	s = room("")
	tl, list := late(s, 8)
	s.wait(time.Minute)
	s.seq = 0
	require.True(t, s.makeSuspectRoom(tl))
	require.Len(t, of(s), 7)
	require.False(t, list[0].discarded, "the finding is about it")
	require.True(t, list[1].discarded)
	require.EqualValues(t, 1, s.stats.closed)

	s = room("config update=1h\n")
	late(s, 7)
	s.wait(time.Minute)
	s.tell("now=200s a request at=200s id=1/99")
	s.wait(time.Minute)
	require.Len(t, s.findings.later, 1)
	require.False(t, s.makeSuspectRoom(s.get(sessiontest.SessionName(0).ID)), "it is said later")

	s = room("")
	late(s, 8)
	s.wait(time.Minute)
	minReach = 8
	s.tell(repeated(8, "a request at=20#s id=1/2#"))
	s.seq = 12 // one of those that wait for their decision is looked at first
	require.True(t, s.makeSuspectRoom(s.get(sessiontest.SessionName(0).ID)))
}

// A suspect that turns out, when it is decided, to have violated only a rule which waits
// longer waits for that.
func TestWaitsLongerAfterAll(t *testing.T) {
	s := newStage(t, "policy p0 idle=10s end=2s\nconfig wait=10s", func(c *Config) { c.IdleDecisionWait = time.Minute })
	s.tell("a started at=0s\na ended at=5s\na request at=20s")
	s.wait(0)
	s.get(sessiontest.SessionName(0).ID).ends = nil
	require.Empty(t, s.wait(10*time.Second))
	require.Equal(t, 1, s.pending())
	require.Empty(t, s.wait(50*time.Second-1))
	found := s.wait(1)
	require.Len(t, found, 1)
	require.Equal(t, fact.IdleTimeout, found[0].Type)
}

// Who is accused by what came just before the time to decide, and is yet to be held against
// the past, has its wait from then on.
func TestAccusedWhenDecided(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=9s\nadvance\nnow=18s a ended at=2s")
	require.NotZero(t, s.backlog())
	s.now = sessiontest.Epoch + int64(19*time.Second)
	s.tick.now = s.now
	for _, now := range []phase{phaseDecide, phaseDecideSuspects} {
		s.work.allow(workOfHold)
		require.True(t, s.phase(now))
		s.tick.shard = 0
	}
	require.Equal(t, 1, s.pending())
	s.tick = tick{}
	require.Empty(t, s.wait(9*time.Second-1))
	require.Len(t, s.wait(1), 1)
}
