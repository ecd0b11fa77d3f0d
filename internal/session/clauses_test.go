package session

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

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
				h := seededHistory(seed, sessiontest.InWindow)
				facts, blinds := h.Arrivals()
				_, all := sessiontest.Deciding(h.Config, blinds, facts)
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
	never, rare, often := 0, 0, 0
	for c := sessiontest.None + 1; c < sessiontest.ClauseCount; c++ {
		few := 0
		for d := sessiontest.None + 1; d < sessiontest.ClauseCount; d++ {
			if d == c {
				continue
			}
			switch {
			case pairs[c][d] == 0:
				never++
			case pairs[c][d]*100 < n:
				rare++
				few++
			default:
				often++
			}
		}
		fmt.Printf("  %-34s %5.2f %%  %d rare\n", c, 100*float64(pairs[c][c])/float64(n), few)
	}
	fmt.Println("pairs: never", never/2, "below 1 %", rare/2, "above", often/2)
}
