package session

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// What no final finding shows: the clauses that say when one is told.
const (
	idleWaits   = sessiontest.ClauseCount + iota // silence is waited for longer
	waitsItself                                  // and so it is where something else was confirmed before
	clauseCount
)

func clauseName(c sessiontest.Clause) string {
	switch c {
	case idleWaits:
		return "idle_decision_wait"
	case waitsItself:
		return "each rule waits for itself"
	}
	return c.String()
}

// deciding returns the clauses that decide something in h: without one of them something
// else would be found, or told on the way.
func deciding(h *trial) []sessiontest.Clause {
	facts, blinds := h.Arrivals()
	all := sessiontest.Deciding(h.Config, blinds, facts)
	o := run(h, false)
	hasty := *h.History
	hasty.Config.IdleDecisionWait = 0
	if h.Config.IdleDecisionWait > h.Config.DecisionWait && !slices.EqualFunc(o.sent, run(h.with(&hasty), false).sent, saysSame) {
		all = append(all, idleWaits)
	}
	if waitsAnew(h, o) {
		all = append(all, waitsItself)
	}
	return all
}

func saysSame(a, b fact.Finding) bool {
	return a.ID == b.ID && a.State == b.State && a.Type == b.Type && a.Requests == b.Requests
}

// waitsAnew reports whether something that happened was confirmed of a request, and by what
// came later, before a silence had waited, it is that silence.
func waitsAnew(h *trial, o outcome) bool {
	for i := range o.sent {
		f := &o.sent[i]
		if f.State != fact.Confirmed || f.Type == fact.IdleTimeout || o.final[f.ID].Type != fact.IdleTimeout {
			continue
		}
		due := cameAt(h, f) + h.waitOf(fact.IdleTimeout)
		early := &sessiontest.History{Config: h.Config, Steps: slices.DeleteFunc(slices.Clone(h.Steps), func(s sessiontest.Step) bool { return s.Now >= due })}
		facts, blinds := early.Arrivals()
		w := sessiontest.NewWorld(h.Config, blinds, facts)
		for _, r := range w.Requests {
			if v, violates := w.Judge(r); violates && v.Type == fact.IdleTimeout && r.Trace == f.Trace && r.Span == f.Span && r.At == f.At {
				return true
			}
		}
	}
	return false
}

// meetings count in how many histories two clauses decide something; one with itself: in
// how many it does.
type meetings [clauseCount][clauseCount]uint64

func countMeetings(n uint64, how sessiontest.Delivery) *meetings {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		next atomic.Uint64
		met  meetings
	)
	next.Store(firstSeed)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < firstSeed+n; seed = next.Add(1) - 1 {
				all := deciding(seededHistory(seed, how))
				mu.Lock()
				for _, a := range all {
					for _, b := range all {
						met[a][b]++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return &met
}

// TestClausesDecide: each clause decides something in one of a hundred histories at least,
// and so do most two of them in one.
func TestClausesDecide(t *testing.T) {
	noGoroutine(t)
	n := min(histories/40, 1500)
	met := countMeetings(n, sessiontest.InWindow)
	late := countMeetings(n/5, sessiontest.AnyOrder)[sessiontest.LateBinds][sessiontest.LateBinds] * 5
	met[sessiontest.LateBinds][sessiontest.LateBinds] = late // which nothing is in the window
	often, rare, never := 0, 0, []string{}
	for a := sessiontest.None + 1; a < clauseCount; a++ {
		fmt.Printf("  %-34s %5.1f %%\n", clauseName(a), 100*float64(met[a][a])/float64(n))
		if n >= 1000 && met[a][a]*100 < n {
			t.Errorf("only %d of %d histories are decided by: %s", met[a][a], n, clauseName(a))
		}
		for b := a + 1; b < clauseCount; b++ {
			switch {
			case a == sessiontest.LateBinds || b == sessiontest.LateBinds:
			case met[a][b] == 0:
				never = append(never, clauseName(a)+" with "+clauseName(b))
			case met[a][b]*100 < n:
				rare++
			default:
				often++
			}
		}
	}
	fmt.Printf("%d histories: %d pairs decide something in at least 1 %%, %d in fewer, %d in none: %q\n", n, often, rare, len(never), never)
	if n >= 1000 && often < 2*(rare+len(never)) {
		t.Errorf("only %d pairs of clauses decide something in at least 1 %% of histories", often)
	}
}
