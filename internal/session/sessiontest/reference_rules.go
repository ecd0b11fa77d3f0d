package sessiontest

import (
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// "Idle: H + I for the first q with q.start at most r.start and more than I + τ
// after H, where q is r itself or an activity request that P governs, and H is the
// latest end of activity that started before q.start (cut at a, and a itself to
// begin with)." "Passive requests do not violate an idle limit".
// § Expiry.
func (w *World) idle(r *KnownFact) (found []Rule) {
	p, first := w.Policy(r), int64(math.MaxInt64)
	a, _ := w.since(r, w.itself(r))
	for _, q := range w.of[r.Session.ID] {
		governed := q.Kind == fact.Request && q.Policy == r.Policy && !q.Late && (q == r || w.isActivity(q))
		if !governed || q.Began > r.Began || q.Began >= first || p.IdleTimeout == 0 || r.Flags.Has(fact.Passive) {
			continue
		}
		h := a
		for _, f := range w.of[r.Session.ID] {
			for _, x := range w.active(f) {
				if w.isActivity(f) && x[0] < q.Began {
					h = max(h, x[1])
				}
			}
		}
		if exceeds(p, q.Began-h, p.IdleTimeout+p.Tolerance) {
			first, found = q.Began, []Rule{{Type: fact.IdleTimeout, Expiry: h + int64(p.IdleTimeout), Since: h}}
		}
	}
	return found
}

// "Absolute: origin + A".
// § Expiry.
func (w *World) absolute(r *KnownFact) []Rule {
	origin, _ := w.origin(r)
	if p := w.Policy(r); p.AbsoluteTimeout != 0 {
		return []Rule{{Type: fact.AbsoluteTimeout, Expiry: origin + int64(p.AbsoluteTimeout), Since: origin}}
	}
	return nil
}

// "Ended: every end of this id, plus end_grace; every rotation away from it plus
// rotation_grace (an end of this id within τ of a rotation onto an id that continues it is
// that rotation); every ended_user, plus end_grace; and where the lineage that the id
// continues has a P for which an end held that came more than τ before the rotation, that
// end plus end_grace, with its type, unless an authentication in the lineage came at or
// after it less τ." "A rotation away does not count if a is more than τ after it".
// § Expiry.
func (w *World) ends(r *KnownFact) (found []Rule) {
	p, x := w.Policy(r), w.itself(r)
	a, begins := w.since(r, x)
	tol, grace := int64(p.Tolerance), int64(p.EndGrace)
	for _, e := range w.binding(r, x, math.MaxInt64, r.At) {
		rotation := func(x *KnownFact) bool {
			return max(x.At-e.At, e.At-x.At) <= tol && w.Lineage(x.Session.ID, w.Horizon(r)) == x && w.continues(r, x) && !w.omits(EndIsRotation)
		}
		switch {
		case w.cleared(r, x, e, r.At):
		case e.Kind == fact.EndedUser:
			found = append(found, Rule{Type: fact.RevokedSession, Expiry: e.At + grace, Since: e.At, By: e.Resource.ServiceName})
		case e.Session.ID != x.id || !slices.ContainsFunc(w.away[x.id], rotation):
			found = append(found, Rule{Type: fact.EndedSession, Expiry: e.At + grace, Since: e.At, By: e.Resource.ServiceName})
		}
	}
	for _, e := range w.away[x.id] {
		if !(begins && a-e.At > tol) && w.binds(e, r, x.id) {
			found = append(found, Rule{Type: fact.RotatedSession, Expiry: e.At + int64(p.RotationGrace), Since: e.At, By: e.Resource.ServiceName})
		}
	}
	line := w.line(r, x)
	for _, parent := range line[1:] {
		for _, e := range w.holding(r, parent) {
			login, authenticated := w.authenticatedIn(line)
			if e.At >= parent.rotation.At-tol || authenticated && login >= e.At-tol || w.cleared(r, parent, e, parent.until) || w.omits(DeadParent) {
				continue
			}
			typ := fact.EndedSession
			if e.Kind == fact.EndedUser {
				typ = fact.RevokedSession
			}
			found = append(found, Rule{Type: typ, Expiry: e.At + grace, Since: e.At, By: e.Resource.ServiceName})
		}
	}
	return found
}

// binding are the ends and ended_users up to an instant that bind x and count: "every
// ended_user of the user whom the session showed last at or before it, if the session was
// seen before it and no user different from that one was shown on it behind that end and at
// or before r" (or shown, where not r is asked for). "With an authentication, a known start, or where a is the first identity,
// ends and ended_users at or before a + τ do not count".
// § Expiry.
func (w *World) binding(r *KnownFact, x ancestor, until, shown int64) (found []*KnownFact) {
	a, begins := w.since(r, x)
	for _, e := range w.Told {
		if e.Kind != fact.Ended && e.Kind != fact.EndedUser || e.At > until || begins && e.At <= a+int64(w.Policy(r).Tolerance) || !w.binds(e, r, x.id) {
			continue
		}
		switch e.Kind {
		case fact.Ended:
			if e.Session.ID == x.id || w.first(x.id) < e.At && w.linkedTo(r, x, e.Session.ID, e.At) {
				found = append(found, e)
			}
		case fact.EndedUser:
			if !e.User.ID.IsZero() && w.first(x.id) < e.At && w.showedLast(r, x, e.At) == e.User.ID &&
				!w.shownSince(r, x, e, shown, w.shown) && !w.spares(r, e, x) {
				found = append(found, e)
			}
		}
	}
	return found
}

// spares reads "every session of this user, but the one that the record itself names, every
// id of its lineage and what continues one of those, as if this record were not": it ends
// none of those, so that it is never why one does not continue another, "and what is linked
// to it".
// § Fact.
func (w *World) spares(r, e *KnownFact, x ancestor) bool {
	spared, before := []fact.ID{e.Session.ID}, w.Horizon(r)
	for rotation := w.Lineage(e.Session.ID, before); rotation != nil; rotation = w.Lineage(rotation.Previous.Key(), rotation.At-1) {
		spared = append(spared, rotation.Previous.Key())
	}
	return (slices.ContainsFunc(w.line(r, x), func(p ancestor) bool { return slices.Contains(spared, p.id) }) ||
		w.linkedTo(r, x, e.Session.ID, e.At)) && !w.omits(Spares)
}

// "A fact later than the window makes no new finding from the past, but ends and
// authentications bind what follows".
// § Verdicts do not depend on delivery.
func (w *World) binds(e, r *KnownFact, s fact.ID) bool {
	return e.Order < r.Order || !w.isLate(e, s) || w.omits(LateBinds)
}

// Horizon reads "at or before r.start + τ or r.end, whichever is later".
// § Since when.
func (w *World) Horizon(r *KnownFact) int64 {
	return max(r.Began+int64(w.Policy(r).Tolerance), r.End)
}

// "The latest authentication at or before" an instant; 0 without one.
// § Since when.
func (w *World) lastAuthentication(s fact.ID, until int64) (at int64, ok bool) {
	for _, f := range w.of[s] {
		if f.Kind == fact.Authenticated && f.At <= until {
			at, ok = max(at, f.At), true
		}
	}
	return at, ok
}

// since reads "for a request r, a is the latest authentication at or before r.start + τ or
// r.end. Without one it is, under evidence: identity, the first record that shows a user,
// if any does and what the id continues neither authenticated nor showed one. Else it is
// the session's start. Otherwise the start is unknown, and a is the earliest activity".
// begins: "with an authentication, a known start, or where a is the first identity" what
// came before it does not count.
// § Since when.
func (w *World) since(r *KnownFact, x ancestor) (a int64, begins bool) {
	if a, ok := w.lastAuthentication(x.id, x.until); ok {
		return a, true
	}
	if a, known := w.firstIdentity(r, []ancestor{x}); known {
		line := w.line(r, x)
		_, showed := w.firstIdentity(r, line[1:])
		if _, authenticated := w.authenticatedIn(line[1:]); !authenticated && !showed {
			return a, true
		}
	}
	return w.start(x.id, int64(w.Policy(r).Tolerance), x.active)
}

// firstIdentity is "under evidence: identity, the first record in it that shows a user".
// § Since when.
func (w *World) firstIdentity(r *KnownFact, line []ancestor) (at int64, ok bool) {
	at = math.MaxInt64
	for _, p := range line {
		for _, f := range w.shown(p.id) {
			if w.Policy(r).Evidence == fact.EvidenceIdentity && f.At <= p.until && f.At < at && !w.omits(FirstIdentity) {
				at, ok = f.At, true
			}
		}
	}
	return at, ok
}

// "The session's start: its earliest started or rotated fact, unless any other
// fact of this id, exempt requests and a request that says the start, with what lies around
// or inside it, aside (a rotation away from it, too), came more than τ before that.
// Otherwise the earliest activity at or before" an instant, that of the request or of the
// rotation, "exempt requests aside, else" that instant (a lower bound of the age).
// § Since when.
func (w *World) start(s fact.ID, tol, until int64) (at int64, known bool) {
	start, activity, first := int64(math.MaxInt64), int64(math.MaxInt64), w.first(s)
	for _, f := range w.of[s] {
		if (f.Kind == fact.Started || f.Kind == fact.Rotated) && (w.accuses(f) || f.At >= first-tol) {
			start = min(start, f.At)
		}
		if w.isActivity(f) && !f.Late && (!f.Exempt || w.omits(ExemptAge)) {
			activity = min(activity, f.At)
		}
	}
	switch {
	case start < math.MaxInt64 && start-w.firstBeside(s, start) <= tol:
		return start, true
	case activity < math.MaxInt64 && activity <= until:
		return activity, false
	}
	return until, false
}

// When a fact first told of the session. "A fact later than the window makes no new
// finding from the past": it makes no session older.
// § Since when.
func (w *World) first(s fact.ID) int64 { return w.firstBut(s, nil) }

// firstBeside is first without "a request that says the start, with what lies around or
// inside it".
// § Since when.
func (w *World) firstBeside(s fact.ID, start int64) int64 {
	var aside []*KnownFact
	for _, x := range w.of[s] {
		for _, r := range w.of[s] {
			if (x.Kind == fact.Started || x.Kind == fact.Rotated) && !x.Late && x.At == start && x.saidBy(r) {
				aside = append(aside, r)
			}
		}
	}
	for _, r := range slices.Clone(aside) {
		for _, f := range w.of[s] {
			if f.Kind == fact.Request && (w.liesInside(f, r) || w.liesInside(r, f)) {
				aside = append(aside, f)
			}
		}
	}
	return w.firstBut(s, aside)
}

// saidBy reports whether r said the event: it has its span or, without one, its end.
// § Since when.
func (x *KnownFact) saidBy(r *KnownFact) bool {
	return x.Flags.Has(fact.FromRequest) && r.Kind == fact.Request && x.Span == r.Span &&
		(x.Span != [8]byte{} || x.At == r.End && *x.Resource == *r.Resource)
}

func (w *World) firstBut(s fact.ID, aside []*KnownFact) int64 {
	first := int64(math.MaxInt64)
	for _, f := range w.of[s] {
		if !f.Late && (!f.Exempt || w.omits(ExemptAge)) && !slices.Contains(aside, f) {
			first = min(first, f.At)
		}
	}
	for _, f := range w.away[s] {
		if !w.isLate(f, s) {
			first = min(first, f.At)
		}
	}
	return first
}

// "The latest authentication in the lineage".
// § Lineage.
func (w *World) authenticatedIn(line []ancestor) (latest int64, ok bool) {
	latest = math.MinInt64
	for _, p := range line {
		if auth, found := w.lastAuthentication(p.id, p.until); found {
			latest, ok = max(latest, auth), true
		}
	}
	return latest, ok
}

// "The origin of the absolute clock", and whether it is an authentication or a known
// start: "the latest authentication in the lineage; without one, under evidence: identity,
// the first record in it that shows a user (the start is unknown then, unless the session's
// known start lies within τ before); else the root's start, else its earliest activity,
// else the rotation".
// § Lineage.
func (w *World) origin(r *KnownFact) (at int64, known bool) {
	line, tol := w.line(r, w.itself(r)), int64(w.Policy(r).Tolerance)
	if at, known = w.authenticatedIn(line); known {
		return at, true
	}
	if at, shown := w.firstIdentity(r, line); shown {
		for _, p := range line {
			start, known := w.start(p.id, tol, math.MaxInt64)
			if first, shows := w.firstIdentity(r, []ancestor{p}); shows && first == at && known && start <= at && start >= at-tol {
				return at, true
			}
		}
		return at, false
	}
	root := line[len(line)-1]
	return w.start(root.id, tol, root.active)
}

// Policy is the one that governs r.
func (w *World) Policy(r *KnownFact) *Policy { return &w.cfg.Policies[r.Policy] }
