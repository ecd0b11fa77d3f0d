package session

import (
	"cmp"
	"fmt"
	"math/rand/v2"
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

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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
		case sessiontest.Blind:
			e.blind(s.Blind.From, s.Blind.To, s.Blind.Reason)
		}
		if h.audit && o.trouble == "" {
			o.trouble = auditWork(e)
		}
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
		&f.Session.Raw, &f.Previous.Raw, &f.User.Raw, &f.Details.Method, &f.Details.Route, &f.Details.Path,
		&f.Details.RPCMethod, &f.Details.Destination,
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
	}
	return ""
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

// shares counts the histories that have something.
type shares map[string]uint64

func (s shares) count(h *trial, o outcome, truth map[sessiontest.Key]sessiontest.Expectation) {
	has := map[string]bool{}
	longest, facts := 0, uint64(0)
	for i := range h.Steps {
		if h.Steps[i].Verb == sessiontest.Blind {
			has["blind"] = true
		}
		if h.Steps[i].Verb != sessiontest.Observe {
			continue
		}
		facts++
		f := &h.Steps[i].Fact
		has["kind "+f.Kind.String()] = true
		if f.Kind == fact.Request {
			has["outcome "+sessiontest.OutcomeNames[f.Outcome]] = true
			for i, name := range sessiontest.FlagNames {
				if f.Flags.Has(1 << i) {
					has["flag "+name] = true
				}
			}
		}
		longest = max(longest, int(f.End-f.Start))
	}
	for _, f := range truth {
		has["type "+f.Type.String()] = true
		has["state "+f.State.String()] = true
		has["several requests"] = has["several requests"] || f.Requests > 1
	}
	for _, f := range o.sent {
		has["retracted on the way"] = has["retracted on the way"] || f.State == fact.Retracted
	}
	for _, f := range o.final {
		has["state "+f.State.String()] = true
	}
	has["no finding"] = len(truth) == 0
	has["per request"] = h.Config.PerRequest
	for name, yes := range has {
		if yes {
			s[name]++
		}
	}
	s[fmt.Sprintf("facts %03d", facts)]++
}

func (s shares) add(other shares) {
	for name, n := range other {
		s[name] += n
	}
}

// print writes the shares and reports what is rarer than 1 %.
func (s shares) print(t *testing.T, n uint64) {
	t.Helper()
	names, half, median := make([]string, 0, len(s)), uint64(0), ""
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		if facts, ok := strings.CutPrefix(name, "facts "); ok {
			if half += s[name]; median == "" && half*2 >= n {
				median = facts
			}
			continue
		}
		fmt.Fprintf(&b, "  %-26s %5.1f %%\n", name, 100*float64(s[name])/float64(n))
	}
	fmt.Printf("%d histories, median %s facts, shares that have\n%s", n, strings.TrimLeft(median, "0"), b.String())
	if n < 1000 {
		return
	}
	if median < "030" {
		t.Errorf("median of %s facts", median)
	}
	wanted := []string{"no finding", "blind", "several requests", "retracted on the way"}
	for k := range fact.KindCount {
		wanted = append(wanted, "kind "+k.String())
	}
	for _, o := range sessiontest.OutcomeNames {
		wanted = append(wanted, "outcome "+o)
	}
	for k := range fact.TypeCount {
		wanted = append(wanted, "type "+k.String())
	}
	for k := range fact.StateCount {
		wanted = append(wanted, "state "+k.String())
	}
	for _, name := range wanted {
		if s[name]*100 < n {
			t.Errorf("only %d of %d histories have: %s", s[name], n, name)
		}
	}
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

// TestVerdictsAreMeaning: whatever arrives, in whatever order and however often,
// the engine says in the end what Meaning says of all the facts.
func TestVerdictsAreMeaning(t *testing.T) { agree(t, "in the window", histories, sessiontest.InWindow) }

