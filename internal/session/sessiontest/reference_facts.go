package sessiontest

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// "Every request that is neither rejected nor passive nor background, over its
// whole interval, and every start, authentication and activity fact at its instant".
// § Activity.
func (w *World) isActivity(f *KnownFact) bool {
	switch f.Kind {
	case fact.Request:
		return !(f.Exempt && w.omits(ExemptActivity)) && f.Outcome != fact.Rejected && !f.Flags.Has(fact.Passive) && !f.Background
	case fact.Started, fact.Rotated, fact.Authenticated, fact.Activity:
		return true
	}
	return false
}

// "Over its whole interval, a stream at both of its ends only": its own, wherever it is
// judged to start.
// § Activity.
func (w *World) active(f *KnownFact) [][2]int64 {
	if f.Kind == fact.Request && f.Flags.Has(fact.Stream) && !w.omits(StreamEnds) {
		return [][2]int64{{f.Start, f.Start}, {f.End, f.End}}
	}
	return [][2]int64{{f.Start, f.End}}
}

// IsRotation reads "a start, and the previous id ended here (onto itself: only a start)".
// § Fact.
func (f *KnownFact) IsRotation() bool {
	return f.Kind == fact.Rotated && f.Previous.Key() != f.Session.ID && !f.Previous.Key().IsZero()
}

// "Lies inside a longer one of the same session and trace"; "a record without both
// ids lies inside nothing".
// § Inside.
func (w *World) liesInside(f, c *KnownFact) bool {
	return f.Trace == c.Trace && f.Session.ID == c.Session.ID && f.hasIDs() && c.hasIDs() &&
		c.Start <= f.Start && f.End <= c.End && c.End-c.Start > f.End-f.Start && (!c.Flags.Has(fact.Stream) || w.omits(StreamFrames)) &&
		!(c.Outcome == fact.Rejected && w.omits(RejectionFrames)) && w.comesFrom(f, c)
}

// "If it comes from that trace: its parent is of its own process (the span's flags say so),
// or its parent span was seen and is a caller's (CLIENT, PRODUCER, INTERNAL), or the service
// of the longer one sent no CLIENT or PRODUCER span within reorder_window of its interval".
// § Inside.
func (w *World) comesFrom(f, c *KnownFact) bool {
	window := int64(w.cfg.ReorderWindow)
	return f.Flags.Has(fact.ParentLocal) ||
		slices.ContainsFunc(w.calls, func(p *fact.Caller) bool {
			return f.Parent != [8]byte{} && p.Span == f.Parent && p.Trace == f.Trace
		}) ||
		!slices.ContainsFunc(w.calls, func(p *fact.Caller) bool {
			return p.Calls && serviceOf(p.Resource) == c.service() && p.Start <= c.End+window && p.End >= c.Start-window
		}) && !w.omits(CallsNobody) || w.mayHaveMissed(f)
}

// "What it no longer reaches falls back to times": a parent that may have come while the
// collector was blind was perhaps seen, as far as seconds tell.
// § Inside.
func (w *World) mayHaveMissed(f *KnownFact) bool {
	const second = int64(time.Second)
	return f.Parent != [8]byte{} && slices.ContainsFunc(w.blind, func(b Blindness) bool {
		return b.To >= b.From && (f.Start+second-1)/second <= (b.To+second-1)/second+1
	}) && !w.omits(InsideBlind)
}

func (f *KnownFact) hasIDs() bool { return f.Trace != [16]byte{} && f.Span != [8]byte{} }

// "A request that lies inside a longer one, which is not a stream, starts when the
// longest around it starts".
// § Inside.
func (w *World) begin(f *KnownFact, all []*KnownFact) int64 {
	longest, at := int64(0), f.Start
	for _, c := range all {
		d := c.End - c.Start
		if w.liesInside(f, c) && (d > longest || d == longest && c.Start < at) {
			longest, at = d, c.Start
		}
	}
	return at
}

