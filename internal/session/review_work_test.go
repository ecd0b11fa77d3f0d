package session

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// thrifty lets step do its work by little and little: it is allowed least units, then one
// more, and so on up to enough, and all that again with each session that was seen to, until
// it says that it is done. No call may spend more than it is allowed, and enough is to get on
// with.
func thrifty(t *testing.T, s *stage, name string, least, enough int, step func() bool) {
	t.Helper()
	for range 100 {
		for allowed := least; allowed <= enough; allowed++ {
			s.work.allow(allowed)
			before, cleaned := s.workDone(), s.cleaned
			done := step()
			require.LessOrEqual(t, s.workDone()-before, uint64(allowed), name)
			if done {
				return
			}
			if s.cleaned != cleaned {
				break
			}
		}
	}
	require.Fail(t, "enough is not", name)
}

// repeated is line for each of 0 to n-1, with its number in place of each #.
func repeated(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(line, "#", strconv.Itoa(i)) + "\n")
	}
	return b.String()
}

// letters is line for each of so many sessions, with its name in place of each #, and with a
// number that goes down in place of each ~.
func letters(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("#", sessiontest.SessionName(i).Raw, "~", strconv.Itoa(n-i)).Replace(line) + "\n")
	}
	return b.String()
}

// What is dirty is seen to by so little work at once as there happens to be.
func TestReviewByLittleAndLittle(t *testing.T) {
	noGoroutine(t)
	const wide = "config window=1h\n" + standard
	defer func(looks, steps int) { traceLooks, maxTraceSteps = looks, steps }(traceLooks, maxTraceSteps)
	traceLooks, maxTraceSteps = 4, 16
	framed := "a started at=0s\na request at=50s..90s id=1/200\n"
	inner := repeated(3*traceLooks, "a request at=7#0ms id=1/#")
	for _, c := range []struct {
		name, policies, before, after string
		enough                        int
	}{
		{"doubt", standard, letters(9, "# ended at=0s\n# request at=20s") + "now=60s advance", "blind 0s..70s crash", workOfJudgement},
		{"an end of a user", standard, letters(9, "# request at=1s user=u1"), "- ended_user at=2s user=u1", workOfJudgement},
		{"a service that calls", wide, letters(9, "# started at=0s\n# request at=20s..21s id=1/1\n# request at=20.1s parent=9 id=1/2"), "call at=20s..21s id=1/7", 3*maxTraceSteps + workOfJudgement},
		{"what came in time", wide, "a started at=0s\na request at=20s", "a activity at=10s", workOfJudgement},
		{"what was rotated", wide, letters(9, "# request at=9s") + "a request at=10s\n" + letters(9, "# rotated from=a at=12s"), "a authenticated at=1s", workOfJudgement + 1},
		{"what it was rotated from", "config window=1s\n" + standard, letters(12, "# ended at=13s") + "z rotated from=a at=20s\n" + letters(12, "now=20s z rotated from=# at=~s") + "advance", "z authenticated at=20s user=u1", workOfJudgement + 1},
		{"many requests", wide, "a started at=0s\n" + repeated(workOfJudgement, "a request at=1#ms"), "a request at=2s id=1/1 log\na request at=2s id=1/1 rejected", 2 * (workOfJudgement + 2)},
		{"a start beside many", wide, repeated(workOfJudgement, "a request at=0s id=1/1"), "a started at=5s said id=1/1", 3 * (workOfJudgement + 2)},
		{"a long trace", wide, framed + inner, "a activity at=2s", 3*maxTraceSteps + workOfJudgement},
		{"a long trace of suspects", wide, framed + "now=200s advance\n" + inner, "a activity at=2s", 3*maxTraceSteps + workOfJudgement},
	} {
		tell := func() *stage {
			s := newStage(t, c.policies, func(c *Config) { c.MaxRecentRequests = 1 << 14 })
			s.tell(c.before)
			s.tell(c.after)
			return s
		}
		s, other := tell(), tell()
		require.NotZero(t, s.backlog(), c.name)
		thrifty(t, s, c.name, 0, c.enough, s.resume)
		require.Empty(t, auditWork(s.Engine), c.name)
		require.Equal(t, other.wait(time.Hour), s.wait(time.Hour), c.name)
		require.Equal(t, counts(other.Engine), counts(s.Engine), c.name)
	}
}