// TestLateFacts: the same where facts are later than the window.
func TestLateFacts(t *testing.T) {
	agree(t, "later than the window", histories/5, sessiontest.AnyOrder)
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

// TestLineages: it is followed for 64 steps, and a loop is cut where it closes.
func TestLineages(t *testing.T) {
	for _, steps := range []int{1, 2, 62, 63, 64, 65, 66, 80} {
		for variant := range 4 {
			loop, revoked := variant&1 != 0, variant&2 != 0
			h := parsedTrial("policy p0 absolute=60s tolerance=1s rotation=1h")
			h.room.sessions = 128
			add := func(f fact.Fact, at time.Duration) {
				f.Start, f.Resource = sessiontest.Epoch+int64(at), sessiontest.Resources["web"]
				f.End, f.At = f.Start, f.Start
				h.Steps = append(h.Steps, sessiontest.Step{Now: sessiontest.Epoch + int64(time.Hour), Fact: f})
			}
			end := time.Duration(steps+2) * time.Second
			add(fact.Fact{Kind: fact.Authenticated, Session: sessiontest.SessionName(0), User: sessiontest.UserName(0)}, 0)
			add(fact.Fact{Kind: fact.Started, Session: sessiontest.SessionName(1)}, time.Millisecond)
			for i := range steps {
				add(fact.Fact{Kind: fact.Rotated, Previous: sessiontest.SessionName(i), Session: sessiontest.SessionName(i + 1)}, time.Duration(i+1)*time.Second)
			}
			if loop {
				add(fact.Fact{Kind: fact.Rotated, Previous: sessiontest.SessionName(steps), Session: sessiontest.SessionName(0)}, time.Duration(steps+1)*time.Second)
			}
			if revoked {
				h.Config.Policies[0].AbsoluteTimeout = 0
				add(fact.Fact{Kind: fact.EndedUser, User: sessiontest.UserName(0)}, end)
			}
			for _, after := range []time.Duration{time.Second, 10 * time.Second, 40 * time.Second, 70 * time.Second} {
				for _, i := range []int{0, 1, steps / 2, steps} {
					add(fact.Fact{Session: sessiontest.SessionName(i)}, end+after)
				}
			}
			rand.New(rand.NewPCG(firstSeed, 0)).Shuffle(len(h.Steps), func(i, j int) { h.Steps[i], h.Steps[j] = h.Steps[j], h.Steps[i] })
			if why := check(h, false); why != "" {
				t.Errorf("%d steps, loop %t, revoked %t:\n%s", steps, loop, revoked, why)
			}
		}
	}
}

// TestCounted: where nothing is decided before all is told, each request is
// counted once, under what it is in the end.
func TestCounted(t *testing.T) {
	sampled(t, histories/10, func(seed uint64) *trial { return seededHistory(seed, sessiontest.InWindow) }, func(h *trial) string {
		h = h.with(&sessiontest.History{Config: h.Config, Steps: slices.DeleteFunc(slices.Clone(h.Steps), func(s sessiontest.Step) bool { return s.Verb == sessiontest.Advance })})
		type class struct {
			policy  int
			service string
			verdict Verdict
		}
		got, want := map[class]int64{}, map[class]int64{}
		o := run(h, false)
		if o.trouble != "" {
			return o.trouble
		}
		o.engine.counters().Requests(func(policy int, service string, v Verdict, n int64) {
			if v == InTime || v == Violation {
				got[class{policy, service, v}] += n
			}
		})
		facts, blinds := h.Arrivals()
		w := sessiontest.NewWorld(h.Config, blinds, facts)
		for _, r := range w.Requests {
			if int(r.Policy) >= len(h.Config.Policies) {
				continue
			}
			p, c := w.Policy(r), class{int(r.Policy), r.Resource.ServiceName, InTime}
			v, violates := w.Judge(r)
			proven := r.Outcome == fact.Served && (!r.User.ID.IsZero() || !p.EvidenceIdentity && !r.Flags.Has(fact.Presented))
			switch {
			case !proven, r.Flags.Has(fact.Consumer) && p.Background == sessiontest.BackgroundOff, violates && v.Reason != "":
				continue
			case violates:
				c.verdict = Violation
			}
			want[c]++
		}
		var lines []string
		for c, n := range want {
			if got[c] != n {
				lines = append(lines, fmt.Sprintf("%+v: want %d, got %d", c, n, got[c]))
			}
		}
		for c, n := range got {
			if want[c] == 0 {
				lines = append(lines, fmt.Sprintf("%+v: want none, got %d", c, n))
			}
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	})
}

// refuses reports whether something of h comes too late or too early to be evidence.
func refuses(h *trial, s *sessiontest.Step) bool {
	return s.Verb == sessiontest.Observe && (s.Fact.End > s.Now+int64(h.Config.MaxAhead) || h.Config.MaxAge > 0 && s.Fact.At < s.Now-int64(h.Config.MaxAge))
}

// finals writes the last word on each finding, with its id.
func finals(h *trial, o outcome) string {
	var lines []string
	for id, f := range o.final {
		if f.State != fact.Retracted {
			lines = append(lines, fmt.Sprintf("%016x %s user=%s", id, h.FindingText(&f), sessiontest.RawOf(f.User)))
		}
	}
	slices.Sort(lines)
	return strings.Join(append(lines, o.trouble), "\n")
}

// TestOrder: verdict(permuted) = verdict(in order), ids and users included.
func TestOrder(t *testing.T) {
	// The steps of a history that are still there in a smaller one are put in
	// the order of their ends: that is in order.
	endOf := func(s *sessiontest.Step) int64 {
		if s.Keep {
			return 0 // what has to come first
		}
		return max(s.Fact.End, 1)
	}
	inOrder := func(h *trial) *trial {
		ordered := h.with(&sessiontest.History{Config: h.Config, Steps: slices.Clone(h.Steps)})
		last := h.Steps[len(h.Steps)-1].Now
		slices.SortStableFunc(ordered.Steps, func(a, b sessiontest.Step) int {
			return cmp.Compare(endOf(&a), endOf(&b))
		})
		for i := range ordered.Steps {
			ordered.Steps[i].Now = last
		}
		return ordered
	}
	sampled(t, histories/10, func(seed uint64) *trial { return seededHistory(seed, sessiontest.InWindow) }, func(h *trial) string {
		if len(h.Steps) == 0 || slices.ContainsFunc(h.Steps, func(s sessiontest.Step) bool { return refuses(h, &s) }) {
			return ""
		}
		ordered := inOrder(h)
		if slices.ContainsFunc(ordered.Steps, func(s sessiontest.Step) bool { return refuses(h, &s) }) {
			return ""
		}
		if a, b := finals(h, run(h, false)), finals(h, run(ordered, false)); a != b {
			return "as it came:\n" + a + "\nin order:\n" + b
		}
		return ""
	})
}

// TestTwice: a fact given twice changes nothing, neither what is sent nor what is
// counted, whether it comes again at once or after others.
func TestTwice(t *testing.T) {
	sampled(t, histories/10, func(seed uint64) *trial { return seededHistory(seed, sessiontest.InWindow) }, func(h *trial) string {
		twice := h.with(&sessiontest.History{Config: h.Config})
		for i, s := range h.Steps {
			twice.Steps = append(twice.Steps, s)
			again := h.Steps[i*7919%(i+1)] // any of those before, in the window or not
			again.Now = s.Now
			if s.Verb == sessiontest.Observe && again.Verb == sessiontest.Observe && !refuses(h, &s) && !refuses(h, &again) && !refuses(h, &h.Steps[i*7919%(i+1)]) {
				twice.Steps = append(twice.Steps, s, again)
			}
		}
		once, again := told(h, run(h, false)), told(h, run(twice, false))
		if same := told(h, run(h, false)); once != same {
			return "one history, once:\n" + once + "\nand once more:\n" + same
		}
		if once != again {
			return "once:\n" + once + "\ntwice:\n" + again
		}
		return ""
	})
}

// told is all that an engine ever said.
func told(h *trial, o outcome) string {
	var b strings.Builder
	for _, f := range o.sent {
		fmt.Fprintf(&b, "%016x %d %s %s\n", f.ID, f.Revision, sessiontest.InstantText(f.DecidedAt), h.FindingText(&f))
	}
	if o.engine != nil {
		b.WriteString(counters(o.engine))
	}
	return b.String() + o.trouble
}

// counters writes every counter of an engine.
func counters(e *Engine) string {
	var lines []string
	add := func(n int64, format string, args ...any) {
		if n != 0 {
			lines = append(lines, fmt.Sprintf(format, args...)+fmt.Sprintf(" %d", n))
		}
	}
	s := e.counters()
	s.Requests(func(policy int, service string, v Verdict, n int64) { add(n, "requests p%d %s %s", policy, service, v) })
	s.Violations(func(policy int, service string, v fact.Type, n int64) {
		add(n, "violations p%d %s %s", policy, service, v)
	})
	s.IdleBounds(func(policy int, service string, b Bounds) {
		add(b.ServedMax, "served_max p%d %s", policy, service)
		add(b.RejectedMin, "rejected_min p%d %s", policy, service)
	})
	for k := range fact.StateCount {
		add(s.Findings(k), "findings %s", k)
	}
	for k := range fact.KindCount {
		add(s.Facts(k), "facts %s", k)
		add(s.FactsLate(k), "late %s", k)
	}
	for k := range RefusedReasonCount {
		add(s.Refused(k), "refused %s", k)
	}
	for k := range EvictionReasonCount {
		add(s.Evicted(k), "evicted %s", k)
	}
	add(int64(e.sessions()), "sessions")
	add(int64(e.pending()), "pending")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestRetractions: what is sent as confirmed is so by all that is known at that
// moment, and what is retracted is so no more.
func TestRetractions(t *testing.T) {
	var confirmed, retracted atomic.Int64
	sampled(t, histories/40, func(seed uint64) *trial { return seededHistory(seed, sessiontest.InWindow) }, func(h *trial) string {
		o := run(h, false)
		keys, sent := map[uint64]sessiontest.Key{}, map[uint64]int{}
		for i, f := range o.sent {
			known := &sessiontest.History{Config: h.Config, Steps: h.Steps[:min(o.sentAt[i]+1, len(h.Steps))]}
			facts, blinds := known.Arrivals()
			w := sessiontest.NewWorld(h.Config, blinds, facts)
			switch f.State {
			case fact.Confirmed:
				at := slices.IndexFunc(w.Requests, func(r *sessiontest.KnownFact) bool {
					return r.Trace == f.Trace && r.Span == f.Span && r.At == f.At && *r.Resource == f.Resource &&
						sessiontest.Pseudonym(r.Session.Raw) == f.Session && int(r.Policy) == f.Policy
				})
				if at < 0 {
					return "no such request: " + h.FindingText(&f)
				}
				v, violates := w.Judge(w.Requests[at])
				if !violates || v.Reason != "" || v.Type != f.Type || v.Began-v.Expiry != f.Overrun || v.Expiry != f.ExpiredAt {
					return "confirmed without a reason: " + h.FindingText(&f)
				}
				key := w.KeyOf(w.Requests[at])
				key.Request = 0
				if before, ok := keys[f.ID]; ok && before != key {
					return "another finding of the same id: " + h.FindingText(&f)
				}
				keys[f.ID] = key
				confirmed.Add(1)
			case fact.Retracted:
				retracted.Add(1)
				cleared := h.Config.PerRequest // the reference numbers requests by arrival
				for n := sent[f.ID]; n <= o.sentAt[i] && !cleared; n++ {
					known := &sessiontest.History{Config: h.Config, Steps: h.Steps[:min(n+1, len(h.Steps))]}
					facts, blinds := known.Arrivals()
					x, ok := sessiontest.Reference(h.Config, blinds, facts)[keys[f.ID]]
					cleared = !ok || x.State != fact.Confirmed
				}
				if !cleared {
					return "retracted without a reason: " + h.FindingText(&f)
				}
			}
			sent[f.ID] = o.sentAt[i]
		}
		return o.trouble
	})
	fmt.Printf("%d findings sent as confirmed, %d retracted\n", confirmed.Load(), retracted.Load())
	if retracted.Load() == 0 {
		t.Error("nothing was ever retracted")
	}
}

// floods are what a client or a broken service may send without end.
var floods = []struct {
	name string
	make func(d *rand.Rand, i uint64, f *fact.Fact)
}{
	{"new sessions", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Session = fact.Name{ID: fact.ID{7, i + 1}, Raw: "s" + strconv.FormatUint(i, 10)}
	}},
	{"rotations of one", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous, f.Session = fact.Rotated, sessiontest.SessionName(0), fact.Name{ID: fact.ID{7, i + 1}, Raw: "new"}
	}},
	{"rotations between two", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous, f.Session = fact.Rotated, sessiontest.SessionName(int(i%2)), sessiontest.SessionName(int(i+1)%2)
	}},
	{"a long chain", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous, f.Session = fact.Rotated, fact.Name{ID: fact.ID{7, i + 1}, Raw: "old"}, fact.Name{ID: fact.ID{7, i + 2}, Raw: "new"}
	}},
	{"rotations onto one at one instant", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous = fact.Rotated, fact.Name{ID: fact.ID{7, i + 1}, Raw: "old"}
		f.Start, f.End, f.At = sessiontest.Epoch, sessiontest.Epoch, sessiontest.Epoch
	}},
	{"logins", func(_ *rand.Rand, _ uint64, f *fact.Fact) { f.Kind = fact.Authenticated }},
	{"ends", func(_ *rand.Rand, _ uint64, f *fact.Fact) { f.Kind = fact.Ended }},
	{"ends, each before the others", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Start = fact.Ended, f.Start-2*int64(i)*int64(time.Second)
		f.End, f.At = f.Start, f.Start
	}},
	{"ends of users", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.User = fact.EndedUser, fact.Name{ID: fact.ID{i%1000 + 1, 8}, Raw: "u"}
	}},
	{"users of one session", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.User = fact.Name{ID: fact.ID{i + 1, 8}, Raw: "u" + strconv.FormatUint(i, 10)}
	}},
	{"silences", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Start += int64(i) * int64(time.Minute)
		f.End, f.At = f.Start, f.Start
	}},
	{"one trace", func(_ *rand.Rand, i uint64, f *fact.Fact) { f.Trace[0], f.Span = 1, [8]byte{1, byte(i), byte(i >> 8)} }},
	{"one trace, each around the others", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Trace[0], f.Span = 1, [8]byte{1, byte(i), byte(i >> 8)}
		f.Start -= 2 * int64(i) * int64(time.Second)
		f.At = f.Start
	}},
	{"one span", func(d *rand.Rand, _ uint64, f *fact.Fact) {
		f.Trace[0], f.Span[0], f.End = 1, 1, f.End+d.Int64N(int64(time.Second))
	}},
	{"services", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Resource = &fact.Resource{ServiceName: "s" + strconv.FormatUint(i%1000, 10), ServiceInstance: "x"}
	}},
	{"anything", func(d *rand.Rand, _ uint64, f *fact.Fact) {
		f.Kind, f.Outcome = fact.Kind(d.IntN(int(fact.KindCount))), fact.Outcome(d.IntN(3))
		f.Session, f.Previous, f.User = fact.Name{ID: fact.ID{7, d.Uint64N(1000) + 1}, Raw: "s"}, fact.Name{ID: fact.ID{7, d.Uint64N(1000) + 1}, Raw: "s"}, fact.Name{ID: fact.ID{d.Uint64N(1000) + 1, 8}, Raw: "u"}
		f.Trace[0], f.Span[0] = byte(d.IntN(3)), byte(d.IntN(200))
		f.Start -= d.Int64N(int64(time.Minute))
		f.At = f.Start
	}},
}

