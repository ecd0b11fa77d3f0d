package sessiontimeout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/keeper"
	"github.com/otelcol-session/otelcol-session/internal/safestore"
)

// blocking is a next component that takes nothing until it is released; stubborn
// ones do not look at their context either.
type blocking struct {
	consumertest.LogsSink
	stubborn bool
	released chan struct{}
	calls    atomic.Int64
}

func newBlocking(stubborn bool) *blocking {
	return &blocking{stubborn: stubborn, released: make(chan struct{})}
}

// release may be called twice.
func (b *blocking) release() {
	select {
	case <-b.released:
	default:
		close(b.released)
	}
}

func (b *blocking) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	b.calls.Add(1)
	done := ctx.Done()
	if b.stubborn {
		done = nil
	}
	select {
	case <-b.released:
		return b.LogsSink.ConsumeLogs(context.WithoutCancel(ctx), ld)
	case <-done:
		return ctx.Err()
	}
}

// TestBlockedNext: while the next component blocks verdicts are reached,
// sessions forgotten and both measured.
func TestBlockedNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p, next := newTestShared(t, r), newBlocking(true)
		ctx := context.Background()
		p.open(next)
		require.NoError(t, p.start(ctx, newMemory(nil).host()))
		defer func() {
			next.release()
			p.close(ctx, next)
			require.NoError(t, p.stop(ctx))
		}()
		serve := func(s string) {
			_, err := p.processTraces(ctx, requestSpan(s, time.Now()))
			require.NoError(t, err)
		}
		serve("one")
		serve("two")
		time.Sleep(31 * time.Minute)
		serve("one")
		time.Sleep(2 * time.Minute) // decided, and stuck on its way
		serve("two")
		time.Sleep(10 * time.Minute)
		require.Equal(t, map[string]int64{"default shop idle_timeout": 2}, r.counts("violations"))
		require.EqualValues(t, 2, r.measured("overrun"))
		flood := 50_000
		if testing.Short() || raceEnabled {
			flood = 5000
		}
		for n := range flood {
			serve(fmt.Sprintf("invented-%d", n))
		}
		time.Sleep(tick)
		synctest.Wait()
		require.Equal(t, r.counts("sessions_evicted")["max_sessions"], r.measured("session_lifetime"))
		require.Greater(t, r.measured("session_lifetime"), int64(flood-2000))
	})
}

// TestLiveness is the law: with a next component that blocks for ever and a
// storage that hangs, each alone and both together, verdicts and metrics go on,
// what waits in memory is bounded, and the stop keeps its deadline.
func TestLiveness(t *testing.T) {
	nexts := map[string]func() *blocking{
		"next works":    func() *blocking { b := newBlocking(false); b.release(); return b },
		"next blocks":   func() *blocking { return newBlocking(false) },
		"next is stuck": func() *blocking { return newBlocking(true) },
	}
	hang := func(*storage.Operation) error { return errHang }
	stuck := func(*storage.Operation) error { return errStuck }
	storages := map[string]struct {
		set   func(*Config)
		fault func(*storage.Operation) error
	}{
		"no storage":                        {func(*Config) {}, nil},
		"checkpoint, storage works":         {stored, nil},
		"checkpoint, storage hangs":         {stored, hang},
		"checkpoint, storage is stuck":      {stored, stuck},
		"acknowledged, storage works":       {acknowledged, nil},
		"acknowledged, storage is stuck":    {acknowledged, stuck},
		"acknowledged, storage hangs":       {acknowledged, hang},
		"acknowledged, no checkpoint works": {acknowledged, writesFail("head", errDisk)},
	}
	for nextName, next := range nexts {
		for storageName, s := range storages {
			for deadline, limit := range map[string]time.Duration{"own deadline": ownDeadline, "given deadline": 2 * time.Second} {
				worst := nextName == "next is stuck"
				if short := testing.Short() || raceEnabled; !worst && (short || limit != ownDeadline) || short && limit != ownDeadline {
					continue
				}
				t.Run(nextName+"/"+storageName+"/"+deadline, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := &liveness{t: t, rig: newRig(t, s.set, func(c *Config) { c.Policies[0].IdleTimeout = time.Minute }), memory: newMemory(nil), next: next()}
						defer l.next.release()
						defer close(l.memory.released)
						l.begin()
						l.memory.setFault(s.fault)
						l.violations()
						l.flood()
						l.overflow()
						l.stop(limit)
					})
				})
			}
		}
	}
}

