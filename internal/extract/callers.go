package extract

import (
	"math"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// caller takes note of a span that may be the parent of a request. There are many
// of them, and most are the parent of none.
func (w *walk) caller(s ptrace.Span, calls bool) {
	b := w.b
	n := len(b.Callers)
	if n == cap(b.Callers) {
		b.Callers = append(b.Callers, fact.Caller{})
	} else {
		b.Callers = b.Callers[:n+1]
	}
	c := &b.Callers[n]
	c.Trace, c.Span, c.Calls, c.Resource = s.TraceID(), s.SpanID(), calls, w.service
	start, end := s.StartTimestamp(), s.EndTimestamp()
	if start == 0 || end < start || end > math.MaxInt64 {
		start, end = 0, 0
	}
	c.Start, c.End = int64(start), int64(end)
}
