package sessiontimeout

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
)

// TestEvidenceLost: what the engine gives up to stay bounded is counted, by
// what it gave up.
func TestEvidenceLost(t *testing.T) {
	for reason, c := range map[string]struct {
		want int64
		load func(ctx context.Context, in processor.Traces, logs processor.Logs)
	}{
		"unreachable": {3, func(ctx context.Context, in processor.Traces, _ processor.Logs) {
			td := ptrace.NewTraces()
			for i := range 1000 + 3 {
				addRequest(td, "s1", time.Now().Add(time.Duration(i)*time.Millisecond))
			}
			require.NoError(t, in.ConsumeTraces(ctx, td))
		}},
		"truncated": {2, func(ctx context.Context, _ processor.Traces, logs processor.Logs) {
			for i := range 64 + 2 {
				require.NoError(t, logs.ConsumeLogs(ctx, eventRecord("authn_login_success", "s1", time.Now().Add(time.Duration(i)*time.Millisecond))))
			}
		}},
		"closed": {4, func(ctx context.Context, in processor.Traces, _ processor.Logs) {
			for range 2 {
				td := ptrace.NewTraces()
				for i := range 256 + 4 {
					addRequest(td, fmt.Sprintf("s%d", i), time.Now())
				}
				require.NoError(t, in.ConsumeTraces(ctx, td))
				time.Sleep(45 * time.Minute)
			}
		}},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				traces, logs := r.traces(), r.logs()
				start(t, traces, logs)
				require.Empty(t, r.counts("evidence_lost"))
				c.load(context.Background(), traces, logs)
				require.Equal(t, map[string]int64{reason: c.want}, r.counts("evidence_lost"))
				shutdown(t, traces, logs)
			})
		})
	}
}
