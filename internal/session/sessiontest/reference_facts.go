package sessiontest

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// "Every request that is neither rejected nor passive nor background, over its
// whole interval, and every start, authentication and activity fact at its instant".
func (f *KnownFact) isActivity() bool {
	switch f.Kind {
	case fact.Request:
		return f.Outcome != fact.Rejected && !f.Flags.Has(fact.Passive) && !f.Background
	case fact.Started, fact.Rotated, fact.Authenticated, fact.Activity:
		return true
	}
	return false
}

// "Over its whole interval, a stream at both of its ends only": its own, wherever it is
// judged to start.
func (f *KnownFact) active() [][2]int64 {
	if f.Kind == fact.Request && f.Flags.Has(fact.Stream) {
		return [][2]int64{{f.Start, f.Start}, {f.End, f.End}}
	}
	return [][2]int64{{f.Start, f.End}}
}

// IsRotation reads "a start, and the previous id ended here (onto itself: only a start)".
func (f *KnownFact) IsRotation() bool {
	return f.Kind == fact.Rotated && f.Previous.ID != f.Session.ID && !f.Previous.ID.IsZero()
}

// "Lies inside a longer one of the same session and trace"; "a record without both
// ids lies inside nothing".
func (f *KnownFact) liesInside(c *KnownFact) bool {
	return f.hasIDs() && c.hasIDs() && f.Session.ID == c.Session.ID && f.Trace == c.Trace &&
		c.Start <= f.Start && f.End <= c.End && c.End-c.Start > f.End-f.Start
}

// "What lies inside an exempt request is exempt with it", and so is another record
// of it.
func (f *KnownFact) exempts(r *KnownFact) bool {
	same := r.hasIDs() && f.Session.ID == r.Session.ID && f.Trace == r.Trace && f.Span == r.Span
	return f.Kind == fact.Exempt && (r.liesInside(f) || same)
}

func (f *KnownFact) hasIDs() bool { return f.Trace != [16]byte{} && f.Span != [8]byte{} }

// "A request that lies inside a longer one, which is not a stream, starts when the
// longest around it starts".
func (f *KnownFact) start(all []*KnownFact) int64 {
	longest, at := int64(0), f.Start
	for _, c := range all {
		d := c.End - c.Start
		if f.liesInside(c) && !c.Flags.Has(fact.Stream) && (d > longest || d == longest && c.Start < at) {
			longest, at = d, c.Start
		}
	}
	return at
}

// "Background is a CONSUMER span, and what lies inside one, or inside what does".
func (f *KnownFact) isBackground(all []*KnownFact) bool {
	return f.Flags.Has(fact.Consumer) || slices.ContainsFunc(all, func(c *KnownFact) bool {
		return f.liesInside(c) && !c.Flags.Has(fact.Stream) && c.Flags.Has(fact.Consumer)
	})
}

// "So says a request, from a presented id only with an identity or under evidence:
// presented".
func (w *World) merelyPresented(f *KnownFact) bool {
	return f.Flags.Has(fact.FromRequest|fact.Presented) && f.User.ID.IsZero() &&
		(int(f.Policy) >= len(w.cfg.Policies) || w.Policy(f).Evidence != fact.EvidencePresented)
}

