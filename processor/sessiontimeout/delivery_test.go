package sessiontimeout

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
)

// TestNextRefuses: findings that the next component refuses for now wait and
// are offered again; what it refuses for good is counted.
func TestNextRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		next := &refusing{}
		next.with(errRefused)
		traces := r.traces()
		logs, err := r.factory.CreateLogs(context.Background(), r.set, r.cfg, next)
		require.NoError(t, err)
		start(t, traces, logs)
		ctx := context.Background()
		violate := func(session string) {
			require.NoError(t, traces.ConsumeTraces(ctx, requestSpan(session, time.Now())))
			time.Sleep(45 * time.Minute)
			require.NoError(t, traces.ConsumeTraces(ctx, requestSpan(session, time.Now())))
			time.Sleep(2 * time.Minute)
		}
		violate("s1")
		require.Zero(t, next.LogRecordCount())
		require.Empty(t, r.counts("findings_undelivered"))
		next.with(nil)
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, next.LogRecordCount())

		next.with(consumererror.NewPermanent(errRefused))
		violate("s2")
		require.Equal(t, map[string]int64{"": 1}, r.counts("findings_undelivered"))
		next.with(nil)
		time.Sleep(time.Minute)
		require.Equal(t, 1, next.LogRecordCount(), "it was given up")
		shutdown(t, traces, logs)
	})
}

// TestNextBlocks: what the next component does not answer about in time is
// offered again, with what has come since; nothing is lost by that, and
// everything leaves in order once it answers.
func TestNextBlocks(t *testing.T) {
	for name, stubborn := range map[string]bool{"until its deadline": false, "beyond its deadline": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				next := newBlocking(stubborn)
				traces := r.traces()
				logs, err := r.factory.CreateLogs(context.Background(), r.set, r.cfg, next)
				require.NoError(t, err)
				start(t, traces, logs)
				defer shutdown(t, traces, logs)
				defer next.release()
				ctx := context.Background()
				for i := range 3 {
					s := fmt.Sprint("s", i)
					require.NoError(t, traces.ConsumeTraces(ctx, requestSpan(s, time.Now())))
					time.Sleep(45 * time.Minute)
					require.NoError(t, traces.ConsumeTraces(ctx, requestSpan(s, time.Now())))
					time.Sleep(2 * time.Minute)
					require.Equal(t, map[string]int64{"confirmed": int64(i) + 1}, r.counts("findings"))
				}
				synctest.Wait()
				if stubborn {
					require.EqualValues(t, 1, next.calls.Load())
				} else {
					require.GreaterOrEqual(t, next.calls.Load(), int64(90*time.Minute/(consumeTimeout+tick)))
				}
				require.Zero(t, next.LogRecordCount())
				require.Empty(t, r.counts("findings_undelivered"))
				next.release()
				time.Sleep(consumeTimeout)
				synctest.Wait()
				require.Equal(t, 3, next.LogRecordCount())
				r.records = &next.LogsSink
				findings := r.findings()
				require.Len(t, findings, 3)
				for i := range findings[1:] {
					require.Less(t, findings[i].Timestamp(), findings[i+1].Timestamp(), "in order")
				}
			})
		})
	}
}
