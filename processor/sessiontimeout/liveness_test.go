package sessiontimeout

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
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

// TestBlockedWayOut: while the next component blocks verdicts are reached,
// sessions forgotten and both measured.
func TestBlockedWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		w, next := newTestWatch(t, r), newBlocking(true)
		ctx := context.Background()
		require.NoError(t, w.open(next))
		require.NoError(t, w.start(ctx, newMemory(nil).host()))
		defer func() {
			next.release()
			w.close(ctx, next)
			require.NoError(t, w.stop(ctx))
		}()
		serve := func(s string) {
			_, err := w.processTraces(ctx, requestSpan(s, time.Now()))
			require.NoError(t, err)
		}
		serve("one")
		serve("two")
		time.Sleep(31 * time.Minute)
		serve("one")
		time.Sleep(2 * time.Minute) // decided, and stuck on its way out
		serve("two")
		time.Sleep(10 * time.Minute)
		require.Equal(t, map[string]int64{"default shop idle_timeout": 2}, r.counts("violations"))
		require.EqualValues(t, 2, r.measured("overrun"))
		const flood = 50_000
		for n := range flood {
			serve(fmt.Sprintf("invented-%d", n))
		}
		time.Sleep(tick)
		synctest.Wait()
		require.Equal(t, r.counts("sessions_evicted")["max_sessions"], r.measured("session_lifetime"))
		require.Greater(t, r.measured("session_lifetime"), int64(flood-2000))
	})
}
