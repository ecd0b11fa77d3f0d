package session

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSideBySide: batches that are taken side by side come to what they come to
// one after the other. Run it with -race.
func TestSideBySide(t *testing.T) {
	const workers, batches, size = 4, 60, 256
	make1 := func(lanes int) *Engine {
		cfg := historyConfig()
		cfg.Lanes, cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxAhead = lanes, 100_000, 10_000, 24*time.Hour
		cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour, AbsoluteTimeout: 20 * time.Minute, Tolerance: time.Second}}
		return New(cfg)
	}
	// Each worker has sessions of its own: only then is there an order.
	facts := func(worker, batch int) (list []Fact) {
		for i := range size {
			n := uint64(worker*1000 + (batch*size+i*7)%300)
			at := epoch + int64(batch)*int64(30*time.Second) + int64(i)*int64(time.Millisecond)
			f := Fact{
				Session: Name{ID: ID{mix(n, 1), mix(n, 2)}, Raw: string(rune('a' + n%26))}, Resource: resources["web"],
				Start: at, End: at + 1000, At: at, Trace: [16]byte{byte(batch), byte(i), byte(worker), byte(i >> 8)}, Span: [8]byte{1},
			}
			switch {
			case i%50 == 49:
				f.Kind = Ended
			case i%70 == 69:
				f.User = userName(worker)
			}
			list = append(list, f)
		}
		return list
	}
	now := epoch + int64(time.Hour)
	result := func(e *Engine) (map[uint64]Finding, [VerdictCount]int64) {
		e.Advance(now + int64(time.Hour))
		found, verdicts := map[uint64]Finding{}, [VerdictCount]int64{}
		for _, f := range e.TakeFindings() {
			f.Revision = 0
			found[f.ID] = f
		}
		e.Stats().Requests(func(_ int, _ string, v Verdict, n int64) { verdicts[v] += n })
		return found, verdicts
	}
	alone := make1(1)
	for worker := range workers {
		for batch := range batches {
			alone.ObserveBatch(facts(worker, batch), now, func(int, Mark) {})
		}
	}
	want, wantVerdicts := result(alone)
	require.NotEmpty(t, want)

	e := make1(8)
	var mu sync.RWMutex
	var together sync.WaitGroup
	for worker := range workers {
		together.Go(func() {
			for batch := range batches {
				list := facts(worker, batch)
				mu.RLock()
				rest := e.ObserveReady(list, now)
				mu.RUnlock()
				mu.Lock()
				e.ObserveRest(list, now, rest, func(int, Mark) {})
				mu.Unlock()
			}
		})
	}
	together.Wait()
	got, verdicts := result(e)
	require.Equal(t, wantVerdicts, verdicts)
	require.ElementsMatch(t, sortedKeys(want), sortedKeys(got))
}

func sortedKeys(m map[uint64]Finding) (ids []uint64) {
	for id := range maps.Keys(m) {
		ids = append(ids, id)
	}
	return ids
}
