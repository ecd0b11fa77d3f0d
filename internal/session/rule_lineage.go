package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// ancestor is what an id was rotated from, nil where that is not known, and how.
type ancestor struct {
	t *timeline
	r rotation
}

// heritage returns what the request's id has from those that it continues.
func (w *evaluation) heritage() *heritage {
	if len(w.t.lineage) == 0 {
		return &noHeritage
	}
	if !w.rooted {
		w.rooted = true
		w.inherited = w.findHeritage()
	}
	return &w.inherited
}

func (w *evaluation) findHeritage() heritage {
	line, h := w.ancestors()
	child := w.t
	for i, p := range line { // what lies behind the nearest of which it was learnt was learnt with that
		known, ok := child.legacy.of(&p.r, w.r.policy, w.assumed && i == 0)
		if !ok || p.t != nil && !p.t.back.back {
			child = p.t
			continue
		}
		w.inheritsLate = w.inheritsLate || child.legacy.effectiveSeq > w.r.seq
		if w.e.wordFor(child, p.t, p.r.at+int64(w.policy.Tolerance)) {
			known.unknownBefore = unset
		}
		line, h = line[:i], known
		break
	}
	for i, p := range slices.Backward(line) {
		if child = w.t; i > 0 {
			child = line[i-1].t
		}
		h = w.inherit(&h, p.t, &p.r, child, w.assumed && i == 0)
	}
	return h
}

// ancestors are what the request's id was rotated from, the nearest first, and what the
// last of those inherits. They are valid until they are asked for once more.
func (w *evaluation) ancestors() (line []ancestor, h heritage) {
	line, h = w.e.line[:0], noHeritage
	t, before := w.t, w.limit
	for range maxLineage {
		r, ok := t.lineageAt(w.r.seq, before)
		if !ok || !w.e.take(1) {
			return line, h
		}
		from := w.e.get(r.from)
		line = append(line, ancestor{from, r})
		if w.e.line = line; from == nil {
			return line, h
		}
		t, before = from, r.at-1
	}
	if r, ok := t.lineageAt(w.r.seq, before); ok {
		known, ok := t.legacy.of(&r, w.r.policy, false)
		w.inheritsLate = w.inheritsLate || ok && t.legacy.effectiveSeq > w.r.seq
		if h = known; !ok {
			h.unknownBefore = unset
		}
	}
	return line, h
}

// summarize keeps what t inherits now. It reports whether the work that is left allows that.
func (e *Engine) summarize(t *timeline) (done bool) {
	r, ok := t.lineageAt(afterAll, unset)
	if !ok {
		e.setLegacy(t, legacy{})
		return true
	}
	p, policies := e.get(r.from), len(e.cfg.Policies)
	if _, learnt := t.legacy.of(&r, 0, false); p == nil || p.back.back && learnt { // what has been learnt outlives it
		if e.work.left < len(t.evictedAncestors) {
			return false
		}
		if learnt && e.wordFor(t, p, r.at+e.tombstones.tolerance) {
			t.legacy.doubt()
		}
		return true
	}
	if e.work.left < 4*policies {
		return false
	}
	var all []heritage
	for i := range policies {
		request := requestToCome(uint8(i))
		w := evaluation{e: e, t: t, r: &request, policy: &e.cfg.Policies[i], limit: unset}
		above, known := noHeritage, true
		if further, more := p.lineageAt(request.seq, r.at-1); more {
			above, known = p.legacy.of(&further, request.policy, false)
		}
		e.spend(1)
		h := w.inherit(&above, p, &r, t, false)
		if h.unidentified { // what it has if it goes on is asked for, too
			h = w.inherit(&above, p, &r, t, true)
			h.unidentified = true
		}
		if !known {
			h.unknownBefore = unset
		}
		all = append(all, h.kept())
	}
	if moreLinks := func(h heritage) bool { return h.moreLinks }; slices.ContainsFunc(all, moreLinks) && !slices.ContainsFunc(t.legacy.all, moreLinks) {
		e.stats.lost++
	}
	if !slices.ContainsFunc(all[1:], func(h heritage) bool { return !h.same(&all[0]) }) {
		all = all[:1]
	}
	late := max(r.effectiveSeq, p.lateSeq(), t.lateSeq())
	e.setLegacy(t, legacy{r.from, r.at, slices.Clip(all), late})
	return true
}

// setLegacy makes l the legacy of t: an end of a user of whom it has that finds it.
func (e *Engine) setLegacy(t *timeline, l legacy) {
	was := t.legacy
	for id := range l.own(t) {
		if !was.has(id) {
			e.users.addLink(id, t.placeOf())
		}
	}
	t.legacy = l
	for id := range was.own(t) {
		if !l.has(id) {
			e.users.unlink(id, t.placeOf())
		}
	}
}

