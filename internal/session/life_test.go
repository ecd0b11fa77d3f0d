package session

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// crampedHistory is a history whose engine has room for less than it is told: its
// ring turns again and again, and sessions give way to others, many of which are
// heard of once. bare: no fact says anything of another record, see bareFacts.
func crampedHistory(seed uint64, bare bool) *trial {
	d := sessiontest.NewDice(seed, 3)
	h := trialOf(sessiontest.Make(d, sessiontest.InWindow))
	if bare {
		h.bareFacts()
	}
	h.flood(d)
	h.room.sessions, h.room.requests = 4+d.Roll(13), 8+d.Roll(57)
	if seed%4 == 1 {
		h.restarts = seed
	}
	return h
}

// bareFacts takes away what is evidence only as long as another record is among
// the recent ones: exempt requests, second records of one request, requests that
// lie inside others, and who called. What is left is only ever joined to its session.
func (h *trial) bareFacts() {
	traces := map[[16]byte]bool{}
	h.Steps = slices.DeleteFunc(h.Steps, func(s sessiontest.Step) bool {
		if s.Verb != sessiontest.Observe || s.Fact.Kind != fact.Request {
			return s.Verb == sessiontest.Call
		}
		shared := traces[s.Fact.Trace] && sessiontest.HasBothIDs(&s.Fact)
		traces[s.Fact.Trace] = true
		return shared || s.Fact.Flags.Has(fact.Exempt)
	})
}

// flood lets other sessions be heard of in between, most of them once.
func (h *trial) flood(d sessiontest.Dice) {
	var steps []sessiontest.Step
	n := 0
	for _, s := range h.Steps {
		steps = append(steps, s)
		for d.Roll(3) == 0 {
			at := s.Now - int64(d.Roll(2))*int64(second)
			f := fact.Fact{
				Session: fact.Name{ID: fact.ID{uint64(100 + n), uint64(100 + n)}, Raw: fmt.Sprint("flood-", n)}, Start: at, End: at, At: at,
				Resource: sessiontest.Resources["web"], Trace: [16]byte{200, byte(n), byte(n >> 8)}, Span: [8]byte{1},
				Details: fact.Details{Method: "GET", Path: fmt.Sprint("/flood/", n), Status: 200}, Policy: uint8(n % len(h.Config.Policies)),
			}
			steps = append(steps, sessiontest.Step{Now: s.Now, Fact: f})
			n++
		}
	}
	h.Steps = steps
}

// crampedHistories is how many are tried: an audit after each step takes its time.
func crampedHistories() uint64 { return max(histories/200, 500) }

// A life is what became of an engine with too little room.
type life struct {
	outcome
	h *trial

	turns   uint64
	evicted int64
}

// live gives h to an engine and has it audited after each step. It says what no
// engine may do, however little room it has.
func live(h *trial) (l life, trouble string) {
	l = life{outcome: outcome{final: map[uint64]fact.Finding{}}, h: h}
	e, now := New(h.config()), sessiontest.Epoch
	defer func() {
		if p := recover(); p != nil {
			trouble = fmt.Sprint("panic: ", p)
		}
	}()
	restarts := newRestarter(h)
	said, names := quotes{}, map[fact.ID]fact.Name{}
	for i := range h.Steps {
		if s := &h.Steps[i]; s.Verb == sessiontest.Observe {
			said.add(&s.Fact)
			names[s.Fact.Session.ID] = s.Fact.Session
		}
	}
	take := func(i int) string {
		for _, f := range e.takeFindings() {
			last := l.final[f.ID]
			if why := insane(h, &f, &last, now); why != "" {
				return fmt.Sprintf("step %d: %s: %s", i, why, h.FindingText(&f))
			}
			quoted := fact.Fact{Session: fact.Name{Raw: sessiontest.RawOf(f.Session)}, Trace: f.Trace, Span: f.Span, Details: f.Details}
			if !said.has(&quoted) {
				return fmt.Sprintf("step %d: nobody said %+v: %s", i, f.Details, h.FindingText(&f))
			}
			l.final[f.ID] = f
		}
		for n := range e.shards {
			ring := &e.shards[n].recent
			for p := ring.oldest(); p < ring.next; p++ {
				r := ring.at(p)
				known := fact.Fact{Session: names[r.session], Trace: r.trace, Span: r.span, Details: ring.details.get(r.details)}
				if r.kind == fact.Request && !said.has(&known) {
					return fmt.Sprintf("after step %d: nobody said %+v of the request at %s of %s", i, known.Details, sessiontest.InstantText(r.At), known.Session.Raw)
				}
			}
		}
		if err := e.audit(); err != nil {
			return fmt.Sprintf("after step %d:\n%v", i, err)
		}
		return ""
	}
	do := func(s *sessiontest.Step) {
		now = s.Now
		doStep(s, e)
	}
	for i := range h.Steps {
		do(&h.Steps[i])
		if trouble = take(i); trouble != "" {
			return l, trouble
		}
		if restarts == nil {
			continue
		}
		var again []sessiontest.Step
		was := e
		e, again = restarts.next(e, &l.outcome, i+1, now)
		if l.trouble != "" {
			return l, l.trouble
		}
		if e != was {
			l.outlived(was)
		}
		for j := range again {
			do(&again[j])
			if trouble = take(i); trouble != "" {
				return l, "after a restart: " + trouble
			}
		}
		now = h.Steps[i].Now
	}
	for range 3 {
		now += int64(h.Config.DecisionWait + h.Config.UpdateInterval + 3600*second)
		e.advance(now)
		if trouble = take(len(h.Steps)); trouble != "" {
			return l, trouble
		}
	}
	if n := e.pending(); n != 0 {
		return l, fmt.Sprintf("%d are never decided", n)
	}
	l.outlived(e)
	return l, ""
}

