package sessionconsole

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

func idText(id uint64) string { return fmt.Sprintf("%016x", id) }

func parseID(text string) (uint64, bool) {
	id, err := strconv.ParseUint(text, 16, 64)
	return id, err == nil && len(text) == 16
}

// finding is what the API says of h in a list.
func (h *held) finding() console.Finding {
	r, p := &h.record, h.engine.policy(h.record.Policy)
	f := console.Finding{
		ID: idText(r.ID), Sequence: h.sequence, Engine: h.engine.id, Revision: r.Revision,
		Type: r.Type.String(), State: r.State.String(), Reason: cut(r.Reason), Severity: string(r.Severity),
		Policy: cut(r.PolicyName), Limit: r.Limit.Seconds(), Tolerance: p.Tolerance.Seconds(),
		Service: cut(r.Resource.ServiceName), Namespace: cut(r.Resource.ServiceNamespace),
		Instance: cut(r.Resource.ServiceInstance), Environment: cut(r.Resource.Environment),
		Session: hexOf(r.Session[:]), User: hexOf(r.User[:]), TraceID: hexOf(r.Trace[:]), SpanID: hexOf(r.Span[:]),
		At: console.Instant(r.At), ExpiredAt: console.Instant(r.ExpiredAt), Overrun: time.Duration(r.Overrun).Seconds(),
		Requests: r.Requests, FirstAt: console.Instant(r.FirstAt), LastAt: console.Instant(r.LastAt),
		StartedAt: console.Instant(r.StartedAt), StartKnown: r.StartKnown, LastActivityAt: console.Instant(r.LastActivityAt),
		EndedBy: cut(r.EndedBy), Evidence: r.Evidence.String(), Background: r.Background,
		Method: cut(r.Details.Method), Route: cut(cmp.Or(r.Details.Route, r.Details.Path, r.Details.RPCMethod, r.Details.Destination)),
		Status: int(r.Details.Status), DecidedAt: console.Instant(r.DecidedAt),
		Replay: h.engine.description.Replay,
	}
	f.Sentence, f.Headline = sentence(r), headline(r)
	return f
}

// sentence is that of the finding's log record, with names as they are shown here.
func sentence(r *findinglog.Record) string {
	short := *r
	short.Resource.ServiceName, short.PolicyName = shortCut(r.Resource.ServiceName), shortCut(r.PolicyName)
	return findinglog.Sentence(&short)
}

func headline(r *findinglog.Record) string {
	service, requests := orNameless(r.Resource.ServiceName), "a request"
	if r.Requests > 1 {
		requests = grouped(int64(r.Requests)) + " requests"
	}
	switch r.State {
	case fact.Retracted:
		return fmt.Sprintf("%s did not serve a dead session after all", service)
	case fact.Inconclusive:
		return fmt.Sprintf("%s may have served %s on a dead session", service, requests)
	}
	return fmt.Sprintf("%s served %s on a dead session", service, requests)
}

// timeline is what a picture is drawn from.
func (h *held) timeline() *console.Timeline {
	if h.history == nil {
		return nil
	}
	t := &console.Timeline{
		Requests: []console.Request{}, Events: []console.Event{}, Spells: []console.Span{}, Blind: []console.Span{}, NotHeld: []console.Span{},
		ClockFrom: console.Instant(h.clockFrom()),
	}
	h.history.each(func(r *fact.TimelineRequest, texts []string) {
		x := console.Request{
			Start: console.Instant(r.Start), End: console.Instant(r.End), Service: cut(texts[r.Service]), Instance: cut(texts[r.Instance]),
			Method: cut(texts[r.Method]), Route: cut(texts[r.Route]), Status: int(r.Status), TraceID: hexOf(r.Trace[:]),
			Kind: kindOf(r), Inactive: r.Inactive,
		}
		if r.Judged < r.Start {
			x.Judged = console.Instant(r.Judged)
		}
		t.Requests = append(t.Requests, x)
	})
	for _, e := range h.events() {
		x := console.Event{At: console.Instant(e.At), Kind: eventKind(&e), By: cut(e.By)}
		if e.Other != 0 {
			x.Other = idText(e.Other)[:12]
		}
		t.Events = append(t.Events, x)
	}
	for _, s := range h.history.Spells {
		t.Spells = append(t.Spells, span(s))
	}
	for _, b := range h.history.Blind {
		x := span(b.Span)
		x.Reason = cut(b.Reason)
		t.Blind = append(t.Blind, x)
	}
	for _, s := range h.history.notHeld {
		t.NotHeld = append(t.NotHeld, span(s))
	}
	return t
}

func span(s fact.Span) console.Span {
	return console.Span{From: console.Instant(s.From), To: console.Instant(s.To)}
}

// Kinds of requests in a timeline.
const (
	kindServed      = "served"
	kindLate        = "late"
	kindRefused     = "refused"
	kindUndecidable = "undecidable"
	kindExempt      = "exempt"
)

func kindOf(r *fact.TimelineRequest) string {
	switch {
	case r.Exempt:
		return kindExempt
	case r.Late:
		return kindLate
	case r.Outcome == fact.Rejected:
		return kindRefused
	case r.Outcome == fact.Indeterminate:
		return kindUndecidable
	}
	return kindServed
}

func eventKind(e *fact.TimelineEvent) string {
	switch {
	case e.Kind == fact.Authenticated:
		return "login"
	case e.Kind == fact.Ended:
		return "end"
	case e.Kind == fact.EndedUser:
		return "revoked"
	case e.Kind == fact.Rotated && e.Away:
		return "rotated_away"
	case e.Kind == fact.Rotated:
		return "rotated_from"
	}
	return "start"
}

// clockFrom is where the clock began that ran out.
func (h *held) clockFrom() int64 {
	switch h.record.Type {
	case fact.IdleTimeout:
		return h.record.LastActivityAt
	case fact.AbsoluteTimeout:
		return h.record.StartedAt
	default:
		return h.record.ExpiredAt - int64(h.record.Limit)
	}
}

// events are those of the session, and the end that the finding rests on, where that befell
// its user, or a session that it continues.
func (h *held) events() []fact.TimelineEvent {
	var all []fact.TimelineEvent
	if h.history != nil {
		all = h.history.Events
	}
	var kind fact.Kind
	switch h.record.Type {
	case fact.EndedSession:
		kind = fact.Ended
	case fact.RotatedSession:
		kind = fact.Rotated
	case fact.RevokedSession:
		kind = fact.EndedUser
	default:
		return all
	}
	at := h.clockFrom()
	for i, e := range all {
		if e.At == at && e.Kind == kind {
			return all
		}
		if e.At > at {
			return append(append(append([]fact.TimelineEvent{}, all[:i]...), fact.TimelineEvent{At: at, Kind: kind, Away: true, By: h.record.EndedBy}), all[i:]...)
		}
	}
	return append(append([]fact.TimelineEvent{}, all...), fact.TimelineEvent{At: at, Kind: kind, Away: true, By: h.record.EndedBy})
}
