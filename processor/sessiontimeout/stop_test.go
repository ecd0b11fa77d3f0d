package sessiontimeout

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/keeper"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// TestBatchMeetsStop: batches that come while the processor stops get an answer, and
// what is acknowledged is there after the next start.
func TestBatchMeetsStop(t *testing.T) {
	rounds := 300
	if testing.Short() || raceEnabled {
		rounds = 40
	}
	const senders, batches = 4, 3
	for n := range rounds {
		m := newMemory(nil)
		r := newRig(t, acknowledged)
		p := newTestShared(t, r)
		require.NoError(t, p.start(context.Background(), m.host()))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		begin, errs := make(chan struct{}), make(chan error, senders)
		var taken atomic.Int64
		for g := range senders {
			var work [batches]func() error
			for b := range work {
				td := requestSpan(fmt.Sprint("session ", g, b), time.Now())
				work[b] = func() error { _, err := p.processTraces(ctx, td); return err }
			}
			go func() {
				<-begin
				for _, send := range work {
					if err := send(); err != nil {
						errs <- err
						return
					}
					taken.Add(1)
				}
				errs <- nil
			}()
		}
		close(begin)
		time.Sleep(time.Duration(n%8) * 100 * time.Microsecond) // anywhere in between
		require.NoError(t, p.stop(context.Background()))
		for range senders {
			if err := <-errs; err != nil {
				require.NotErrorIs(t, err, context.DeadlineExceeded, "round %d: it waits for good", n)
			}
		}
		cancel()
		again := newTestShared(t, newRig(t, acknowledged))
		require.NoError(t, again.start(context.Background(), newMemory(m.snapshot()).host()))
		require.GreaterOrEqual(t, again.keeper.Snapshot().Sessions, int(taken.Load()), "round %d: acknowledged and lost", n)
		require.NoError(t, again.stop(context.Background()))
	}
}

// TestBatchAfterStop: a batch that comes too late is turned away with an error that
// lets its sender keep it, and is counted.
func TestBatchAfterStop(t *testing.T) {
	for name, durability := range map[string]func(*Config){"memory": func(*Config) {}, "checkpoint": stored, "acknowledged": acknowledged} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, durability)
				p := newTestShared(t, r)
				require.NoError(t, p.start(context.Background(), newMemory(nil).host()))
				now, b := time.Now(), &extract.Batch{}
				p.extractor.Logs(endRecord("s1", now), b)
				require.Len(t, b.Facts, 1)
				turnedAway := func(service string, err error) {
					t.Helper()
					require.ErrorIs(t, err, keeper.ErrStopped)
					require.False(t, consumererror.IsPermanent(err))
					require.EqualValues(t, 1, p.counts.refused.of(service)[refusedStopped])
				}
				require.NoError(t, p.stop(context.Background()))
				_, err := p.take(b, func(extract.Ref, session.Mark) { require.Fail(t, "it was observed") })
				turnedAway("auth", err)
				_, err = p.processTraces(context.Background(), requestSpan("s1", now))
				turnedAway("shop", err)
				_, err = p.processLogs(context.Background(), eventRecord("something else", "s1", now))
				require.NoError(t, err, "no fact is lost of it")
				require.Zero(t, p.keeper.Snapshot().Facts(fact.Ended))
			})
		})
	}
}

// TestStopBreaksOff: whose facts are being written when the stop runs out of
// time is told that they may not be stored.
func TestStopBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		p := newTestShared(t, newRig(t, acknowledged))
		require.NoError(t, p.start(context.Background(), m.host()))
		time.Sleep(2 * time.Second) // the first checkpoint is stored
		m.setFault(writesFail(segmentPrefix, errHang))
		answers := make(chan error, 2)
		for n := range 2 { // one is written, one gathers
			go func() {
				_, err := p.processTraces(context.Background(), requestSpan(fmt.Sprint("session ", n), time.Now()))
				answers <- err
			}()
			synctest.Wait()
		}
		require.NoError(t, p.stop(context.Background()))
		for range 2 {
			require.ErrorIs(t, <-answers, keeper.ErrStopped)
		}
	})
}
