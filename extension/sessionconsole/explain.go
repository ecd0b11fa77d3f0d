package sessionconsole

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// why are the reasons for the verdict, in the order in which they happened.
func (h *held) why(t *console.Timeline) []console.Step {
	r := &h.record
	steps := []console.Step{h.began()}
	add := func(at int64, kind, format string, args ...any) {
		steps = append(steps, console.Step{At: console.Instant(at), Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	limit, policy, dead := duration(r.Limit), shortCut(r.PolicyName), "dead"
	if r.State != fact.Confirmed {
		dead = "dead, as it seemed"
	}
	if r.State == fact.Inconclusive {
		dead = "dead, as it seems"
	}
	by := ""
	if r.EndedBy != "" {
		by = ", says " + shortCut(r.EndedBy)
	}
	switch r.Type {
	case fact.IdleTimeout:
		add(r.LastActivityAt, "clock", "the last activity ends; from here on nothing keeps the session alive")
		add(r.ExpiredAt, "dead", "%s: nothing happened for %s, the idle limit of policy %s", dead, limit, policy)
	case fact.AbsoluteTimeout:
		add(r.ExpiredAt, "dead", "%s: %s old, the absolute limit of policy %s, however much it is used", dead, limit, policy)
	case fact.RotatedSession:
		add(h.clockFrom(), "clock", "a new id takes the place of this one%s", by)
		add(r.ExpiredAt, "dead", "%s: the grace of %s for requests under way is over", dead, limit)
	case fact.RevokedSession:
		add(h.clockFrom(), "clock", "all sessions of the user are ended%s", by)
		add(r.ExpiredAt, "dead", "%s: the grace of %s for requests under way is over", dead, limit)
	default:
		add(h.clockFrom(), "clock", "the session is ended%s", by)
		add(r.ExpiredAt, "dead", "%s: the grace of %s for requests under way is over", dead, limit)
	}
	steps = append(steps, refusals(t, r.ExpiredAt)...)
	what := strings.TrimSpace(cut(r.Details.Method) + " " + shortCut(cmp.Or(r.Details.Route, r.Details.Path, r.Details.RPCMethod, r.Details.Destination)))
	if what == "" {
		what = "a request"
	}
	if r.Details.Status != 0 {
		what += fmt.Sprintf(" (%d)", r.Details.Status)
	}
	verb := "serves"
	if r.State == fact.Inconclusive {
		verb = "seems to serve"
	}
	add(r.At, "served", "%s %s %s all the same, %s after its end", orNameless(r.Resource.ServiceName), verb, what, duration(time.Duration(r.Overrun)))
	if r.Requests > 1 {
		add(r.LastAt, "served", "%s in all until here", count(int64(r.Requests), "request"))
	}
	slices.SortStableFunc(steps, func(a, b console.Step) int { return cmp.Compare(a.At, b.At) })
	return steps
}

// began says where the session's age is counted from.
func (h *held) began() console.Step {
	r := &h.record
	step := console.Step{At: console.Instant(r.StartedAt), Kind: "start", Text: "the session starts"}
	switch {
	case !r.StartKnown:
		step.Text = "first seen here: it is at least so old"
	case slices.ContainsFunc(h.events(), func(e fact.TimelineEvent) bool {
		return e.Kind == fact.Authenticated && e.At == r.StartedAt
	}):
		step.Text = "login: both clocks start"
	case slices.ContainsFunc(h.events(), func(e fact.TimelineEvent) bool { return e.Kind == fact.Rotated && !e.Away }):
		step.Text = "login or start, under an id that this one continues"
	}
	return step
}

// refusals say which services refused the session once it was dead, the first of each.
func refusals(t *console.Timeline, expired int64) (steps []console.Step) {
	const most = 4
	if t == nil {
		return nil
	}
	first := map[string]int{}
	for _, r := range t.Requests {
		if r.Kind != kindRefused || int64(r.Start) <= expired {
			continue
		}
		if i, ok := first[r.Service]; ok {
			if i >= 0 && !strings.HasSuffix(steps[i].Text, "again later") {
				steps[i].Text += ", and again later"
			}
			continue
		}
		first[r.Service] = -1
		if len(steps) < most {
			text := orNameless(r.Service) + " refuses it"
			if r.Status != 0 {
				text += fmt.Sprintf(" (%d)", r.Status)
			}
			first[r.Service] = len(steps)
			steps = append(steps, console.Step{At: r.Start, Kind: "refused", Text: text})
		}
	}
	return steps
}

// doubts say what each reason of an inconclusive finding means.
var doubts = map[string]string{
	"sampled":  "Telemetry of this session is sampled, so that a silence may only be unseen activity.",
	"shared":   "More users were shown on this id than one session has: it may be a placeholder, or an account of many.",
	"identity": "Whether this id continues the one it was rotated from is not known: neither showed a user.",
	"bounds":   "A bound was reached, so that not all evidence could be looked at.",
	"evicted":  "What was known of this session was evicted before, and a login may have gone with it.",
	"restart":  "The collector was restarted without a storage: what it knew before is lost.",
	"crash":    "The collector crashed, and what it had taken last may be lost.",
	"downtime": "The collector was down, and nobody sends again what came meanwhile.",
	"shutdown": "The collector was stopped before the verdict had waited for what could clear it.",
}

// doubt says why it is not confirmed; empty if it is.
func (h *held) doubt() string {
	r := &h.record
	switch r.State {
	case fact.Inconclusive:
		if text := doubts[r.Reason]; text != "" {
			return text
		}
		return "It is inconclusive: " + cut(r.Reason) + "."
	case fact.Retracted:
		return "It is taken back: " + h.cleared()
	}
	return ""
}

// cleared says what cleared it, as far as that shows.
func (h *held) cleared() string {
	r := &h.record
	for _, e := range h.events() {
		if e.Kind == fact.Authenticated && e.At > h.clockFrom() && e.At <= r.LastAt {
			return fmt.Sprintf("a login at %s came to light.", console.Instant(e.At).Time().Format("15:04:05.000"))
		}
	}
	if h.history != nil && r.Type == fact.IdleTimeout {
		for _, s := range h.history.Spells {
			if s.To > r.LastActivityAt && s.From < r.ExpiredAt {
				return fmt.Sprintf("activity until %s came to light.", console.Instant(s.To).Time().Format("15:04:05.000"))
			}
		}
	}
	return "evidence that came later clears it."
}

// clears says what would clear the finding.
func (h *held) clears() string {
	r := &h.record
	clock := func(ns int64) string { return console.Instant(ns).Time().Format("15:04:05") }
	login := fmt.Sprintf("a login on this session between %s and %s", clock(h.clockFrom()), clock(r.At))
	switch r.Type {
	case fact.IdleTimeout:
		return fmt.Sprintf("Any activity of this session between %s and %s, or %s. Telemetry that was lost or sampled away can hide one.",
			clock(r.LastActivityAt), clock(r.ExpiredAt), login)
	case fact.AbsoluteTimeout:
		if !r.StartKnown {
			return fmt.Sprintf("Only %s: the session is at least so old.", login)
		}
		return fmt.Sprintf("Only %s. Activity does not extend an absolute limit.", login)
	}
	by := "whoever reported it"
	if r.EndedBy != "" {
		by = shortCut(r.EndedBy)
	}
	return fmt.Sprintf("%s; or a clock that is wrong: that of %s ahead of that of %s by more than %s.",
		strings.ToUpper(login[:1])+login[1:], orNameless(r.Resource.ServiceName), by, duration(time.Duration(r.Overrun)))
}
