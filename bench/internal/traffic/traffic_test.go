package traffic

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestRenew(t *testing.T) {
	const sessions, spans, rounds = 100, 64, 20
	began := time.Now()
	s := NewSource(sessions, 1)
	batches := []*Batch{s.Batch(0, spans), s.Batch(1, spans)}

	ids, seen := map[string]int{}, map[pcommon.TraceID]bool{}
	last := pcommon.Timestamp(0)
	for range rounds {
		for _, b := range batches {
			s.Renew(b)
			require.Equal(t, spans, b.Traces.SpanCount())
			list := b.Traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
			for i := range list.Len() {
				span := list.At(i)
				require.Equal(t, ptrace.SpanKindServer, span.Kind())
				require.Equal(t, Attributes, span.Attributes().Len())

				require.False(t, seen[span.TraceID()], "no span comes twice")
				seen[span.TraceID()] = true
				require.False(t, span.SpanID().IsEmpty())

				require.Greater(t, span.EndTimestamp(), last, "time moves on")
				last = span.EndTimestamp()
				require.Less(t, span.StartTimestamp(), span.EndTimestamp())
				require.WithinDuration(t, began, span.EndTimestamp().AsTime(), time.Minute)

				id, ok := span.Attributes().Get("session.id")
				require.True(t, ok)
				require.Len(t, id.Str(), len(placeholder))
				ids[string([]byte(id.Str()))]++
				if len(seen) <= sessions {
					require.Len(t, ids, len(seen), "at first all sessions in turn")
				}
			}
		}
	}
	require.Len(t, seen, rounds*2*spans)
	require.Len(t, ids, sessions)
}

func TestSourcesShareSessionsAndNoSpans(t *testing.T) {
	one, two := NewSource(1, 1), NewSource(1, 2)
	a, b := one.Batch(0, 1), two.Batch(0, 1)
	one.Renew(a)
	two.Renew(b)
	span := func(x *Batch) ptrace.Span { return x.Traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0) }
	require.NotEqual(t, span(a).TraceID(), span(b).TraceID())
	ia, _ := span(a).Attributes().Get("session.id")
	ib, _ := span(b).Attributes().Get("session.id")
	require.Equal(t, ia.Str(), ib.Str())
}

func TestRenewDoesNotAllocate(t *testing.T) {
	s := NewSource(1000, 1)
	b := s.Batch(0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.Renew(b) }))
}
