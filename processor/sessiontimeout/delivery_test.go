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
			time.Sleep(6 * time.Minute)
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
					time.Sleep(6 * time.Minute)
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

// TestLogsPipelineStopsFirst: what spans bring after the logs instance has stopped
// waits in the storage and leaves after the next start, once.
func TestLogsPipelineStopsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		r := newRig(t, stored)
		host := m.host()
		ctx := context.Background()
		traces, logs := r.traces(), r.logs()
		require.NoError(t, traces.Start(ctx, host))
		require.NoError(t, logs.Start(ctx, host))
		require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		time.Sleep(45 * time.Minute)
		shutdown(t, logs)
		require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		time.Sleep(2 * time.Minute) // decided without a logs pipeline
		require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s2", time.Now())))
		shutdown(t, traces)
		require.Empty(t, r.findings())
		require.Empty(t, r.counts("findings_undelivered"))

		for range 2 {
			again := newRig(t, stored)
			traces, logs = again.traces(), again.logs()
			require.NoError(t, traces.Start(ctx, host))
			time.Sleep(10 * time.Second) // a slow start
			require.NoError(t, logs.Start(ctx, host))
			time.Sleep(time.Minute)
			shutdown(t, traces, logs)
			r.records.Reset()
			for _, ld := range again.records.AllLogs() {
				require.NoError(t, r.records.ConsumeLogs(ctx, ld))
			}
			if len(r.findings()) == 0 {
				break
			}
			require.Len(t, r.findings(), 1)
			require.Equal(t, "confirmed", attributeOf(r.findings()[0], "session_timeout.state"))
		}
		require.Empty(t, r.findings(), "it leaves once")
	})
}

// TestNoLogsPipelineWithStorage: where no logs pipeline ever comes findings are
// counted as undelivered and not kept for ever.
func TestNoLogsPipelineWithStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		r := newRig(t, stored)
		p := newTestShared(t, r)
		require.NoError(t, p.start(context.Background(), m.host()))
		for range 2 {
			_, err := p.processTraces(context.Background(), requestSpan("s1", time.Now()))
			require.NoError(t, err)
			time.Sleep(45 * time.Minute)
		}
		require.Equal(t, map[string]int64{"": 1}, r.counts("findings_undelivered"))
		require.Zero(t, p.keeper.Snapshot().Waiting)
		require.NoError(t, p.stop(context.Background()))
	})
}
