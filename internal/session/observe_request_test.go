package session

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

var secondRecords = []reading{
	{"it makes a late request one in time", `
		config window=10s
		a started at=0s
		a ended at=5s
		now=30s a request at=30s
		now=31s a request at=8s..19s id=1/1 log
		now=31s a request at=9s..20s id=1/1`, []string{"a ended n=2 at=9s"}},
	{"unless it is late, too", `
		config window=10s
		a started at=0s
		a ended at=5s
		now=30s a request at=30s
		now=31s a request at=8s..19s id=1/1 log
		now=31s a request at=9s..19.999999999s id=1/1`, []string{"a ended n=1 at=30s"}},
	{"that was refused makes nothing else late", `
		config window=10s
		a started at=0s
		a request at=1s id=1/1
		a request at=9s
		now=41s a request at=1s..40s id=1/1 log rejected
		now=41s a ended at=5s`, []string{"a ended n=1 at=9s"}},
	{"nor does it where the first was refused", `
		config window=10s
		a started at=0s
		a request at=1s id=1/1 rejected
		a request at=9s
		now=41s a request at=1s..40s id=1/1 log
		now=41s a ended at=5s`, []string{"a ended n=1 at=9s"}},
	{"that was not makes others late", `
		config window=10s
		a started at=0s
		a request at=1s id=1/1
		a request at=9s
		now=41s a request at=1s..40s id=1/1 log
		now=41s a ended at=5s`, nil},
	{"that is old does not move the window back", `policy p0 end=2s
		config window=10s
		a started at=0s
		a request at=1s id=1/1
		a request at=30s
		now=31s a request at=1s..2s id=1/1 log
		now=32s a ended at=5s`, nil},
	{"after others it can still be sampled", `
		a started at=0s
		a request at=1s
		a request at=20s
		advance
		a request at=0.5s sampled`, []string{"a idle_timeout inconclusive reason=sampled"}},
}

func TestSecondRecords(t *testing.T) { requireReadings(t, secondRecords) }

// The record that knew less of a request may be the one that names its user.
func TestUserOfSecondRecord(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=20s id=1/1\na request at=20s id=1/1 log user=u1")
	found := s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, "u1", sessiontest.RawOf(found[0].User))
	require.Equal(t, fact.EvidenceIdentity, found[0].Evidence)
}

// What is suspected is found by its second record though the recent facts no
// longer have the first.
func TestSecondRecordOfOld(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 4 })
	s.tell("a started at=0s\na request at=20s id=1/1")
	for i := range 8 {
		s.served(1, 20*time.Second+time.Duration(i), 0)
	}
	require.Equal(t, 1, s.pending())
	s.tell("a request at=21s id=2/1 log rejected\nadvance")
	require.Equal(t, 1, s.pending(), "it is another request's")
	s.tell("a request at=20s id=1/1 log rejected\nadvance")
	require.Zero(t, s.pending())
}

// So is what lies too far back in a trace of very many records; it is no
// activity any more, either.
func TestSecondRecordInCrowd(t *testing.T) {
	s := newStage(t, "policy p0 idle=10s tolerance=1s\npolicy p1 absolute=15s", func(c *Config) { c.MaxRecentRequests = 1000 })
	s.tell("a started at=0s\na request at=20s p1 id=1/1")
	for i := range maxTraceSteps + 10 {
		s.observe(&fact.Fact{
			Session: sessiontest.SessionName(0), Flags: fact.Passive, Start: sessiontest.Epoch, End: sessiontest.Epoch, At: sessiontest.Epoch, Resource: sessiontest.Resources["web"],
			Trace: [16]byte{1}, Span: [8]byte{9, byte(i), byte(i >> 8)},
		}, s.now)
	}
	require.False(t, s.tell("a request at=27s id=2/1").Suspected)
	s.tell("a request at=20s p1 id=1/1 log rejected")
	s.wait(time.Minute)
	require.EqualValues(t, 1, violations(s.Engine), "the one of p0, which had nothing before it but the start")
	overruns := s.takeMeasured().Overruns
	require.Len(t, overruns, 1)
	requireDurations(t, overruns[Rule{0, fact.IdleTimeout}], 17, 1)
}

// Whose place is needed before it is decided is counted; it is judged by all
// that came before.
func TestPlaceIsNeeded(t *testing.T) {
	const ring = 3
	for _, c := range []struct {
		name, text  string
		unreachable int64
		pending     int
	}{
		{"in time, but decided early", "a request at=0s\na request at=1s\na request at=2s", 3, 0},
		{"decided already", "a request at=0s\na request at=1s\na request at=2s\nnow=30s advance", 0, 0},
		{"suspected: it is not decided by its place", "a started at=0s\na request at=20s\na request at=21s", 0, 2},
		{"nothing to decide", "a started at=0s\na request at=1s p-\na ended at=2s", 0, 0},
		{"an end that came before", "a request at=0s\na request at=5s\na ended at=1s", 1, 1},
	} {
		s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = ring })
		s.tell(c.text)
		require.Zero(t, s.counters().Unreachable(), c.name)
		for i := range ring {
			s.served(1, time.Duration(s.now-sessiontest.Epoch)+time.Duration(i), fact.NoPolicy)
		}
		require.Equal(t, c.unreachable, s.counters().Unreachable(), c.name)
		require.Equal(t, c.pending, s.pending(), c.name)
	}
}

// What is exempt takes one place however often it is delivered.
func TestExemptTwice(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 3 })
	s.tell("a started at=0s\na request at=1s")
	for range 5 {
		s.tell("a request exempt at=1s..2s id=1/1")
	}
	require.Zero(t, s.counters().Unreachable())
}

// What lies inside others, and gives up its place before that is known, is counted.
func TestUnplacedGiveUpTheirPlaces(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 4 * traceLooks })
	for i := range 2 * traceLooks {
		s.tell(fmt.Sprintf("a request at=%dms..%dms id=1/%d", i, i+10, i+1))
	}
	unplacedNow := func() (n int64) {
		s.each(func(l *shard) {
			for p := l.recent.oldest(); p < l.recent.next; p++ {
				if l.recent.at(p).state&unplaced != 0 {
					n++
				}
			}
		})
		return n
	}
	n := unplacedNow()
	require.Positive(t, n)
	for i := range 4 * traceLooks {
		s.tell(fmt.Sprintf("b request at=%dms rejected", 100+i))
	}
	require.Equal(t, n, s.counters().Truncated()+unplacedNow())
}

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
