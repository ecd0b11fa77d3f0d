package sessiontest

import (
	"bytes"
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// "Idle: H + I for the first q with q.start at most r.start and more than I + τ
// after H, where q is r itself or an activity request that P governs, and H is the
// latest end of activity that started before q.start (cut at a, and a itself to
// begin with)." "Passive requests do not violate an idle limit".
func (w *World) idle(r *KnownFact) (found []Rule) {
	p, first := w.Policy(r), int64(math.MaxInt64)
	a, _ := w.since(r)
	for _, q := range w.of[r.Session.ID] {
		governed := q.Kind == fact.Request && q.Policy == r.Policy && !q.Late && (q == r || q.isActivity())
		if !governed || q.Began > r.Began || q.Began >= first || p.IdleTimeout == 0 || r.Flags.Has(fact.Passive) {
			continue
		}
		h := a
		for _, f := range w.of[r.Session.ID] {
			for _, x := range f.active() {
				if f.isActivity() && x[0] < q.Began {
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
func (w *World) absolute(r *KnownFact) []Rule {
	origin, _ := w.origin(r)
	if p := w.Policy(r); p.AbsoluteTimeout != 0 {
		return []Rule{{Type: fact.AbsoluteTimeout, Expiry: origin + int64(p.AbsoluteTimeout), Since: origin}}
	}
	return nil
}

// "Ended: every end of this id plus end_grace; every rotation away from it plus
// rotation_grace (an end within τ of a rotation is that rotation); every
// ended_user, plus end_grace, of the user whose identity the session showed last
// at or before it, if the session was seen before it. With a known start, ends and
// ended_users at or before a + τ do not count, and a rotation away does not if a
// is more than τ after it." All sessions of this user "but the one that the record
// itself names".
func (w *World) ends(r *KnownFact) (found []Rule) {
	s, p := r.Session.ID, w.Policy(r)
	a, known := w.since(r)
	tol, grace := int64(p.Tolerance), int64(p.EndGrace)
	for _, e := range w.Told {
		rotation := func(x *KnownFact) bool { return max(x.At-e.At, e.At-x.At) <= tol }
		rule := Rule{Since: e.At, By: e.Resource.ServiceName}
		switch {
		case e.Kind == fact.Ended && e.Session.ID == s && !(known && e.At <= a+tol) && !slices.ContainsFunc(w.away[s], rotation):
			rule.Type, rule.Expiry = fact.EndedSession, e.At+grace
		case e.IsRotation() && e.Previous.ID == s && !(known && a-e.At > tol):
			rule.Type, rule.Expiry = fact.RotatedSession, e.At+int64(p.RotationGrace)
		case e.Kind == fact.EndedUser && e.Session.ID != s && !(known && e.At <= a+tol) && !e.User.ID.IsZero() &&
			w.first(s) < e.At && w.showedLast(r, e) == e.User.ID && !w.shownSince(s, e, r):
			rule.Type, rule.Expiry = fact.RevokedSession, e.At+grace
		default:
			continue
		}
		if w.binds(e, r) {
			found = append(found, rule)
		}
	}
	return found
}

// "A fact later than the window makes no new finding from the past, but ends and
// authentications bind what follows".
func (w *World) binds(e, r *KnownFact) bool {
	return e.Order < r.Order || !w.isLate(e, r.Session.ID)
}

// Horizon reads "at or before r.start + τ or r.end, whichever is later".
func (w *World) Horizon(r *KnownFact) int64 {
	return max(r.Began+int64(w.Policy(r).Tolerance), r.End)
}

// "The latest authentication at or before" an instant; 0 without one.
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
func (w *World) since(r *KnownFact) (a int64, begins bool) {
	if a, ok := w.lastAuthentication(r.Session.ID, w.Horizon(r)); ok {
		return a, true
	}
	line := w.line(r)
	if a, known := w.firstIdentity(r, line[:1]); known {
		_, showed := w.firstIdentity(r, line[1:])
		if _, authenticated := w.authenticatedIn(line[1:]); !authenticated && !showed {
			return a, true
		}
	}
	return w.start(r.Session.ID, int64(w.Policy(r).Tolerance), r.Began)
}

// firstIdentity is "under evidence: identity, the first record in it that shows a user".
func (w *World) firstIdentity(r *KnownFact, line []ancestor) (at int64, ok bool) {
	at = math.MaxInt64
	for _, p := range line {
		for _, f := range w.shown(p.id) {
			if w.Policy(r).Evidence == fact.EvidenceIdentity && f.At <= p.until && f.At < at {
				at, ok = f.At, true
			}
		}
	}
	return at, ok
}

// "The session's start: its earliest started or rotated fact, unless any other
// fact of this id (a rotation away from it, too) came more than τ before that.
// Otherwise the earliest activity at or before" an instant, that of the request or of the
// rotation, "exempt requests aside, else" that instant (a lower bound of the age).
func (w *World) start(s fact.ID, tol, until int64) (at int64, known bool) {
	start, activity, first := int64(math.MaxInt64), int64(math.MaxInt64), w.first(s)
	for _, f := range w.of[s] {
		if (f.Kind == fact.Started || f.Kind == fact.Rotated) && (!f.Late || f.At >= first-tol) {
			start = min(start, f.At)
		}
		if f.isActivity() && !f.Late && !f.Exempt {
			activity = min(activity, f.At)
		}
	}
	switch {
	case start < math.MaxInt64 && start-first <= tol:
		return start, true
	case activity < math.MaxInt64 && activity <= until:
		return activity, false
	}
	return until, false
}

// When a fact first told of the session. "A fact later than the window makes no new
// finding from the past": it makes no session older.
func (w *World) first(s fact.ID) int64 {
	first := int64(math.MaxInt64)
	for _, f := range w.of[s] {
		if !f.Late && !f.Exempt {
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

// An ancestor is an id of a lineage, and up to when what it did belongs to that; of all
// but the last id the rotation onto the next one.
type ancestor struct {
	id            fact.ID
	until, before int64
}

// line is r's id and those that it was rotated from: "on this id up to a's instant, or on
// the ids it was rotated from, each up to the rotation plus τ".
func (w *World) line(r *KnownFact) (line []ancestor) {
	tol, x := int64(w.Policy(r).Tolerance), ancestor{r.Session.ID, w.Horizon(r), w.Horizon(r)}
	for steps := 0; ; steps++ {
		line = append(line, x)
		rotation := w.Lineage(x.id, x.before)
		if rotation == nil || steps == lineageSteps {
			return line
		}
		x = ancestor{rotation.Previous.ID, rotation.At + tol, rotation.At - 1}
	}
}

// "The latest authentication in the lineage".
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
func (w *World) origin(r *KnownFact) (at int64, known bool) {
	line, tol := w.line(r), int64(w.Policy(r).Tolerance)
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
	if len(line) == 1 {
		return w.start(root.id, tol, r.Began)
	}
	return w.start(root.id, tol, root.before+1)
}

// Lineage reads "the earliest rotation onto an id N at or before r.start + τ or r.end (of
// two at one instant, from the smaller pseudonym) is its lineage; it is followed only if
// it is earlier than the one that led to it". A late one counts where it came before the
// request that is judged, or was judged last.
func (w *World) Lineage(s fact.ID, before int64) (found *KnownFact) {
	smaller := func(a, b *KnownFact) bool {
		x, y := Pseudonym(a.Previous.Raw), Pseudonym(b.Previous.Raw)
		return bytes.Compare(x[:], y[:]) < 0
	}
	for _, f := range w.of[s] {
		if f.IsRotation() && (!f.Late || f.Order < w.about.Order) &&
			(found == nil || f.At < found.At || f.At == found.At && smaller(f, found)) {
			found = f
		}
	}
	if found != nil && found.At > before {
		return nil
	}
	return found
}

// Policy is the one that governs r.
func (w *World) Policy(r *KnownFact) *Policy { return &w.cfg.Policies[r.Policy] }
