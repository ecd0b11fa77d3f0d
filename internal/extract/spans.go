package extract

import (
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Traces appends what td says to b.
func (x *Extractor) Traces(td ptrace.Traces, b *Batch) {
	w := walk{x: x, b: b}
	b.secrets.rules = &x.userRules
	resources := td.ResourceSpans()
	b.grow(resources.Len())
	for i := range resources.Len() {
		resource := resources.At(i)
		if !w.enterResource(i, resource.Resource()) {
			continue
		}
		scopes := resource.ScopeSpans()
		for j := range scopes.Len() {
			scope := scopes.At(j)
			if !w.enterScope(j, scope.Scope()) {
				continue
			}
			spans := scope.Spans()
			for k := range spans.Len() {
				w.ref.Record = int32(k)
				w.span(spans.At(k))
			}
		}
	}
}

// span looks at one span. Only SERVER and CONSUMER spans are requests: a
// session id on others was copied onto them.
func (w *walk) span(s ptrace.Span) {
	kind := s.Kind()
	if kind != ptrace.SpanKindServer && kind != ptrace.SpanKindConsumer {
		w.other(s)
		w.caller(s, kind == ptrace.SpanKindClient || kind == ptrace.SpanKindProducer)
		return
	}
	var q request
	if kind == ptrace.SpanKindConsumer {
		q.flags = fact.Consumer
		q.statusError = s.Status().Code() == ptrace.StatusCodeError
	}
	w.x.keys.collect(s.Attributes(), &w.record)
	if w.record.any(rpcSystemSlots) {
		q.statusError = s.Status().Code() == ptrace.StatusCodeError
	}
	if w.x.rules.exceptional != 0 {
		w.spanRecord = s
	}
	q.times(s)
	q.trace = s.TraceID()
	q.span = s.SpanID()
	if q.parent = s.ParentSpanID(); q.parent != [8]byte{} && s.Flags()&(parentKnown|parentRemote) == parentKnown {
		q.flags |= fact.ParentLocal
	}
	if state := s.TraceState().AsRaw(); state != "" && isSampled(state) {
		q.flags |= fact.Sampled
	}
	w.request(&q)
}

// The bits of a span's flags that say where its parent is.
const (
	parentKnown  = 1 << 8
	parentRemote = 1 << 9
)

// other looks at a span that is no request. One of no kind is INTERNAL.
func (w *walk) other(s ptrace.Span) {
	if id, ok := w.namedBy(s.Attributes()); ok {
		if len(id) <= w.reach {
			w.hideIDs(&whom{raw: id, reason: usable}, &nobody, "")
		}
		w.seen.OtherWithID++
	}
}

// times are those of a span.
func (q *request) times(s ptrace.Span) {
	if q.start, q.refused = instant(s.StartTimestamp()); q.refused != usable {
		return
	}
	if q.end, q.refused = instant(s.EndTimestamp()); q.refused != usable {
		return
	}
	if q.end < q.start {
		q.refused = TimestampReversed
	}
	q.at = q.start
}
