package sessiontimeout

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestNoAllocationPerSpan: once the state has its size, what is in time costs
// no allocation, however many spans a batch has. What remains is per batch.
func TestNoAllocationPerSpan(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r := newRig(t, func(c *Config) {
		c.MaxAhead, c.MaxAge = 10_000*time.Hour, 0
		c.MaxRecentRequests = 4096
	})
	traces, err := r.factory.CreateTraces(context.Background(), r.set, r.cfg, consumertest.NewNop())
	require.NoError(t, err)
	start(t, traces)
	defer shutdown(t, traces)

	const sessions = 128
	now := time.Now()
	perBatch := func(spans int) float64 {
		td := ptrace.NewTraces()
		for i := range spans {
			addRequest(td, fmt.Sprintf("s%d", i%sessions), now)
		}
		batch := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		deliver := func() {
			now = now.Add(time.Second)
			for i, s := range batch.All() {
				at := pcommon.NewTimestampFromTime(now.Add(time.Duration(i) * time.Microsecond))
				s.SetStartTimestamp(at)
				s.SetEndTimestamp(at + 1000)
				lastSpan++
				s.SetTraceID(pcommon.TraceID{2, byte(lastSpan >> 24), byte(lastSpan >> 16), byte(lastSpan >> 8), byte(lastSpan)})
				s.SetSpanID(pcommon.SpanID{2, byte(lastSpan >> 24), byte(lastSpan >> 16), byte(lastSpan >> 8), byte(lastSpan)})
			}
			require.NoError(t, traces.ConsumeTraces(context.Background(), td))
		}
		for range 8 * 4096 / spans {
			deliver()
		}
		return testing.AllocsPerRun(50, deliver)
	}
	few, many := perBatch(64), perBatch(1024)
	t.Logf("allocations per batch: %.0f of 64 spans, %.0f of 1,024", few, many)
	require.LessOrEqual(t, many-few, 8.0, "allocations grow with the spans of a batch")
	require.Empty(t, r.counts("violations"))
	require.Positive(t, r.counts("requests")["default shop in_time"])
}
