package session

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// How many histories a run tries, and the number that it starts from:
// SESSION_HISTORIES=10000000 SESSION_SEED=7 go test -run TestVerdicts.
var (
	histories = environment("SESSION_HISTORIES", 100_000)
	firstSeed = environment("SESSION_SEED", 1)
)

func environment(name string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// seededHistory is the history of one number.
func seededHistory(seed uint64, how sessiontest.Delivery) *trial {
	return trialOf(sessiontest.Make(sessiontest.NewDice(seed, 0), how))
}

// outcome is what an engine made of a history.
type outcome struct {
	final   map[uint64]fact.Finding // the last of each id
	sent    []fact.Finding          // all, in their order
	sentAt  []int                   // the steps that let them out
	engine  *Engine
	trouble string // what no engine may do
}

// run gives a history to an engine and lets all time pass that it may want.
// With scribble the memory of names and details is overwritten after each call.
func run(h *trial, scribble bool) (o outcome) {
	o.final = map[uint64]fact.Finding{}
	defer func() {
		if p := recover(); p != nil {
			stack := make([]byte, 4096)
			o.trouble = fmt.Sprintf("panic: %v\n%s", p, stack[:runtime.Stack(stack, false)])
		}
	}()
	e := New(h.config())
	o.engine = e
	now := sessiontest.Epoch
	take := func(i int) {
		for _, f := range e.takeFindings() {
			last := o.final[f.ID]
			if why := insane(h, &f, &last, now); why != "" && o.trouble == "" {
				o.trouble = why + ": " + h.FindingText(&f)
			}
			o.final[f.ID] = f
			o.sent, o.sentAt = append(o.sent, f), append(o.sentAt, i)
		}
	}
	var memory []byte
	lost := map[*Engine]int64{}
	do := func(i int, s *sessiontest.Step) {
		now = s.Now
		switch s.Verb {
		case sessiontest.Observe:
			f := s.Fact
			if scribble {
				memory = borrow(&f, memory[:0])
			}
			e.observe(&f, now)
			if (i+len(h.Steps))%3 == 0 { // what is not worked on rests in its small form
				e.compactAll()
			}
			for j := range memory {
				memory[j] = '#'
			}
		case sessiontest.Advance:
			for n := 0; e.advanceSome(now) && !(h.holds && n >= (i+len(h.Steps))%4); n++ {
			}
		case sessiontest.Call:
			e.ObserveCallers([]fact.Caller{s.Caller}, now)
		case sessiontest.Blind:
			e.blind(s.Blind.From, s.Blind.To, s.Blind.Reason)
		}
		if h.audit && o.trouble == "" {
			o.trouble = auditWork(e)
		}
		if o.trouble == "" && e.stats.lost < lost[e] {
			o.trouble = "less was given up than before"
		}
		lost[e] = e.stats.lost
	}
	restarts := newRestarter(h)
	for i := 0; i < len(h.Steps); i++ {
		if batch := h.batch(i); len(batch) > 1 && restarts == nil {
			now = h.Steps[i].Now
			i += len(batch) - 1
			e.Observe(batch, now, func(int, Mark) {})
			take(i)
			continue
		}
		do(i, &h.Steps[i])
		if restarts != nil {
			take(i)
			var again []sessiontest.Step
			e, again = restarts.next(e, &o, i+1, now)
			for j := range again {
				do(i, &again[j])
				take(i)
			}
			now = h.Steps[i].Now
			o.engine = e
		}
		take(i)
	}
	for range 3 {
		now += int64(h.Config.DecisionWait + h.Config.UpdateInterval + time.Hour)
		e.advance(now)
		take(len(h.Steps))
		if h.audit && o.trouble == "" {
			o.trouble = auditWork(e)
		}
	}
	return o
}

// batch returns the facts from step i on that arrive at one instant, in half of
// the histories.
func (h *trial) batch(i int) (facts []fact.Fact) {
	for _, s := range h.Steps[i:] {
		if len(h.Steps)%2 == 0 || s.Verb != sessiontest.Observe || s.Now != h.Steps[i].Now {
			break
		}
		facts = append(facts, s.Fact)
	}
	return facts
}

// borrow moves the strings of f to memory.
func borrow(f *fact.Fact, memory []byte) []byte {
	texts := []*string{
		&f.Session.Raw, &f.User.Raw, &f.Details.Method, &f.Details.Route, &f.Details.Path,
		&f.Details.RPCMethod, &f.Details.Destination, &f.Details.User,
	}
	for _, n := range []**fact.Name{&f.Previous, &f.Linked} {
		if *n != nil {
			*n = new(**n) // the other may be another fact's, too
			texts = append(texts, &(*n).Raw)
		}
	}
	for _, text := range texts {
		memory = append(memory, *text...)
	}
	from := 0
	for _, text := range texts {
		if n := len(*text); n > 0 {
			*text = unsafe.String(&memory[from], n)
			from += n
		}
	}
	return memory
}

// insane says what is impossible about f, which is sent at now after last.
func insane(h *trial, f, last *fact.Finding, now int64) string {
	switch {
	case f.Revision != last.Revision+1:
		return fmt.Sprintf("revision %d after %d", f.Revision, last.Revision)
	case f.DecidedAt != now && !(h.holds && f.DecidedAt < now):
		return "decided at another time than it is sent"
	case last.Revision > 0 && f.State == last.State && f.Type == last.Type && now-last.DecidedAt < int64(h.Config.UpdateInterval):
		return "sent again too soon"
	case f.State >= fact.StateCount || f.Type >= fact.TypeCount:
		return "no such state or type"
	case (f.State == fact.Inconclusive) != (f.Reason != ""):
		return "a reason for what is not inconclusive, or none"
	case f.State == fact.Retracted && last.Revision == 0:
		return "retracted before it was sent"
	case f.State != fact.Retracted && f.Requests < 1, f.FirstAt > f.LastAt, f.At < f.FirstAt, f.At > f.LastAt:
		return "no requests"
	case f.Overrun < 0 || f.Overrun <= int64(h.Config.Policies[f.Policy].Tolerance) && !h.Config.Policies[f.Policy].Inclusive:
		return "no overrun"
	case f.Session == fact.Pseudonym{}:
		return "no session"
	case f.State == fact.Confirmed && now < cameAt(h, f)+h.waitOf(f.Type):
		return "its rule has not waited"
	}
	return ""
}

// waitOf is "decision_wait, and for idle idle_decision_wait; decision_wait where that is
// longer".
func (h *trial) waitOf(typ fact.Type) int64 {
	if typ == fact.IdleTimeout {
		return int64(max(h.Config.DecisionWait, h.Config.IdleDecisionWait))
	}
	return int64(h.Config.DecisionWait)
}

// cameAt is when the first record came of the request that f is about.
func cameAt(h *trial, f *fact.Finding) int64 {
	at := int64(unset)
	for i := range h.Steps {
		s := &h.Steps[i]
		if g := &s.Fact; s.Verb == sessiontest.Observe && g.Kind == fact.Request && sessiontest.Pseudonym(g.Session.Raw) == f.Session &&
			g.Trace == f.Trace && g.Span == f.Span && (g.At == f.At || sessiontest.HasBothIDs(g)) {
			at = min(at, s.Now)
		}
	}
	return at
}

// disagreement says where engine and reference differ about h.
func disagreement(h *trial, o outcome, truth map[sessiontest.Key]sessiontest.Expectation) string {
	if o.trouble != "" {
		return o.trouble
	}
	got, want := map[sessiontest.Expectation]int{}, map[sessiontest.Expectation]int{}
	for _, f := range o.final {
		if f.State != fact.Retracted {
			got[sessiontest.Expected(f)]++
		}
	}
	for _, f := range truth {
		want[f]++
	}
	var lines []string
	for f := range want {
		for range want[f] - got[f] {
			lines = append(lines, "want: "+h.FindingText(&f))
		}
	}
	for f := range got {
		for range got[f] - want[f] {
			lines = append(lines, "got:  "+h.FindingText(&f))
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return cmp.Or(cmp.Compare(a[6:], b[6:]), cmp.Compare(b, a)) })
	return strings.Join(lines, "\n")
}

func check(h *trial, scribble bool) string {
	facts, blinds := h.Arrivals()
	return disagreement(h, run(h, scribble), sessiontest.Reference(h.Config, blinds, facts))
}

// report is what a failing test says: the smallest history that still fails.
func report(h *trial, why func(*trial) string) string {
	if quick {
		return why(h)
	}
	small := h.with(sessiontest.Minimal(h.History, func(less *sessiontest.History) bool { return why(h.with(less)) != "" }))
	return fmt.Sprintf("%s\n\n%s", small, why(small))
}

// agree tries histories on all cores, and fails at the first that engine and
// reference differ about.
func agree(t *testing.T, name string, n uint64, how sessiontest.Delivery) {
	t.Helper()
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		next   atomic.Uint64
		failed = []uint64{}
		total  = shares{}
		began  = time.Now()
	)
	// Almost all that is allocated is dead at once: collect it seldom.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(256 << 20))
	next.Store(firstSeed)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			mine := shares{}
			for seed := next.Add(1) - 1; seed < firstSeed+n; seed = next.Add(1) - 1 {
				h := restartedHistory(seed, how)
				facts, blinds := h.Arrivals()
				truth, o := sessiontest.Reference(h.Config, blinds, facts), run(h, seed%16 == 0)
				if disagreement(h, o, truth) != "" {
					mu.Lock()
					failed = append(failed, seed)
					mu.Unlock()
					if quick {
						next.Store(firstSeed + n)
					}
				}
				mine.count(h, o, truth)
			}
			mu.Lock()
			total.add(mine)
			mu.Unlock()
		})
	}
	wg.Wait()
	total.print(t, n)
	fmt.Printf("%s: %d mismatches in %d histories, %s\n", name, len(failed), n, time.Since(began).Round(time.Millisecond))
	slices.Sort(failed)
	for _, seed := range failed[:min(3, len(failed))] {
		t.Errorf("SESSION_SEED=%d SESSION_HISTORIES=1 go test -run '^%s$' ./internal/session\n%s", seed, t.Name(),
			report(restartedHistory(seed, how), func(h *trial) string { return check(h, false) }))
	}
}

// sampled tries n seeds on all cores and shows the first failures.
func sampled(t *testing.T, n uint64, draw func(seed uint64) *trial, why func(*trial) string) {
	t.Helper()
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		next   atomic.Uint64
		failed []uint64
	)
	next.Store(firstSeed)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < firstSeed+n; seed = next.Add(1) - 1 {
				if why(draw(seed)) != "" {
					mu.Lock()
					failed = append(failed, seed)
					mu.Unlock()
					if quick {
						next.Store(firstSeed + n)
					}
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(failed)
	for _, seed := range failed[:min(3, len(failed))] {
		t.Errorf("%d of %d; SESSION_SEED=%d go test -run '^%s$' ./internal/session\n%s", len(failed), n, seed, t.Name(), report(draw(seed), why))
	}
}
