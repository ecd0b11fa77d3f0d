package sessionconsole

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

func explained(t *testing.T, r *rig, record findinglog.Record) (console.Detail, string) {
	t.Helper()
	r.found(record)
	var d console.Detail
	r.get("/api/v1/findings/"+idText(record.ID), &d)
	var b strings.Builder
	for _, s := range d.Why {
		fmt.Fprintf(&b, "%s %s: %s\n", s.At.Time().Format("15:04:05"), s.Kind, s.Text)
	}
	return d, b.String()
}

// Each verdict is told in the order in which it came about.
func TestWhy(t *testing.T) {
	r := newRig(t)
	d, why := explained(t, r, idle(1))
	require.Equal(t, `08:00:00 start: login: both clocks start
08:10:00 clock: the last activity ends; from here on nothing keeps the session alive
08:40:00 dead: dead: nothing happened for 30 min, the idle limit of policy default
08:44:00 refused: storefront refuses it (401)
08:45:00 served: ledger serves GET /orders (200) all the same, 5 min after its end
08:46:00 served: 2 requests in all until here
`, why)
	require.Equal(t, "ledger served 2 requests on a dead session", d.Headline)
	require.Equal(t, "Any activity of this session between 08:10:00 and 08:40:00, or a login on this session between 08:10:00 and 08:45:00. "+
		"Telemetry that was lost or sampled away can hide one.", d.Clears)
	require.Empty(t, d.Doubt)
	require.Equal(t, console.Instant(at(10*time.Minute)), d.Timeline.ClockFrom)
	require.Equal(t, []console.Common{
		{What: "route", Value: "/orders", Late: 1, All: 2. / 3, LateOf: 2, AllOf: 3},
		{What: "instance", Value: "ledger-2", Late: 1, All: 2. / 3, LateOf: 2, AllOf: 3},
	}, sorted(d.InCommon))

	_, why = explained(t, r, idle(2, func(x *findinglog.Record) {
		x.Type, x.Limit, x.StartKnown = fact.AbsoluteTimeout, 40*time.Minute, false
	}))
	require.Contains(t, why, "08:00:00 start: first seen here: it is at least so old\n08:40:00 dead: dead: 40 min old, the absolute limit of policy default, however much it is used\n")

	for kind, want := range map[fact.Type]string{
		fact.EndedSession:   "08:39:55 clock: the session is ended, says auth\n08:40:00 dead: dead: the grace of 5 s for requests under way is over\n",
		fact.RotatedSession: "08:39:55 clock: a new id takes the place of this one, says auth\n",
		fact.RevokedSession: "08:39:55 clock: all sessions of the user are ended, says auth\n",
	} {
		d, why = explained(t, r, idle(3, func(x *findinglog.Record) { x.Type, x.Limit, x.EndedBy = kind, 5*time.Second, "auth" }))
		require.Contains(t, why, want)
		require.Contains(t, d.Clears, "that of ledger ahead of that of auth by more than 5 min")
		last := d.Timeline.Events[len(d.Timeline.Events)-1]
		require.Equal(t, console.Instant(at(40*time.Minute-5*time.Second)), last.At, "the end is drawn, whoever it befell")
		require.Equal(t, map[fact.Type]string{fact.EndedSession: "end", fact.RotatedSession: "rotated_away", fact.RevokedSession: "revoked"}[kind], last.Kind)
	}
}

func sorted(all []console.Common) []console.Common {
	if len(all) == 2 && all[0].What == "instance" {
		all[0], all[1] = all[1], all[0]
	}
	return all
}

// What all requests have is nothing that the late ones have in common, and who refused it
// while it lived is no reason.
func TestNotInCommon(t *testing.T) {
	r := newRig(t)
	d, why := explained(t, r, idle(1, func(x *findinglog.Record) {
		for i := range x.Timeline.Requests {
			x.Timeline.Requests[i].Instance, x.Timeline.Requests[i].Route = 4, 6
		}
		x.Timeline.Requests[0].Service, x.Timeline.Requests[0].Outcome = 2, fact.Rejected
	}))
	require.Empty(t, d.InCommon)
	require.Equal(t, 1, strings.Count(why, "refuses it"), why)
	require.NotContains(t, why, "again later")
}

// An end that the session's own events have is drawn once.
func TestEndIsDrawnOnce(t *testing.T) {
	r := newRig(t)
	d, _ := explained(t, r, idle(1, func(x *findinglog.Record) {
		x.Type, x.Limit, x.EndedBy = fact.EndedSession, 5*time.Second, "auth"
		x.Timeline.Events = append(x.Timeline.Events, fact.TimelineEvent{At: at(40*time.Minute - 5*time.Second), Kind: fact.Ended, By: "auth"})
	}))
	require.Len(t, d.Timeline.Events, 2)
	require.Equal(t, console.Event{At: console.Instant(at(40*time.Minute - 5*time.Second)), Kind: "end", By: "auth"}, d.Timeline.Events[1])
}

// What is not confirmed says so, and why.
func TestDoubt(t *testing.T) {
	r := newRig(t)
	for reason := range doubts {
		d, why := explained(t, r, idle(1, func(x *findinglog.Record) { x.State, x.Reason = fact.Inconclusive, reason }))
		require.Equal(t, doubts[reason], d.Doubt)
		require.Equal(t, "ledger may have served 2 requests on a dead session", d.Headline)
		require.Contains(t, why, "ledger seems to serve")
		require.Contains(t, why, "dead, as it seems: nothing happened for 30 min")
		require.NotEmpty(t, d.Clears)
	}
	d, _ := explained(t, r, idle(1, func(x *findinglog.Record) { x.State, x.Reason = fact.Inconclusive, "clock" }))
	require.Equal(t, "It is inconclusive: clock.", d.Doubt)

	d, why := explained(t, r, idle(2, func(x *findinglog.Record) {
		x.State = fact.Retracted
		x.Timeline.Events = append(x.Timeline.Events, fact.TimelineEvent{At: at(43 * time.Minute), Kind: fact.Authenticated})
	}))
	require.Equal(t, "ledger did not serve a dead session after all", d.Headline)
	require.Equal(t, "It is taken back: a login at 08:43:00.000 came to light.", d.Doubt)
	require.Empty(t, d.Clears, "it is cleared")
	require.Empty(t, d.InCommon)
	require.Contains(t, why, "dead, as it seemed: nothing happened for 30 min")
	d, _ = explained(t, r, idle(3, func(x *findinglog.Record) {
		x.State = fact.Retracted
		x.Timeline.Spells[0].To = at(30 * time.Minute)
	}))
	require.Equal(t, "It is taken back: activity until 08:30:00.000 came to light.", d.Doubt)
	d, _ = explained(t, r, idle(4, func(x *findinglog.Record) { x.State, x.Type = fact.Retracted, fact.AbsoluteTimeout }))
	require.Equal(t, "It is taken back: evidence that came later clears it.", d.Doubt)
}

// Findings of a recording lead from one to the next, all round.
func TestStories(t *testing.T) {
	r := newRig(t)
	r.sink.(*engine).description.Replay = true
	r.found(idle(3), idle(1), idle(2))
	d, _ := explained(t, r, idle(1))
	require.Equal(t, []any{1, 3, idText(2)}, []any{d.Position, d.Of, d.Next})
	d, _ = explained(t, r, idle(3))
	require.Equal(t, []any{3, 3, idText(1)}, []any{d.Position, d.Of, d.Next})
}
