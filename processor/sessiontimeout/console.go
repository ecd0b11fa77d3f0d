package sessiontimeout

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-session/otelcol-session/internal/advice"
	"github.com/otelcol-session/otelcol-session/internal/clean"
	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// consoles are those that show what this processor finds.
type consoles struct {
	registries []console.Registry
	sinks      []console.Sink // from register to end
}

// findConsoles are those among the host's extensions, in the order of their ids.
func findConsoles(host component.Host) (c consoles) {
	extensions := host.GetExtensions()
	byID := func(a, b component.ID) int { return strings.Compare(a.String(), b.String()) }
	for _, id := range slices.SortedFunc(maps.Keys(extensions), byID) {
		if r, ok := extensions[id].(console.Registry); ok {
			c.registries = append(c.registries, r)
		}
	}
	return c
}

// history is how many findings are shown with their timelines; 0 where nobody shows any.
func (c *consoles) history() (n int) {
	for _, r := range c.registries {
		n = max(n, r.History())
	}
	return n
}

func (c *consoles) register(id component.ID, engine console.Engine) {
	for _, r := range c.registries {
		c.sinks = append(c.sinks, r.Register(id, engine))
	}
}

func (c *consoles) found(findings []findinglog.Record) {
	for _, s := range c.sinks {
		s.Found(findings)
	}
}

func (c *consoles) end() {
	for _, s := range c.sinks {
		s.End()
	}
}

// shownEngine is what a console may ask of a processor.
type shownEngine struct {
	shared *shared
	keyID  [16]byte
}

var _ console.Engine = shownEngine{}

func (e shownEngine) Describe() console.Description {
	c := e.shared.cfg
	d := console.Description{
		KeyID: hex.EncodeToString(e.keyID[:6]), Replay: c.MaxAge == 0, Stored: e.shared.store != nil,
		DecisionWait: c.DecisionWait, IdleDecisionWait: max(c.DecisionWait, c.IdleDecisionWait), ReorderWindow: c.ReorderWindow,
		Retention: c.Retention, MaxSessions: c.MaxSessions, MaxRecentRequests: c.MaxRecentRequests, MaxServices: c.MaxServices,
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		d.Policies = append(d.Policies, console.Policy{
			Name: p.name(), Match: p.Match, IdleTimeout: p.IdleTimeout, AbsoluteTimeout: p.AbsoluteTimeout,
			Tolerance: p.Tolerance, EndGrace: p.EndGrace, RotationGrace: p.RotationGrace,
			Severity: p.Severity, Evidence: p.Evidence, Background: p.Background, Inclusive: p.Inclusive, Sampled: p.Coverage == "sampled",
		})
	}
	for i := range c.SessionID.Sources {
		d.Sources = append(d.Sources, describeSource(&c.SessionID.Sources[i]))
	}
	return d
}

// describeSource says where an id is looked for.
func describeSource(s *extract.Source) string {
	switch {
	case s.Cookie != "":
		return "cookie " + s.Cookie + " in " + s.Attribute
	case s.Claim != "":
		return "claim " + s.Claim + " in " + s.Attribute
	case s.PathParameter != "":
		return "path parameter " + s.PathParameter + " in " + s.Attribute
	}
	return s.Attribute
}

func (e shownEngine) Counts() console.Counts {
	r := e.shared.keeper.Snapshot()
	seen, refused := e.shared.readCounts()
	c := console.Counts{
		Sessions: r.Sessions, Pending: r.Pending, Backlog: r.Backlog, Undelivered: r.Lost, Judged: judged(r.Stats),
		Findings: map[string]int64{}, Lost: map[string]int64{}, Blind: map[string]time.Duration{},
	}
	for state := range fact.StateCount {
		c.Findings[state.String()] = r.Findings(state)
	}
	for reason := range session.RefusedReasonCount {
		add(c.Lost, reason.String(), r.Refused(reason))
	}
	for _, counts := range refused {
		for why := range extract.ReasonCount {
			add(c.Lost, why.String(), counts[why])
		}
	}
	add(c.Lost, "evicted", r.Evicted(session.EvictedLimit))
	add(c.Lost, "unreachable", r.Unreachable())
	add(c.Lost, "truncated", r.Truncated())
	c.Nearest = e.shared.nearby.nearest(e.shared.cfg.SessionID.Sources)
	c.Advice = shownAdvice(e.shared.advise(&r.Snapshot))
	r.Blind(func(reason string, ns int64) { c.Blind[reason] = time.Duration(ns) })
	for _, service := range slices.Sorted(maps.Keys(seen)) {
		n := seen[service]
		c.Seen = append(c.Seen, console.Seen{Service: service, WithID: n[0], WithoutID: n[1], Other: n[2], NotUnderstood: n[3]})
	}
	return c
}

// longestService is the longest service name that a sentence has, in bytes.
const longestService = 80

var adviceGroups = [advice.GroupCount]string{
	advice.Nothing: console.AdviceNothing, advice.False: console.AdviceFalse, advice.Fewer: console.AdviceFewer,
}

// shownAdvice is advice in sentences.
func shownAdvice(all []advice.Advice) (shown []console.Advice) {
	for i := range all {
		all[i].Service = clean.Text(all[i].Service, longestService)
	}
	for _, s := range advice.Sentences(all) {
		shown = append(shown, console.Advice{
			Group: adviceGroups[s.Group], Title: s.Group.String(), Code: s.Code.String(), Service: s.Service, Sentence: s.String(),
		})
	}
	return shown
}

func add(to map[string]int64, name string, n int64) {
	if n > 0 {
		to[name] += n
	}
}

// judged are the requests by policy and service, in this order.
func judged(s *session.Stats) (rows []console.Judged) {
	type key struct {
		policy  int
		service string
	}
	byKey := map[key]int{}
	row := func(policy int, service string) *console.Judged {
		i, ok := byKey[key{policy, service}]
		if !ok {
			i = len(rows)
			byKey[key{policy, service}] = i
			rows = append(rows, console.Judged{Policy: policy, Service: service, Violations: map[string]int64{}})
		}
		return &rows[i]
	}
	s.Requests(func(policy int, service string, v session.Verdict, n int64) {
		to := row(policy, service)
		*[session.VerdictCount]*int64{&to.InTime, &to.Late, &to.Refused, &to.RefusedEarly, &to.Indeterminate}[v] += n
	})
	s.Violations(func(policy int, service string, t fact.Type, n int64) {
		row(policy, service).Violations[t.String()] += n
	})
	s.IdleBounds(func(policy int, service string, b session.Bounds) {
		to := row(policy, service)
		to.LongestServed, to.ShortestRefused = time.Duration(b.ServedMax), time.Duration(b.RejectedMin)
	})
	slices.SortFunc(rows, func(a, b console.Judged) int {
		if a.Policy != b.Policy {
			return a.Policy - b.Policy
		}
		return strings.Compare(a.Service, b.Service)
	})
	return rows
}
