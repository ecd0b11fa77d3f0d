package session

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// evaluation answers what a request's verdict needs to know of its session, its
// ancestors and its user. It belongs to one call of judge.
type evaluation struct {
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
	// begins: what came before since does not count: it is one of those, or the first
	// identity.
	begins bool

	// forAll: not the one request is judged, but all to come. assumed: as if its id
	// continued what it was rotated from.
	forAll, assumed bool

	inherited heritage // what heritage found, once rooted
	rooted    bool
	// inheritsLate: some of that came too late for the request, and which is not known.
	inheritsLate bool
	heard        []heardEnd // what newestHeard found, once asked
	heardOf      *timeline
}

// newEvaluation finds since when r's session lasts: its latest authentication at or
// before r.start + tolerance or r.end, whichever is later; else, where an identity is
// asked for, the first that it showed, unless what it continues was logged in to or
// showed one; else its start; else its earliest activity.
func (e *Engine) newEvaluation(t *timeline, r *record) evaluation {
	p := &e.cfg.Policies[r.policy]
	tolerance := int64(p.Tolerance)
	w := evaluation{e: e, t: t, r: r, policy: p, limit: max(r.EffectiveStart+tolerance, r.End)}
	w.begin()
	return w
}

// assuming is w as if the id continued what it was rotated from.
func (w *evaluation) assuming() evaluation {
	v := evaluation{e: w.e, t: w.t, r: w.r, policy: w.policy, limit: w.limit, assumed: true}
	v.begin()
	return v
}

func (w *evaluation) begin() {
	t, tolerance := w.t, int64(w.policy.Tolerance)
	if at, ok := t.loginAt(w.limit); ok {
		w.since, w.authentication, w.known, w.begins = at, at, true, true
		return
	}
	if first, ok := w.firstIdentity(t, w.limit); ok {
		if h := w.heritage(); h.login == longAgo && h.firstIdentity == unset {
			w.since, w.known, w.begins = first, w.startsWithin(t, first), true
			return
		}
	}
	if w.since, w.known = t.started(tolerance, w.r.seq); w.known {
		w.begins = true
		return
	}
	w.since = min(t.firstActivity, w.r.EffectiveStart)
}

// firstIdentity is when t first showed a user, if that counts for the policy and was
// no later than until.
func (w *evaluation) firstIdentity(t *timeline, until int64) (at int64, ok bool) {
	if w.policy.Evidence != fact.EvidenceIdentity {
		return unset, false
	}
	list := w.identities(t)
	if len(list) == 0 || list[0].at > until {
		return unset, false
	}
	if t.back.back && list[0].source == anySource || t.unknownBefore > list[0].at { // it may have shown one before
		return unset, false
	}
	return list[0].at, true
}

// startsWithin reports whether t has a known start within the tolerance before at.
func (w *evaluation) startsWithin(t *timeline, at int64) bool {
	start, known := t.started(int64(w.policy.Tolerance), w.r.seq)
	return known && start <= at && at-start <= int64(w.policy.Tolerance)
}

// origin is where an absolute clock starts.
type origin struct {
	at             int64
	known          bool // an authentication or a known start
	authentication bool
	// unknownBefore: what was known before this of what it was rotated from may have
	// been thrown away.
	unknownBefore int64
}

// origin finds the latest authentication in the lineage; without one, where an identity
// is asked for, the first that was shown in it; without that, the root's start.
func (w *evaluation) origin() origin {
	h := w.heritage()
	unknown := max(h.unknownBefore, w.t.unknownBefore)
	first, shows := w.firstIdentity(w.t, w.limit)
	switch login, ok := w.login(); {
	case ok:
		return origin{login, true, true, unknown}
	case shows && first <= h.firstIdentity:
		return origin{first, w.startsWithin(w.t, first) || h.identified && first == h.firstIdentity, false, unknown}
	case h.firstIdentity != unset:
		return origin{h.firstIdentity, h.identified, false, unknown}
	case h.at != unset:
		return origin{h.at, h.known, false, unknown}
	}
	return origin{w.since, w.known, false, unknown}
}

// login is the latest authentication in the lineage.
func (w *evaluation) login() (at int64, ok bool) {
	at = w.heritage().login
	if w.authentication != 0 {
		at = max(at, w.authentication)
	}
	return at, at != longAgo
}

// expiry is one instant from which a session was dead.
type expiry struct {
	at    int64
	typ   fact.Type
	since int64 // what a blind interval behind it puts in doubt
	// vouched: nothing that was thrown away clears it.
	vouched bool
	// inherited: it is that of an id that this one continues.
	inherited bool
	// linked is when the id last named the larger session of which it is the end: a login
	// since would void it. 0: it is none of one, or of one that is inherited.
	linked int64
	by     string // the service that reported an end
	doubt  string // why it cannot be confirmed; empty if it can
}

