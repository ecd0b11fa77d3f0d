package session

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// A finding that grows is sent again no more often than the interval says; what
// somebody would act on is sent at once.
func TestUpdates(t *testing.T) {
	s := newStage(t, standard+"config update=1m")
	s.tell("a started at=0s\na request at=20s")
	found := s.wait(10 * time.Second) // at 30s
	require.Len(t, found, 1)
	require.Equal(t, 1, found[0].Requests)
	s.tell("a request at=31s")
	require.Empty(t, s.wait(20*time.Second), "51s")
	s.tell("a request at=52s")
	require.Empty(t, s.wait(38*time.Second-1), "a moment before a minute is over")
	found = s.wait(1)
	require.Len(t, found, 1)
	require.Equal(t, 2, found[0].Revision)
	require.Equal(t, 3, found[0].Requests)
	require.Equal(t, sessiontest.Epoch+int64(20*time.Second), found[0].FirstAt)
	require.Equal(t, sessiontest.Epoch+int64(52*time.Second), found[0].LastAt)
	require.Empty(t, s.wait(time.Hour), "nothing is new")

	s.tell("a ended at=5s")
	found = s.wait(time.Second)
	require.Len(t, found, 1, "another type is said at once")
	require.Equal(t, fact.EndedSession, found[0].Type)
	require.Equal(t, 3, found[0].Revision)
	require.EqualValues(t, 1, s.counters().Findings(fact.Confirmed), "it was confirmed before")

	s.tell("a authenticated at=19s")
	found = s.wait(time.Second)
	require.Len(t, found, 2, "the second is about what came behind the login")
	slices.SortFunc(found, func(a, b fact.Finding) int { return b.Revision - a.Revision })
	require.Equal(t, fact.Retracted, found[0].State)
	require.Equal(t, 4, found[0].Revision)
	require.Equal(t, 3, found[0].Requests, "it says what it is that is taken back")
	require.Equal(t, 1, found[1].Revision)
	require.Equal(t, 1, found[1].Requests)
	require.Empty(t, s.wait(time.Hour))
	require.EqualValues(t, 1, s.counters().Findings(fact.Retracted))
}

// Taken back, it goes on with its revisions when it comes back.
func TestRevisionsGoOn(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=20s")
	first := s.wait(time.Minute)[0]
	s.tell("a activity at=10s")
	back := s.wait(time.Second)[0]
	require.Equal(t, fact.Retracted, back.State)
	s.tell("a request at=32s")
	again := s.wait(time.Minute)
	require.Len(t, again, 1)
	require.Equal(t, first.ID, again[0].ID)
	require.Equal(t, fact.Confirmed, again[0].State)
	require.Equal(t, 3, again[0].Revision)
	require.EqualValues(t, 2, s.counters().Findings(fact.Confirmed))
}

// It is not taken back while a request waits that it may stand on.
func TestAwaited(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=20s")
	require.Len(t, s.wait(10*time.Second), 1)
	s.tell("a request at=45s\na activity at=10s")
	require.Empty(t, s.wait(time.Second))
	found := s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, fact.Confirmed, found[0].State)
	require.Equal(t, 2, found[0].Revision)
	require.Equal(t, sessiontest.Epoch+int64(45*time.Second), found[0].At)
}

// What waits for another finding does not keep it.
func TestOthersAreNotAwaited(t *testing.T) {
	s := newStage(t, standard+"policy p1 idle=10s")
	s.tell("a started at=0s\na request at=20s")
	require.Len(t, s.wait(10*time.Second), 1)
	s.tell("a request at=45s p1\na activity at=10s")
	found := s.wait(time.Second)
	require.Len(t, found, 1)
	require.Equal(t, fact.Retracted, found[0].State)
	require.Equal(t, 1, s.pending())
}

// A finding counts all its requests, though no more than some of them can still
// be cleared: the first and the latest.
func TestManyRequests(t *testing.T) {
	n := maxMembers + 36
	s := newStage(t, standard+"config update=1s", func(c *Config) { c.MaxRecentRequests = 1000 })
	s.tell("a started at=0s")
	for i := range n {
		s.served(0, 20*time.Second+time.Duration(i)*time.Second, 0)
		s.wait(11 * time.Second)
		s.now -= int64(11 * time.Second)
	}
	s.wait(time.Minute)
	f := only(t, s)
	require.Equal(t, 36, f.more)
	require.EqualValues(t, 36, s.counters().Closed())
	require.Len(t, f.members, maxMembers)
	require.Equal(t, n, f.last.Requests)
	require.Equal(t, sessiontest.Epoch+int64(20*time.Second), f.last.FirstAt)
	require.Equal(t, sessiontest.Epoch+int64(time.Duration(20+n-1)*time.Second), f.last.LastAt)
	require.Equal(t, sessiontest.Epoch+int64(21*time.Second), f.moreFirst)
	require.Equal(t, sessiontest.Epoch+int64(56*time.Second), f.moreLast)

	// The last are cleared: what was given up still counts, first and last.
	s.tell("a authenticated at=56.5s")
	found := s.wait(time.Minute)
	require.Len(t, found, 2)
	i := slices.IndexFunc(found, func(x fact.Finding) bool { return x.ID == f.id })
	require.Equal(t, 37, found[i].Requests)
	require.Equal(t, sessiontest.Epoch+int64(20*time.Second), found[i].FirstAt)
	require.Equal(t, sessiontest.Epoch+int64(56*time.Second), found[i].LastAt)
}

func only(t *testing.T, s *stage) *finding {
	t.Helper()
	require.Len(t, s.findings.open, 1)
	for _, f := range s.findings.open {
		return f
	}
	return nil
}

