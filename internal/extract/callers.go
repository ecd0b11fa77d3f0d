package extract

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Caller is a span that may be the parent of a request: CLIENT, PRODUCER or
// INTERNAL. What a service calls does not learn the ids of its SERVER spans but
// from them.
type Caller struct {
	Trace [16]byte
	Span  [8]byte
	// Resource is an index in Batch.Resources.
	Resource int32
	Kind     ptrace.SpanKind
	// Start and End are zero where they are not known.
	Start, End int64
}

// caller takes note of one that has both ids.
func (w *walk) caller(s ptrace.Span, kind ptrace.SpanKind) {
	trace, span := s.TraceID(), s.SpanID()
	if trace.IsEmpty() || span.IsEmpty() {
		return
	}
	w.b.Callers = append(w.b.Callers, Caller{
		Trace: trace, Span: span, Resource: int32(w.base), Kind: kind,
		Start: known(s.StartTimestamp()), End: known(s.EndTimestamp()),
	})
}

// known is an instant, or zero.
func known(t pcommon.Timestamp) int64 {
	at, reason := instant(t)
	if reason != usable {
		return 0
	}
	return at
}
