package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// resume goes on with what is dirty, for as long as there is work to be spent. It
// reports whether nothing is left.
func (e *Engine) resume() (done bool) {
	if !e.walkCallers() || !e.placeStrays() {
		return false
	}
	for ; e.blinded != nil; e.blinded = e.blinded.Next() {
		if e.work.left <= 0 {
			return false
		}
		e.spend(1)
		s := e.blinded.Value.(*suspect)
		e.markDirty(s.t, dirtyVerdicts, cause{at: s.Arrival})
	}
	for len(e.userEnds) > 0 {
		if e.work.left <= 0 {
			return false
		}
		user := e.userEnds[0]
		if place, ok := e.users.next(user); ok {
			e.spend(1)
			due := dirtyLineage
			if e.users.user(user).word {
				due = dirtyHeritage
			}
			e.markDirty(e.timelineAt(place), due, cause{at: e.users.user(user).since})
			continue
		}
		e.userEnds = e.userEnds[1:]
		e.users.release(e.users.user(user).id)
	}
	e.userEnds = nil
	for e.dirtyDone < len(e.dirty) {
		t := e.dirtyAt(e.dirty[e.dirtyDone])
		if t != nil {
			first, ok := e.firstDirty(t)
			if !ok || !e.advanceReview(first) {
				return false
			}
			if first != t {
				if first.dirty != 0 { // it is made so all the time: behind those that wait
					e.enqueue(first)
				}
				continue
			}
		}
		e.dirtyBefore = 0
		e.dirtyDone++
		e.cleaned++
		if t != nil && t.dirty != 0 {
			e.enqueue(t)
		}
		if e.dirtyDone == len(e.dirty) || e.dirtyDone >= 1<<12 {
			e.dirty = e.dirty[:copy(e.dirty, e.dirty[e.dirtyDone:])]
			e.dirtyDone = 0
		}
	}
	return true
}

// firstDirty is the one to review before t, or t: the furthest of those that it continues
// which were dirty when the turn of t came, since what that one passes on makes all of them
// dirty once more. It reports whether the work that is left allows that.
func (e *Engine) firstDirty(t *timeline) (first *timeline, ok bool) {
	if e.dirtyBefore == 0 {
		e.dirtyBefore = e.nextTurn()
	}
	if first = t; t.review.underWay {
		return t, true
	}
	before := int64(unset)
	for range maxLineage {
		r, has := t.lineageAt(afterAll, before)
		if !has {
			break
		}
		if e.work.left <= 0 {
			return nil, false
		}
		e.spend(1)
		if t = e.get(r.from); t == nil || t.dirty == 0 || t.dirtyTurn >= e.dirtyBefore {
			break
		}
		first, before = t, r.at-1
	}
	return first, true
}

// mayRebuild reads t again if the work that is left allows that.
func (e *Engine) mayRebuild(t *timeline) bool {
	work := 2 * min(int(t.facts), maxRebuild)
	if t.firstBeside != unset {
		work += min(int(t.facts), maxBeside)
	}
	if e.work.left < work {
		return false
	}
	e.touch(t)
	e.rebuild(t)
	if t.review.again &^= dirtyTimeline; t.review.underWay {
		t.review.again |= dirtyVerdicts
	} else {
		t.dirty |= dirtyVerdicts
	}
	t.dirty &^= dirtyTimeline
	return true
}

// advanceReview judges once more every request of t that can still be reached. It
// reports whether it is through.
func (e *Engine) advanceReview(t *timeline) (done bool) {
	e.touch(t)
	if !t.review.underWay {
		if t.stale() && !e.mayRebuild(t) {
			return false
		}
		t.review = review{
			underWay: true, lineage: t.dirty&(dirtyLineage|dirtyHeritage) != 0, own: t.dirty&dirtyLineage != 0,
			inherits: t.dirty&(dirtyLineage|dirtyHeritage) != 0 && len(t.lineage) > 0,
			parents:  t.dirty&dirtyParents != 0, ancestry: t.dirty&dirtyAncestry != 0, detours: t.detours, suspects: int(t.suspects), placing: t.dirty&dirtyNesting != 0, next: t.recent, since: t.dirtySince,
		}
		t.detours = 0
	}
	if t.review.placing && !e.placeRecords(t) {
		return false
	}
	if !e.reviewLineage(t) || !e.reviewSuspects(t) || !e.reviewRecords(t) {
		return false
	}
	if t.review.inherits && !e.summarize(t) {
		return false
	}
	e.endReview(t)
	return true
}

