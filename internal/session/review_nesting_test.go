package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// However few records of its trace a fact looks at while it is observed, what comes of it
// is the same: as many requests, and the same of them too late, and nothing is given up.
func TestLongTracesAreLookedThrough(t *testing.T) {
	few := repeated(6, "a request at=1#s..1#.5s id=1/1#")
	soon := repeated(6, "a request at=5.#s..5.#9s id=1/1#")
	for name, text := range map[string]string{
		"a span, then its log":     "a request at=30s id=1/250\n" + few + "a request at=29s..30s log id=1/250 user=u1",
		"a log, then its span":     "a request at=29s log id=1/250\n" + few + "a request at=30s..31s id=1/250 rejected",
		"a late log":               "now=60s a activity at=60s\na request at=20s log id=1/250 user=u1\n" + few + "a request at=20s..59s id=1/250\nnow=61s - ended_user at=59.5s user=u1\na request at=61.5s",
		"two logs, then the span":  "a request at=29s log id=1/250\na request at=31s log id=1/250\n" + few + "a request at=30s id=1/250",
		"soon":                     "a request at=4s id=1/250\n" + soon + "a request at=3s..4s log id=1/250 user=u1",
		"two logs, soon":           "a request at=4s log id=1/250\na request at=6s log id=1/250\n" + soon + "a request at=5s id=1/250",
		"logs on both sides, soon": "a request at=4s log id=1/250\n" + soon + "a request at=6s log id=1/250\na request at=7s id=1/251\na request at=5s..7s id=1/250",
		"what was around it":       "a request at=4s..9s log exempt id=1/250\n" + soon + "a request at=8s..9s id=1/250\na request at=20s",
		"what is around it now":    "a request at=8s..9s log id=1/250\n" + soon + "a request at=4s..9s exempt id=1/250\na request at=20s",
		"logs on both sides":       "a request at=29s log id=1/250\n" + few + "a request at=31s log id=1/250\na request at=30s..35s id=1/250\na request at=34s..35s id=1/251",
		"too late, then not":       "a ended at=5s\na request at=30s log id=1/250\nnow=60s advance\n" + few + "a request at=4s..30s id=1/250",
		"all are too late":         "a ended at=5s\n" + few + "a request at=4s..30s exempt id=1/250",
		"rejected before it began": "z request at=1s\n" + repeated(6, "b request at=1#s id=1/1# rejected") + "b request at=4s..40s id=1/250\nb started at=0s\nb ended at=3s",
	} {
		var counted [2][]string
		for i, looks := range []int{2, traceLooks} {
			func() {
				defer func(was int) { traceLooks = was }(traceLooks)
				traceLooks = looks
				h := parsedTrial("config window=10s\n" + standard + "a started at=0s\n" + text + "\nadvance\n")
				require.Empty(t, check(h, false), "%s, %d looks", name, looks)
				e := run(h, false).engine
				require.Zero(t, e.stats.lost, "%s, %d looks", name, looks)
				counted[i] = counts(e)
			}()
		}
		require.Equal(t, counted[1], counted[0], name)
	}
}

// Log records at one instant are one request if all that describes them is the same.
func TestManyLogsAtOneInstant(t *testing.T) {
	for _, looks := range []int{1, traceLooks} {
		func() {
			defer func(was int) { traceLooks = was }(traceLooks)
			traceLooks = looks
			s := newStage(t, standard)
			for _, path := range []string{"/a", "/b", "/c", "/a", "/d", "/b"} {
				f := fact.Fact{Session: sessiontest.SessionName(0), Start: s.now, End: s.now, At: s.now, Resource: sessiontest.Resources["web"], Details: fact.Details{Path: path}, Flags: fact.FromLog}
				f = inSpan(f, 1, 1)
				s.observe(&f, s.now)
			}
			s.wait(time.Minute)
			require.EqualValues(t, 4, s.counters().Facts(fact.Request), "%d looks", looks)
		}()
	}
}

// What a span claims of what was logged is bounded, and counted where that is too much.
func TestClaimIsBounded(t *testing.T) {
	defer func(was int) { maxTraceSteps = was }(maxTraceSteps)
	for _, logs := range []int{2, 3, 4} {
		s := newStage(t, standard)
		s.tell("a ended at=0s\n" + repeated(logs, "a request at=2#s log id=1/1"))
		span := s.suspects.bySession[sessiontest.SessionName(0).ID][0].record
		span.flags, span.position = 0, 0
		maxTraceSteps = 3
		due := s.claim(&span, traceRecords{})
		require.Equal(t, dirtyNesting, due)
		require.Equal(t, logs > 3, s.stats.lost > 0)
	}
}

// What waits for its parent and has to give way is counted; one whose parent was seen is
// not given up.
func TestAwaitedParentsAreCounted(t *testing.T) {
	defer func(was int) { maxAwaited = was }(maxAwaited)
	maxAwaited = 2
	const frame = "a request at=4s..30s id=1/1\n"
	const two, third = "a request at=20s..21s id=1/2 parent=7\na request at=21s..22s id=1/3 parent=8\n", "a request at=22s..23s id=1/4 parent=9\n"
	for name, c := range map[string]struct {
		text string
		lost int
	}{
		"as many as may":        {frame + two, 0},
		"one more":              {frame + two + third, 1},
		"one that is suspected": {"a ended at=5s\n" + frame + two + third, 1},
		"one whose parent came": {frame + two + "now=22s call at=19s..22s web id=1/7\n" + third, 0},
	} {
		s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 8 })
		s.tell("a started at=0s\ncall at=4s..5s web id=9/9\n" + c.text)
		require.EqualValues(t, c.lost, s.stats.lost, name)
	}
}

// What is not looked at where two records of one request are joined is counted each time.
func TestLateMergeIsBounded(t *testing.T) {
	defer func(was int) { maxTraceSteps = was }(maxTraceSteps)
	for steps, lost := range map[int]int64{256: 0, 3: 3} {
		s := newStage(t, standard)
		s.tell("a ended at=0s\n" + repeated(6, "a request at=2#s..3#s id=1/1#"))
		s.work.allow(workOfHold)
		maxTraceSteps = steps
		ring := &s.shards[0].recent
		s.mergeLate(s.get(sessiontest.SessionName(0).ID), ring.at(2), ring.at(7), traceRecords{all: true})
		require.Equal(t, lost, s.stats.lost)
	}
}

// A request of which nothing but a suspect is left is joined by what turns out to be it.
func TestSpanJoinsWhatIsLeft(t *testing.T) {
	defer func(was int) { traceLooks = was }(traceLooks)
	for _, looks := range []int{2, traceLooks} {
		traceLooks = looks
		s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 8 })
		s.tell("a ended at=0s\na request at=20s log id=1/250\n" + repeated(8, "z request at=20.#s") +
			repeated(3, "a request at=2#s rejected id=1/1#") + "a request at=23s log id=1/250\na request at=22s id=1/250")
		found := s.wait(time.Minute)
		require.Len(t, found, 1)
		require.Equal(t, 1, found[0].Requests, "%d looks", looks)
		require.Len(t, s.suspects.byPlace, 1, "%d looks", looks)
		require.Empty(t, auditWork(s.Engine))
	}
}