// outlived adds up what became of an engine.
func (l *life) outlived(e *Engine) {
	e.each(func(r *shard) { l.turns += (r.recent.next - 1) / r.recent.limit })
	l.evicted += e.counters().Evicted(EvictedLimit)
}

// quotes are what somebody said of requests: each text of each, since a log fills what
// its span lacks.
type quotes map[string]bool

func (q quotes) each(f *fact.Fact, see func(text string)) {
	of := fmt.Sprint(f.Session.Raw, f.Trace, f.Span)
	if f.Details.Status != 0 {
		see(fmt.Sprint(of, f.Details.Status))
	}
	for i, text := range f.Details.Values() {
		if text != "" {
			see(fmt.Sprint(of, i, text))
		}
	}
}

func (q quotes) add(f *fact.Fact) { q.each(f, func(text string) { q[text] = true }) }

func (q quotes) has(f *fact.Fact) bool {
	all := true
	q.each(f, func(text string) { all = all && q[text] })
	return all
}

// violations are the requests that were served too late by all the facts, each by
// itself.
func (h *trial) violations() map[string]bool {
	cfg := h.Config
	cfg.PerRequest = true
	facts, blinds := h.Arrivals()
	late := map[string]bool{}
	for _, f := range sessiontest.Reference(cfg, blinds, facts) {
		late[offence(&f)] = true
	}
	return late
}

func offence(f *fact.Finding) string {
	return fmt.Sprint(sessiontest.RawOf(f.Session), f.Policy, f.At, f.Trace, f.Span)
}

// unfounded are the confirmed findings about requests that violate nothing by all
// the facts.
func (l *life) unfounded() string {
	late := l.h.violations()
	var lines []string
	for _, f := range l.final {
		if f.State == fact.Confirmed && !late[offence(&f)] {
			lines = append(lines, l.h.FindingText(&f))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestCrampedEngine: with room for far less than it is told, an engine keeps its
// books, quotes what was said and decides everything. It confirms what is not so
// by all the facts only where a record or a session had to give way that would
// have said so: an exempt request, or a second record of one.
func TestCrampedEngine(t *testing.T) {
	noGoroutine(t)
	var turns, evicted, misled, found atomic.Int64
	sampled(t, crampedHistories(), func(seed uint64) *trial { return crampedHistory(seed, false) }, func(h *trial) string {
		l, trouble := live(h)
		if trouble != "" {
			return trouble
		}
		turns.Add(int64(l.turns))
		evicted.Add(l.evicted)
		found.Add(int64(len(l.final)))
		why := l.unfounded()
		if why != "" && l.turns+uint64(l.evicted) > 0 {
			misled.Add(1)
			return ""
		}
		return why
	})
	t.Logf("%d findings; rings turned %d times, %d sessions evicted; %d histories were misled",
		found.Load(), turns.Load(), evicted.Load(), misled.Load())
	if n := int64(crampedHistories()); turns.Load() < n || evicted.Load() < n {
		t.Error("too few turns or evictions")
	}
}

// TestCrampedEngineIsNeverWrong: where each fact is joined to its session as soon
// as it comes, too little room can hide a violation, and never make one.
func TestCrampedEngineIsNeverWrong(t *testing.T) {
	noGoroutine(t)
	var found, evicted, idle atomic.Int64
	sampled(t, 2*crampedHistories(), func(seed uint64) *trial { return crampedHistory(seed, true) }, func(h *trial) string {
		l, trouble := live(h)
		if trouble != "" {
			return trouble
		}
		evicted.Add(l.evicted)
		for _, f := range l.final {
			switch {
			case f.State == fact.Confirmed && f.Type == fact.IdleTimeout:
				idle.Add(1)
			case f.State == fact.Confirmed:
				found.Add(1)
			}
		}
		return l.unfounded()
	})
	t.Logf("%d findings confirmed of silence, %d of other types; %d sessions evicted", idle.Load(), found.Load(), evicted.Load())
	if n := int64(crampedHistories()); idle.Load() < n/2 || found.Load() < n/20 {
		t.Error("too few findings")
	}
}
