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

// counted are histories and what the counters say after them.
var counted = []struct{ name, text, want string }{
	{"every verdict", standard + `
		a started at=0s
		a request at=1s
		a request at=2s indeterminate
		a request at=3s rejected
		a request at=20s
		b request at=1s rejected
		c started at=0s
		c request at=20.5s rejected`, `
		facts request 6
		facts started 2
		findings confirmed 1
		requests p0 web in_time 1
		requests p0 web indeterminate 2
		requests p0 web rejected_after_expiry 1
		requests p0 web rejected_early 1
		requests p0 web violation 1
		sessions 2
		violations p0 web idle_timeout 1`},
	{"a violation is counted for its policy and service", standard + `
		policy p1 absolute=5s
		a started at=0s
		a ended at=2s
		a request at=6s web
		a request at=7s api
		a request at=8s p1 api
		a request at=9s p1 api`, `
		facts ended 1
		facts request 4
		facts started 1
		findings confirmed 3
		requests p0 api violation 1
		requests p0 web violation 1
		requests p1 api violation 2
		sessions 1
		violations p0 api ended 1
		violations p0 web ended 1
		violations p1 api ended 2`},
	{"background work that is not judged is not counted", `policy p0 idle=10s off
		a started at=0s
		a request at=1s
		a request at=20s consumer`, `
		facts request 2
		facts started 1
		requests p0 web in_time 1
		sessions 1`},
	{"what no policy can prove is indeterminate", `policy p0 idle=10s identity
		a started at=0s
		a request at=20s
		a request at=20s presented`, `
		facts request 2
		facts started 1
		requests p0 web indeterminate 2
		sessions 1`},
	{"what is exempt is not counted", standard + `
		a started at=0s
		a request exempt at=1s..4s id=1/1
		a request at=2s id=1/2`, `
		facts request 2
		facts started 1
		sessions 1`},
	{"a request whose exempt record is like it is a request", standard + `
		a started at=0s
		a request exempt at=2s id=1/1
		a request at=2s id=1/1`, `
		facts request 1
		facts started 1
		sessions 1`},
	{"one request of two records is one", standard + `
		a started at=0s
		a request at=2s id=1/2
		a request at=1s..2s id=1/2 log`, `
		facts request 1
		facts started 1
		requests p0 web in_time 1
		sessions 1`},
	{"a violation that is cleared in time is none", standard + `
		a started at=0s
		a request at=20s
		a authenticated at=19s`, `
		facts authenticated 1
		facts request 1
		facts started 1
		requests p0 web in_time 1
		sessions 1`},
	{"a violation that is cleared later was one", standard + `
		a started at=0s
		a request at=20s
		now=40s advance
		now=41s a authenticated at=19s`, `
		facts authenticated 1
		facts request 1
		facts started 1
		findings confirmed 1
		findings retracted 1
		requests p0 web violation 1
		sessions 1
		violations p0 web idle_timeout 1`},
	{"a refusal behind an end says nothing of silence", `policy p0 idle=1h
		a started at=0s
		a ended at=1s
		a request at=9s rejected
		b started at=0s
		c rotated from=b at=1s
		b request at=9s rejected
		d started at=0s user=u1
		- ended_user at=1s user=u1
		d request at=9s rejected`, `
		facts ended 1
		facts ended_user 1
		facts request 3
		facts rotated 1
		facts started 3
		requests p0 web rejected_after_expiry 3
		sessions 4`},
	{"facts behind the window", standard + `
		config window=10s
		a started at=0s
		now=30s a request at=20s..30s
		now=30s a request at=0s..20s
		now=30s a request at=0s..19.999999999s
		now=30s a activity at=20s
		now=30s a ended at=19.999999999s api
		now=30s a authenticated at=19s
		now=30s a authenticated at=19s`, `
		facts activity 1
		facts authenticated 1
		facts ended 1
		facts request 3
		facts started 1
		late api 1
		late web 2
		requests p0 web in_time 2
		sessions 1`},
	{"what is no evidence", standard + `
		config ahead=10s age=20s
		now=0s a started at=0s
		now=0s a request at=0s..10s
		now=0s a request at=0s..10.000000001s
		now=20s a request at=0s..9s
		now=21s a request at=0.999999999s..21s`, `
		facts request 2
		facts started 1
		refused web ahead 1
		refused web too_old 1
		requests p0 web in_time 2
		sessions 1`},
	{"a finding that comes and goes", standard + `
		a started at=0s
		a request at=20s
		now=40s advance
		now=41s a authenticated at=19s
		now=42s advance
		now=200s a request at=60s`, `
		facts authenticated 1
		facts request 2
		facts started 1
		findings confirmed 2
		findings retracted 1
		requests p0 web violation 2
		sessions 1
		violations p0 web idle_timeout 2`},
	{"facts of every kind", standard + `
		a started at=0s user=u1
		a started at=0s user=u1
		b rotated from=a at=1s
		b authenticated at=2s
		b activity at=3s
		b ended at=4s
		- ended_user at=5s user=u1
		- ended_user at=5s user=u1
		- ended_user at=5s
		b request exempt at=1s..2s id=3/3
		- ended at=4s`, `
		facts activity 1
		facts authenticated 1
		facts ended 1
		facts ended_user 1
		facts request 1
		facts rotated 1
		facts started 1
		sessions 2`},
}

