package session

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// silences are histories and what they tell of the idle timeout that a service
// really has.
var silences = []struct{ name, text, want string }{
	{"the longest silence that was let pass, the shortest that was not", `policy p0 idle=4s tolerance=2s
		policy p1 idle=1m
		a started at=0s
		a request at=5s p1
		a request at=12s p1
		a request at=30s p1 rejected
		b started at=0s
		b request at=9s p1 rejected
		b request at=20s p1 rejected
		c started at=0s
		c request at=6s api
		c request at=9s api`, `
		rejected_min p1 web 9000000000
		served_max p0 api 6000000000
		served_max p1 web 7000000000`},
	{"also a silence that no limit forbids", `policy p0 idle=1h
		a started at=0s
		a request at=6s
		b started at=0s
		b request at=9s rejected`, `
		rejected_min p0 web 9000000000
		served_max p0 web 6000000000`},
	{"a longer silence of long ago", `policy p0 idle=1m
		a started at=100s
		a request at=105s
		b started at=0s
		b request at=9s`, `
		served_max p0 web 9000000000`},
	{"no silence at all is none", `policy p0 idle=1m
		a started at=0s
		a request at=9s rejected
		b started at=0s
		b request at=0s..5s
		b request at=5s rejected`, `
		rejected_min p0 web 9000000000`},
	{"a refusal behind the limit tells of it", `policy p0 idle=10s
		a started at=0s
		a request at=15s rejected`, `
		rejected_min p0 web 15000000000`},
	{"a refusal behind another limit does not", `policy p0 idle=10s absolute=10s
		a started at=0s
		a request at=9s
		a request at=18s rejected`, `
		served_max p0 web 9000000000`},
	{"though it began with the silence", `policy p0 absolute=10s
		a started at=0s
		a request at=15s rejected`, ""},
	{"nor does one behind an earlier silence", `policy p0 idle=10s
		a started at=0s
		a request at=20s indeterminate
		a request at=25s rejected`, ""},
	{"a silence is that of what keeps a session alive", `policy p0 idle=4s
		policy p1 idle=1m
		a started at=0s
		a request at=5s p1 passive
		a request at=8s p1 consumer
		a request at=9s p1 indeterminate
		b started at=0s
		b request at=5s p1 passive rejected
		b request at=6s p1 consumer rejected`, ""},
	{"a refusal behind an end says nothing of silence", `policy p0 idle=1h
		a started at=0s
		a ended at=1s
		a request at=9s rejected
		b started at=0s
		c rotated from=b at=1s
		b request at=9s rejected
		d started at=0s user=u1
		- ended_user at=1s user=u1
		d request at=9s rejected`, ""},
}

// TestSilenceOfStreams: a stream was heard of at both of its ends.
func TestSilenceOfStreams(t *testing.T) {
	for text, want := range map[string]string{
		"a request at=0s..100s stream\na request at=130s": "served_max p0 web 30000000000",
		"a request at=0s..100s\na request at=130s":        "served_max p0 web 30000000000",
	} {
		o := run(parsedTrial("policy p0 idle=1h\n"+text), true)
		require.Empty(t, o.trouble)
		got := slices.DeleteFunc(lines(counters(o.engine)), func(group string) bool { return !isBound(group) })
		require.Equal(t, lines(want), got, text)
	}
}

// The end of a stream is heard of before what begins later, and not before what begins with
// it.
func TestSilenceBehindStream(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"a request at=0s..100s stream\na request at=100.000000001s": 1,
		"a request at=0s..100s stream\na request at=100s":           100 * time.Second,
		"a request at=0s..100s\na request at=100s":                  0,
	} {
		s := newStage(t, "policy p0 idle=1h")
		s.tell(text)
		a := s.get(sessiontest.SessionName(0).ID)
		require.EqualValues(t, want, s.gapBefore(a, a.shard.recent.at(a.recent)), text)
	}
}

func TestSilences(t *testing.T) {
	for _, c := range silences {
		t.Run(c.name, func(t *testing.T) {
			o := run(parsedTrial(c.text), true)
			require.Empty(t, o.trouble)
			got := slices.DeleteFunc(lines(counters(o.engine)), func(group string) bool { return !isBound(group) })
			require.Equal(t, lines(c.want), got)
		})
	}
}

// ages are histories and what they tell of the absolute timeout that a service really
// has, in seconds.
var ages = []struct{ name, text, want string }{
	{"the greatest age that was let pass, the least that was not", `policy p0 absolute=30s tolerance=1s
		policy p1 absolute=1h
		a started at=0s
		a request at=5s p1
		a request at=9s p1
		a request at=14s p1
		a request at=20s p1 rejected
		a request at=22s p1 rejected
		b started at=10s
		b request at=16s p1 api
		b request at=44s api`, `
		p0 api served_max 34
		p1 api served_max 6
		p1 web served_max 14`},
	{"an age behind a silence that is let pass", `policy p0 absolute=1h
		a started at=0s
		a request at=9s
		a request at=10s
		a request at=15s rejected
		a request at=18s rejected`, `
		p0 web rejected_min 15
		p0 web served_max 10`},
	{"a refusal behind a longer silence tells nothing of age", `policy p0 absolute=1h
		a started at=0s
		a request at=5s
		a request at=15s rejected`, `
		p0 web served_max 5`},
	{"nor one behind an end or a rotation, also within the grace", `policy p0 absolute=1h end=5s rotation=5s
		a started at=0s
		a request at=9s
		a ended at=10s
		a request at=11s rejected
		b started at=0s
		b request at=9s
		c rotated from=b at=10s
		b request at=11s rejected`, `
		p0 web served_max 9`},
	{"nor one past the idle limit", `policy p0 idle=3s absolute=1h
		policy p1 idle=20s absolute=1h
		b started at=0s p1
		b request at=9s p1
		a started at=0s
		a request at=2s
		a request at=8s rejected`, `
		p0 web served_max 2
		p1 web served_max 9`},
	{"an age whose beginning nobody saw is at least so great", `policy p0 absolute=1h
		a request at=0s
		a request at=9s
		a request at=12s rejected`, `
		p0 web served_max 9`},
	{"a refusal behind a silence just as long as one that was let pass", `policy p0 absolute=1h
		a started at=0s
		a request at=9s
		a request at=18s rejected`, `
		p0 web rejected_min 18
		p0 web served_max 9`},
	{"a refusal of what is too old", `policy p0 absolute=30s
		a started at=0s
		a request at=9s
		a request at=18s
		a request at=27s
		a request at=36s rejected`, `
		p0 web rejected_min 36
		p0 web served_max 27`},
	{"a session goes on where it was rotated from", `policy p0 absolute=1h rotation=3s
		a started at=0s
		a request at=5s
		b rotated from=a at=6s
		b request at=11s`, `
		p0 web served_max 11`},
	{"a login begins anew", `policy p0 absolute=1h
		a started at=0s
		a request at=5s
		a authenticated at=8s
		a request at=10s`, `
		p0 web served_max 5`},
}

