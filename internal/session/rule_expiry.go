package session

import (
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

	// forAll: not the one request is judged, but all to come.
	forAll bool

	root   origin // what ancestry found, once rooted
	rooted bool
	asked  bool
	// What inherited found, once asked: a user, and who showed it.
	heirUser fact.ID
	heir     *timeline
	heirAt   int64      // the rotation
	heard    []heardEnd // what newestHeard found, once asked
}

// newEvaluation finds since when r's session lasts: its latest authentication at or
// before r.start + tolerance or r.end, whichever is later; else, where an identity is
// asked for, the first that it showed, unless what it continues was logged in to or
// showed one; else its start; else its earliest activity.
func (e *Engine) newEvaluation(t *timeline, r *record) evaluation {
	p := &e.cfg.Policies[r.policy]
	tolerance := int64(p.Tolerance)
	w := evaluation{e: e, t: t, r: r, policy: p, limit: max(r.EffectiveStart+tolerance, r.End)}
	if at, ok := latest(t.authentications, w.limit); ok {
		w.since, w.authentication, w.known, w.begins = at, at, true, true
		return w
	}
	if first, ok := w.firstIdentity(t, w.limit); ok {
		if o := w.ancestry(); !o.authentication && o.firstIdentity == unset {
			w.since, w.known, w.begins = first, w.startsWithin(t, first), true
			return w
		}
	}
	if w.since, w.known = t.started(tolerance); w.known {
		w.begins = true
		return w
	}
	w.since = min(t.firstActivity, r.EffectiveStart)
	return w
}

// firstIdentity is when t first showed a user, if that counts for the policy and was
// no later than until.
func (w *evaluation) firstIdentity(t *timeline, until int64) (at int64, ok bool) {
	if w.policy.Evidence != fact.EvidenceIdentity || len(t.identities) == 0 || t.identities[0].at > until {
		return unset, false
	}
	return t.identities[0].at, true
}

// startsWithin reports whether t has a known start within the tolerance before at.
func (w *evaluation) startsWithin(t *timeline, at int64) bool {
	start, known := t.started(int64(w.policy.Tolerance))
	return known && start <= at && at-start <= int64(w.policy.Tolerance)
}

