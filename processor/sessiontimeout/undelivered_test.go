package sessiontimeout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestUndelivered: the oldest leave first, none that is held, and what is
// stored of them is what comes back.
func TestUndelivered(t *testing.T) {
	r := newRig(t)
	cfg := r.cfg.(*Config)
	var u undelivered
	u.add(make([]fact.Finding, maxBatch+2), true)
	_, findings := u.next()
	require.Empty(t, findings, "all are held")
	came := u.came
	u.add(make([]fact.Finding, 3), true)
	u.release(came)
	_, findings = u.next()
	require.Len(t, findings, maxBatch)
	require.Equal(t, maxBatch, u.returned(false))
	_, findings = u.next()
	require.Len(t, findings, 2)
	require.Zero(t, u.returned(true))

	value, err := u.sealed(cfg)
	require.NoError(t, err)
	back, err := readUndelivered(value)
	require.NoError(t, err)
	require.Equal(t, 5, back.len())
	ld, findings := back.next()
	require.Equal(t, 5, ld.LogRecordCount())
	require.Empty(t, findings)
	require.Zero(t, back.returned(true))
	back.add(make([]fact.Finding, 4), false)
	require.Equal(t, 5, back.drop(1), "a batch goes as a whole")
	require.Equal(t, 4, back.drop(10))
	require.Zero(t, back.len())
	for i := range value {
		_, err := readUndelivered(value[:i])
		require.Error(t, err)
	}
}

// TestLeaving: what is with the next component is nobody's to give up; of the
// others the oldest go.
func TestLeaving(t *testing.T) {
	numbered := func(from, to uint64) (findings []fact.Finding) {
		for id := from; id < to; id++ {
			findings = append(findings, fact.Finding{ID: id})
		}
		return findings
	}
	var u undelivered
	u.add(numbered(0, maxBatch+10), false)
	u.add(numbered(maxBatch+10, maxBatch+20), true)
	_, leaving := u.next()
	require.Len(t, leaving, maxBatch)
	require.Equal(t, 15, u.drop(15))
	require.Equal(t, 5, u.held)
	require.Equal(t, numbered(0, maxBatch), leaving, "they are being read")
	require.Equal(t, append(numbered(0, maxBatch), numbered(maxBatch+15, maxBatch+20)...), u.findings)
	require.Equal(t, 5, u.drop(maxBatch+5))
	require.Zero(t, u.held)
	u.add(numbered(1000, 1003), true)
	require.Equal(t, maxBatch, u.returned(false))
	require.Equal(t, numbered(1000, 1003), u.findings)
	require.Equal(t, 3, u.held)

	r := newRig(t)
	u = undelivered{}
	for range 3 {
		u.restored = append(u.restored, findingRecords(numbered(0, 4), r.cfg.(*Config)))
	}
	u.add(numbered(0, 2), false)
	ld, _ := u.next()
	require.Equal(t, 4, ld.LogRecordCount())
	require.Equal(t, 4, u.drop(1), "the second batch")
	require.Equal(t, 5, u.drop(5), "the third, and a finding")
	require.Equal(t, 5, u.len())
	require.Zero(t, u.returned(true))
	again, _ := u.next()
	require.Equal(t, ld, again, "it is the next again")
	require.Equal(t, 5, u.abandon())
	require.Zero(t, u.returned(false), "it returns to nobody")
	require.Zero(t, u.len())
}

// TestTheWayOutStopsFirst: what spans bring after the logs instance has stopped
// waits in the storage and leaves after the next start, once.
func TestTheWayOutStopsFirst(t *testing.T) {
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
		time.Sleep(2 * time.Minute) // decided without a way out
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

// TestNoWayOutWithStorage: where no logs pipeline ever comes findings are
// counted as undelivered and not kept for ever.
func TestNoWayOutWithStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		r := newRig(t, stored)
		w := newTestWatch(t, r)
		require.NoError(t, w.start(context.Background(), m.host()))
		for range 2 {
			_, err := w.processTraces(context.Background(), requestSpan("s1", time.Now()))
			require.NoError(t, err)
			time.Sleep(45 * time.Minute)
		}
		require.Equal(t, map[string]int64{"": 1}, r.counts("findings_undelivered"))
		require.Zero(t, w.read().waiting)
		require.NoError(t, w.stop(context.Background()))
	})
}