// Of inconclusive ones a number is kept, and none of them counts twice.
func TestManyDoubtful(t *testing.T) {
	s := newStage(t, "policy p0 idle=10s\nconfig update=1s", func(c *Config) { c.MaxRecentRequests = 1000 })
	s.tell("a started at=0s\nblind 1s..2s crash")
	for i := range maxMembers + 10 {
		s.served(0, 20*time.Second+time.Duration(i)*time.Second, 0)
		s.wait(11 * time.Second)
		s.now -= int64(11 * time.Second)
	}
	s.wait(time.Minute)
	f := only(t, s)
	require.Zero(t, f.more)
	require.Len(t, f.members, maxMembers)
	require.Equal(t, fact.Inconclusive, f.last.State)
	require.Equal(t, maxMembers, f.last.Requests)
	require.Equal(t, sessiontest.Epoch+int64(20*time.Second), f.last.At)
}

// The first request is the earliest as it is judged, then by its own time, its
// span and its trace.
func TestBefore(t *testing.T) {
	in := []record{
		{EffectiveStart: 1, At: 9, span: [8]byte{9}},
		{EffectiveStart: 2, At: 1, span: [8]byte{9}},
		{EffectiveStart: 2, At: 2, span: [8]byte{1}, trace: [16]byte{9}},
		{EffectiveStart: 2, At: 2, span: [8]byte{2}, trace: [16]byte{1}},
		{EffectiveStart: 2, At: 2, span: [8]byte{2}, trace: [16]byte{2}},
	}
	for i := range in {
		for j := range in {
			require.Equal(t, i < j, in[i].before(&in[j]), "%d %d", i, j)
		}
	}
}

// The id names the session, the policy, the service and what the requests are
// told apart by, and nothing else.
func TestFindingID(t *testing.T) {
	base := func() (*Engine, *suspect) {
		e := New(engineConfig(sessiontest.MustParse("policy p0 idle=1s\npolicy p1").Config))
		return e, &suspect{
			t: &timeline{pseudonym: fact.Pseudonym{1}}, resource: *sessiontest.Resources["web"],
			record:    record{Start: 5, End: 6, At: 5, trace: [16]byte{1}, span: [8]byte{2}},
			details:   fact.Details{Method: "GET", Path: "/a", Route: "/b"},
			judgement: judgement{authentication: 7},
		}
	}
	ids := func(change func(e *Engine, s *suspect)) (perSession, perRequest, unidentified uint64) {
		e, s := base()
		change(e, s)
		perSession = e.hashFinding(s)
		e.cfg.PerRequest = true
		perRequest = e.hashFinding(s)
		s.span = [8]byte{}
		return perSession, perRequest, e.hashFinding(s)
	}
	a, b, c := ids(func(*Engine, *suspect) {})
	require.NotEqual(t, a, b)
	require.NotEqual(t, b, c)
	for name, x := range map[string]struct {
		change                               func(e *Engine, s *suspect)
		perSession, perRequest, unidentified bool
	}{
		"type":           {func(_ *Engine, s *suspect) { s.judgement.typ = fact.EndedSession }, false, false, false},
		"instance":       {func(_ *Engine, s *suspect) { s.resource.ServiceInstance = "x" }, false, false, false},
		"session":        {func(_ *Engine, s *suspect) { s.t.pseudonym[31] = 1 }, true, true, true},
		"policy":         {func(_ *Engine, s *suspect) { s.policy = 1 }, true, true, true},
		"service":        {func(_ *Engine, s *suspect) { s.resource.ServiceName = "x" }, true, true, true},
		"namespace":      {func(_ *Engine, s *suspect) { s.resource.ServiceNamespace = "x" }, true, true, true},
		"environment":    {func(_ *Engine, s *suspect) { s.resource.Environment = "x" }, true, true, true},
		"moved":          {func(_ *Engine, s *suspect) { s.resource.ServiceName, s.resource.ServiceNamespace = "webs", "hop" }, true, true, true},
		"authentication": {func(_ *Engine, s *suspect) { s.judgement.authentication = 8 }, true, false, false},
		"trace":          {func(_ *Engine, s *suspect) { s.trace[15] = 1 }, false, true, false},
		"span":           {func(_ *Engine, s *suspect) { s.span[7] = 1 }, false, true, false},
		"start":          {func(_ *Engine, s *suspect) { s.Start = 4 }, false, false, true},
		"end":            {func(_ *Engine, s *suspect) { s.End = 7 }, false, false, true},
		"method":         {func(_ *Engine, s *suspect) { s.details.Method = "PUT" }, false, false, true},
		"path":           {func(_ *Engine, s *suspect) { s.details.Path = "/c" }, false, false, true},
		"route":          {func(_ *Engine, s *suspect) { s.details.Route = "/c" }, false, false, true},
	} {
		p, r, u := ids(x.change)
		require.Equal(t, x.perSession, p != a, name)
		require.Equal(t, x.perRequest, r != b, name)
		require.Equal(t, x.unidentified, u != c, name)
	}
}

// Findings are sent in the order of their ids, whatever the way to them.
func TestFindingsInOrder(t *testing.T) {
	s := newStage(t, standard)
	for _, n := range []int{3, 1, 2, 0, 5, 4} {
		s.served(n, 0, 0)
		s.served(n, 20*time.Second, 0)
	}
	found := s.wait(time.Minute)
	require.Len(t, found, 6)
	require.True(t, slices.IsSortedFunc(found, func(a, b fact.Finding) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	}))
}