// NewWorld reads "a timestamp more than max_ahead after its arrival, or more than max_age
// before it (0 for replay), is not evidence." "Exempt requests are no facts; what lies
// inside an exempt request of the same session and trace is exempt with it." "A rejected
// request changes no verdict and opens no session".
func NewWorld(cfg Config, blind []Blindness, arrivals []Arrival) *World {
	blind = slices.SortedStableFunc(slices.Values(blind), func(a, b Blindness) int { return cmp.Compare(a.From, b.From) })
	w := &World{cfg: cfg, blind: blind, of: map[fact.ID][]*KnownFact{}, away: map[fact.ID][]*KnownFact{}}
	for _, x := range arrivals {
		f := &KnownFact{Fact: x.Fact, Order: len(w.Told), Began: x.Fact.Start}
		if f.Flags.Has(fact.UserPresented) { // "it is no identity"
			f.User = fact.Name{}
		}
		if w.merelyPresented(f) {
			continue
		}
		if f.End > x.At+int64(cfg.MaxAhead) || cfg.MaxAge > 0 && f.At < x.At-int64(cfg.MaxAge) {
			continue
		}
		w.Told = append(w.Told, f)
		f.Late = w.isLate(f, f.Session.ID)
		if f.Kind != fact.Request && f.Kind != fact.Exempt && f.Kind != fact.EndedUser {
			w.of[f.Session.ID] = append(w.of[f.Session.ID], f)
		}
		if f.IsRotation() {
			w.away[f.Previous.ID] = append(w.away[f.Previous.ID], f)
		}
	}
	all := w.joined()
	for _, r := range all {
		exempt := func(f *KnownFact) bool { return f.exempts(r) }
		if r.Outcome != fact.Rejected && !slices.ContainsFunc(w.Told, exempt) {
			r.Began = r.start(all)
			r.Background = r.isBackground(all)
			w.Requests = append(w.Requests, r)
			w.of[r.Session.ID] = append(w.of[r.Session.ID], r)
		}
	}
	return w
}

// "Records with one trace id and span id are one request. A record without both ids
// is a request of its own (equal ones, delivered twice, are one)".
func (f *KnownFact) sameAs(g *KnownFact) bool {
	if f.hasIDs() || g.hasIDs() {
		return f.Session.ID == g.Session.ID && f.Trace == g.Trace && f.Span == g.Span
	}
	a, b := f.Fact, g.Fact
	a.Resource, b.Resource = nil, nil
	return a == b && *f.Resource == *g.Resource
}

// "The span's times win, and rejected beats indeterminate beats served".
func (w *World) joined() (all []*KnownFact) {
	var requests [][]*KnownFact
	for _, f := range w.Told {
		if f.Kind == fact.Request {
			if i := slices.IndexFunc(requests, func(records []*KnownFact) bool { return f.sameAs(records[0]) }); i >= 0 {
				requests[i] = append(requests[i], f)
			} else {
				requests = append(requests, []*KnownFact{f})
			}
		}
	}
	for _, records := range requests {
		best := slices.SortedStableFunc(slices.Values(records), func(a, b *KnownFact) int {
			return cmp.Or(cmp.Compare(a.Flags&fact.FromLog, b.Flags&fact.FromLog), cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End),
				cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Resource.ServiceName, b.Resource.ServiceName), cmp.Compare(a.At, b.At))
		})
		r := *best[0]
		r.Order = records[0].Order
		for _, other := range best {
			if r.User.ID.IsZero() {
				r.User, r.UserSource = other.User, other.UserSource
			}
			r.Outcome, r.Late = max(r.Outcome, other.Outcome), r.Late && other.Late
		}
		all = append(all, &r)
	}
	return all
}

// "Each comes while its end is no more than reorder_window behind the session's
// newest end (event time)": else it is late. What is known to be rejected or exempt
// is no end of the session's.
func (w *World) isLate(f *KnownFact, s fact.ID) bool {
	for _, x := range w.Told[:f.Order] {
		exempt := func(e *KnownFact) bool { return e.exempts(x) }
		rejected := func(r *KnownFact) bool {
			return r.Kind == fact.Request && r.Outcome == fact.Rejected && (r == x || r.sameAs(x))
		}
		says := x.Session.ID == s && x.Kind != fact.Exempt && x.Kind != fact.EndedUser &&
			!(x.Kind == fact.Request && slices.ContainsFunc(w.Told[:x.Order+1], rejected))
		if (says || x.IsRotation() && x.Previous.ID == s) && f.End < x.End-int64(w.cfg.ReorderWindow) &&
			!slices.ContainsFunc(w.Told[:x.Order], exempt) {
			return true
		}
	}
	return false
}
