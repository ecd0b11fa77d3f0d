package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// floodedHistory is the history of one number in an engine that has room for a
// few sessions only, with invented ids mixed in. Some of those show users or end,
// so that tombstones are displaced by others that say something.
func floodedHistory(seed uint64) *trial {
	h := seededHistory(seed, sessiontest.Delivery(seed%8/7))
	d := sessiontest.NewDice(seed, 5)
	h.room.sessions = 2 + d.Roll(5)
	speaking := d.Roll(3) == 0
	steps := h.Steps
	h.Steps = nil
	n := uint64(0)
	for _, s := range steps {
		s.Fact.Linked = nil // what it was part of is lost with a session, and counted as such
		h.Steps = append(h.Steps, s)
		for range d.Roll(2) * d.Roll(6) {
			n++
			f := fact.Fact{Session: fact.Name{ID: fact.ID{7, n + 100}, Raw: "invented"}, Start: s.Now, End: s.Now, At: s.Now, Resource: sessiontest.Resources["web"], Policy: fact.NoPolicy}
			f.Trace[1], f.Span[1] = byte(n), byte(n>>8)+1
			switch {
			case speaking && d.Roll(4) == 0:
				f.User = fact.Name{ID: fact.ID{n + 100, 9}, Raw: "somebody"}
			case speaking && d.Roll(3) == 0:
				f.Kind, f.Trace, f.Span = fact.Ended, [16]byte{}, [8]byte{}
			}
			h.Steps = append(h.Steps, sessiontest.Step{Now: s.Now, Fact: f})
		}
	}
	if seed%4 == 1 {
		h.restarts = seed
	}
	return h
}

// found is what one finding is about, as far as both know it.
type found struct {
	session fact.Pseudonym
	policy  int
	service fact.Resource
}

func foundOf(session fact.Pseudonym, policy int, r fact.Resource) found {
	r.ServiceInstance = ""
	return found{session, policy, r}
}

// flooded says what is wrong with what an engine found in a flood: it confirmed
// what is not so, or says nothing of a request that came when its session was
// over.
func flooded(h *trial, count func(what string)) string {
	e := New(h.config())
	final, now := map[uint64]fact.Finding{}, sessiontest.Epoch
	take := func() {
		for _, f := range e.takeFindings() {
			final[f.ID] = f
		}
	}
	stop, away := -1, int64(0)
	if h.restarts != 0 && len(h.Steps) > 0 {
		stop = rand.New(rand.NewPCG(h.restarts, 6)).IntN(len(h.Steps))
	}
	for i := range h.Steps {
		now = h.Steps[i].Now
		doStep(&h.Steps[i], e)
		if i%3 == 0 {
			e.compactAll()
		}
		if take(); i == stop {
			dropped := e.counters().Forgotten()
			away = e.counters().Refused(RefusedLimit)
			var why string
			if e, why = everything(e, now).restored(h.config(), now); why != "" || e.counters().Forgotten() != dropped {
				return "restored: " + why
			}
		}
	}
	for range 3 {
		now += int64(h.Config.DecisionWait + h.Config.IdleDecisionWait + h.Config.UpdateInterval + second)
		e.advance(now)
		take()
	}
	stats := e.counters()
	away += stats.Refused(RefusedLimit)
	facts, blinds := h.Arrivals()
	w := sessiontest.NewWorld(h.Config, blinds, facts)
	so := map[found]bool{}
	for _, r := range w.Requests {
		if _, violates := w.Judge(r); violates {
			so[foundOf(sessiontest.Pseudonym(r.Session.Raw), int(r.Policy), *r.Resource)] = true
		}
	}
	said := map[found]bool{}
	for _, f := range final {
		what := foundOf(f.Session, f.Policy, f.Resource)
		said[what] = said[what] || f.State != fact.Retracted
		if f.State == fact.Confirmed && !so[what] && !speaksOfItself(h, f.Session) {
			return "not so: " + h.FindingText(&f)
		}
		if f.Reason == ReasonEvicted {
			count("inconclusive")
		}
	}
	displaced := e.tombstones.displaced.numbered > 0
	if displaced {
		count("displaced")
	}
	if stats.Forgotten() > 0 {
		count("dropped")
	}
	told := 0
	for i, a := range facts {
		if a.Fact.End > a.At+int64(h.Config.MaxAhead) || h.Config.MaxAge > 0 && a.Fact.At < a.At-int64(h.Config.MaxAge) {
			continue
		}
		told++
		end := slices.IndexFunc(w.Requests, func(x *sessiontest.KnownFact) bool { return x.Order == told-1 })
		if end < 0 {
			continue
		}
		if last, violates := w.Judge(w.Requests[end]); !violates || last.Type < fact.EndedSession {
			continue // it was in time, or cleared
		}
		if hasTwins(facts, a.Fact.Session.ID) {
			continue
		}
		known := sessiontest.NewWorld(h.Config, blinds, facts[:i+1])
		at := slices.IndexFunc(known.Requests, func(r *sessiontest.KnownFact) bool { return r.Order == told-1 })
		if at < 0 || !comesLast(known, known.Requests[at]) {
			continue
		}
		r := known.Requests[at]
		v, violates := known.Judge(r)
		if !violates || v.Type < fact.EndedSession {
			continue // what it violates came later
		}
		if lineage := known.Lineage(r.Session.ID, known.Horizon(r)); lineage != nil && (v.Type == fact.RevokedSession || v.Type == fact.EndedSession && !endsAt(facts, r.Session.ID, v.Since)) {
			continue // what an ancestor showed, or died of, is lost with it
		}
		r = w.Requests[end]
		what := foundOf(sessiontest.Pseudonym(r.Session.Raw), int(r.Policy), *r.Resource)
		switch {
		case said[what]:
			count("found")
		case stats.Forgotten() > 0, away > 0:
			count("counted as lost")
		case v.Type == fact.RevokedSession && displaced && r.User.ID.IsZero():
			count("of nobody")
		case e.tombstones.oldestKnown != longAgo && beginsAt(facts, r.Session.ID, v, w.Policy(r)):
			count("of nobody") // that it was heard of before it seemed to begin was lost: it had said nothing
		default:
			return fmt.Sprintf("silent: %s %s at=%s expired=%s", r.Session.Raw, v.Type, sessiontest.InstantText(r.Start), sessiontest.InstantText(v.Expiry))
		}
	}
	return ""
}

