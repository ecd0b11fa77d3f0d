package sessionconsole

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// The newest are held, each once, whatever revision came last.
func TestRing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.History = 3 })
	r.found(idle(1), idle(2), idle(3))
	r.found(idle(1, func(x *findinglog.Record) { x.Revision, x.Requests = 2, 9 }))
	r.found(idle(4))
	var all console.Findings
	r.get("/api/v1/findings", &all)
	var ids []string
	for _, f := range all.Findings {
		ids = append(ids, f.ID)
	}
	require.Equal(t, []string{idText(4), idText(1), idText(3)}, ids)
	require.Equal(t, 9, all.Findings[1].Requests)
	require.Equal(t, console.History{Held: 3, Limit: 3, Ever: 4, States: map[string]int{"confirmed": 3, "inconclusive": 0, "retracted": 0}}, all.History)
	require.Equal(t, 404, r.request("GET", "/api/v1/findings/"+idText(2)).StatusCode)
}

// Findings are chosen by what they are.
func TestQuery(t *testing.T) {
	r := newRig(t)
	r.found(idle(1), idle(2, func(x *findinglog.Record) { x.State, x.Reason = fact.Inconclusive, "crash" }),
		idle(3, func(x *findinglog.Record) { x.Resource.ServiceName, x.DecidedAt = "cart", at(time.Hour) }))
	for query, want := range map[string]string{
		"":                                   "3 2 1",
		"service=cart":                       "3",
		"service=ledger&state=confirmed":     "1",
		"state=inconclusive":                 "2",
		"type=ended":                         "",
		"policy=default&limit=1":             "3 more",
		"engine=session_timeout":             "3 2 1",
		"after=2":                            "3",
		"since=2026-03-01T09:00:00Z":         "3",
		"session=" + strings.Repeat("0", 64): "",
	} {
		var all console.Findings
		r.get("/api/v1/findings?"+query, &all)
		var got []string
		for _, f := range all.Findings {
			got = append(got, strings.TrimLeft(f.ID, "0"))
		}
		if all.More {
			got = append(got, "more")
		}
		require.Equal(t, want, strings.Join(got, " "), query)
	}
	for query, want := range map[string]string{
		"limit=0": "limit: must be from 1 to 1000", "limit=1001": "limit: must be from 1 to 1000", "limit=x": "limit: must be",
		"after=-1": "after: must be a sequence", "since=yesterday": "since: must be a time in RFC 3339", "servic=x": "servic: is no parameter",
	} {
		response := r.request("GET", "/api/v1/findings?"+query)
		require.Equal(t, 400, response.StatusCode, query)
		var p console.Problem
		require.NoError(t, json.NewDecoder(response.Body).Decode(&p))
		require.Contains(t, p.Error, want)
	}
}

// What telemetry can set is cut, and no control character of it is left.
func TestHostile(t *testing.T) {
	r := newRig(t)
	var records []findinglog.Record
	hostile := "\u202e<script>alert(1)</script>\x00\xed\xa0\x80\u2066" + strings.Repeat("𝔸", 1<<12)
	for i := range 1000 {
		records = append(records, idle(uint64(i+1), func(x *findinglog.Record) {
			x.Resource = fact.Resource{ServiceName: fmt.Sprint(i, hostile), ServiceNamespace: hostile, ServiceInstance: hostile, Environment: hostile}
			x.Details.Route, x.Details.Method, x.PolicyName, x.EndedBy = hostile, hostile, hostile, hostile
			x.Timeline.Texts = []string{"", fact.Clean(hostile), "b", "c", "d", "e", "f", "g"}
		}))
	}
	r.found(records...)
	var all console.Findings
	require.Less(t, r.get("/api/v1/findings?limit=1000", &all), 2_000_000)
	require.True(t, all.More)
	for _, f := range all.Findings {
		for _, text := range []string{f.Service, f.Namespace, f.Instance, f.Environment, f.Route, f.Method, f.Policy, f.EndedBy} {
			require.LessOrEqual(t, utf8.RuneCountInString(text), mostText+1)
			require.NotContains(t, text, "\u202e")
			require.NotContains(t, text, "\x00")
			require.True(t, utf8.ValidString(text))
		}
	}
	var d console.Detail
	require.Less(t, r.get("/api/v1/findings/"+all.Findings[0].ID, &d), 100_000)
	require.LessOrEqual(t, utf8.RuneCountInString(d.Timeline.Requests[0].Service), mostText+1)
	require.Less(t, utf8.RuneCountInString(d.Headline), 200)
}

// Of a finding that goes on for long, what happened around its expiry stays.
func TestHistoryGoesOn(t *testing.T) {
	r := newRig(t)
	r.found(idle(1))
	late := func(from int) *fact.Timeline {
		x := &fact.Timeline{Texts: []string{"", "ledger"}, HeldFrom: at(time.Duration(from) * time.Minute)}
		for i := range 3 {
			start := at(time.Duration(from+i) * time.Minute)
			x.Requests = append(x.Requests, fact.TimelineRequest{Start: start, End: start, Judged: start, Service: 1, Late: true})
		}
		return x
	}
	kinds := func() (string, console.Detail) {
		var kinds []string
		var d console.Detail
		r.get("/api/v1/findings/"+idText(1), &d)
		for i, x := range d.Timeline.Requests {
			require.True(t, i == 0 || x.Start >= d.Timeline.Requests[i-1].Start)
			kinds = append(kinds, x.Kind[:1])
		}
		return strings.Join(kinds, ""), d
	}
	got, d := kinds()
	require.Equal(t, "ssrll", got)
	require.Empty(t, d.Timeline.NotHeld)
	for revision, from := range []int{100, 200} {
		r.found(idle(1, func(x *findinglog.Record) { x.Revision, x.Timeline = revision+2, late(from) }))
		got, d = kinds()
		require.Equal(t, "ssrllllll"[:8], got)
		require.Equal(t, []console.Span{{From: console.Instant(at(46 * time.Minute)), To: console.Instant(at(time.Duration(from) * time.Minute))}}, d.Timeline.NotHeld)
	}
	r.found(idle(1, func(x *findinglog.Record) { x.Revision, x.Timeline = 4, nil }))
	got, _ = kinds()
	require.Equal(t, "ssrlllll", got, "what was copied before is better than nothing")

	r.found(idle(2, func(x *findinglog.Record) { x.Timeline = nil }))
	var none console.Detail
	r.get("/api/v1/findings/"+idText(2), &none)
	require.Nil(t, none.Timeline)
	require.Equal(t, "Its requests were not copied: its session was no longer held, or too many findings were decided at that moment.", none.NoTimeline)
	require.NotEmpty(t, none.Why)
}
