package extract

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestCallers(t *testing.T) {
	x := newExtractor(t)
	for kind, calls := range map[ptrace.SpanKind]bool{
		ptrace.SpanKindClient: true, ptrace.SpanKindProducer: true, ptrace.SpanKindInternal: false, ptrace.SpanKindUnspecified: false,
	} {
		for _, a := range []attrs{{}, served} { // of a session or of none
			b := ofTraces(x, oneSpan(t, a, func(s ptrace.Span) { s.SetKind(kind) }))
			require.Empty(t, b.Facts)
			require.Equal(t, []fact.Caller{{
				Trace: testTrace, Span: testSpan, Calls: calls, Resource: &b.Resources[0],
				Start: testStart.UnixNano(), End: testEnd.UnixNano(),
			}}, b.Callers, kind)
			b.Reset()
			require.Empty(t, b.Callers)
			require.Equal(t, fact.Caller{}, b.Callers[:1][0], "nothing points to what is reused")
		}
	}
	for _, kind := range []ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindConsumer} {
		require.Empty(t, ofTraces(x, oneSpan(t, served, func(s ptrace.Span) { s.SetKind(kind) })).Callers, kind)
	}
}

// TestCallersOfUserAgents: whoever writes them chooses what they say.
func TestCallersOfUserAgents(t *testing.T) {
	td := oneSpan(t, attrs{}, func(s ptrace.Span) { s.SetKind(ptrace.SpanKindClient) })
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("telemetry.sdk.language", "webjs")
	require.Empty(t, ofTraces(newExtractor(t), td).Callers)
}

func TestCallersThatAreBroken(t *testing.T) {
	x := newExtractor(t)
	whole := fact.Caller{Trace: testTrace, Span: testSpan, Calls: true, Start: testStart.UnixNano(), End: testEnd.UnixNano()}
	for name, c := range map[string]struct {
		span func(ptrace.Span)
		want func(*fact.Caller)
	}{
		"no trace": {func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) }, func(c *fact.Caller) { c.Trace = [16]byte{} }},
		"no span":  {func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) }, func(c *fact.Caller) { c.Span = [8]byte{} }},
		"an instant": {
			func(s ptrace.Span) { s.SetEndTimestamp(s.StartTimestamp()) },
			func(c *fact.Caller) { c.End = c.Start },
		},
		"no start":    {func(s ptrace.Span) { s.SetStartTimestamp(0) }, func(c *fact.Caller) { c.Start, c.End = 0, 0 }},
		"no end":      {func(s ptrace.Span) { s.SetEndTimestamp(0) }, func(c *fact.Caller) { c.Start, c.End = 0, 0 }},
		"reversed":    {func(s ptrace.Span) { s.SetEndTimestamp(s.StartTimestamp() - 1) }, func(c *fact.Caller) { c.Start, c.End = 0, 0 }},
		"for ever":    {func(s ptrace.Span) { s.SetEndTimestamp(math.MaxInt64 + 1) }, func(c *fact.Caller) { c.Start, c.End = 0, 0 }},
		"almost ever": {func(s ptrace.Span) { s.SetEndTimestamp(math.MaxInt64) }, func(c *fact.Caller) { c.End = math.MaxInt64 }},
	} {
		b := ofTraces(x, oneSpan(t, attrs{}, func(s ptrace.Span) {
			s.SetKind(ptrace.SpanKindClient)
			c.span(s)
		}))
		want := whole
		want.Resource = &b.Resources[0]
		c.want(&want)
		require.Equal(t, []fact.Caller{want}, b.Callers, name)
	}
}

// TestCallersOfSeveralResources: each has its own, in the order of the spans.
func TestCallersOfSeveralResources(t *testing.T) {
	x := newExtractor(t)
	td := ptrace.NewTraces()
	want := []string{"storefront", "ledger", "storefront"}
	for i, service := range want {
		one := oneSpan(t, attrs{}, func(s ptrace.Span) {
			s.SetKind(ptrace.SpanKindClient)
			s.SetSpanID(pcommon.SpanID{byte(i + 1)})
		})
		one.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", service)
		one.ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
	}
	b := ofTraces(x, td)
	var got []string
	for i, c := range b.Callers {
		require.Equal(t, [8]byte{byte(i + 1)}, c.Span)
		got = append(got, c.Resource.ServiceName)
	}
	require.Equal(t, want, got)
}
