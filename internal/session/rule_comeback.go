package session

import (
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// comeback is what is known of a session that was thrown away and came back: what
// its tombstone said, or what a fingerprint leaves open. Zero: it did not.
type comeback struct {
	back bool
	// lost: only a fingerprint told of it, so that it may have shown a user.
	lost bool
	// login: it had, or may have had, an authentication or a start, which may void
	// an end that comes now and is older.
	login bool
	// unsure: end is not its first end under every policy, or whom it showed it inherited
	// from what it may not continue.
	unsure bool
	typ    fact.Type
	// service is who reported end: an index in services.names.
	service uint32
	// end is when it ended; 0: it had not.
	end int64
	// first and last: behind first and up to last it may have ended once more.
	// last 0: it did not.
	first, last int64
	// seen is an instant at which it had been heard of.
	seen int64
}

// leaveTombstone keeps what t, which is thrown away, said. settled: nothing more will come
// that is older, so that what it inherited is sure.
func (e *Engine) leaveTombstone(t *timeline, settled bool) {
	newest := t.newest + 1
	s := tombstone{newest: seconds(max(newest, t.unknownBefore))}
	for _, x := range [...]struct {
		flag uint32
		set  bool
	}{
		{tombstoneSampled, t.sampledNow()},
		{tombstoneActive, len(t.intervals) > 0},
		{tombstoneBrief, t.shard.sessions.fleeting(t.slot)},
		{tombstoneLogin, len(t.authentications)+len(t.lateStarts) > 0 || t.firstStart != unset || t.back.login || e.startsWithIdentity(t)},
		{tombstoneVague, t.unknownBefore > newest},
		{tombstoneLost, t.back.lost},
	} {
		if x.set {
			s.said |= x.flag
		}
	}
	if len(t.authentications) > 0 && t.policies == 0 {
		e.authenticated = ^uint64(0) // whichever policy will govern it, it was logged in to
	}
	e.work.cut = false
	first := min(t.first, t.back.seenOr(t.first))
	tolerance := e.tombstones.tolerance
	user, at, sure, ok := e.lastIdentity(t, settled)
	if ok {
		s.user, s.at = user[0], at
		if n := len(t.authentications); n > 0 {
			s.at = max(s.at, t.authentications[n-1])
		}
		if start, known := t.started(tolerance, afterAll); known {
			s.at = max(s.at, start)
		}
	}
	end := e.firstEnd(t, settled)
	if end.ended {
		s.said |= uint32(end.typ-fact.EndedSession+1) | e.services.byName[end.by]<<tombstoneFlags
		s.at = end.since
		if end.later {
			s.said |= tombstoneLater
		}
	}
	if end.unsure || ok && !sure && !end.ended {
		s.said |= tombstoneUnsure
	}
	if first < s.at {
		s.said |= tombstoneSeen
	}
	if e.work.cut { // not all was looked at: what is said of it is not sure
		s.said |= tombstoneUnsure | tombstoneLost | tombstoneLogin
	}
	e.tombstones.add(t.id, s)
}

func (b *comeback) seenOr(otherwise int64) int64 {
	if b.back {
		return b.seen
	}
	return otherwise
}

// lastIdentity returns the user whom t, or what it was rotated from, showed last, since
// when that holds, and whether it is sure that what it was rotated from did.
func (e *Engine) lastIdentity(t *timeline, settled bool) (user fact.ID, since int64, sure, ok bool) {
	if n := len(t.identities); n > 0 {
		last := &t.identities[n-1]
		return last.user, startOfRun(t.identities), !t.back.unsure || last.source != anySource, true
	}
	if len(t.lineage) == 0 || t.first == unset {
		return fact.ID{}, 0, false, false
	}
	r := requestToCome(0)
	w := e.newEvaluation(t, &r)
	h := w.heritage()
	return h.heirUser, t.first, settled && h.unknownBefore <= t.first, !h.heirUser.IsZero()
}

// requestToCome is a request of policy that starts behind all there is.
func requestToCome(policy uint8) record {
	return record{At: math.MaxInt64 / 2, EffectiveStart: math.MaxInt64 / 2, End: math.MaxInt64 / 2, seq: afterAll, policy: policy}
}

// knownEnd is the first of the ends that count for a request to come.
type knownEnd struct {
	ended bool
	expiry
	unsure, later bool
}

// firstEnd finds by which end t is over, by the ordinary rules. settled: as in leaveTombstone.
func (e *Engine) firstEnd(t *timeline, settled bool) (first knownEnd) {
	if len(t.ends)+len(t.rotations)+len(t.lineage) == 0 && t.back.end == 0 && t.back.last == 0 && !e.someUserEnded(t) {
		return first
	}
	for i := range e.cfg.Policies {
		r := requestToCome(uint8(i))
		var here knownEnd
		w := e.newEvaluation(t, &r)
		w.forAll = true
		w.endings(func(x expiry) {
			if !x.vouched && x.since-int64(w.policy.Tolerance) < t.unknownBefore || (x.inherited || x.linked != 0) && !settled {
				x.doubt = ReasonEvicted // what was thrown away before that, or comes yet, may void it
			}
			if w.isShared() {
				x.doubt = ReasonShared
			}
			if x.doubt == "" {
				x.doubt = w.lostDoubt(&x)
			}
			here.later = here.later || here.ended && x.since != here.since
			if !here.ended || x.earlier(&here.expiry) {
				here.ended, here.expiry = true, x
			}
		})
		here.later = here.later || here.ended && t.back.last > here.since
		switch {
		case i == 0:
			first = here
			first.unsure = here.doubt != ""
		case !here.ended && !first.ended:
		case !here.ended || !first.ended || here.since != first.since || here.typ != first.typ || here.doubt != "":
			later := first.later || here.later || first.ended && here.ended
			if here.ended && (!first.ended || here.since < first.since) {
				first = here
			}
			first.unsure, first.later = true, later
		default:
			first.later = first.later || here.later
		}
	}
	return first
}

// someUserEnded reports whether there is an end of a user whom t, or what it was
// rotated from, may have shown.
func (e *Engine) someUserEnded(t *timeline) bool {
	return len(e.users.ended) > 0 && (len(t.lineage) > 0 || t.back.lost ||
		slices.ContainsFunc(t.identities, func(i identity) bool { return len(e.users.ends(i.user)) > 0 }) ||
		slices.ContainsFunc(t.links, func(l identity) bool { return len(e.users.ends(l.user)) > 0 }))
}

// evicted is what is left of a session: its tombstone, or the fingerprints among
// which is one of it.
type evicted struct {
	tombstone
	found       bool
	lost        *generation
	oldestKnown int64
}

// takeEvicted takes what is left of id.
func (e *Engine) takeEvicted(id fact.ID) evicted {
	if s := e.tombstones.of(id); s != nil {
		g := evicted{tombstone: *s, found: true}
		e.tombstones.remove(id)
		return g
	}
	return evicted{lost: e.tombstones.displaced.of(tagOf(id)), oldestKnown: e.tombstones.oldestKnown}
}

// comeBack lets t, which is new in the table, know what was left of it.
func (e *Engine) comeBack(t *timeline, was evicted) {
	if !was.found {
		t.unknownBefore = was.oldestKnown
		if was.lost != nil {
			e.comeBackLost(t, was.lost)
		}
		return
	}
	newest := was.before()
	t.back = comeback{back: true, seen: was.at, lost: was.said&tombstoneLost != 0, login: was.said&(tombstoneLogin|tombstoneVague) != 0, unsure: was.said&tombstoneUnsure != 0}
	if was.said&tombstoneSeen != 0 {
		t.back.seen--
	}
	t.facts = 1 // that there are others is all that is known of them
	t.unknownBefore = max(newest, e.restarted)
	if was.said&tombstoneVague == 0 {
		t.newest = newest - secondNanos
	}
	if was.said&tombstoneSampled != 0 {
		t.addSampled(longAgo)
	}
	if was.said&tombstoneActive != 0 {
		t.firstActivity = newest
		t.intervals.add(newest, newest, 0, e.gap, t.lastInactiveStart)
	}
	if typ, ended := was.end(); ended {
		t.back.typ, t.back.end, t.back.service = typ, was.at, was.service()
		if was.said&tombstoneLater != 0 {
			t.back.first, t.back.last = was.at, newest
		}
	}
	if was.user != 0 {
		t.identities = append(t.identities, identity{at: was.at, user: e.users.byHash(was.user), source: anySource})
		e.users.addLink(t.identities[0].user, t.placeOf())
	}
}

// heardAgain reports whether something came, since t came back, that what was learnt of it
// before does not know: of what it did up to an instant, or that another source, too, names
// whom it showed.
func (t *timeline) heardAgain(until int64, learnt *legacy) bool {
	return t.first <= until || len(t.ends) > 0 && t.ends[0].at <= until || len(t.authentications) > 0 && t.authentications[0] <= until ||
		slices.ContainsFunc(t.identities, func(i identity) bool {
			return i.source != anySource && (i.at <= until || learnt.lacksSource(i))
		})
}

// wordFor reports whether something came, since they came back, that t has not learnt of p,
// which it was rotated from at until or a little before, or of those that it continues.
func (e *Engine) wordFor(t, p *timeline, until int64) bool {
	return p != nil && p.heardAgain(until, &t.legacy) || slices.ContainsFunc(t.evictedAncestors, func(id fact.ID) bool {
		if !e.take(1) {
			return true
		}
		p := e.get(id)
		return p != nil && p.back.back && p.heardAgain(until, &t.legacy)
	})
}

// turnAway notes that a fact of id, which is not in the table, was not taken: what
// is not taken is not known.
func (e *Engine) turnAway(id fact.ID, g evicted, now int64) {
	s := tombstone{said: tombstoneBrief}
	if g.found {
		s = g.tombstone
	}
	s.newest = max(s.newest, seconds(now+1))
	s.said |= tombstoneLogin // perhaps it was one, and voids an end
	if _, ended := s.end(); ended {
		s.said |= tombstoneUnsure | tombstoneLater
	}
	e.tombstones.add(id, s)
}

// comeBackLost is what a fingerprint says of t, which g has: that it was there,
// and perhaps that it was over.
func (e *Engine) comeBackLost(t *timeline, g *generation) {
	t.back = comeback{back: true, lost: true, login: true, seen: longAgo}
	t.facts = 1
	// It may have come back since, and have left a tombstone that said nothing and was
	// displaced.
	t.unknownBefore = max(t.unknownBefore, int64(g.newest)*secondNanos, e.restarted)
	if g.over(tagOf(t.id)) {
		t.back.first, t.back.last = g.first-1, g.last
	}
}

// seen is an instant at which t had been heard of.
func (t *timeline) seen() int64 { return min(t.first, t.back.seenOr(unset)) }

// changedBy reports whether t has shown a user at or before at since it came back.
func (t *timeline) changedBy(at int64) bool {
	return slices.ContainsFunc(t.identities, func(i identity) bool { return i.at <= at && i.source != anySource })
}

// rotatedWithin reports whether it was a rotation by which the session ended,
// within tolerance of at.
func (b *comeback) rotatedWithin(at, tolerance int64) bool {
	return b.end != 0 && b.typ == fact.RotatedSession && max(at-b.end, b.end-at) <= tolerance
}

// backEndings are ends from before t was thrown away.
func (w *evaluation) backEndings(each func(expiry)) {
	b, tolerance := &w.t.back, int64(w.policy.Tolerance)
	if b.end != 0 {
		grace := int64(w.policy.EndGrace)
		voided := w.begins && b.end <= w.since+tolerance
		if b.typ == fact.RotatedSession {
			grace = int64(w.policy.RotationGrace)
			voided = w.begins && w.since > b.end+tolerance
		}
		x := expiry{at: b.end + grace, typ: b.typ, since: b.end, by: w.e.services.names[b.service], vouched: true}
		if b.unsure || b.typ == fact.RevokedSession && w.t.changedBy(b.end) {
			x.doubt = ReasonEvicted
		}
		if b.typ == fact.RevokedSession && shownSince(w.t.identities, w.t.identities, w.identityAt(b.end), b.end, w.r.At) {
			voided = true
		}
		if w.violated(x.at) && !voided && (b.typ != fact.EndedSession || !w.t.rotatedWithin(b.end, tolerance)) {
			each(x)
		}
	}
	if b.last != 0 {
		w.lostEnd(b.first, b.last, each)
	}
}

// mayBegin reports whether the first user of whom it is known that t shows it, at or behind
// an instant, would begin it if nobody was shown before.
func (w *evaluation) mayBegin(since int64) bool {
	list := w.identities(w.t)
	if w.policy.Evidence != fact.EvidenceIdentity || w.authentication != 0 || len(list) == 0 || list[0].source == anySource {
		return false
	}
	_, known := w.firstIdentity(w.t, w.limit)
	return !known && list[0].at >= since && list[0].at <= w.limit
}

// lostEnd is an end that may have come behind first and up to last: the last one
// that would make the request too late, or else the first.
func (w *evaluation) lostEnd(first, last int64, each func(expiry)) {
	if w.begins { // it may have been a rotation, which an authentication so little later does not void
		first = max(first, w.since-int64(w.policy.Tolerance)-1)
	}
	if first++; first > last {
		return
	}
	candidates := [...]int64{last, first}
	if w.forAll {
		candidates[0] = first
	}
	for _, at := range candidates {
		if x := at + int64(w.policy.EndGrace); w.violated(x) {
			each(expiry{at: x, typ: fact.EndedSession, since: at, doubt: ReasonEvicted})
			return
		}
	}
}

// lostUserEndings are ends of a user whom a session that was lost shows now: it
// may have shown it before.
func (w *evaluation) lostUserEndings(each func(expiry)) {
	if !w.t.back.lost || len(w.t.identities) == 0 {
		return
	}
	first := w.t.identities[0]
	for i := range w.e.users.ends(first.user) {
		end := &w.e.users.ends(first.user)[i]
		at := end.at + int64(w.policy.EndGrace)
		if end.at < first.at && end.other != w.t.id && w.violated(at) && w.applies(end) {
			each(expiry{at: at, typ: fact.RevokedSession, since: end.at, by: w.e.services.names[end.service], doubt: ReasonEvicted})
		}
	}
}

// mayBeLate reports whether what ended at at may have come later than the reorder
// window: how new the newest fact that was thrown away was is known to the second.
func (w *evaluation) mayBeLate(at int64) bool {
	return at+int64(w.e.cfg.ReorderWindow) < w.t.unknownBefore
}

// lostDoubt says why x cannot be confirmed of a session that came back.
func (w *evaluation) lostDoubt(x *expiry) string {
	b, tolerance := &w.t.back, int64(w.policy.Tolerance)
	switch {
	case w.inheritsLate,
		(x.typ == fact.AbsoluteTimeout || x.inherited) && w.origin().unknownBefore > x.since:
		return ReasonEvicted
	case x.happened() && w.mayBegin(x.since-tolerance):
		return w.whyUnknown()
	case b.login && len(w.t.lineage) > 0 && (x.typ == fact.AbsoluteTimeout || x.inherited): // an earlier rotation may be lost
		return ReasonEvicted
	case w.mayBeLate(w.r.End) || !x.vouched && x.typ != fact.IdleTimeout && x.typ != fact.AbsoluteTimeout && w.mayBeLate(x.since):
		return ReasonEvicted
	case !b.back:
		return ""
	case w.t.firstStart != unset && w.t.firstStart-tolerance <= w.t.unknownBefore, // it may be the session's start
		b.login && x.linked != 0 && x.linked < w.t.unknownBefore,
		x.typ >= fact.EndedSession && !x.vouched && (b.login || x.typ == fact.RevokedSession) && x.since-tolerance < w.t.unknownBefore:
		return ReasonEvicted
	}
	return ""
}
