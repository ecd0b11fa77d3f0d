package extract

import (
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Traces appends what td says to b.
func (x *Extractor) Traces(td ptrace.Traces, b *Batch) {
	w := walk{x: x, b: b}
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
	var q request
	switch s.Kind() {
	case ptrace.SpanKindServer:
	case ptrace.SpanKindConsumer:
		q.flags = fact.Consumer
		q.statusError = s.Status().Code() == ptrace.StatusCodeError
	default:
		if id, ok := w.namedBy(s.Attributes()); ok {
			if len(id) <= w.reach {
				w.record.seen = 0 // nothing else of it is looked at
				w.hideIDs(id)
			}
			w.seen.OtherWithID++
		}
		return
	}
	w.x.keys.collect(s.Attributes(), &w.record)
	q.times(s)
	q.trace = s.TraceID()
	q.span = s.SpanID()
	if state := s.TraceState().AsRaw(); state != "" && isSampled(state) {
		q.flags |= fact.Sampled
	}
	w.request(&q)
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
