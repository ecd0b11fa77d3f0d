package session

import "slices"

// past answers what a request's verdict needs to know of its session, its
// ancestors and its user. It belongs to one call of judge.
type past struct {
	e      *Engine
	t      *timeline
	r      *record
	policy *Policy
	limit  int64 // up to when an authentication counts for r

	// since is the instant that both clocks start from for r, authentication
	// the latest authentication (0: none), known whether since is one or a
	// known start.
	since          int64
	authentication int64
	known          bool

	// forAll: not the one request is judged, but all to come.
	forAll bool

	root   origin // what origin found, once rooted
	rooted bool
}

// newPast finds since when r's session lasts: its latest authentication at or
// before r.start + tolerance or r.end, whichever is later; else its start; else
// its earliest activity.
func (e *Engine) newPast(t *timeline, r *record) past {
	e.visits = 0
	p := &e.cfg.Policies[r.policy]
	tolerance := int64(p.Tolerance)
	w := past{e: e, t: t, r: r, policy: p, limit: max(r.Eff+tolerance, r.End)}
	if at, ok := latest(t.authentications, w.limit); ok {
		w.since, w.authentication, w.known = at, at, true
		return w
	}
	if w.since, w.known = t.started(tolerance); w.known {
		return w
	}
	w.since = t.firstActivity
	if w.since == unset {
		w.since = r.Eff
	}
	return w
}

// maxLineage bounds how many rotations are followed back.
const maxLineage = 64

// origin is where an absolute clock starts.
type origin struct {
	at             int64
	known          bool // an authentication or a known start
	authentication bool
	// forgotten: what was known before this of what it was rotated from may have
	// been thrown away.
	forgotten int64
}

// origin finds the latest authentication in the lineage; without one, the
// root's start.
func (w *past) origin() origin {
	switch {
	case w.rooted: // looked for twice, it would be found with half of the visits
	case len(w.t.lineage) == 0:
		w.root = origin{w.since, w.known, w.authentication != 0, w.t.forgotten}
	default:
		var path [maxLineage + 1]ID
		w.root = w.e.originOf(w.t, w.r.order, w.limit, w.r.Eff, int64(w.policy.Tolerance), path[:0])
	}
	w.rooted = true
	return w.root
}

// maxVisits bounds how many ids one judgement, or one look for a user, looks at:
// rotations can fork at every step.
const maxVisits = 512

func (e *Engine) mayVisit() bool {
	e.visits++
	if e.visits == maxVisits {
		e.stats.lost++
	}
	return e.visits < maxVisits
}

// originOf looks, for a request of order, at t up to limit and at what t was rotated from. at is what
// stands for the start of a root of which nothing else is known; path holds
// the ids that led here.
func (e *Engine) originOf(t *timeline, order uint64, limit, at, tolerance int64, path []ID) origin {
	here, authenticated := latest(t.authentications, limit)
	path = append(path, t.id)
	best, forgotten := origin{at: unset}, t.forgotten
	var from ID
	var forks [4]rotation
	for _, r := range t.lineageAt(order, forks[:0]) {
		if len(path) == cap(path) || contains(path, r.from) {
			continue
		}
		o := origin{at: r.at}
		if parent := e.get(r.from); parent != nil && e.mayVisit() {
			o = e.originOf(parent, order, r.at+tolerance, r.at, tolerance, path)
			forgotten = max(forgotten, o.forgotten)
		}
		if o.at < best.at || o.at == best.at && r.from.less(from) {
			best, from = o, r.from
		}
	}
	switch {
	case authenticated && (!best.authentication || here >= best.at):
		return origin{here, true, true, forgotten}
	case best.at != unset:
		best.forgotten = forgotten
		return best
	}
	if start, known := t.started(tolerance); known {
		return origin{start, true, false, forgotten}
	}
	if t.firstActivity != unset {
		at = t.firstActivity
	}
	return origin{at, false, false, forgotten}
}

func contains(ids []ID, id ID) bool {
	return slices.Contains(ids, id)
}

// expiry is one instant from which a session was dead.
type expiry struct {
	at    int64
	typ   Type
	since int64 // what a blind interval behind it puts in doubt
	// vouched: nothing that was thrown away clears it.
	vouched bool
	by      string // the service that reported an end
	doubt   string // why it cannot be confirmed; empty if it can
}

// violated reports whether the request starts later than at by more than the
// tolerance.
func (w *past) violated(at int64) bool {
	return w.policy.exceeds(w.r.Eff-at, int64(w.policy.Tolerance))
}

