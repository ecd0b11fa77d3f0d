package session

import (
	"fmt"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// decides returns the clauses that decide something in h: without one of them other
// findings are right.
func decides(h *trial) (all []sessiontest.Clause) {
	facts, blinds := h.Arrivals()
	truth := sessiontest.Reference(h.Config, blinds, facts)
	for c := sessiontest.None + 1; c < sessiontest.ClauseCount; c++ {
		if !maps.Equal(truth, sessiontest.ReferenceWithout(c, h.Config, blinds, facts)) {
			all = append(all, c)
		}
	}
	return all
}

// TestClausesDecide: each clause decides something in at least one of a hundred histories.
func TestClausesDecide(t *testing.T) {
	n := min(histories/20, 3000)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		next  atomic.Uint64
		pairs [sessiontest.ClauseCount][sessiontest.ClauseCount]uint64
	)
	next.Store(firstSeed)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < firstSeed+n; seed = next.Add(1) - 1 {
				all := decides(seededHistory(seed, sessiontest.InWindow))
				mu.Lock()
				for _, a := range all {
					for _, b := range all {
						pairs[a][b]++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for c := sessiontest.None + 1; c < sessiontest.ClauseCount; c++ {
		fmt.Printf("  %-34s %5.2f %%\n", c, 100*float64(pairs[c][c])/float64(n))
	}
}
