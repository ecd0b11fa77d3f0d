package extract

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// request is what a span or an access-log record adds to its attributes.
type request struct {
	// Only both ids together identify it; a trace id alone still leads a person
	// to its trace.
	trace          [16]byte
	span, parent   [8]byte
	start, end, at int64
	flags          fact.Flags
	refused        Reason // why its time is none; else usable
	statusError    bool   // of a CONSUMER span, or of an RPC's
}

// request appends what the current record says, which is a request.
func (w *walk) request(q *request) {
	x, r := w.x, &w.record
	method := r.strOr(slotMethod, slotMethodOld)
	template := r.str(slotRoute)
	route, path := cutParameters(template), cutParameters(r.strOr(slotPath, slotTargetOld))
	if path == "" && r.has(slotURL) {
		path = pathOfURL(cutParameters(r.str(slotURL)))
	}
	class := w.class(q, template, route, path)
	var id whom
	w.sessionID(&id)
	if class.has(isEvent) && q.refused == usable {
		w.requestEvents(q, class, &id)
	}
	others := w.others || r.any(x.otherMask)
	shows := false
	switch {
	case id.reason != usable:
		if w.b.current != w.base {
			w.speakFor(0)
		}
	case others:
		w.user(&w.who)
		if x.linked.mask != 0 {
			w.larger = w.linked(id.raw)
		}
		shows = true
		w.hideIDs(&id, &w.who, w.larger.Raw)
	case w.mayShow(&id, r.seen):
		shows = true
		w.hideIDs(&id, &nobody, "")
	}
	if !class.has(isExempt) {
		w.seen.request(id.reason == usable)
	}
	refused := q.refused
	switch id.reason {
	case usable:
	case absent:
		return
	default:
		refused = id.reason
	}
	if refused != usable {
		w.b.refuse(refused)
		return
	}

	status := httpStatus(r)
	f := w.fact(fact.Request)
	f.Flags = q.flags | id.flags
	f.Start, f.End, f.At = q.start, q.end, q.at
	f.Trace, f.Span, f.Parent = q.trace, q.span, q.parent
	if others {
		if w.who.reason == usable {
			if x.identifyUser(f, &w.who); f.Flags.Has(fact.UserPresented) {
				f.Details.User = x.presented.name(f.User, x)
			}
		}
		if x.linked.mask != 0 {
			f.Linked = w.b.name(w.larger)
		}
	}
	rare := r.any(rareSlots)
	if rare || class != 0 || q.flags.Has(fact.Consumer) {
		f.Outcome = x.outcome(r, status, q, class)
		f.Flags = class.of(f.Flags)
		if r.has(slotContentType) && isEventStream(r.header(slotContentType)) {
			f.Flags |= fact.Stream
		}
	} else {
		f.Outcome = x.httpOutcome(r, status)
	}
	if status == 101 {
		f.Flags |= fact.Stream
	}
	if len(method) == len("options") && equalFold(method, "options") {
		f.Flags |= fact.Options
	}
	f.Policy = w.policy
	if r.any(x.policies.mask) {
		f.Policy = firstOf(x.policies.fitting(&w.policies, r))
	}
	d := &f.Details
	d.Method, d.Status = method, status
	d.Route, d.Path = route, path
	if shows || rare || max(len(method), len(route), len(path))*decodedShrinks >= min(len(id.raw), maxDetail) {
		if !shows {
			w.b.secrets.reset()
			w.b.secrets.add(id.raw)
		}
		r.quote(d, &w.b.secrets)
	}
	if max(len(d.Route), len(d.Path)) >= minToken {
		d.Route, d.Path = hideTokens(d.Route), hideTokens(d.Path)
	}
	w.identify(f, &id)
}

// rareSlots are what few requests have of what tells an outcome, a stream or what else
// is quoted.
const rareSlots = rpcStatusSlots | rpcSystemSlots | 1<<slotErrorType | 1<<slotContentType | 1<<slotRPCMethod | 1<<slotDestination

// quote sees to it that d holds what may be quoted of texts, and adds the rarer
// ones. Others that are shorter than the ids need none of it.
func (f *found) quote(d *fact.Details, s *secrets) {
	d.Method, d.Route, d.Path = s.quote(d.Method), s.quote(d.Route), s.quote(d.Path)
	d.RPCMethod, d.Destination = s.quote(f.str(slotRPCMethod)), s.quote(f.str(slotDestination))
}

// instant reads a timestamp, or says why it is none.
func instant(t pcommon.Timestamp) (int64, Reason) {
	switch {
	case t == 0:
		return 0, TimestampZero
	case t > math.MaxInt64:
		return 0, TimestampRange
	}
	return int64(t), usable
}

const eventStream = "text/event-stream"

// isEventStream reports whether a content type, with parameters or without, is
// that of server-sent events.
func isEventStream(contentType string) bool {
	if !hasPrefixFold(contentType, eventStream) {
		return false
	}
	rest := contentType[len(eventStream):]
	return rest == "" || rest[0] == ';' || rest[0] == ' ' || rest[0] == '\t'
}