// order of types at one instant: what was said comes before what was silent.
var precedence = [TypeCount]int8{EndedSession: 0, RotatedSession: 1, RevokedSession: 2, AbsoluteTimeout: 3, IdleTimeout: 4}

// earlier reports whether x explains the request better than y.
func (x *expiry) earlier(y *expiry) bool {
	if x.at != y.at {
		return x.at < y.at
	}
	if x.typ != y.typ {
		return precedence[x.typ] < precedence[y.typ]
	}
	return x.by < y.by
}

// expiries calls each with every instant from which the session was dead for
// the request, where the request started too late for it.
func (w *past) expiries(each func(expiry)) {
	w.endings(each)
	if limit := int64(w.policy.AbsoluteTimeout); limit > 0 {
		// The lineage can only make the session older than it looks here.
		if len(w.t.lineage) > 0 || w.violated(w.since+limit) {
			if o := w.origin(); w.violated(o.at + limit) {
				each(expiry{at: o.at + limit, typ: AbsoluteTimeout, since: o.at})
			}
		}
	}
	if limit := int64(w.policy.IdleTimeout); limit > 0 && w.r.flags&Passive == 0 {
		since, found := w.t.silence(w.policy, w.r.policy, w.since, w.r.Eff, limit+int64(w.policy.Tolerance))
		if found && w.violated(since+limit) {
			each(expiry{at: since + limit, typ: IdleTimeout, since: since})
		}
	}
}

// endings are the ends that somebody reported.
func (w *past) endings(each func(expiry)) {
	p, t := w.policy, w.t
	tolerance := int64(p.Tolerance)
	for i := range t.ends {
		end := &t.ends[i]
		at := end.at + int64(p.EndGrace)
		if w.violated(at) && w.binds(end) && !t.rotatedWithin(end.at, tolerance) && !t.back.rotatedWithin(end.at, tolerance) {
			each(expiry{at: at, typ: EndedSession, since: end.at, by: w.e.services.names[end.service]})
		}
	}
	for i := range t.rotations {
		end := &t.rotations[i]
		at := end.at + int64(p.RotationGrace)
		if w.violated(at) && w.arrivedBefore(end) && !(w.known && w.since > end.at+tolerance) {
			each(expiry{at: at, typ: RotatedSession, since: end.at, by: w.e.services.names[end.service]})
		}
	}
	if t.back.back {
		w.backEndings(each)
	}
	if len(w.e.users.ended) > 0 {
		w.userEndings(each)
		w.lostUserEndings(each)
	}
}

// binds reports whether an end counts for the request: with a known start,
// only what comes behind it.
func (w *past) binds(end *ending) bool {
	return w.arrivedBefore(end) && !(w.known && end.at <= w.since+int64(w.policy.Tolerance))
}

func (w *past) arrivedBefore(end *ending) bool { return end.binds == 0 || end.binds <= w.r.order }

// userEndings are the ends of all sessions of a user whom this session showed
// last when they came.
func (w *past) userEndings(each func(expiry)) {
	var seen [4]ID
	for _, user := range w.e.usersOf(w.t, w.r.order, int64(w.policy.Tolerance), seen[:0]) {
		for i := range w.e.users.ends(user) {
			end := &w.e.users.ends(user)[i]
			at := end.at + int64(w.policy.EndGrace)
			if end.other == w.t.id || !w.violated(at) || !w.binds(end) || w.t.seen() >= end.at || w.r.order < end.seen && w.e.cameLate(w.t, end) {
				continue
			}
			if who, ok := w.e.identityOf(w.t, w.r.order, end.at, int64(w.policy.Tolerance)); ok && sameUser(who, user) {
				each(expiry{at: at, typ: RevokedSession, since: end.at, by: w.e.services.names[end.service]})
			}
		}
	}
}

// cameLate reports whether an end of a user came behind the reorder window of
// session t, as far as the recent facts can tell.
func (e *Engine) cameLate(t *timeline, end *ending) bool {
	late := end.at + int64(e.cfg.ReorderWindow)
	ring := &t.lane.recent
	for r := ring.at(t.recent); r != nil && r.session == t.id; r = ring.at(r.ofSession) {
		if r.order < end.seen && r.EndFirst > late && r.state&evident != 0 {
			return true
		}
	}
	raises := func(x ending) bool { return x.order < end.order && x.at > late }
	return slices.ContainsFunc(t.rotations, raises) || slices.ContainsFunc(t.raised, raises)
}