// speaksOfItself reports whether a record of the session says that an earlier one
// was something else. That is out of reach when the session is thrown away.
func speaksOfItself(h *trial, session fact.Pseudonym) bool {
	of := slices.DeleteFunc(slices.Clone(h.Steps), func(s sessiontest.Step) bool {
		return s.Verb != sessiontest.Observe || sessiontest.Pseudonym(s.Fact.Session.Raw) != session
	})
	for n := range of {
		if speaksOfEarlier(of[:n+1], n) {
			return true
		}
	}
	return false
}

// beginsAt reports whether the session has a start within the tolerance of its end,
// or showed its user at the very instant of that one's end: what matters then is
// whether it had been heard of before.
func beginsAt(facts []sessiontest.Arrival, session fact.ID, v sessiontest.Verdict, p *sessiontest.Policy) bool {
	return slices.ContainsFunc(facts, func(a sessiontest.Arrival) bool {
		f := &a.Fact
		distance := max(f.At-v.Since, v.Since-f.At)
		return f.Session.ID == session && (distance == 0 && v.Type == fact.RevokedSession ||
			(f.Kind == fact.Started || f.Kind == fact.Rotated) && distance <= int64(p.Tolerance))
	})
}

// endsAt reports whether there is an end of that session itself at an instant.
func endsAt(facts []sessiontest.Arrival, session fact.ID, at int64) bool {
	return slices.ContainsFunc(facts, func(a sessiontest.Arrival) bool {
		return a.Fact.Kind == fact.Ended && a.Fact.Session.ID == session && a.Fact.At == at
	})
}

// hasTwins reports whether one request of the session was told of twice: one record
// may have been thrown away with the session before the other came.
func hasTwins(facts []sessiontest.Arrival, session fact.ID) bool {
	seen := map[[24]byte]fact.Fact{}
	for i := range facts {
		f := &facts[i].Fact
		if f.Session.ID != session || !sessiontest.HasBothIDs(f) {
			continue
		}
		key := [24]byte(append(f.Trace[:], f.Span[:]...))
		if other, ok := seen[key]; ok && other != *f {
			return true
		}
		seen[key] = *f
	}
	return false
}

// comesLast reports whether r starts behind all that was known of its session.
func comesLast(w *sessiontest.World, r *sessiontest.KnownFact) bool {
	for _, f := range w.Told[:len(w.Told)-1] {
		if (f.Session.ID == r.Session.ID || f.IsRotation() && f.Previous.Key() == r.Session.ID) && f.End > r.Began {
			return false
		}
	}
	return true
}

// TestFloodsHideNothing: whatever is thrown away, a request that is served when
// its session was over is found, or counted as what may be lost; and nothing is
// confirmed that is not so.
func TestFloodsHideNothing(t *testing.T) {
	noGoroutine(t)
	defer func(n int) { maxGenerations = n }(maxGenerations)
	maxGenerations = 3
	names := []string{"found", "inconclusive", "displaced", "dropped", "counted as lost", "of nobody"}
	counts := make([]atomic.Int64, len(names))
	sampled(t, histories/20, floodedHistory, func(h *trial) string {
		return flooded(h, func(what string) { counts[slices.Index(names, what)].Add(1) })
	})
	for i, name := range names {
		t.Logf("%s: %d", name, counts[i].Load())
		require.True(t, counts[i].Load() > 0 || name == "of nobody" || histories < 20_000, name)
	}
}