// inherit returns what child has from p, which it was rotated from by r, and from those
// that p continues, above being what that one has from them. It continues p if no end holds
// for that when it is rotated; if all that do came with the rotation, and no user was
// shown; or if none is older than the grace, and the first user that child shows is the one
// that was shown last.
func (w *evaluation) inherit(above *heritage, p *timeline, r *rotation, child *timeline, assumed bool) heritage {
	tolerance, grace := int64(w.policy.Tolerance), int64(w.policy.RotationGrace)
	if p == nil {
		h := noHeritage
		if h.at = r.at; !w.e.tombstones.startedBefore(r) {
			h.unknownBefore = unset
		}
		return h
	}
	held := w.holding(above, p, r)
	within, recent, nearly := true, true, false
	for i := range held {
		d := r.at - held[i].at
		within, recent = within && d <= tolerance, recent && d <= grace
		nearly = nearly || d > tolerance && d <= grace
	}
	user, shown := identityAt(w.identities(p), r.at)
	heirs, vague := p.identities, r.at < p.shownFrom
	if !shown {
		heirs, user, vague = above.heirs, above.heirUser, above.vague
	}
	lateUser, ok := identityAt(p.identities, r.at)
	if !ok {
		lateUser = above.lateUser
	}
	latest := r.at + tolerance
	if within {
		latest = r.at + grace
	}
	switch {
	case assumed, len(held) == 0, within && user.IsZero():
	case recent && !user.IsZero() && child != nil && child.showsFirst(user, latest, w.r.seq):
	default:
		h := noHeritage
		h.unidentified = nearly && !shown
		return h
	}
	h := *above
	if above.at == unset {
		if start, known := p.started(tolerance, w.r.seq); known {
			h.at, h.known = start, true
		} else {
			h.at, h.known = min(r.at, p.firstActivity), false
		}
	}
	if login, ok := p.loginAt(r.at + tolerance); ok {
		h.login = max(h.login, login)
	}
	if first, ok := w.firstIdentity(p, r.at+tolerance); ok && first <= h.firstIdentity {
		h.identified = w.startsWithin(p, first) || h.identified && first == h.firstIdentity
		h.firstIdentity = first
	}
	if len(w.e.users.sparing) > 0 {
		h.line = append(slices.Clip(h.line), p.id)
	}
	h.linksOf(p, r.at, w.r.seq)
	h.heirs, h.heirUser, h.lateUser, h.vague, h.unidentified = heirs, user, lateUser, vague, false
	h.ends = slices.Clip(h.ends)
	for _, end := range held {
		if end.at < r.at-tolerance && !end.cleared {
			h.ends = append(h.ends, end)
		}
	}
	if h.unknownBefore = max(h.unknownBefore, p.unknownBefore); p.back.last != 0 || p.back.lost || p.back.unsure {
		h.unknownBefore = unset // an end may have been lost that held
	}
	return h
}

// beginning is since when p lasts for what comes up to until, and whether what came before
// that does not count.
func (w *evaluation) beginning(above *heritage, p *timeline, until int64) (since int64, begins bool) {
	if at, ok := p.loginAt(until); ok {
		return at, true
	}
	if first, ok := w.firstIdentity(p, until); ok && above.login == longAgo && above.firstIdentity == unset {
		return first, true
	}
	return p.started(int64(w.policy.Tolerance), w.r.seq)
}

// holding are the ends that hold for p, which inherits above, when it is rotated. They are
// valid until others are asked for.
func (w *evaluation) holding(above *heritage, p *timeline, r *rotation) (held []heldEnd) {
	held = w.e.holds[:0]
	users := w.e.users.ended
	if len(p.ends) == 0 && p.back.end == 0 && len(users) == 0 {
		return held
	}
	until := r.at + int64(w.policy.Tolerance)
	since, begins := w.beginning(above, p, until)
	counts := func(at int64) bool { return at <= until && !(begins && at <= since+int64(w.policy.Tolerance)) }
	for i := range p.ends {
		if end := &p.ends[i]; counts(end.at) && w.isEffective(end) {
			held = append(held, heldEnd{at: end.at, typ: fact.EndedSession, service: end.service})
		}
	}
	if b := &p.back; b.end != 0 && b.typ != fact.RotatedSession && counts(b.end) {
		held = append(held, heldEnd{at: b.end, typ: b.typ, service: b.service, doubt: ReasonEvicted})
	}
	of := func(user fact.ID) {
		ends := w.e.users.ends(user)
		for i := range ends {
			if end := &ends[i]; counts(end.at) {
				if binds, doubt := w.bindsUser(above, p, end, user, until); binds {
					held = append(held, heldEnd{end.at, fact.RevokedSession, end.service, doubt, w.cleared(above, p, end, user, until)})
				}
			}
		}
	}
	if len(users) == 0 {
		w.e.holds = held
		return held
	}
	if w.e.take(1) {
		for n, i := range p.identities {
			if !slices.ContainsFunc(p.identities[:n], func(o identity) bool { return sameUser(o.user, i.user) }) {
				of(i.user)
			}
		}
		if !above.heirUser.IsZero() && !p.shows(above.heirUser) {
			of(above.heirUser)
		}
	}
	above.eachLarger(p, func(id fact.ID) {
		ends := w.e.users.ends(id)
		for i := range ends {
			if end := &ends[i]; counts(end.at) && w.bindsPart(above, p, end, id) {
				held = append(held, heldEnd{at: end.at, typ: fact.EndedSession, service: end.service})
			}
		}
	})
	w.e.holds = held
	return held
}

