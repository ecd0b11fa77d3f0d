package sessiontest

import (
	"cmp"
	"slices"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// deliver lets the facts arrive.
func (m *maker) deliver(how Delivery) *History {
	h := &History{Steps: make([]Step, 0, len(m.facts)*5/4+8)}
	now := Epoch
	if m.blind && m.logins {
		// What was known of authentications before a blind time is what
		// makes it matter: here it is known from the start.
		f := fact.Fact{Kind: fact.Authenticated, Session: SessionName(25), Start: now, End: now, At: now, Resource: Resources["web"]}
		h.Steps = append(h.Steps, Step{Now: now, Fact: f, Keep: true})
		for i := range m.cfg.Policies {
			f.Kind, f.Policy, f.User, f.Trace = fact.Request, uint8(i), UserName(25), [16]byte{99}
			f.Span = [8]byte{byte(i + 1)}
			h.Steps = append(h.Steps, Step{Now: now, Fact: f, Keep: true})
		}
	}
	blinds, callers := slices.Clone(m.blinds), m.callers
	slices.SortStableFunc(callers, func(a, b fact.Caller) int { return cmp.Compare(a.End, b.End) })
	ordered := m.order(how)
	for i, f := range ordered {
		if i > 0 && i == len(ordered)-len(m.later) { // what was suspected has waited, unless it has to wait for longer
			now += int64(m.cfg.DecisionWait) + int64(m.Roll(2))
			h.Steps = append(h.Steps, Step{Verb: Advance, Now: now})
		}
		if i == 0 && m.replay {
			now += int64(time.Hour)
		}
		if !m.replay {
			ahead := min(m.cfg.MaxAhead, among(m, 0, 0, 0, 0, 10*time.Second, 10*time.Second+1))
			now = max(now, f.End-int64(ahead))
		}
		if m.chance(25) {
			now += int64(among(m, time.Second, m.cfg.DecisionWait, m.cfg.DecisionWait+1, 2*m.cfg.DecisionWait, 1, 2*time.Minute))
		}
		if m.chance(20) {
			h.Steps = append(h.Steps, Step{Verb: Advance, Now: now})
		}
		if len(blinds) > 0 && m.chance(5) {
			h.Steps = append(h.Steps, Step{Verb: Blind, Now: now, Blind: blinds[0]})
			blinds = blinds[1:]
		}
		for len(callers) > 0 && callers[0].End <= now && m.chance(60) {
			h.Steps = append(h.Steps, Step{Verb: Call, Now: now, Caller: callers[0]})
			callers = callers[1:]
		}
		h.Steps = append(h.Steps, Step{Now: now, Fact: *f})
	}
	if len(m.later) > 0 {
		now += int64(among(m, 1, m.cfg.DecisionWait))
		h.Steps = append(h.Steps, Step{Verb: Advance, Now: now})
	}
	for _, c := range callers {
		now = max(now, c.End)
		h.Steps = append(h.Steps, Step{Verb: Call, Now: now, Caller: c})
	}
	for _, b := range blinds {
		h.Steps = append(h.Steps, Step{Verb: Blind, Now: now, Blind: b})
	}
	h.Config = m.cfg
	return h
}

// order draws the order of arrival, and what arrives more than once. In the window no fact comes while its end is
// more than the window behind the newest of a session that it speaks of.
func (m *maker) order(how Delivery) []*fact.Fact {
	left := make([]*fact.Fact, 0, len(m.facts)*5/4)
	for i := range m.facts {
		for left = append(left, &m.facts[i]); m.chance(12); {
			left = append(left, &m.facts[i])
		}
	}
	slices.SortStableFunc(left, func(a, b *fact.Fact) int { return cmp.Compare(a.End, b.End) })
	m.later = slices.DeleteFunc(m.later, func(f fact.Fact) bool {
		tooLate := how == InWindow && slices.ContainsFunc(left, func(x *fact.Fact) bool { return !m.mayPrecede(x, &f) })
		if tooLate {
			i, _ := slices.BinarySearchFunc(left, &f, func(a, b *fact.Fact) int { return cmp.Compare(a.End, b.End) })
			left = slices.Insert(left, i, &f)
		}
		return tooLate
	})
	spread := among(m, 1, 3, 10, len(left))
	ordered := make([]*fact.Fact, 0, len(left))
	for len(left) > 0 {
		i := m.Roll(min(spread, len(left)))
		if how == InWindow && !m.mayCome(left, i) {
			i = 0
		}
		ordered = append(ordered, left[i])
		left = slices.Delete(left, i, i+1)
	}
	for i := range m.later {
		ordered = append(ordered, &m.later[i])
	}
	return ordered
}

// mayCome reports whether left[i] may come before the others without making one
// of them late.
func (m *maker) mayCome(left []*fact.Fact, i int) bool {
	return !slices.ContainsFunc(left[:i], func(x *fact.Fact) bool { return !m.mayPrecede(left[i], x) })
}

// mayPrecede reports whether f may come before x without making that late.
func (m *maker) mayPrecede(f, x *fact.Fact) bool {
	ends := m.larger && (f.Kind == fact.Ended || x.Kind == fact.Ended) // perhaps also what is part of that
	return x.End >= f.End-int64(m.cfg.ReorderWindow) || !ends && !sameSession(f, x)
}

// sameSession reports whether two facts speak of one session.
func sameSession(a, b *fact.Fact) bool {
	return a.Kind == fact.EndedUser || b.Kind == fact.EndedUser || a.Session.ID == b.Session.ID ||
		a.Kind == fact.Rotated && a.Previous.Key() == b.Session.ID || b.Kind == fact.Rotated && b.Previous.Key() == a.Session.ID ||
		a.Kind == fact.Rotated && b.Kind == fact.Rotated && a.Previous.Key() == b.Previous.Key()
}