// violated reports whether the request starts later than at by more than the
// tolerance.
func (w *evaluation) violated(at int64) bool {
	return w.policy.violates(w.r.EffectiveStart, at)
}

// precedence of types at one instant: what was said comes before what was silent.
var precedence = [fact.TypeCount]int8{fact.EndedSession: 0, fact.RotatedSession: 1, fact.RevokedSession: 2, fact.AbsoluteTimeout: 3, fact.IdleTimeout: 4}

// happened reports whether x rests on something that happened. What did not happen
// may only have been missed.
func (x *expiry) happened() bool { return x.typ != fact.IdleTimeout }

// earlier reports whether x explains the request better than y.
func (x *expiry) earlier(y *expiry) bool {
	if x.happened() != y.happened() {
		return x.happened()
	}
	return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(precedence[x.typ], precedence[y.typ]), cmp.Compare(x.by, y.by)) < 0
}

// same reports whether y is the same expiry, doubted or not.
func (x *expiry) same(y expiry) bool {
	return x.at == y.at && x.typ == y.typ && x.since == y.since && x.by == y.by
}

// expiries calls each with every instant from which the session was dead for
// the request, where the request started too late for it.
func (w *evaluation) expiries(each func(expiry)) {
	w.endings(each)
	// The lineage can only make the session older than it looks here.
	if _, limited := w.policy.absoluteExpiry(w.since); limited && (len(w.t.lineage) > 0 || w.policy.tooOld(w.r.EffectiveStart, w.since)) {
		o := w.origin()
		if at, _ := w.policy.absoluteExpiry(o.at); w.violated(at) {
			each(expiry{at: at, typ: fact.AbsoluteTimeout, since: o.at})
		}
	}
	if w.r.flags&fact.Passive == 0 {
		if since, found := w.t.silence(w.policy, w.r.policy, w.since, w.r.EffectiveStart); found {
			each(expiry{at: since + int64(w.policy.IdleTimeout), typ: fact.IdleTimeout, since: since})
		}
	}
}

// endings are the ends that somebody reported.
func (w *evaluation) endings(each func(expiry)) {
	p, t := w.policy, w.t
	tolerance := int64(p.Tolerance)
	for i := range t.ends {
		end := &t.ends[i]
		at := end.at + int64(p.EndGrace)
		if !w.violated(at) || !w.applies(end) || t.back.rotatedWithin(end.at, tolerance) {
			continue
		}
		if is, doubt := w.isRotation(end.at); !is {
			each(expiry{at: at, typ: fact.EndedSession, since: end.at, by: w.e.services.names[end.service], doubt: doubt})
		}
	}
	for i := range t.rotations {
		end := &t.rotations[i]
		at := end.at + int64(p.RotationGrace)
		if w.violated(at) && w.isEffective(end) && !(w.begins && w.since > end.at+tolerance) {
			each(expiry{at: at, typ: fact.RotatedSession, since: end.at, by: w.e.services.names[end.service]})
		}
	}
	if t.back.back {
		w.backEndings(each)
	}
	w.inheritedEndings(each)
	if len(w.e.users.ended) > 0 {
		w.userEndings(each)
		w.lostUserEndings(each)
		w.partEndings(each)
	}
}

// applies reports whether an end counts for the request: with a known start,
// only what comes behind it.
func (w *evaluation) applies(end *ending) bool {
	return w.isEffective(end) && !(w.begins && end.at <= w.since+int64(w.policy.Tolerance))
}

func (w *evaluation) isEffective(end *ending) bool {
	return end.effectiveSeq == 0 || end.effectiveSeq <= w.r.seq
}

// inheritedEndings are the ends that held for what the id continues, unless somebody has
// logged in since.
func (w *evaluation) inheritedEndings(each func(expiry)) {
	login, authenticated := w.login()
	for _, end := range w.heritage().ends {
		at := end.at + int64(w.policy.EndGrace)
		if w.violated(at) && !(authenticated && login >= end.at-int64(w.policy.Tolerance)) {
			each(expiry{at: at, typ: end.typ, since: end.at, by: w.e.services.names[end.service], doubt: end.doubt, inherited: true})
		}
	}
}

// userEndings are the ends of all sessions of a user whom this session showed
// last when they came.
func (w *evaluation) userEndings(each func(expiry)) {
	above := w.heritage()
	for n, i := range w.t.identities {
		if !slices.ContainsFunc(w.t.identities[:n], func(o identity) bool { return sameUser(o.user, i.user) }) {
			w.endingsOf(above, i.user, each)
		}
	}
	if user := above.heirUser; !user.IsZero() && !w.t.shows(user) {
		w.endingsOf(above, user, each)
	}
}

