package session

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// TestVerdictsAreMeaning: whatever arrives, in whatever order and however often,
// the engine says in the end what docs/design/verdicts.md says of all the facts.
func TestVerdictsAreMeaning(t *testing.T) { agree(t, "in the window", histories, sessiontest.InWindow) }

// TestLateFacts: the same where facts are later than the window.
func TestLateFacts(t *testing.T) {
	agree(t, "later than the window", histories/5, sessiontest.AnyOrder)
}

// TestLineages: it is followed however long it is, and a loop is cut where it closes.
func TestLineages(t *testing.T) {
	for _, steps := range []int{1, 2, 63, 64, 65, 66, 130, 200} {
		for variant := range 4 {
			loop, revoked := variant&1 != 0, variant&2 != 0
			h := parsedTrial("policy p0 absolute=60s tolerance=1s rotation=1h")
			h.room.sessions, h.room.requests = 256, 1024
			add := func(f fact.Fact, at time.Duration) {
				f.Start, f.Resource = sessiontest.Epoch+int64(at), sessiontest.Resources["web"]
				f.End, f.At = f.Start, f.Start
				h.Steps = append(h.Steps, sessiontest.Step{Now: sessiontest.Epoch + int64(time.Hour), Fact: f})
			}
			end := time.Duration(steps+2) * time.Second
			add(fact.Fact{Kind: fact.Authenticated, Session: sessiontest.SessionName(0), User: sessiontest.UserName(0)}, 0)
			add(fact.Fact{Kind: fact.Started, Session: sessiontest.SessionName(1)}, time.Millisecond)
			for i := range steps {
				add(fact.Fact{Kind: fact.Rotated, Previous: new(sessiontest.SessionName(i)), Session: sessiontest.SessionName(i + 1)}, time.Duration(i+1)*time.Second)
			}
			if loop {
				add(fact.Fact{Kind: fact.Rotated, Previous: new(sessiontest.SessionName(steps)), Session: sessiontest.SessionName(0)}, time.Duration(steps+1)*time.Second)
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
			switch {
			case !w.Serves(r), r.Background && p.Background == sessiontest.BackgroundOff, violates && v.Reason != "":
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
			if want[c] == 0 && n != 0 {
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
			lines = append(lines, fmt.Sprintf("%016x %s", id, h.FindingText(&f)))
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
		if s.Keep && s.Fact.End == sessiontest.Epoch {
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
		// Since when it watches is no matter of order.
		if i := slices.IndexFunc(h.Steps, func(s sessiontest.Step) bool { return s.Verb == sessiontest.Observe }); i >= 0 {
			ordered.Config.LoginsAssumed -= time.Duration(last - h.Steps[i].Now)
		}
		return ordered
	}
	sampled(t, histories/10, func(seed uint64) *trial { return seededHistory(seed, sessiontest.InWindow) }, func(h *trial) string {
		if len(h.Steps) == 0 || slices.ContainsFunc(h.Steps, func(s sessiontest.Step) bool { return refuses(h, &s) }) {
			return ""
		}
		h.room.retention = 100_000 * time.Hour // for how long it remembers is a matter of when things come
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
		h.room.retention = 100_000 * time.Hour // what is forgotten comes as something new
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
	}
	s.FactsLate(func(service string, n int64) { add(n, "late %s", service) })
	s.RefusedOf(1, func(service string, why RefusedReason, n int64) { add(n, "refused %s %s", service, why) })
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
