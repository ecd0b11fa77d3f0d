package extract

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/session"
)

// request is what a span or an access-log record adds to its attributes.
type request struct {
	start, end, at int64
	refused        Reason // why its time is none; else usable
	trace          [16]byte
	span           [8]byte
	flags          session.Flags
	statusError    bool // of a CONSUMER span
}

// request appends what the current record says, which is a request.
func (w *walk) request(q *request) {
	x, r := w.x, &w.record
	method := r.strOr(slotMethod, slotMethodOld)
	route, path := r.str(slotRoute), cutPath(r.strOr(slotPath, slotTargetOld))
	// Where a route says that a rest is optional (/login/:next?), what comes
	// before is the route.
	cutRoute := cutPath(route)
	exempt := x.exempt.match(method, cutRoute, path)
	var id sessionID
	w.sessionID(&id)
	if !exempt {
		w.seen.request(id.state == idUsable)
	}
	refused := usable
	switch {
	case id.state == idAbsent:
		return
	case id.state == idRefused:
		refused = id.refused
	default:
		refused = q.refused
	}
	if refused != usable {
		if !exempt {
			w.b.Refused[refused]++
		}
		return
	}
	if exempt {
		// What lies inside it is exempt with it; without ids nothing does.
		if q.trace != [16]byte{} {
			q.fill(w.fact(session.Exempt), &id)
		}
		return
	}

	f := w.fact(session.Request)
	q.fill(f, &id)
	f.User = x.user(r, w.b)
	status := httpStatus(r)
	if q.flags.Has(session.Consumer) {
		f.Outcome = x.consumerOutcome(r, status, q.statusError)
	} else {
		f.Outcome = x.outcome(r, status)
	}
	if x.passive.match(method, cutRoute, path) {
		f.Flags |= session.Passive
	}
	if status == 101 || isEventStream(r.header(slotContentType)) || isEventStream(r.header(slotContentTypeOld)) ||
		x.streams.match(cutRoute) || x.streams.match(path) {
		f.Flags |= session.Stream
	}
	f.Policy = w.policy
	if r.any(x.policies.mask) {
		f.Policy = x.policies.policy(r, &w.scope, &w.resource)
	}
	d := &f.Details
	d.Method, d.Route, d.Path, d.Status = clip(method), clip(route), clip(path), status
	d.RPCMethod, d.Destination = clip(r.str(slotRPCMethod)), clip(r.str(slotDestination))
}

// fill writes what a request and an exempt one have in common.
func (q *request) fill(f *session.Fact, id *sessionID) {
	f.Session = id.name
	f.Flags = q.flags | id.flags
	f.Start, f.End, f.At = q.start, q.end, q.at
	f.Trace, f.Span = q.trace, q.span
}

// identify takes the ids of the request, or neither.
func (q *request) identify(trace pcommon.TraceID, span pcommon.SpanID) {
	if !trace.IsEmpty() && !span.IsEmpty() {
		q.trace, q.span = trace, span
	}
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