// What is due is done by so little work at once as there happens to be.
func TestPhasesByLittleAndLittle(t *testing.T) {
	noGoroutine(t)
	defer func(open int) { minOpen = open }(minOpen)
	minOpen = 4
	late := letters(9, "# ended at=0s\n# request at=20s")
	for _, row := range []struct {
		name, facts   string
		phase         phase
		perRequest    bool // one finding for each
		least, enough int
	}{
		{"decided", letters(9, "# request at=1s"), phaseDecide, false, 1, workOfDecision + 1},
		{"suspects decided", late, phaseDecideSuspects, false, 1, workOfJudgement + 1},
		{"many open", late + "now=60s advance\n" + letters(9, "# request at=70s\n"), phaseBound, false, 0, workOfJudgement + 2*maxMembers},
		{"sent again", letters(3, "# ended at=0s\n# request at=20s") + "now=60s advance\n" + letters(3, "# request at=61s") + "now=80s advance", phaseRecall, false, 0, 1},
		{"sent", late + "now=60s advance\n" + letters(9, "# request at=61s"), phaseReport, false, 0, workOfJudgement},
		{"resting", letters(9, "# request at=1s"), phaseCompact, false, 2, 2},
		{"silent", letters(9, "# request at=1s user=u1\n# request at=2s user=u2\nnow=60s advance"), phaseEvict, false, 0, 2 * maxIdentities},
		{"silent, and suspected", letters(3, "# ended at=0s\n# request at=20s\n# request at=21s\n# request at=22s\n# request at=23s") + "now=60s advance", phaseEvict, true, 0, 2*maxIdentities + 4},
	} {
		s := newStage(t, "config update=1h\n"+standard, func(c *Config) {
			c.MaxRecentRequests, c.PerRequest = 8, row.perRequest
			if row.phase == phaseEvict {
				c.Retention = time.Minute
			}
		})
		s.tell(row.facts)
		s.tick.now = s.now + int64(time.Hour)
		for before := range row.phase {
			s.work.allow(workOfHold)
			require.True(t, s.phase(before), row.name)
			s.tick.shard = 0
		}
		thrifty(t, s, row.name, row.least, row.enough, func() bool { return s.phase(row.phase) })
		require.Equal(t, row.phase == phaseEvict, s.sessions() == 0, "%s: %d", row.name, s.sessions())
	}
}

// A record is placed by all of its trace, or later, whether its session is known or not.
func TestPlacedByLittleAndLittle(t *testing.T) {
	defer func(was int) { maxTraceSteps = was }(maxTraceSteps)
	maxTraceSteps = 16
	for name, c := range map[string]struct {
		first         string
		least, enough int
		step          func(s *stage) bool
	}{
		"known":   {"a started at=0s\n", 1, workOfDecision + 1, func(s *stage) bool { return s.phase(phaseDecide) }},
		"unknown": {"z started at=0s\n", 0, maxTraceSteps + workOfJudgement, func(s *stage) bool { return s.placeStrays() }},
	} {
		s := newStage(t, standard)
		s.tell(c.first + "a request at=1s..9s rejected id=1/1\n" + repeated(5, "a request at=2.#s..3s rejected id=1/2#"))
		ring := &s.shards[0].recent
		for p := uint64(3); p < ring.next; p++ {
			s.displace(ring.at(p), 0)
		}
		s.tick.now = s.now + int64(time.Hour)
		thrifty(t, s, name, c.least, c.enough, func() bool { return c.step(s) })
		for p := uint64(3); p < ring.next; p++ {
			require.EqualValues(t, 8*time.Second, ring.at(p).enclosing, name)
			require.Zero(t, ring.at(p).state&traceTruncated, name)
		}
	}
}
