package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// dirtyFlags says what has to be done again for a session: once for all facts that
// came in between, however many they were.
type dirtyFlags uint8

const (
	// dirtyVerdicts: its requests may be judged differently now.
	dirtyVerdicts dirtyFlags = 1 << iota
	// dirtyLineage: so may those of what it was rotated to.
	dirtyLineage
	// dirtyTimeline: what one of its facts seemed to say no longer holds.
	dirtyTimeline
	// dirtyNesting: the traces of some of its requests are yet to be looked through.
	dirtyNesting
	// dirtyParents: so may those of what it was rotated from.
	dirtyParents
	// dirtyHeritage: what it inherits may be another.
	dirtyHeritage
	// dirtyAncestry: what it, or one of those, was rotated from is another.
	dirtyAncestry
)

// review is how far a session's requests have been judged once more.
type review struct {
	underWay bool
	lineage  bool  // what it was rotated to is due, too
	parents  bool  // and what it was rotated from
	ancestry bool  // which is another
	inherits bool  // what it has from that is to be kept
	own      bool  // not only because of what that one inherits
	detours  uint8 // see timeline.detours
	children int   // so many of those have been told
	suspects int   // so many are left
	placing  bool  // requests are placed before any is judged
	next     uint64
	looked   int
	since    int64 // when the last fact came that it is for
	// again is what came meanwhile and is dirty afterwards.
	again      dirtyFlags
	againSince int64
}

// stale reports whether t is yet to be read again.
func (t *timeline) stale() bool { return (t.dirty|t.review.again)&dirtyTimeline != 0 }

// dirtyBeside says what is yet to be done for t that no review under way does.
func (t *timeline) dirtyBeside() dirtyFlags {
	if t.review.underWay {
		return t.review.again
	}
	return t.dirty
}

// markDirty notes that something of t has to be done again because of
// what came.
func (e *Engine) markDirty(t *timeline, due dirtyFlags, why cause) {
	e.touch(t)
	e.name(t, why.name)
	t.deferred = t.deferred || due&dirtyNesting != 0 // what is not placed may yet be
	if t.review.underWay {
		t.review.again |= due
		t.review.againSince = max(t.review.againSince, why.at)
		return
	}
	if t.dirty == 0 {
		e.enqueue(t)
		t.dirtySince = why.at
	}
	t.dirtySince = max(t.dirtySince, why.at)
	t.dirty |= due
}

// markParents lets what came at now be held against those that t was rotated from: an end
// of one may be that rotation, if t continues it.
func (e *Engine) markParents(t *timeline, lineage []rotation, now int64) {
	for i := range lineage { // hardly ever more than one
		if p := e.get(lineage[i].from); p != nil && p != t && len(p.ends) > 0 {
			e.markDirty(p, dirtyVerdicts, cause{at: now})
		}
	}
}

// enqueue lets t have its turn behind all others that are dirty.
func (e *Engine) enqueue(t *timeline) {
	t.dirtyTurn = e.nextTurn()
	e.dirty = append(e.dirty, t.placeOf())
}

// nextTurn is that of the next that becomes dirty.
func (e *Engine) nextTurn() uint64 { return e.cleaned + uint64(len(e.dirty)-e.dirtyDone) }

// dirtyAt returns the timeline at place if it is dirty, or nil.
func (e *Engine) dirtyAt(place uint32) *timeline {
	return e.shards[place>>compact.SlotBits].sessions.dirtyAt(place & compact.SlotMask)
}

// reach is how many recent requests of one session can be judged once more.
func (e *Engine) reach() int { return max(minReach, e.cfg.MaxRecentRequests/64) }

// markSessionsDirty lets an end of user that came at now be held against all its sessions.
func (e *Engine) markSessionsDirty(user fact.ID, now int64) {
	e.walkSessions(user, now, false)
}

// tellHeirs lets what was told at now of t, which was thrown away and came back, be known to
// those that go on without it.
func (e *Engine) tellHeirs(t *timeline, now int64) { e.walkSessions(evictedSession(t.id), now, true) }

func (e *Engine) walkSessions(user fact.ID, now int64, word bool) {
	if n := e.users.number(user); n != 0 && e.users.begin(n, now, word) {
		e.userEnds = append(e.userEnds, n)
	}
}

// Tests have less.
var minReach = 256

// heldUser is a user that is known for a while though no session shows it.
type heldUser struct {
	id    fact.ID
	until uint64 // so many sessions have become clean, ever
}

// hold keeps a user known until no session that may show it is dirty.
func (e *Engine) hold(id fact.ID) {
	if x := e.users.get(id); x != nil && !x.held {
		x.held = true
		e.held = append(e.held, heldUser{id, e.nextTurn() + dueOfFact})
	}
}

// dueOfFact is how many sessions one fact makes dirty.
const dueOfFact = 2

// releaseHeld forgets the users who were named by what turned out to show nobody:
// a late request, or one of which a second record says that it was rejected. It
// reports whether the work that is left allowed that.
func (e *Engine) releaseHeld() (done bool) {
	n := 0
	for ; n < len(e.held) && (e.held[n].until <= e.cleaned || e.backlog() == 0); n++ {
		if e.work.left <= 0 {
			break
		}
		e.spend(1)
		if x := e.users.get(e.held[n].id); x != nil {
			x.held = false
			e.users.release(x.id)
		}
	}
	if n == len(e.held) {
		e.held = e.held[:0]
	} else {
		e.held = e.held[n:]
	}
	return e.work.left > 0
}
