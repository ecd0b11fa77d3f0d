package sessionconsole

import (
	"math"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// Texts of the timelines of scenarios.
const (
	ledger = iota + 1
	storefront
	checkout
	payments
	get
	orders
	cart
	firstInstance
	secondInstance
)

var scenarioTexts = []string{"", "ledger", "storefront", "checkout", "payments", "GET", "/orders", "/cart", "ledger-1", "ledger-2"}

// ids of scenarios.
const (
	longIdle = iota + 0xa1
	longAbsolute
	afterEnd
	afterRotation
	afterRevocation
	inconclusive
	retracted
	unknownStart
	hostile
	withoutTimeline
	shortIdle
)

// call is a request of a scenario, in seconds since its beginning.
func call(seconds float64, service uint16, status int16, late bool) fact.TimelineRequest {
	start := at(time.Duration(seconds * float64(time.Second)))
	r := fact.TimelineRequest{
		Start: start, End: start + int64(40*time.Millisecond), Judged: start, Service: service, Method: get, Route: orders, Status: status, Late: late,
		Trace: [16]byte{byte(start >> 8), byte(start)},
	}
	if service == ledger {
		r.Instance = firstInstance
		if late {
			r.Instance = secondInstance
		}
	}
	switch status {
	case 401:
		r.Outcome = fact.Rejected
	case 403:
		r.Outcome = fact.Indeterminate
	}
	return r
}

// used is a session in use from one second to another, every so many.
func used(from, to, every float64) (all []fact.TimelineRequest) {
	for s, i := from, 0; s <= to; s, i = s+every, i+1 {
		all = append(all, call(s, []uint16{storefront, ledger, checkout, storefront}[i%4], 200, false))
	}
	return all
}

func spellsOf(seconds ...float64) (all []fact.Span) {
	for i := 0; i < len(seconds); i += 2 {
		all = append(all, fact.Span{From: at(time.Duration(seconds[i] * float64(time.Second))), To: at(time.Duration(seconds[i+1] * float64(time.Second)))})
	}
	return all
}

// late is a finding of ledger's: a session that began at 0 and was dead at expired.
func late(id uint64, kind fact.Type, limit time.Duration, expired, served float64, t *fact.Timeline) findinglog.Record {
	second := func(s float64) int64 { return at(time.Duration(s * float64(time.Second))) }
	t.Texts = scenarioTexts
	if t.HeldFrom == 0 {
		t.HeldFrom = math.MinInt64
	}
	t.Requests = append(t.Requests,
		call(served-.05, storefront, 401, false), call(served-.02, checkout, 401, false), call(served, ledger, 200, true),
		call(served+3, payments, 403, false), call(served+8, ledger, 200, true), call(served+8.02, ledger, 200, true))
	r := idle(id, func(r *findinglog.Record) {
		r.Type, r.Limit, r.Timeline = kind, limit, t
		r.Session, r.User = fact.Pseudonym{0xcc, 0x1c, 0x56, byte(id)}, fact.Pseudonym{0x47, 0x72, 0x4d, byte(id)}
		r.ExpiredAt, r.At, r.FirstAt, r.LastAt = second(expired), second(served), second(served), second(served+8.02)
		r.Overrun, r.Requests, r.DecidedAt = r.At-r.ExpiredAt, 3, second(served+300)
		r.LastActivityAt, r.EndedBy = 0, ""
		switch kind {
		case fact.IdleTimeout:
			r.LastActivityAt = r.ExpiredAt - int64(limit)
		case fact.EndedSession, fact.RotatedSession, fact.RevokedSession:
			r.EndedBy = "storefront"
		}
	})
	return r
}

// scenarios are one finding of each kind that a picture must tell.
func scenarios() []findinglog.Record {
	login := []fact.TimelineEvent{{At: at(0), Kind: fact.Authenticated}}
	const morning, silence = 6*3600 + 700., 1800.
	idleLife := func() *fact.Timeline {
		return &fact.Timeline{
			Events: login, HeldFrom: at(time.Duration(morning-900) * time.Second), Requests: used(morning-900, morning, 60),
			Spells: spellsOf(0, 300, 900, 6600, 8700, 11000, 12900, 16000, 18000, morning, morning+silence+258, morning+silence+266),
		}
	}
	all := []findinglog.Record{
		late(longIdle, fact.IdleTimeout, silence*time.Second, morning+silence, morning+silence+260, idleLife()),
		late(longAbsolute, fact.AbsoluteTimeout, 12*time.Hour, 12*3600, 12*3600+9, &fact.Timeline{
			Events: login, HeldFrom: at(11 * time.Hour), Requests: used(11*3600, 12*3600-20, 50), Spells: spellsOf(0, 9000, 12000, 30000, 34000, 12*3600+17),
		}),
		late(afterEnd, fact.EndedSession, 5*time.Second, 305, 330, &fact.Timeline{
			Events:   append(login, fact.TimelineEvent{At: at(300 * time.Second), Kind: fact.Ended, By: "storefront"}),
			Requests: used(1, 295, 21), Spells: spellsOf(0, 338),
		}),
		late(afterRotation, fact.RotatedSession, 30*time.Second, 330, 400, &fact.Timeline{
			Events: append(login, fact.TimelineEvent{At: at(40 * time.Second), Kind: fact.Rotated, Other: 0x221e06d2cafe0000},
				fact.TimelineEvent{At: at(300 * time.Second), Kind: fact.Rotated, Away: true, By: "storefront"}),
			Requests: used(41, 325, 21), Spells: spellsOf(0, 408),
		}),
		late(afterRevocation, fact.RevokedSession, 5*time.Second, 305, 330, &fact.Timeline{
			Events: login, HeldFrom: at(150 * time.Second), Requests: used(150, 295, 21), Spells: spellsOf(0, 338),
		}),
		late(inconclusive, fact.IdleTimeout, 5*time.Minute, 500, 560, &fact.Timeline{
			Events: login, Requests: used(1, 200, 21), Spells: spellsOf(0, 200, 560, 568),
			Blind: []fact.BlindSpan{{Span: fact.Span{From: at(330 * time.Second), To: at(400 * time.Second)}, Reason: "crash"}},
		}),
		late(retracted, fact.IdleTimeout, 5*time.Minute, 500, 560, &fact.Timeline{
			Events: append(login, fact.TimelineEvent{At: at(540 * time.Second), Kind: fact.Authenticated}), Requests: used(1, 200, 21), Spells: spellsOf(0, 200, 540, 568),
		}),
		late(unknownStart, fact.AbsoluteTimeout, 10*time.Minute, 600, 660, &fact.Timeline{Requests: used(1, 590, 21), Spells: spellsOf(0, 668)}),
		late(hostile, fact.EndedSession, 5*time.Second, 305, 330, &fact.Timeline{Events: login, Requests: used(1, 295, 21), Spells: spellsOf(0, 338)}),
		late(withoutTimeline, fact.EndedSession, 5*time.Second, 305, 330, &fact.Timeline{}),
		late(shortIdle, fact.IdleTimeout, 700*time.Millisecond, 10.7, 11.2, &fact.Timeline{Events: login, Requests: used(1, 10, 1), Spells: spellsOf(0, 10, 11.2, 19.3)}),
	}
	for i := range all {
		r := &all[i]
		switch r.ID {
		case inconclusive:
			r.State, r.Reason = fact.Inconclusive, "crash"
		case retracted:
			r.State = fact.Retracted
			for j := range r.Timeline.Requests {
				r.Timeline.Requests[j].Late = false
			}
		case unknownStart:
			r.StartKnown = false
		case withoutTimeline:
			r.Timeline = nil
		case longIdle:
			r.Severity = findinglog.Critical
		case hostile:
			evil := "\u202elive\u202c<img src=x onerror=alert(1)><script>document.title='owned'</script>" + strings.Repeat("W", 1<<20)
			r.Resource.ServiceName, r.Resource.ServiceInstance, r.Details.Route = evil, "javascript:alert(1)", "/\x00\xed\xa0\x80"+evil
			r.PolicyName, r.EndedBy = "</style><script>alert(2)</script>", `"><svg onload=alert(3)>`
			texts := append([]string{}, scenarioTexts...)
			texts[ledger], texts[orders], texts[secondInstance] = fact.Clean(evil), fact.Clean(evil), "javascript:alert(1)"
			r.Timeline.Texts = texts
		}
	}
	return all
}

// scenarioCounts are of an engine that found them.
func scenarioCounts() console.Counts {
	return console.Counts{
		Sessions: 7, Pending: 1, Findings: map[string]int64{"confirmed": 9, "inconclusive": 1, "retracted": 1},
		Judged: []console.Judged{
			{Policy: 1, Service: "ledger", InTime: 66, Late: 14, Violations: map[string]int64{"ended": 6, "idle_timeout": 4}, LongestServed: 34 * time.Minute},
			{Policy: 1, Service: "storefront", InTime: 1204, Refused: 10, LongestServed: 29 * time.Minute, ShortestRefused: 31 * time.Minute},
			{Policy: 1, Service: "checkout", InTime: 310, Refused: 97, Late: 1, Violations: map[string]int64{"ended": 1}, LongestServed: 20 * time.Minute, ShortestRefused: 21 * time.Minute},
			{Policy: 0, Service: "payments", InTime: 12},
		},
		Seen: []console.Seen{
			{Service: "ledger", WithID: 80, WithoutID: 94},
			{Service: "storefront", WithID: 1214, WithoutID: 116},
			{Service: "checkout", WithID: 408},
			{Service: "mailer", WithoutID: 512},
		},
		Blind: map[string]time.Duration{"crash": 70 * time.Second}, Lost: map[string]int64{"session_id_placeholder": 2},
		Advice: []console.Advice{
			{
				Group: console.AdviceFalse, Title: "Findings would be false because", Code: "parents_missing", Service: "ledger",
				Sentence: "12 of 66 parents of spans of ledger never came: stand before samplers, or set `coverage: sampled`.",
			},
			{
				Group: console.AdviceFewer, Title: "Findings are fewer than they could be because", Code: "logins_none",
				Sentence: "no login was ever reported, so ages are lower bounds: send events::authenticated.",
			},
		},
	}
}