// "Exempt requests ... what lies inside an exempt request, or inside what does, is exempt
// with it." "Background is a CONSUMER span ..., and what lies inside one, or inside what
// does".
// § Exempt. § Background.
func (w *World) lies(f *KnownFact, all []*KnownFact, is fact.Flags) bool {
	nearest, further := insideOf(is)
	return f.Flags.Has(is) || slices.ContainsFunc(all, func(c *KnownFact) bool {
		return w.liesInside(f, c) && (c.Flags.Has(is) || w.lies(c, all, is) && !w.omits(further))
	}) && !w.omits(nearest)
}

// "So says a request, from a presented id only with an identity or under evidence:
// presented".
// § Event.
func (w *World) merelyPresented(f *KnownFact) bool {
	return f.Flags.Has(fact.FromRequest|fact.Presented) && f.User.ID.IsZero() &&
		(int(f.Policy) >= len(w.cfg.Policies) || w.Policy(f).Evidence != fact.EvidencePresented)
}

// NewWorld reads "a timestamp more than max_ahead after its arrival, or more than max_age
// before it (0 for replay), is not evidence." "Exempt requests are not judged, and make no
// session older." "A rejected request changes no verdict and opens no session".
// § Time. § Exempt.
func NewWorld(cfg Config, blind []Blindness, arrivals []Arrival) *World {
	return worldWithout(None, cfg, blind, arrivals)
}

func worldWithout(c Clause, cfg Config, blind []Blindness, arrivals []Arrival) *World {
	blind = slices.SortedStableFunc(slices.Values(blind), func(a, b Blindness) int { return cmp.Compare(a.From, b.From) })
	w := &World{cfg: cfg, omitted: c, blind: blind, of: map[fact.ID][]*KnownFact{}, away: map[fact.ID][]*KnownFact{}}
	if len(arrivals) > 0 {
		w.watched = arrivals[0].At
	}
	for _, x := range arrivals {
		for _, c := range x.Calls {
			if c.Caller.End > c.At+int64(cfg.MaxAhead) || cfg.MaxAge > 0 && c.Caller.Start < c.At-int64(cfg.MaxAge) {
				c.Caller.Calls = false // its time is no evidence
			}
			w.calls = append(w.calls, &c.Caller)
		}
	}
	for _, x := range arrivals {
		f := &KnownFact{Fact: x.Fact, Order: len(w.Told), Came: x.At, Began: x.Fact.Start}
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
		if f.Kind != fact.Request && f.Kind != fact.EndedUser {
			w.of[f.Session.ID] = append(w.of[f.Session.ID], f)
		}
		if f.IsRotation() {
			w.away[f.Previous.Key()] = append(w.away[f.Previous.Key()], f)
		}
	}
	all := w.joined()
	w.joint = all
	for _, r := range all {
		r.Began, r.Background, r.Exempt = w.begin(r, all), w.lies(r, all, fact.Consumer), w.lies(r, all, fact.Exempt)
		if r.Outcome == fact.Rejected {
			continue
		}
		w.of[r.Session.ID] = append(w.of[r.Session.ID], r)
		if !r.Exempt {
			w.Requests = append(w.Requests, r)
		}
	}
	return w
}

// "A log record joins the span of its trace id and span id: they are one request. Two log
// records are one only if they are equal. A record that lacks one of the two ids is a
// request of its own" (equal ones, delivered twice, are one).
// § Fact.
func (w *World) same(f, g *KnownFact) bool {
	ids := f.hasIDs() && f.Session.ID == g.Session.ID && f.Trace == g.Trace && f.Span == g.Span
	switch {
	case f.hasIDs() && !(f.Flags & g.Flags).Has(fact.FromLog):
		return ids && !((f.Flags ^ g.Flags).Has(fact.FromLog) && w.omits(LogJoinsSpan))
	case ids && w.omits(LogsApart):
		return true
	}
	a, b := f.Fact, g.Fact
	a.Resource, b.Resource, a.Previous, b.Previous, a.Linked, b.Linked = nil, nil, nil, nil, nil, nil
	return a == b && *f.Resource == *g.Resource && f.Previous.Key() == g.Previous.Key() && f.Linked.Key() == g.Linked.Key()
}

// "What the span says holds, the log fills what it lacks (a user, a route, a status; of
// several logs the greater pseudonym), exempt, passive, stream and background it is if
// either is, and rejected beats indeterminate beats served".
const either = fact.Exempt | fact.Passive | fact.Stream | fact.Consumer