// expiry is one instant from which a session was dead.
type expiry struct {
	at    int64
	typ   fact.Type
	since int64 // what a blind interval behind it puts in doubt
	// vouched: nothing that was thrown away clears it.
	vouched bool
	by      string // the service that reported an end
	doubt   string // why it cannot be confirmed; empty if it can
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
func (w *evaluation) expiries(each func(expiry)) {
	w.endings(each)
	// The lineage can only make the session older than it looks here.
	if _, limited := w.policy.absoluteExpiry(w.since); limited && (len(w.t.lineage) > 0 || w.policy.tooOld(w.r.EffectiveStart, w.since)) {
		o := w.origin()
		if at, _ := w.policy.absoluteExpiry(o.at); w.violated(at) {
			each(expiry{at: at, typ: fact.AbsoluteTimeout, since: o.at})
		}
	}
	if limit := int64(w.policy.IdleTimeout); limit > 0 && w.r.flags&fact.Passive == 0 {
		since, found := w.t.silence(w.policy, w.r.policy, w.since, w.r.EffectiveStart)
		if found && w.violated(since+limit) {
			each(expiry{at: since + limit, typ: fact.IdleTimeout, since: since})
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
		if w.violated(at) && w.applies(end) && !t.rotatedWithin(end.at, tolerance) && !t.back.rotatedWithin(end.at, tolerance) {
			each(expiry{at: at, typ: fact.EndedSession, since: end.at, by: w.e.services.names[end.service]})
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
	if len(w.e.users.ended) > 0 {
		w.userEndings(each)
		w.lostUserEndings(each)
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

// userEndings are the ends of all sessions of a user whom this session showed
// last when they came.
func (w *evaluation) userEndings(each func(expiry)) {
	for n, i := range w.t.identities {
		if !slices.ContainsFunc(w.t.identities[:n], func(o identity) bool { return sameUser(o.user, i.user) }) {
			w.endingsOf(i.user, each)
		}
	}
	if user := w.inherited(); !user.IsZero() && !w.t.shows(user) {
		w.endingsOf(user, each)
	}
}

func (w *evaluation) endingsOf(user fact.ID, each func(expiry)) {
	if !w.e.take(1) {
		return
	}
	ends := w.e.users.ends(user)
	for i := range ends {
		end := &ends[i]
		at := end.at + int64(w.policy.EndGrace)
		if end.other == w.t.id || !w.violated(at) || !w.applies(end) || w.t.seen() >= end.at || w.r.seq < end.nextSeq && w.cameLate(end) {
			continue
		}
		x := expiry{at: at, typ: fact.RevokedSession, since: end.at, by: w.e.services.names[end.service]}
		switch {
		case w.unsureAt(end.at): // whom it showed then, and since, is not all known
			x.doubt = ReasonBounds
		case !sameUser(w.identityAt(end.at), user) || w.shownSince(end.at, user):
			continue
		}
		each(x)
	}
}

// shownSince reports whether the session showed another user behind at, and no later
// than the request: it is that one's by then. Only users of one source are different.
func (w *evaluation) shownSince(at int64, user fact.ID) bool {
	by := w.t.identities // who showed that user
	if _, own := identityAt(by, at); !own && w.heir != nil {
		by = slices.Concat(by, w.heir.identities)
	}
	return slices.ContainsFunc(w.t.identities, func(i identity) bool {
		return i.at > at && i.at <= w.r.At && !sameUser(i.user, user) &&
			slices.ContainsFunc(by, func(j identity) bool { return sameUser(j.user, user) && sameSource(i.source, j.source) })
	})
}

// unsureAt reports whether not all is known of whom the session showed at that instant and
// since.
func (w *evaluation) unsureAt(at int64) bool {
	if _, own := identityAt(w.t.identities, at); own {
		return at < w.t.shownFrom
	}
	w.inherited()
	return w.heir != nil && w.heirAt < w.heir.shownFrom
}

// identityAt returns the user whom the session showed last at or before at; the
// zero ID: none. An id that shows none has the one that its previous id showed
// last up to the rotation.
func (w *evaluation) identityAt(at int64) fact.ID {
	if user, ok := identityAt(w.t.identities, at); ok {
		return user
	}
	return w.inherited()
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
func (w *evaluation) cameLate(end *ending) bool {
	t, late := w.t, end.at+int64(w.e.cfg.ReorderWindow)
	if t.newest <= late {
		return false
	}
	raises := func(x ending) bool { return x.seq < end.seq && x.at > late }
	return slices.ContainsFunc(t.rotations, raises) || slices.ContainsFunc(t.raised, raises) ||
		slices.ContainsFunc(w.lastHeard(), func(x heardEnd) bool { return x.seq < end.nextSeq && x.end > late })
}

// lastHeard returns the ends of the last facts of the session. Where there are more
// than are looked at, all before those is taken to have ended as late as it can have
// when it came: what is not known accuses nobody.
func (w *evaluation) lastHeard() []heardEnd {
	if w.heard != nil {
		return w.heard
	}
	w.heard = w.e.heard[:0]
	ring := &w.t.shard.recent
	r, looks := ring.at(w.t.recent), 0
	for ; r != nil && r.session == w.t.id && looks < maxLateLooks && w.e.take(1); looks, r = looks+1, ring.at(r.ofSession) {
		if r.state&evident != 0 {
			w.heard = append(w.heard, heardEnd{r.seq, r.FirstEnd})
		}
	}
	if r != nil && r.session == w.t.id {
		w.heard = append(w.heard, heardEnd{r.seq, r.Arrival + int64(w.e.cfg.MaxAhead)})
	}
	w.heard = append(w.heard, heardEnd{unset, longAgo}) // asked
	w.e.heard = w.heard
	return w.heard
}