func (e *Engine) endReview(t *timeline) {
	t.dirty, t.dirtySince = t.review.again, t.review.againSince
	t.review = review{}
}

// reviewLineage lets what t was rotated to be reviewed, too, since an absolute clock
// and an identity may come from an ancestor.
func (e *Engine) reviewLineage(t *timeline) (done bool) {
	v := &t.review
	if v.parents {
		if e.work.left <= maxLateRotations {
			return false
		}
		v.parents = false
		e.spend(len(t.lineage))
		e.markParents(t, t.lineage, v.since)
	}
	if v.ancestry && v.children == 0 && v.lineage { // what it spares depends on what it was rotated from
		for _, user := range e.users.sparing[t.id] {
			e.spend(1)
			e.markSessionsDirty(user, v.since)
		}
	}
	if v.own && t.back.back && v.lineage && v.children == 0 {
		e.tellHeirs(t, v.since)
	}
	for ; v.lineage && v.children < len(t.rotations); v.children++ {
		if e.work.left <= 0 {
			return false
		}
		e.spend(1)
		child := e.get(t.rotations[v.children].other)
		if child == nil || child == t {
			continue
		}
		due, detours := dirtyHeritage, v.detours
		follows, straight := child.follows(t)
		if !straight {
			detours++
		}
		if follows && v.ancestry {
			due |= dirtyAncestry
		}
		if (v.own || follows && detours < maxLineage) && due&^child.dirtyBeside() != 0 {
			e.markDirty(child, due, cause{at: v.since})
			child.detours = max(child.detours, detours)
		}
	}
	v.lineage = false
	return true
}

func (e *Engine) reviewSuspects(t *timeline) (done bool) {
	v := &t.review
	for {
		list := e.suspects.of(t.id)
		// From behind: where one is let go of, the last takes its place.
		if v.suspects = min(v.suspects, len(list)); v.suspects == 0 {
			return true
		}
		if e.work.left < workOfJudgement {
			return false
		}
		s := list[v.suspects-1]
		if !e.placeAlone(&s.record) || !e.refresh(t) {
			return false
		}
		v.suspects--
		e.spend(1)
		if !s.discarded { // it is not part of another
			e.reevaluate(s)
		}
	}
}

// placeRecords looks through the traces of the requests of t, before any is judged:
// each may change what the session is read from.
func (e *Engine) placeRecords(t *timeline) (done bool) {
	if !e.walkRecords(t, func(r *record) bool { return e.place(t, r) }) {
		return false
	}
	t.review.placing, t.review.next, t.review.looked = false, t.recent, 0
	return true
}

func (e *Engine) reviewRecords(t *timeline) (done bool) {
	return e.walkRecords(t, func(r *record) bool {
		if r.kind == fact.Request {
			if !e.place(t, r) || !e.refresh(t) {
				return false
			}
			e.evaluate(t, r, cause{at: t.review.since})
		}
		return true
	})
}

// walkRecords goes on over the recent records of t that can be reached, the newest
// first, as long as see can do what it is for.
func (e *Engine) walkRecords(t *timeline, see func(*record) (done bool)) (done bool) {
	v, ring, reach := &t.review, &t.shard.recent, e.reach()
	for ; ; v.looked++ {
		r := ring.at(v.next)
		if r == nil || r.session != t.id {
			return true
		}
		if v.looked >= reach {
			e.stats.lost++
			return true
		}
		if e.work.left < workOfJudgement || !see(r) {
			return false
		}
		e.spend(1)
		v.next = r.older(r.ofSession)
	}
}

