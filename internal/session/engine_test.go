package session

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// stage is an engine that is told facts in their text form.
type stage struct {
	*Engine
	t   *testing.T
	now int64
}

func newStage(t *testing.T, text string, more ...func(*Config)) *stage {
	t.Helper()
	cfg := engineConfig(sessiontest.MustParse(text).Config)
	for _, change := range more {
		change(&cfg)
	}
	return &stage{New(cfg), t, sessiontest.Epoch}
}

// tell observes facts, as [sessiontest.MustParse] reads them, and returns the last mark.
func (s *stage) tell(text string) (m Mark) {
	s.t.Helper()
	for _, step := range sessiontest.MustParse(text).Steps {
		s.now = max(s.now, step.Now)
		switch step.Verb {
		case sessiontest.Observe:
			m = s.observe(&step.Fact, s.now)
		case sessiontest.Blind:
			s.blind(step.Blind.From, step.Blind.To, step.Blind.Reason)
		case sessiontest.Call:
			s.ObserveCallers([]fact.Caller{step.Caller}, s.now)
		case sessiontest.Advance:
			s.advance(s.now)
		}
	}
	return m
}

// wait lets time pass.
func (s *stage) wait(d time.Duration) []fact.Finding {
	s.now += int64(d)
	s.advance(s.now)
	return s.takeFindings()
}

func (s *stage) served(n int, at time.Duration, policy uint8) Mark {
	s.now = max(s.now, sessiontest.Epoch+int64(at))
	i := sessiontest.Epoch + int64(at)
	return s.observe(&fact.Fact{Session: sessiontest.SessionName(n), Start: i, End: i, At: i, Policy: policy, Resource: sessiontest.Resources["web"]}, s.now)
}

// The smallest idle limit is what tells intervals apart.
func TestGap(t *testing.T) {
	require.EqualValues(t, math.MaxInt64, newStage(t, "policy p0 absolute=5s").gap)
	require.EqualValues(t, 5*time.Second, newStage(t, "policy p0 idle=7s\npolicy p1 idle=5s\npolicy p2\npolicy p3 idle=6s").gap)
}

// Nothing is decided before its time, and everything then.
func TestAdvance(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=1s")
	m := s.tell("a request at=20s")
	require.Equal(t, Mark{Suspected: true, Type: fact.IdleTimeout, Overrun: int64(9 * time.Second)}, m)
	require.Equal(t, 1, s.pending())
	require.Empty(t, s.wait(10*time.Second-1))
	require.Equal(t, 1, s.pending())
	found := s.wait(1)
	require.Len(t, found, 1)
	require.Zero(t, s.pending())
	require.Equal(t, s.now, found[0].DecidedAt)
	require.Equal(t, 1, found[0].Revision)
	require.Empty(t, s.takeFindings(), "each is sent once")
	require.Empty(t, s.wait(time.Hour))
}

// The wait begins when the evidence came, for a request that was in time before.
func TestLateEvidenceWaits(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=9s\nadvance\nnow=15s a ended at=2s\nnow=17s a activity at=1s")
	require.Empty(t, s.wait(8*time.Second-1))
	require.Len(t, s.wait(1), 1)
}

// Where nothing keeps the state, what has not waited long enough is
// inconclusive, what has is not, and every request is counted.
func TestShutdown(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=20s\nb started at=20s\nb request at=35s\nb request at=36s rejected\nc request at=36s")
	s.now = sessiontest.Epoch + int64(40*time.Second)
	s.shutdown(s.now)
	found := map[string]fact.Finding{}
	for _, f := range s.takeFindings() {
		found[sessiontest.RawOf(f.Session)] = f
	}
	require.Len(t, found, 2)
	require.Equal(t, fact.Confirmed, found["a"].State)
	require.Equal(t, fact.Inconclusive, found["b"].State)
	require.Equal(t, ReasonShutdown, found["b"].Reason)
	require.Equal(t, s.now, found["b"].DecidedAt)
	require.Zero(t, s.pending())
	require.Equal(t, lines(`
		facts request 4
		facts started 2
		findings confirmed 1
		findings inconclusive 1
		requests p0 web in_time 1
		requests p0 web indeterminate 1
		requests p0 web rejected_after_expiry 1
		requests p0 web violation 1
		sessions 3
		violations p0 web idle_timeout 1`), counts(s.Engine))
}