func TestCounters(t *testing.T) {
	for _, c := range counted {
		t.Run(c.name, func(t *testing.T) {
			o := run(parsedTrial(c.text), true)
			require.Empty(t, o.trouble)
			require.Equal(t, lines(c.want), counts(o.engine))
			requests, violations := map[string]int{}, map[string]int{}
			o.engine.counters().Requests(func(p int, service string, _ Verdict, _ int64) { requests[fmt.Sprint(p, service)]++ })
			o.engine.counters().Violations(func(p int, service string, _ fact.Type, _ int64) { violations[fmt.Sprint(p, service)]++ })
			for pair, n := range requests {
				require.Equal(t, int(VerdictCount), n, "%s: one verdict comes with all others", pair)
				require.Equal(t, int(fact.TypeCount), violations[pair], "%s: and with all types", pair)
			}
			require.Len(t, violations, len(requests))
		})
	}
}

// TestBornAtZero: the series of a policy and a service are there, with zeros, from its
// first request on that will be judged, however that is taken, so that whoever looks in
// between sees the first violation come.
func TestBornAtZero(t *testing.T) {
	pairs := func(e *Engine) (all []string) {
		e.counters().Requests(func(p int, service string, v Verdict, n int64) {
			require.Zero(t, n)
			all = append(all, fmt.Sprintf("p%d %s %s", p, service, v))
		})
		e.counters().Violations(func(p int, service string, typ fact.Type, n int64) {
			require.Zero(t, n)
			all = append(all, fmt.Sprintf("p%d %s %s", p, service, typ))
		})
		slices.Sort(all)
		return all
	}
	of := func(names ...string) (all []string) {
		for _, name := range names {
			for v := range VerdictCount {
				all = append(all, name+" "+v.String())
			}
			for typ := range fact.TypeCount {
				all = append(all, name+" "+typ.String())
			}
		}
		slices.Sort(all)
		return all
	}
	t.Run("ordinary ones", func(t *testing.T) { // which are taken by their shard alone
		s := newStage(t, standard+"\npolicy p1 idle=10s\npolicy p2 idle=10s")
		s.tell("a request at=1s")
		var facts []fact.Fact
		for _, step := range sessiontest.MustParse("policy p0\npolicy p1\npolicy p2\na request at=2s\na request at=3s p1\nb request at=3s p2").Steps {
			facts = append(facts, step.Fact)
		}
		require.Zero(t, s.Observe(facts, s.now, func(int, Mark) {}))
		require.Equal(t, of("p0 web", "p1 web", "p2 web"), pairs(s.Engine))
	})
	for name, c := range map[string]struct {
		facts string
		want  []string
	}{
		"the first of its session":      {"a request at=1s", of("p0 web")},
		"an ordinary one":               {"a request at=1s\na request at=2s p1 api", of("p0 web", "p1 api")},
		"one that is suspected":         {"a started at=0s\na request at=25s", of("p0 web")},
		"one that was refused":          {"a request at=1s rejected", of("p0 web")},
		"one of a session that ended":   {"a ended at=1s\na request at=2s", of("p0 web")},
		"an event is no request":        {"a started at=0s\na ended at=1s", nil},
		"what is exempt is none":        {"a request at=0s..1s exempt id=1/1", nil},
		"nor is what lies inside it":    {"a request at=1s..4s exempt id=1/1\na request at=2s id=1/2", nil},
		"nor background work if unsaid": {"a request at=2s p2 consumer", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, standard+"\npolicy p1 idle=10s\npolicy p2 idle=10s off")
			s.tell(c.facts)
			require.Equal(t, c.want, pairs(s.Engine))
		})
	}
}