// refresh reads t and what it was rotated from again where that is due, so that a
// judgement rests on what is so. It reports whether the work that is left allows
// a judgement.
func (e *Engine) refresh(t *timeline) bool {
	if e.work.left < workOfJudgement || t.stale() && !e.mayRebuild(t) {
		return false
	}
	for i := range t.rotations {
		if len(t.ends) == 0 {
			break
		}
		e.spend(1)
		if child := e.get(t.rotations[i].other); child != nil && child.stale() && !e.mayRebuild(child) {
			return false
		}
	}
	before := int64(unset)
	for range maxLineage {
		// The earliest of all: a late one that does not count leads to one more at most.
		r, ok := t.lineageAt(afterAll, before)
		if !ok {
			break
		}
		e.spend(1)
		if t = e.get(r.from); t == nil || t.stale() && !e.mayRebuild(t) {
			return t == nil
		}
		before = r.at - 1
	}
	return e.work.left >= workOfJudgement
}

// undecidedIn reports whether something about t is still to be decided.
func (e *Engine) undecidedIn(t *timeline) bool { return t.dirty != 0 || t.undecided > 0 }

// maxRebuild bounds the recent facts that a session is read again from.
const maxRebuild = 1536

// rebuild reads t again from the recent facts, after one of them turned out to
// say something else than it seemed to: a log record whose span came later, a
// request whose second record was rejected, one that lies in an exempt one.
// Where not all of t's facts can be reached any more, what may be of those stays
// as it is, which can only keep a session alive too long.
func (e *Engine) rebuild(t *timeline) {
	ring := &t.shard.recent
	var reach uint32
	for r := ring.at(t.recent); r != nil && r.session == t.id && reach < maxRebuild; r = ring.at(r.older(r.ofSession)) {
		reach++
	}
	e.spend(2 * int(reach))
	gone := ring.gone
	if reach == maxRebuild && t.facts > maxRebuild { // nor is known where those end that are not read
		gone = t.newest
		e.stats.lost++
	}
	complete := reach == t.facts
	active, identities, links := slices.Clone(t.intervals), slices.Clone(t.identities), slices.Clone(t.links)
	t.intervals, t.nestedStarts = t.intervals[:0], t.nestedStarts[:0]
	if complete {
		t.first, t.firstActivity, t.lastInactiveStart, t.sampled = unset, unset, longAgo, t.sampled[:0]
		identities, t.shownFrom = identities[:0], longAgo
		links, t.moreLinks = links[:0], false
	} else {
		t.sampled = slices.DeleteFunc(t.sampled, func(login int64) bool { return login > gone })
		identities = t.sinceLogins(identities, gone)
		for _, a := range active {
			if a.start <= gone || t.back.back && a.start <= t.unknownBefore {
				t.intervals.add(a.start, a.end, a.policies, e.gap, longAgo)
			}
		}
	}
	beside := e.beside[:0]
	// Read without identities: they are put in order once, in the end.
	r := ring.at(t.recent)
	for left := reach; left > 0; r, left = ring.at(r.older(r.ofSession)), left-1 {
		if t.firstBeside != unset && (r.isStart() || r.Start <= t.firstStart) && len(beside) <= maxBeside {
			beside = append(beside, r)
		}
		if !r.isEvidence() {
			continue
		}
		if r.shows() {
			identities = append(identities, r.identity())
		}
		if e.names(r) {
			links = append(links, r.link())
		}
		q := *r
		q.user, q.linked = fact.ID{}, fact.ID{}
		q.state |= decided // what is only read again changes no count
		if r.kind == fact.Request {
			e.apply(t, &q)
		} else {
			e.applyEvent(t, &q)
		}
	}
	for i := range t.rotations {
		if t.rotations[i].effectiveSeq == 0 {
			t.first = min(t.first, t.rotations[i].at)
		}
	}
	if e.beside = beside; t.firstBeside != unset {
		e.spend(len(beside))
		e.readBeside(t, beside, complete)
	}
	first, showed := firstShown(t.identities)
	e.setIdentities(t, identities)
	e.setLinks(t, links)
	if now, shows := firstShown(t.identities); now != first || shows != showed {
		e.markParents(t, t.lineage, t.dirtyAsOf())
	}
}
