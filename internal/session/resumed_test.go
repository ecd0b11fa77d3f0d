package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// What lay inside a request that turns out to be another starts where it does itself,
// however many there are.
func TestRejoinedFrames(t *testing.T) {
	noGoroutine(t)
	var b strings.Builder
	b.WriteString("policy p0 idle=10s\na request at=0s id=9/9\na request at=100s..160s served log id=1/250\n")
	for i := range 3 * traceLooks {
		fmt.Fprintf(&b, "a request at=110s..%ds id=1/%d\n", 111+i%3, i+1)
	}
	b.WriteString("a request at=150s..160s id=1/250\nadvance\n")
	require.Empty(t, check(parsedTrial(b.String()), false))
}

// A session that is deferred is known by its name when that is found to be right,
// however many others there are.
func TestAccusedHasName(t *testing.T) {
	cfg := historyConfig()
	cfg.Policies, cfg.MaxRecentRequests, cfg.MaxSessions = []Policy{{Name: "p0"}}, 1200, 2000
	e := New(cfg)
	n := minOpen + cfg.MaxRecentRequests/4 + 10
	now := sessiontest.Epoch + int64(time.Minute)
	for i := range n {
		for _, f := range []fact.Fact{tideFact(fact.Ended, tideSession(i), 0), inSpan(tideFact(fact.Request, tideSession(i), 20_000), i, 1)} {
			e.observe(&f, now)
		}
	}
	e.compactAll()
	e.advance(now + 1)
	e.compactAll()
	e.advance(now + int64(cfg.DecisionWait))
	e.advance(now + 2*int64(cfg.DecisionWait))
	found := e.takeFindings()
	require.Len(t, found, n)
	for _, f := range found {
		require.NotZero(t, f.Session)
	}
}

// A decided request that turns out to be governed by no policy is nobody's concern at
// once, whatever else is still to be done.
func TestPolicyIsGone(t *testing.T) {
	s := newStage(t, "policy p0 idle=10s")
	s.tell("a request at=0s\na request at=20s log id=1/1")
	require.Len(t, s.wait(time.Minute), 1)
	s.tell("a request at=20s p- id=1/1")
	s.work.allow(workOfHold)
	s.report(s.now, true)
	found := s.takeFindings()
	require.Len(t, found, 1)
	require.Equal(t, fact.Retracted, found[0].State)
	require.Empty(t, auditWork(s.Engine))
}

// An end of a user that came in time stays one, however long ago that is and however
// much was heard of the session before.
func TestEndStaysInTime(t *testing.T) {
	var b strings.Builder
	b.WriteString("config window=10m ahead=5m\npolicy p0 tolerance=1s\npolicy p1 tolerance=1s\n")
	for i := range 2 * maxLateLooks {
		fmt.Fprintf(&b, "a request at=%dms user=u1\n", i)
	}
	b.WriteString("a request at=20s p1 user=u1\nnow=21s - ended_user at=10s user=u1\nnow=60s advance\na request at=1000s p0\na activity at=19s\nadvance")
	require.Empty(t, check(parsedTrial(b.String()), false))
}

// A hold of the lock ends though the facts that are left cost next to nothing.
func TestHoldOfCheapFacts(t *testing.T) {
	cfg := historyConfig()
	cfg.MaxSessions = 100_000
	e := New(cfg)
	facts := make([]fact.Fact, 10_000)
	for i := range facts {
		facts[i] = tideFact(fact.Started, tideSession(i), 0)
	}
	rest := e.route(facts)
	more := e.observeFast(facts, sessiontest.Epoch, rest)
	for more {
		more = e.observeFast(facts, sessiontest.Epoch, rest)
	}
	holds := 1
	for e.observeSlow(facts, sessiontest.Epoch, rest, func(int, Mark) {}) {
		holds++
	}
	require.GreaterOrEqual(t, holds, len(facts)/workOfHold)
	require.EqualValues(t, len(facts), e.counters().Facts(fact.Started))
}

// A hold of the lock ends though every fact of a batch is an ordinary one that looks
// at all of its trace.
func TestHoldOfFastFacts(t *testing.T) {
	defer asShipped()()
	const trace = 12
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour}}
	cfg.MaxSessions, cfg.MaxRecentRequests = 1000, 100_000
	e := New(cfg)
	facts := make([]fact.Fact, 1<<13)
	for i := range facts {
		n := i / trace
		facts[i] = inSpan(tideFact(fact.Request, tideSession(n%100), 1000+n), n, i)
	}
	for i := range 100 {
		f := tideFact(fact.Request, tideSession(i), 0)
		e.observe(&f, sessiontest.Epoch)
	}
	now := sessiontest.Epoch + int64(time.Minute)
	holds := 0
	rest := e.route(facts)
	for more := true; more; holds++ {
		before := e.workDone()
		more = e.observeFast(facts, now, rest)
		require.LessOrEqual(t, rest.spent, workOfHold)
		require.LessOrEqual(t, e.workDone()-before, uint64(workOfHold))
	}
	require.Greater(t, holds, 10, "what this is about")
	require.Less(t, rest.len(), len(facts)/10, "and so is this")
	for before := e.workDone(); e.observeSlow(facts, now, rest, func(int, Mark) { t.Error("nothing is wrong") }); before = e.workDone() {
		require.LessOrEqual(t, e.workDone()-before, uint64(workOfHold))
	}
}

// So many facts may be observed in one hold though each looks at all that it may, and
// though records wait that have given up their places.
func TestHoldOfBatch(t *testing.T) {
	defer asShipped()()
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour}}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.ReorderWindow = 1000, 8000, time.Hour
	e := New(cfg)
	ms := 0
	request := func(session, trace int, outcome fact.Outcome) {
		ms++
		f := inSpan(tideFact(fact.Request, tideSession(session), ms), trace, ms)
		f.Outcome = outcome
		e.observe(&f, sessiontest.Epoch)
	}
	for i := range 8000 {
		outcome := fact.Served
		if i >= 3700 && i < 4724 {
			outcome = fact.Rejected
		}
		request(0, i, outcome)
	}
	for i := range 1024 {
		request(0, 10_000+i, fact.Served)
	}
	for range 48 {
		for s := range FactsOfHold {
			request(100+s, 20_000, fact.Served)
		}
	}
	waiting := slices.Clone(e.shards[0].later)
	require.NotEmpty(t, waiting)
	for range 4 {
		e.advance(sessiontest.Epoch)
		e.shards[0].later = append(e.shards[0].later[:0], waiting...)
		facts := make([]fact.Fact, FactsOfHold)
		for i := range facts {
			ms++
			facts[i] = inSpan(tideFact(fact.Request, tideSession(100+i), ms), 20_000, ms)
		}
		before := e.workDone()
		e.Observe(facts, sessiontest.Epoch, func(int, Mark) { t.Error("nothing is wrong") })
		require.Greater(t, e.workDone()-before, uint64(workOfHold)/2, "what this is about")
		require.LessOrEqual(t, e.workDone()-before, uint64(workOfHold))
	}
}