func isBound(group string) bool {
	return strings.HasPrefix(group, "served_max") || strings.HasPrefix(group, "rejected_min")
}

// counts are all counters of e but what silences tell.
func counts(e *Engine) []string { return slices.DeleteFunc(lines(counters(e)), isBound) }

// lines are those of text, without what indents them.
func lines(text string) []string {
	all := []string{}
	for group := range strings.Lines(text) {
		if group = strings.TrimSpace(group); group != "" {
			all = append(all, group)
		}
	}
	return all
}

func TestMeasured(t *testing.T) {
	o := run(parsedTrial(standard+`
		policy p1 idle=10s absolute=30s tolerance=1s end=2s rotation=3s
		a started at=0s
		a ended at=5s
		a request at=9s
		b started at=0s
		c rotated from=b at=5s api
		b request at=10s api
		d started at=0s user=u1
		- ended_user at=5s user=u1
		d request at=11s
		e started at=0s
		e request at=20s p1
		f authenticated at=0s
		f request at=9s..35s
		f request at=36s p1
		a request at=9.5s`), true)
	got := o.engine.takeMeasured()
	require.Len(t, got.Overruns, 5)
	requireDurations(t, got.Overruns[Rule{1, fact.IdleTimeout}], 10, 1)
	requireDurations(t, got.Overruns[Rule{1, fact.AbsoluteTimeout}], 6, 1)
	requireDurations(t, got.Overruns[Rule{0, fact.EndedSession}], (2+2.5)/2, 2)
	requireDurations(t, got.Overruns[Rule{0, fact.RotatedSession}], 2, 1)
	requireDurations(t, got.Overruns[Rule{0, fact.RevokedSession}], 4, 1)
	require.Len(t, got.Propagations, 2)
	requireDurations(t, got.Propagations["web"], (4+4.5)/2, 2, 6, 1)
	requireDurations(t, got.Propagations["api"], 5, 1)
	require.Zero(t, o.engine.takeMeasured(), "each is said once")
}

func TestLifetimes(t *testing.T) {
	o := run(parsedTrial(standard+`
		policy p1
		a started at=0s
		a request at=2s..8s p1
		a ended at=9s
		a ended at=10s
		a authenticated at=20s
		a request at=25s
		a ended at=30s
		b ended at=30s
		c request at=0s consumer
		c ended at=30s`), true)
	got := o.engine.takeMeasured().Lifetimes
	require.Len(t, got, 2, "once for each authentication")
	requireDurations(t, got[1], 9, 1)
	requireDurations(t, got[0], 30, 1)
	require.Zero(t, o.engine.takeMeasured(), "each is said once")
}

// What a session has too many of is counted when it is given up.
func TestTruncated(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit int
		make  func(i int, f *fact.Fact)
	}{
		{"ends", maxInstants, func(_ int, f *fact.Fact) { f.Kind = fact.Ended }},
		{"logins", maxInstants, func(_ int, f *fact.Fact) { f.Kind = fact.Authenticated }},
		{"rotations away", maxInstants, func(i int, f *fact.Fact) {
			f.Kind, f.Previous, f.Session = fact.Rotated, new(f.Session), sessiontest.SessionName(i+1)
		}},
		{"silences", maxIntervals, func(int, *fact.Fact) {}},
	} {
		s := newStage(t, "policy p0\npolicy p1 idle=10s", func(c *Config) { c.MaxSessions, c.Linked = 2*maxInstants, false })
		for i := range c.limit + 3 {
			if i == c.limit {
				require.Zero(t, s.counters().Truncated(), c.name)
			}
			s.now += int64(time.Minute)
			f := fact.Fact{Session: sessiontest.SessionName(0), Start: s.now, End: s.now, At: s.now, Resource: sessiontest.Resources["web"]}
			c.make(i, &f)
			s.observe(&f, s.now)
		}
		require.EqualValues(t, 3, s.counters().Truncated(), c.name)
	}
}
