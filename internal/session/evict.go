package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// evictSilent lets go of sessions of l that have been silent for the retention. It
// reports whether the work that is left allowed that.
func (e *Engine) evictSilent(l *shard, now int64) (done bool) {
	retention := int64(e.cfg.Retention)
	for looks := min(evictLooks, l.sessions.slots) - min(l.swept, evictLooks, l.sessions.slots); looks > 0; looks-- {
		if e.work.left < 2*maxIdentities {
			return false
		}
		e.spend(1)
		slot := l.sessions.next(&l.sessions.sweep)
		l.swept++
		if slot == compact.NoSlot || now-l.sessions.heardAt(slot) <= retention {
			continue
		}
		t := l.sessions.timeline(slot)
		asked, done := e.evictParents(t, now)
		if done && !asked {
			done = e.evictOneSilent(t, now)
		}
		if !done { // comes again
			l.sessions.sweep, l.swept = slot-1, l.swept-1
			return false
		}
	}
	l.swept = 0
	return true
}

// evictLooks is how many places of a shard one round looks at for sessions that
// have been silent for the retention.
const evictLooks = 1024

// evictOneSilent lets go of t unless something about it is undecided. It reports whether the
// work that is left allowed that.
func (e *Engine) evictOneSilent(t *timeline, now int64) (done bool) {
	if e.undecidedIn(t) {
		return true
	}
	if !e.discardSuspects(t) {
		return false
	}
	e.evict(t, now, EvictedRetention)
	return true
}

// evictParents lets go of what t was rotated from where that is silent, too, and may yet ask t
// whether an end of it is a rotation. asked: it may still, since it is heard of. done: the
// work that is left allowed that.
func (e *Engine) evictParents(t *timeline, now int64) (asked, done bool) {
	tolerance := e.tombstones.tolerance
	for _, r := range slices.Clone(t.lineage) {
		e.spend(1)
		p := e.get(r.from)
		if p == nil || p == t || !slices.ContainsFunc(p.ends, func(x ending) bool { return max(x.at-r.at, r.at-x.at) <= tolerance }) {
			continue
		}
		if now-p.lastArrival > int64(e.cfg.Retention) && !e.evictOneSilent(p, now) {
			return false, false
		}
		asked = asked || e.get(r.from) != nil
	}
	return asked, true
}

// discardSuspects lets go of all suspects of t, whose findings stay as they were
// reported. It reports whether the work that is left allowed that.
func (e *Engine) discardSuspects(t *timeline) (done bool) {
	for list := e.suspects.of(t.id); len(list) > 0; list = e.suspects.of(t.id) {
		if e.work.left <= maxIdentities+maxMembers {
			return false
		}
		e.spend(1)
		if s := list[len(list)-1]; s.finding != nil {
			e.closeFinding(s.finding)
		} else {
			e.discard(s)
		}
	}
	return true
}

// evict forgets a session, and what could have cleared its findings with it.
func (e *Engine) evict(t *timeline, now int64, reason EvictionReason) {
	e.touch(t)
	if t.stale() {
		e.mayRebuild(t)
	}
	if t.back.back && t.dirty&(dirtyLineage|dirtyHeritage) != 0 {
		e.doubtHeirs(t)
	}
	if t.dirty&(dirtyLineage|dirtyHeritage) != 0 { // what it has to leave is not told yet
		for i := range t.rotations {
			if child := e.get(t.rotations[i].other); child != nil && child != t {
				e.touch(child)
				if !e.summarize(child) {
					e.setLegacy(child, legacy{})
				}
			}
		}
	}
	t.dirty, t.review = 0, review{}
	e.retractEmptied(t.id, now)
	e.discardSuspects(t) // there are none, unless it was so few
	e.reportLifetime(t)
	e.spend(len(t.identities) + len(t.links))
	if len(t.links) > 0 { // an end of what it is part of will not find it
		e.stats.lost++
	}
	for _, l := range t.links {
		e.users.unlink(l.user, t.placeOf())
	}
	for _, i := range t.identities {
		e.users.unlink(i.user, t.placeOf())
	}
	for _, id := range t.evictedAncestors {
		e.users.unlink(evictedSession(id), t.placeOf())
	}
	e.leaveTombstone(t, reason == EvictedRetention)
	if reason == EvictedLimit {
		e.awaitWordOf(t)
	}
	e.setLegacy(t, legacy{})
	e.stats.evicted[reason]++
	t.shard.sessions.remove(t.slot)
}

// awaitWordOf lets what t was rotated to hear what is told of it once it is thrown away, and
// of what it continues: it may have come too early, and be no evidence of silence. So do those
// hear of the latter that went on without what t was rotated to.
func (e *Engine) awaitWordOf(t *timeline) {
	for i := range t.rotations {
		child := e.get(t.rotations[i].other)
		switch {
		case child == nil || child == t || !slices.ContainsFunc(child.lineage, func(r rotation) bool { return r.from == t.id }):
		case !e.take(1):
			e.touch(child)
			child.legacy.doubt()
			e.stats.lost++
		default:
			e.touch(child)
			e.listenFor(child, t.id)
		}
	}
	above := t.evictedAncestors
	if r, ok := t.lineageAt(afterAll, unset); ok && !slices.Contains(above, r.from) {
		above = append(slices.Clip(above), r.from) // its turn may come later
	}
	e.eachHeir(t, len(above), func(heir *timeline) {
		for _, id := range above {
			e.listenFor(heir, id)
		}
	})
}

func (e *Engine) listenFor(heir *timeline, id fact.ID) {
	switch {
	case id == heir.id || slices.Contains(heir.evictedAncestors, id):
	case len(heir.evictedAncestors) == maxEvictedAncestors:
		e.stats.lost++
	default:
		heir.evictedAncestors = append(heir.evictedAncestors, id)
		e.users.addLink(evictedSession(id), heir.placeOf())
	}
}

// doubtHeirs puts in doubt what those learnt of t that go on without it, and have not heard
// what was told of it since.
func (e *Engine) doubtHeirs(t *timeline) {
	e.eachHeir(t, 1, func(heir *timeline) {
		if r, ok := heir.lineageAt(afterAll, unset); ok && t.heardAgain(r.at+e.tombstones.tolerance, &heir.legacy) {
			heir.legacy.doubt()
			e.markDirty(heir, dirtyHeritage, cause{at: t.dirtySince})
		}
	})
}

// maxHeirs bounds how many of those that go on without a session are looked at at once.
const maxHeirs = 16

// eachHeir calls do with those that go on without t, before they change, if each costs so many
// units; what there is no room for is counted.
func (e *Engine) eachHeir(t *timeline, units int, do func(heir *timeline)) {
	x := e.users.get(evictedSession(t.id))
	if x == nil || units == 0 {
		return
	}
	looks := maxHeirs
	for l := x.first; l != 0; l = e.users.links[l].next {
		if looks--; looks < 0 || !e.take(units) {
			e.stats.lost++
			return
		}
		heir := e.timelineAt(e.users.links[l].place)
		e.touch(heir)
		do(heir)
	}
}