// A session is evicted when nothing of it arrived for longer than the
// retention, and its findings stay as they were.
func TestRetention(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.Retention = time.Hour })
	s.tell("a started at=0s\na request at=20s user=u1")
	require.Len(t, s.wait(time.Minute), 1)
	s.now = sessiontest.Epoch + int64(20*time.Second+time.Hour)
	s.advance(s.now)
	require.Equal(t, 1, s.sessions())
	require.Zero(t, s.counters().Evicted(EvictedRetention))
	s.wait(1)
	require.Zero(t, s.sessions())
	require.EqualValues(t, 1, s.counters().Evicted(EvictedRetention))
	require.Zero(t, s.counters().Evicted(EvictedLimit))
	require.Empty(t, s.takeFindings())
	requireDurations(t, s.takeMeasured().Lifetimes[0], 20, 1)
	require.Empty(t, s.suspects.bySession)
	require.Empty(t, s.suspects.byPlace)
	require.Empty(t, s.suspects.byTrace)
	require.Empty(t, s.suspects.byRequest)
	require.Empty(t, s.findings.awaited)
	require.Empty(t, s.findings.open)
	require.Empty(t, s.findings.bySession)
	require.Zero(t, s.users.count)
	require.Zero(t, s.open)
}

// A session is not forgotten while a suspicion waits.
func TestRetentionWaits(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.Retention = time.Second })
	s.tell("a started at=0s\na request at=20s")
	require.Empty(t, s.wait(10*time.Second-1))
	require.Equal(t, 1, s.sessions())
	require.Len(t, s.wait(1), 1)
	s.wait(1)
	require.Zero(t, s.sessions())
}

// What makes room for another is used again by one.
func TestForgottenMakeRoom(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.Retention = time.Hour })
	s.tell("a started at=0s\nb started at=0s\nc started at=0s")
	s.wait(2 * time.Hour)
	require.Zero(t, s.sessions())
	again := time.Duration(s.now - sessiontest.Epoch)
	for n := range 8 {
		s.served(3+n, again, 0)
	}
	for n := range 8 {
		m := s.served(3+n, again+time.Duration(20+n)*time.Second, 0)
		require.EqualValues(t, time.Duration(10+n)*time.Second, m.Overrun, n)
	}
	require.Equal(t, 8, s.sessions())
	require.Len(t, s.wait(time.Minute), 8)
}

// What has an open finding stays, wherever it stands, and another goes.
func TestEvictionSparesFindings(t *testing.T) {
	for _, order := range []string{"a started at=0s\nb started at=0s\n", "b started at=0s\na started at=0s\n"} {
		s := newStage(t, standard, func(c *Config) { c.MaxSessions = 2 })
		s.tell(order + "a request at=20s\nc started at=20s")
		require.Zero(t, s.counters().Refused(RefusedLimit))
		require.Equal(t, 1, s.pending())
	}
}

// A session that has only been refused, as it turned out, was never in use.
func TestEvictionOfRefused(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxSessions = 1 })
	s.tell("a request at=1s id=1/1\na request at=1s id=1/1 log rejected\nb started at=2s")
	require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit))
	require.Empty(t, s.takeMeasured().Lifetimes)
}

// One that ended when it was logged in to is in use, and goes only when it has
// been silent for longer than the others.
func TestEvictionSparesLogins(t *testing.T) {
	for _, end := range []string{"a ended at=5s", "d rotated from=a at=5s"} {
		s := newStage(t, standard, func(c *Config) { c.MaxSessions = 3 })
		s.tell("b started at=4s\nd started at=5s\na authenticated at=5s\n" + end + "\nnow=6s d activity at=6s\nnow=7s a activity at=6s\nnow=8s c started at=8s")
		require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit))
		require.True(t, s.tell("a request at=20s").Suspected, "it is remembered: %s", end)
	}
}