func (w *evaluation) endingsOf(above *heritage, user fact.ID, each func(expiry)) {
	if !w.e.take(1) {
		return
	}
	ends := w.e.users.ends(user)
	for i := range ends {
		end := &ends[i]
		at := end.at + int64(w.policy.EndGrace)
		if !w.violated(at) || !w.applies(end) {
			continue
		}
		if binds, doubt := w.bindsUser(above, w.t, end, user, w.r.At); binds && !w.cleared(above, w.t, end, user, w.r.At) {
			_, own := identityAt(w.identities(w.t), end.at)
			each(expiry{at: at, typ: fact.RevokedSession, since: end.at, by: w.e.services.names[end.service], doubt: doubt, inherited: !own})
		}
	}
}

// partEndings are the ends of the larger sessions that this one is part of.
func (w *evaluation) partEndings(each func(expiry)) {
	above := w.heritage()
	above.eachLarger(w.t, func(id fact.ID) {
		if !w.e.take(1) {
			return
		}
		ends := w.e.users.ends(id)
		for i := range ends {
			end := &ends[i]
			at := end.at + int64(w.policy.EndGrace)
			if w.violated(at) && w.applies(end) && w.bindsPart(above, w.t, end, id) {
				x := expiry{at: at, typ: fact.EndedSession, since: end.at, by: w.e.services.names[end.service]}
				if x.inherited = !w.bindsPart(&noHeritage, w.t, end, id); !x.inherited {
					x.linked = w.t.namedAt(id, end.at)
				}
				each(x)
			}
		}
	})
}

// identities are whom t showed, as far as that counts for the request: who came out late
// accuses nobody who came before.
func (w *evaluation) identities(t *timeline) []identity { return effective(t.identities, w.r.seq) }

// identityAt returns the user whom the session showed last at or before at; the
// zero ID: none. An id that shows none has the one that its previous id showed
// last up to the rotation, if it continues that.
func (w *evaluation) identityAt(at int64) fact.ID {
	if user, ok := identityAt(w.identities(w.t), at); ok {
		return user
	}
	return w.heritage().heirUser
}

// maxLateLooks bounds how many recent facts are looked at for what makes an end of
// a user late.
const maxLateLooks = 64

// heardEnd is where a recent fact ended, and when it came.
type heardEnd struct {
	seq uint64
	end int64
}

// cameLate reports whether an end of a user came behind the reorder window of the
// session, as far as the recent facts can tell.
func (w *evaluation) cameLate(t *timeline, end *ending) bool {
	late := end.at + int64(w.e.cfg.ReorderWindow)
	if t.newest <= late {
		return false
	}
	raises := func(x ending) bool { return x.seq < end.seq && x.at > late }
	return slices.ContainsFunc(t.rotations, raises) || slices.ContainsFunc(t.raised, raises) ||
		slices.ContainsFunc(w.lastHeard(t), func(x heardEnd) bool { return x.seq <= end.seq && x.end > late })
}

// isTooLate reports whether an end came so, and behind the request.
func (w *evaluation) isTooLate(t *timeline, end *ending) bool {
	return w.r.seq <= end.seq && w.cameLate(t, end)
}

// lastHeard returns the ends of the last facts of the session. Where there are more
// than are looked at, all before those is taken to have ended as late as it can have
// when it came: what is not known accuses nobody.
func (w *evaluation) lastHeard(t *timeline) []heardEnd {
	if w.heardOf == t {
		return w.heard
	}
	w.heardOf, w.heard = t, w.e.heard[:0]
	ring := &t.shard.recent
	r, looks := ring.at(t.recent), 0
	for ; r != nil && r.session == t.id && looks < maxLateLooks && w.e.take(1); looks, r = looks+1, ring.at(r.older(r.ofSession)) {
		if r.state&evident != 0 {
			w.heard = append(w.heard, heardEnd{r.seq, r.FirstEnd})
		}
	}
	if r != nil && r.session == t.id {
		w.heard = append(w.heard, heardEnd{r.seq, r.Arrival + int64(w.e.cfg.MaxAhead)})
	}
	w.e.heard = w.heard
	return w.heard
}

// isUnidentified reports whether the id would continue the one before if the same user had
// been shown, and neither shows one.
func (w *evaluation) isUnidentified() bool {
	return w.heritage().unidentified && !slices.ContainsFunc(w.identities(w.t), func(i identity) bool { return i.at <= w.r.At })
}
