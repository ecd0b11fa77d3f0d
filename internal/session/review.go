package session

import (
	"cmp"
	"slices"
)

// dueFor says what has to be done again for a session, at the next flush: once
// for all facts that came in between, however many they were.
type dueFor uint8

const (
	// reviewDue: its requests may be judged differently now.
	reviewDue dueFor = 1 << iota
	// lineDue: so may those of what it was rotated to.
	lineDue
	// rebuildDue: what one of its facts seemed to say no longer holds.
	rebuildDue
)

// owe notes what the next flush owes t because of what came at now.
func (e *Engine) owe(t *timeline, due dueFor, now int64) {
	e.touch(t)
	if t.due == 0 {
		e.due = append(e.due, t.placeOf())
	}
	e.name(t)
	t.dueSince = now
	t.due |= due
}

// owed returns the timeline at place if the next flush owes it anything, or nil.
func (e *Engine) owed(place uint32) *timeline {
	return e.lanes[place>>slotBits].sessions.owed(place & slotMask)
}

// dueSince is when the last fact came for which the session at place is owed
// something; 0 if it is owed nothing.
func (e *Engine) dueSince(place uint32) int64 {
	if t := e.owed(place); t != nil {
		return t.dueSince
	}
	return 0
}

// flush does what is owed. It must be done before anything is decided.
func (e *Engine) flush() {
	for _, slot := range e.due {
		if t := e.owed(slot); t != nil && t.due&rebuildDue != 0 {
			e.touch(t)
			e.rebuild(t)
		}
	}
	due := e.due
	e.due = e.due[len(e.due):]
	// What came first comes first: a request that two sessions' facts accuse
	// waits from the first of them on.
	slices.SortFunc(due, func(a, b uint32) int { return cmp.Compare(e.dueSince(a), e.dueSince(b)) })
	for _, slot := range due {
		t := e.owed(slot)
		if t == nil {
			continue
		}
		was := t.due
		e.touch(t)
		t.due = 0
		switch {
		case was&lineDue != 0:
			e.reviewLine(t, t.dueSince)
		default:
			e.review(t, t.dueSince)
		}
	}
	if len(e.due) == 0 {
		e.due = due[:0]
	}
}

// review judges every request of t that can still be reached once more.
func (e *Engine) review(t *timeline, now int64) {
	if t.suspects > 0 {
		for _, s := range slices.Clone(e.suspects[t.id]) {
			e.reconsider(s)
		}
	}
	ring := &t.lane.recent
	for r := ring.at(t.recent); r != nil && r.session == t.id; r = ring.at(r.ofSession) {
		if r.kind == Request {
			e.consider(t, r, now)
		}
	}
}

// reviewLine reviews t and what it was rotated to, since an absolute clock and
// an identity may come from an ancestor.
func (e *Engine) reviewLine(t *timeline, now int64) {
	budget := maxLine
	var path [maxLineage + 1]ID
	e.reviewFrom(t, now, path[:0], &budget)
}

// maxLine bounds how many sessions one fact lets be reviewed: rotations can
// fork.
const maxLine = 256

func (e *Engine) reviewFrom(t *timeline, now int64, path []ID, budget *int) {
	e.review(t, now)
	path = append(path, t.id)
	for i := range t.rotations {
		to := t.rotations[i].other
		if len(path) == cap(path) || contains(path, to) {
			continue
		}
		if *budget--; *budget < 0 {
			e.stats.lost++
			return
		}
		if child := e.get(to); child != nil {
			e.reviewFrom(child, now, path, budget)
		}
	}
}