// TestBounded: memory, and the work for one fact, are bounded whatever arrives.
func TestBounded(t *testing.T) {
	noGoroutine(t)
	const few, many = 5_000, 15_000
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: 10 * time.Second, AbsoluteTimeout: time.Minute, Tolerance: time.Second}}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxServices, cfg.Retention = 200, 1000, 8, time.Hour
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			d := rand.New(rand.NewPCG(firstSeed, 0))
			e := New(cfg)
			heap := func() uint64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			var before uint64
			for i := range uint64(many) {
				at := sessiontest.Epoch + int64(i)*int64(time.Second)
				f := fact.Fact{Session: sessiontest.SessionName(0), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"]}
				if flood.make(d, i, &f); i%3 == 0 && f.Kind != fact.EndedUser {
					f.Kind = fact.Request
				}
				f.Session.Raw = fmt.Sprint(f.Session.ID) // no two ids have one pseudonym
				now := max(at, f.End)
				spent := e.workDone()
				e.observe(&f, now)
				require.LessOrEqual(t, e.workDone()-spent, uint64(workOfFact))
				if i%64 == 0 {
					e.advance(now)
					e.takeFindings()
					e.takeMeasured()
					e.forgetPointers()
				}
				if i == few {
					before = heap()
				}
			}
			after := heap()
			t.Logf("%d units for each fact, %d KiB", e.workDone()/many, after>>10)
			if runtime.KeepAlive(e); after > before+512<<10 {
				t.Errorf("%d KiB after %d facts, %d KiB after %d", before>>10, few, after>>10, many)
			}
		})
	}
}

// rapidDice shrink.
type rapidDice struct{ *rapid.T }

func (d rapidDice) Roll(n int) int { return rapid.IntRange(0, n-1).Draw(d.T, "") }

// TestVerdictsShrink is TestVerdictsAreMeaning with choices that rapid makes: it
// tries extremes that chance does not, and what fails gets small twice.
func TestVerdictsShrink(t *testing.T) {
	made := rapid.Custom(func(t *rapid.T) *trial { return trialOf(sessiontest.Make(rapidDice{t}, sessiontest.InWindow)) })
	rapid.Check(t, func(t *rapid.T) {
		if h := made.Draw(t, "history"); check(h, false) != "" {
			t.Fatal(report(h, func(h *trial) string { return check(h, false) }))
		}
	})
}