// Ends of users are forgotten, too.
func TestRetentionOfUserEnds(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.Retention = time.Hour })
	s.tell("- ended_user at=0s user=u1")
	s.wait(time.Hour)
	require.Len(t, s.users.ended, 1)
	s.wait(1)
	require.Empty(t, s.users.ended)
}

// Where there is no room the least useful session goes, but none with an open
// finding; a verdict on an id that was evicted is in doubt.
func TestEviction(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxSessions = 2 })
	s.tell("a started at=0s\nb started at=1s\nc authenticated at=2s\nc request at=2s")
	require.Equal(t, 2, s.sessions())
	require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit))
	require.Nil(t, s.get(sessiontest.SessionName(0).ID))
	s.tell("b request at=20s\nc request at=20s")
	s.tell("a request at=21s")
	require.EqualValues(t, 1, s.counters().Refused(RefusedLimit), "both have an open finding")
	require.Len(t, s.wait(time.Minute), 2)
	s.tell("a request at=81s\na rotated from=d at=82s\na activity at=83s")
	require.EqualValues(t, 4, s.counters().Refused(RefusedLimit))

	s = newStage(t, standard+"config ahead=1h", func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s\na activity at=29s\nb started at=30s\na started at=25s\na request at=45s")
	found := s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, fact.Inconclusive, found[0].State, "what was known up to 29s was thrown away; silent since 25s")
	require.Equal(t, ReasonEvicted, found[0].Reason)

	s = newStage(t, standard+"config ahead=1h", func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s\nb started at=30s\na started at=30s\na request at=45s")
	found = s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, fact.Confirmed, found[0].State, "silent since it was evicted")
}

// When more is open than may be, the oldest findings are closed as they were
// reported: nothing can clear them any more.
func TestOpenFindingsAreBounded(t *testing.T) {
	n := minOpen + 44
	s := newStage(t, standard+"config request", func(c *Config) { c.MaxSessions, c.MaxRecentRequests = n, 1000 })
	for i := range n {
		s.served(i, 0, 0)
	}
	for i := range n {
		s.served(i, 20*time.Second+time.Duration(i)*time.Millisecond, 0)
	}
	found := s.wait(time.Minute)
	require.Len(t, found, n, "all are reported")
	require.EqualValues(t, 44, s.counters().Closed())
	require.Equal(t, minOpen, s.open)
	require.Equal(t, minOpen, s.suspects.decided.Len())
	require.Len(t, s.suspects.bySession, minOpen)
	require.Len(t, s.findings.open, minOpen)
	for _, i := range []int{0, 43, 44, n - 1} {
		at := sessiontest.Epoch + int64(19*time.Second)
		s.observe(&fact.Fact{Kind: fact.Authenticated, Session: sessiontest.SessionName(i), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"]}, s.now)
	}
	found = s.wait(time.Minute)
	require.Len(t, found, 2, "the closed ones stay as they were")
	for _, f := range found {
		require.Equal(t, fact.Retracted, f.State)
	}
	require.Equal(t, minOpen-2, s.open)
	require.EqualValues(t, 44, s.counters().Closed())
}

// What was dropped does not pile up.
func TestSettledAreSwept(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 4; c.Retention = time.Hour; c.ReorderWindow = time.Minute })
	for i := range 6 * minOpen {
		at := time.Duration(i) * time.Minute
		s.tell("a activity at=" + at.String())
		s.served(0, at+20*time.Second, 0)
		s.wait(15 * time.Second)
		s.tell("a authenticated at=" + (at + 20*time.Second).String())
		s.wait(time.Second)
		require.LessOrEqual(t, s.suspects.decided.Len(), 4*minOpen+1)
	}
	require.Zero(t, s.counters().Closed())
	require.Zero(t, s.open)
}

// A request is counted when its time has come, and no earlier.
func TestCountedInTime(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=1s")
	asked := func() (n int64) {
		s.counters().Requests(func(_ int, _ string, _ Verdict, k int64) { n += k })
		return n
	}
	s.wait(10*time.Second - 1)
	require.Zero(t, asked())
	s.wait(1)
	require.EqualValues(t, 1, asked())
}

// timelines returns how many timelines are in use.
func (e *Engine) timelines() (n int) {
	e.each(func(l *shard) { n += len(l.sessions.timelines) })
	return n
}
