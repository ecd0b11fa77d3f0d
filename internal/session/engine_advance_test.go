package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Where nothing is to be done one call does it.
func TestNothingToDo(t *testing.T) {
	s := newStage(t, standard)
	for range 3 { // it goes on with what is dirty every other time
		require.False(t, s.advanceSome(s.now))
	}
	s.tell("a request at=1s")
	s.wait(time.Hour)
	for range 3 {
		require.False(t, s.advanceSome(s.now))
	}
}

// An eighth as many closed findings are kept as recent facts.
func TestClosedAreBounded(t *testing.T) {
	for recent, kept := range map[int]int{100: minClosed, 8 * minClosed: minClosed, 80_000: 10_000} {
		cfg := historyConfig()
		cfg.MaxRecentRequests = recent
		require.Equal(t, kept, New(cfg).findings.closed.limit)
	}
}

// What came late to a session that rests counts for all as soon as all that came before it
// is gone, but for one that was rotated: others may look at that.
func TestRestingSessionsForgetWhatCameLate(t *testing.T) {
	late := "now=40s a request at=10s user=u1"
	for facts, counts := range map[string]bool{
		"":                         true,
		"b rotated from=a at=20s":  false,
		"a rotated from=b at=0.5s": false,
		"a rotated from=b at=0.5s\nc rotated from=a at=20s": false,
	} {
		s := newStage(t, "config window=10s\npolicy p0", func(c *Config) { c.MaxRecentRequests = 8 })
		s.tell("a request at=1s\na request at=40s\n" + facts + "\n" + late)
		s.wait(0)
		s.compactAll()
		seq := s.get(idOf(0)).identities[0].effectiveSeq
		require.NotZero(t, seq, "some may be judged that came before")
		s.tell(repeated(9, "z request at=41.#s"))
		s.wait(time.Hour)
		require.Equal(t, s.oldestSeq(), s.shards[0].sessions.oldestSeq)
		s.compactAll()
		require.Equal(t, counts, s.get(idOf(0)).identities[0].effectiveSeq == 0, facts)
	}
}

// What is looked at is counted: of a finding its requests, of a session that is thrown away
// whom it showed and what it named, and of a timeline all that it shows.
func TestWorkIsCounted(t *testing.T) {
	const requests = 5
	s := newStage(t, standard, withTimelines)
	s.tell("a ended at=0s\n" + repeated(requests, "a request at=2#s user=u1"))
	s.work.allow(workOfHold)
	s.resume()
	s.wait(time.Minute)
	measured := func(do func()) int {
		before := s.workDone()
		do()
		return int(s.workDone() - before)
	}
	f := s.findings.bySession[idOf(0)][0]
	require.Len(t, f.members, requests)
	require.GreaterOrEqual(t, measured(func() { s.copyTimeline(f) }), 2*requests)
	s.cfg.Timelines = 0
	require.GreaterOrEqual(t, measured(func() { s.reportOne(f, s.now, true) }), 1+requests)

	s = newStage(t, standard)
	s.tell("a request at=1s user=u1 linked=c\na request at=1.5s user=u2 linked=d")
	s.wait(time.Minute)
	require.GreaterOrEqual(t, measured(func() { s.evict(s.get(idOf(0)), s.now, EvictedLimit) }), 4)
}

// What is due before its trace was looked through is judged by all of that.
func TestDueBeforeItIsPlaced(t *testing.T) {
	defer func(was int) { traceLooks = was }(traceLooks)
	traceLooks = 2
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=50s..90s exempt id=1/200\n" + repeated(6, "a request at=5#s id=1/1#"))
	s.tick.now = s.now + int64(time.Hour)
	s.work.allow(workOfHold)
	require.True(t, s.phase(phaseDecide))
	s.wait(time.Hour)
	s.counters().Requests(func(_ int, _ string, v Verdict, n int64) { require.Zero(t, n, "%s: all of them are exempt", v) })
}

// What decided requests are found in says so after a restart, too, if what they rest on was
// not seen.
func TestBlindGoesOn(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=20s")
	require.Len(t, s.wait(time.Minute), 1)
	s.tell("now=100s blind 0s..70s crash")
	e := s.again()
	e.advance(s.now)
	found := e.takeFindings()
	require.Len(t, found, 1)
	require.Equal(t, fact.Inconclusive, found[0].State)
}