func (w *World) joined() (all []*KnownFact) {
	var requests [][]*KnownFact
	spansFirst := slices.SortedStableFunc(slices.Values(w.Told), func(a, b *KnownFact) int {
		return cmp.Compare(a.Flags&fact.FromLog, b.Flags&fact.FromLog)
	})
	for _, f := range spansFirst {
		if f.Kind == fact.Request {
			if i := slices.IndexFunc(requests, func(records []*KnownFact) bool { return w.same(f, records[0]) }); i >= 0 {
				requests[i] = append(requests[i], f)
			} else {
				requests = append(requests, []*KnownFact{f})
			}
		}
	}
	for _, records := range requests {
		best := slices.SortedStableFunc(slices.Values(records), func(a, b *KnownFact) int {
			return cmp.Or(cmp.Compare(a.Flags&fact.FromLog, b.Flags&fact.FromLog), cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End),
				cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Resource.ServiceName, b.Resource.ServiceName), cmp.Compare(a.At, b.At),
				cmp.Compare(a.Resource.ServiceNamespace, b.Resource.ServiceNamespace), cmp.Compare(a.Resource.Environment, b.Resource.Environment),
				cmp.Compare(a.Resource.ServiceInstance, b.Resource.ServiceInstance), cmp.Compare(a.Flags&^either, b.Flags&^either))
		})
		r, logs := *best[0], KnownFact{}
		for _, x := range best {
			r.Order, r.Came = min(r.Order, x.Order), min(r.Came, x.Came)
			r.Flags |= x.Flags & either
			r.Outcome, r.Late = max(r.Outcome, x.Outcome), r.Late && x.Late
			if x.Flags.Has(fact.FromLog) {
				logs.join(x)
			} else {
				r.fill(x)
			}
		}
		r.fill(&logs)
		all = append(all, &r)
	}
	return all
}

// fill lets x say what f lacks.
func (f *KnownFact) fill(x *KnownFact) {
	if f.User.ID.IsZero() {
		f.User, f.UserSource = x.User, x.UserSource
	}
	if f.Linked.Key().IsZero() {
		f.Linked = x.Linked
	}
	if f.Details.Status == 0 {
		f.Details.Status = x.Details.Status
	}
	texts := x.Details.Texts()
	for i, text := range f.Details.Texts() {
		if *text == "" {
			*text = *texts[i]
		}
	}
}

// join makes f what several logs fill: of two the greater.
func (f *KnownFact) join(x *KnownFact) {
	a, b := Pseudonym(f.User.Raw), Pseudonym(x.User.Raw)
	if cmp.Or(bytes.Compare(a[:], b[:]), cmp.Compare(x.UserSource, f.UserSource)) < 0 {
		f.User, f.UserSource = x.User, x.UserSource
	}
	if f.Linked.Key().IsZero() {
		f.Linked = x.Linked
	}
	f.Details.Status = max(f.Details.Status, x.Details.Status)
	texts := x.Details.Texts()
	for i, text := range f.Details.Texts() {
		*text = max(*text, *texts[i])
	}
}

// "Each comes while its end is no more than reorder_window behind the session's
// newest end (event time)": else it is late. What is known to be rejected is no end of the
// session's.
// § Verdicts do not depend on delivery.
func (w *World) isLate(f *KnownFact, s fact.ID) bool {
	for _, x := range w.Told[:f.Order] {
		if f.End >= x.End-int64(w.cfg.ReorderWindow) {
			continue
		}
		joins := func(r *KnownFact) func(*KnownFact) bool { // by the span of both
			return func(s *KnownFact) bool { return s.Kind == fact.Request && w.same(s, r) && w.same(s, x) }
		}
		rejected := func(r *KnownFact) bool {
			return r.Kind == fact.Request && r.Outcome == fact.Rejected && (r == x || w.same(r, x) || slices.ContainsFunc(w.Told[:x.Order+1], joins(r)))
		}
		says := x.Session.ID == s && x.Kind != fact.EndedUser &&
			!(x.Kind == fact.Request && slices.ContainsFunc(w.Told[:x.Order+1], rejected))
		if says || x.IsRotation() && x.Previous.Key() == s {
			return true
		}
	}
	return false
}