// bindsUser reports whether an end of user binds t, which inherits above: t was seen before
// it, showed that one last, and up to an instant no other since.
func (w *evaluation) bindsUser(above *heritage, t *timeline, end *ending, user fact.ID, until int64) (binds bool, doubt string) {
	if end.other == t.id || !w.isEffective(end) || t.seen() >= end.at || w.isTooLate(t, end) {
		return false, ""
	}
	list := w.identities(t)
	shown, own := identityAt(list, end.at)
	by := list // who showed that user
	switch {
	case own && end.at < t.shownFrom, !own && above.vague:
		return true, ReasonBounds // whom it showed then, and since, is not all known
	case !own:
		shown = above.heirUser
		by = slices.Concat(by, effective(above.heirs, w.r.seq))
	}
	if !sameUser(shown, user) || shownSince(list, by, user, end.at, until) {
		return false, ""
	}
	if !end.other.IsZero() && t.isPart(above, largerSession(end.other), end.at, w.r.seq) {
		return false, ""
	}
	spared, doubt := w.spares(end.other, above, t)
	if doubt == "" && t.back.unsure && own && !slices.ContainsFunc(list, func(i identity) bool { return i.at <= end.at && i.source != anySource }) {
		doubt = ReasonEvicted // that it showed that one is not sure
	}
	return !spared, doubt
}

// cleared reports whether an end of user that binds t by what counts for the request does
// not by what came late, too: what clears clears always. Whether an id continues another one
// does not depend on that, since it would accuse.
func (w *evaluation) cleared(above *heritage, t *timeline, end *ending, user fact.ID, until int64) bool {
	shown, own := identityAt(t.identities, end.at)
	by := t.identities
	switch {
	case own && end.at < t.shownFrom, !own && above.vague:
		return false // that is not all known
	case !own:
		shown, by = above.lateUser, slices.Concat(by, above.heirs)
	}
	return !sameUser(shown, user) || shownSince(t.identities, by, user, end.at, until)
}

// spares reports whether an end that names id ends neither t nor what it inherits above
// from: that or t is id, or id was rotated from it.
func (w *evaluation) spares(id fact.ID, above *heritage, t *timeline) (spared bool, doubt string) {
	before := w.limit
	if above.cut { // not all of those are known
		doubt = ReasonBounds
	}
	for range maxLineage {
		switch {
		case id.IsZero() || !w.e.take(1):
			return false, ""
		case id == t.id || slices.Contains(above.line, id):
			return true, ""
		}
		named := w.e.get(id)
		if named == nil && (w.e.tombstones.known(id) || w.e.tombstones.oldestKnown >= min(t.first, above.at)) {
			return false, ReasonEvicted // what it was rotated from is lost, or may be
		}
		if named == nil {
			return false, doubt
		}
		r, ok := named.lineageAt(w.r.seq, before)
		if !ok {
			return false, doubt
		}
		id, before = r.from, r.at-1
	}
	return id == t.id || slices.Contains(above.line, id), ReasonBounds
}

// shownSince reports whether list shows another user behind at, and no later than until: the
// session is that one's by then. Only users of one source are different, and by says which
// named that user.
func shownSince(list, by []identity, user fact.ID, at, until int64) bool {
	return slices.ContainsFunc(list, func(i identity) bool {
		return i.at > at && i.at <= until && !sameUser(i.user, user) &&
			slices.ContainsFunc(by, func(j identity) bool { return sameUser(j.user, user) && sameSource(i.source, j.source) })
	})
}

// isRotation reports whether an end of the request's id is a rotation away from it: one
// within the tolerance, onto an id that continues it; or why that is not known.
func (w *evaluation) isRotation(at int64) (is bool, doubt string) {
	tolerance := int64(w.policy.Tolerance)
	for i := range w.t.rotations {
		away := &w.t.rotations[i]
		if d := at - away.at; d > tolerance || -d > tolerance || !w.e.take(1) {
			continue
		}
		child := w.e.get(away.other)
		if child == nil || child.back.back || child.unknownBefore >= away.at { // what it was is not all known
			doubt = ReasonEvicted
			continue
		}
		r, ok := child.lineageAt(w.r.seq, w.limit)
		if !ok || r.from != w.t.id || r.at != away.at {
			continue
		}
		above := &noHeritage
		if _, continues := w.t.lineageAt(w.r.seq, r.at-1); continues {
			above = w.heritage()
		}
		if h := w.inherit(above, w.t, &r, child, false); h.at != unset {
			return true, ""
		}
	}
	return false, doubt
}