func agesOf(e *Engine) []string {
	all := []string{}
	e.counters().AbsoluteBounds(func(policy int, service string, b Bounds) {
		for name, ns := range map[string]int64{"served_max": b.ServedMax, "rejected_min": b.RejectedMin} {
			if ns != 0 {
				all = append(all, fmt.Sprintf("p%d %s %s %g", policy, service, name, float64(ns)/1e9))
			}
		}
	})
	slices.Sort(all)
	return all
}

// TestAgesAreSampled: the first requests say how old their sessions were, then one of so
// many.
func TestAgesAreSampled(t *testing.T) {
	for n, want := range map[int]int{ageFirst: ageFirst, ageFirst + 1: ageFirst + 1, ageFirst + 2: ageFirst + 1, 2 * ageEvery: ageFirst + 1, 2*ageEvery + 1: 2*ageEvery + 1} {
		s := newStage(t, "policy p0 absolute=1h", func(c *Config) { c.MaxRecentRequests = 1000 })
		s.tell("a started at=0s")
		for i := range n {
			s.served(0, time.Duration(i+1)*time.Second, 0)
		}
		s.wait(time.Minute)
		require.Equal(t, []string{fmt.Sprintf("p0 web served_max %d", want)}, agesOf(s.Engine), "of %d", n)
	}
}

func TestAges(t *testing.T) {
	for _, c := range ages {
		t.Run(c.name, func(t *testing.T) {
			o := run(parsedTrial(c.text), true)
			require.Empty(t, o.trouble)
			require.Equal(t, lines(c.want), agesOf(o.engine))
		})
	}
}

// What was learnt of ages outlives a restart.
func TestAgesAreKept(t *testing.T) {
	s := newStage(t, "policy p0 absolute=1h")
	s.tell("a started at=0s\na request at=9s\na request at=10s api\na request at=15s rejected")
	s.wait(time.Hour)
	before := agesOf(s.Engine)
	require.Len(t, before, 3)
	e, trouble := everything(s.Engine, s.now).restored(s.cfg, s.now)
	require.Empty(t, trouble)
	require.Equal(t, before, agesOf(e))
}

// A silence and an age are measured where there is work left for that, and what they cost
// is bounded, however many records the session has.
func TestMeasuringIsBounded(t *testing.T) {
	const text = "policy p0 idle=1h absolute=1h\n"
	s := newStage(t, text, func(c *Config) { c.MaxRecentRequests = 4 * gapLooks })
	s.tell("a started at=0s")
	for i := range 2 * gapLooks {
		s.served(0, time.Duration(i+1)*time.Second, 0)
	}
	a := s.get(sessiontest.SessionName(0).ID)
	r := a.shard.recent.at(a.recent)
	done := s.work.done
	require.EqualValues(t, time.Second, s.gapBefore(a, r))
	require.EqualValues(t, gapLooks, s.work.done-done)

	none := [2]Bounds{}
	measured := func(work int, measure func()) (b [2]Bounds) {
		*s.stats.bounds(0, 1), *s.stats.ages(0, 1) = Bounds{}, Bounds{}
		s.work.allow(work)
		measure()
		return [2]Bounds{*s.stats.bounds(0, 1), *s.stats.ages(0, 1)}
	}
	for name, measure := range map[string]func(){
		"silence": func() { s.measureGap(a, r, 1) },
		"age":     func() { s.measureAge(a, r, 1) },
	} {
		require.Equal(t, none, measured(gapLooks+workOfJudgement-1, measure), name)
		require.NotEqual(t, none, measured(gapLooks+workOfJudgement, measure), name)
	}
}

// How old a session was that was refused is learnt where all is known since its beginning.
func TestAgeOfWhatIsKnown(t *testing.T) {
	for _, c := range []struct {
		before time.Duration // not all is known of what came before
		want   []string
	}{
		{0, []string{"p0 web rejected_min 15", "p0 web served_max 10"}},
		{1, []string{"p0 web served_max 10"}},
	} {
		s := newStage(t, "policy p0 absolute=1h")
		s.tell("a started at=0s\na request at=9s\na request at=10s")
		s.get(sessiontest.SessionName(0).ID).unknownBefore = after(c.before)
		s.tell("a request at=15s rejected")
		s.wait(time.Hour)
		require.Equal(t, c.want, agesOf(s.Engine), "%d", c.before)
	}
}
