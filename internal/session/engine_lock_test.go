package session

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// TestSafeForConcurrentUse: batches, ticks, checkpoints and whoever reads may come
// from anywhere at once, and every fact is taken or reported as left.
func TestSafeForConcurrentUse(t *testing.T) {
	defer asShipped()()
	cfg := historyConfig()
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.Shards = 4096, 4096, 8
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour, EndGrace: time.Second}}
	e := New(cfg)
	const workers, batches, size = 4, 30, 200
	now := sessiontest.Epoch + int64(time.Minute)
	left := make([]int, workers)
	stop := make(chan struct{})
	var observing, beside sync.WaitGroup
	for w := range workers {
		observing.Go(func() {
			for b := range batches {
				facts := make([]fact.Fact, size)
				for i := range facts {
					kind := fact.Request
					if i%20 == 19 {
						kind = fact.Ended
					}
					facts[i] = inSpan(tideFact(kind, tideSession(w*97+i%97), b*size+i), w*1_000_000+b*size+i, i)
				}
				left[w] += e.Observe(facts, now+int64(b)*int64(time.Second), func(int, Mark) {})
				if b == batches-2 && w == 0 {
					e.Close()
				}
			}
		})
	}
	for _, do := range []func(){
		func() { e.Advance(now + int64(time.Hour)) },
		func() { e.TakeFindings(); e.TakeMeasured() },
		func() { e.Snapshot(); e.Services() },
		func() {
			c, _ := e.BeginCheckpoint(now)
			for _, _, ok := c.Next(nil); ok; _, _, ok = c.Next(nil) {
			}
			c.Commit()
		},
	} {
		beside.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					do()
				}
			}
		})
	}
	observing.Wait()
	close(stop)
	beside.Wait()
	turnedAway := 0
	for _, n := range left {
		turnedAway += n
	}
	require.NotZero(t, turnedAway, "what came behind Close")
	s := e.Snapshot()
	require.EqualValues(t, workers*batches*size-turnedAway, s.Facts(fact.Request)+s.Facts(fact.Ended))
	require.Equal(t, 1, e.Observe([]fact.Fact{tideFact(fact.Ended, tideSession(1), 1)}, now, nil), "it is closed")
}

// TestCloseBetweenTwoHolds: what a batch has left when the engine is closed is
// reported, and none of it is taken.
func TestCloseBetweenTwoHolds(t *testing.T) {
	e := New(historyConfig())
	facts := []fact.Fact{tideFact(fact.Ended, tideSession(1), 1), tideFact(fact.Ended, tideSession(2), 1)}
	rest := e.route(facts)
	left, more := e.holdFast(facts, sessiontest.Epoch, rest)
	require.Zero(t, left)
	require.False(t, more)
	require.Equal(t, 2, rest.len())
	e.Close()
	for range 2 {
		left, more = e.holdSlow(facts, sessiontest.Epoch, rest, nil)
		require.Equal(t, 2, left)
		require.False(t, more)
	}
	require.Zero(t, e.Snapshot().Facts(fact.Ended))
}