// ownDeadline is what a stop takes at most that is given none: the last findings, the
// goroutines, and three operations of a storage: a checkpoint for findings that
// are held, the last one, and the close.
const ownDeadline = flushTimeout + keeper.LoopsTimeout + 3*safestore.Timeout

const (
	rounds = 3                       // of a violation each
	many   = keeper.MaxQueued + 2000 // findings: more than may wait

	maxJournal = 64 << 10 // bytes
)

// liveness is a collector with something that hangs.
type liveness struct {
	t      *testing.T
	rig    *rig
	memory *memory
	next   *blocking
	shared *shared
	traces processor.Traces
	logs   processor.Logs
}

func (l *liveness) begin() {
	f := newFactory()
	var err error
	l.traces, err = f.createTraces(context.Background(), l.rig.set, l.rig.cfg, l.rig.spans)
	require.NoError(l.t, err)
	l.logs, err = f.createLogs(context.Background(), l.rig.set, l.rig.cfg, l.next)
	require.NoError(l.t, err)
	l.shared = f.mu.all[l.rig.cfg.(*Config)]
	l.shared.maxJournal = maxJournal
	require.NoError(l.t, l.traces.Start(context.Background(), l.memory.host()))
	require.NoError(l.t, l.logs.Start(context.Background(), l.memory.host()))
}

func (l *liveness) serve(session string) {
	require.NoError(l.t, l.traces.ConsumeTraces(context.Background(), requestSpan(session, time.Now())))
}

// violations go on, one after the other, in the metrics as well.
func (l *liveness) violations() {
	for i := range rounds {
		s := fmt.Sprint("session ", i)
		l.serve(s)
		time.Sleep(2 * time.Minute)
		l.serve(s)
		time.Sleep(2 * time.Minute)
		require.Equal(l.t, map[string]int64{"default shop idle_timeout": int64(i) + 1}, l.rig.counts("violations"))
		require.EqualValues(l.t, i+1, l.rig.measured("overrun"))
		require.Equal(l.t, map[string]int64{"confirmed": int64(i) + 1}, l.rig.counts("findings"))
	}
}

// flood is of sessions that push one another out. It leaves lifetimes, and
// segments of the journal.
func (l *liveness) flood() {
	for n := range 3000 {
		l.serve(fmt.Sprint("invented ", n))
	}
	time.Sleep(2 * tick)
	synctest.Wait()
	require.Greater(l.t, l.rig.measured("session_lifetime"), int64(1500))
	require.LessOrEqual(l.t, l.rig.counts("journal_size")[""], int64(maxJournal))
}

// overflow lets more findings wait than may.
func (l *liveness) overflow() {
	f := fact.Finding{Revision: 1, Requests: 1, Session: fact.Pseudonym{1}, LastActivityAt: 1}
	l.shared.keeper.Queue().Push(slices.Repeat([]findinglog.Record{l.shared.cfg.record(&f)}, many)...)
	time.Sleep(2 * tick)
	synctest.Wait()
	waiting, lost := l.rig.counts("findings_waiting")[""], l.rig.counts("findings_undelivered")[""]
	require.LessOrEqual(l.t, waiting, int64(keeper.MaxQueued))
	require.EqualValues(l.t, rounds+many, waiting+lost+int64(l.next.LogRecordCount()), "each waits, is lost and counted, or has left")
}

// stop keeps its deadline, and says what found no way out.
func (l *liveness) stop(limit time.Duration) {
	ctx := context.Background()
	if limit != ownDeadline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	begin := time.Now()
	err := errors.Join(l.traces.Shutdown(ctx), l.logs.Shutdown(ctx))
	require.LessOrEqual(l.t, time.Since(begin), limit)
	waits := int64(0)
	if l.rig.cfg.(*Config).Storage != nil && l.memory.fault == nil {
		require.NoError(l.t, err)
		again := newRig(l.t, func(c *Config) { *c = *l.rig.cfg.(*Config) })
		p := newTestShared(l.t, again)
		require.NoError(l.t, p.start(ctx, newMemory(l.memory.snapshot()).host()))
		waits = int64(p.keeper.Snapshot().Waiting) // for the next start
		require.Empty(l.t, again.counts("state_lost"))
		require.NoError(l.t, p.stop(ctx))
	}
	require.EqualValues(l.t, rounds+many, waits+int64(l.next.LogRecordCount())+l.shared.keeper.Queue().Lost(), "each waits, is lost and counted, or has left")
}
