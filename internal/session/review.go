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
		e.due = append(e.due, t.slot)
	}
	e.name(t)
	t.dueSince = now
	t.due |= due
}

// flush does what is owed. It must be done before anything is decided.
func (e *Engine) flush() {
	for _, slot := range e.due {
		if t := e.sessions.owed(slot); t != nil && t.due&rebuildDue != 0 {
			e.touch(t)
			e.rebuild(t)
		}
	}
	due := e.due
	e.due = e.due[len(e.due):]
	// What came first comes first: a request that two sessions' facts accuse
	// waits from the first of them on.
	slices.SortFunc(due, func(a, b uint32) int { return cmp.Compare(e.sessions.dueSince(a), e.sessions.dueSince(b)) })
	for _, slot := range due {
		t := e.sessions.owed(slot)
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
	for r := e.recent.at(t.recent); r != nil && r.session == t.id; r = e.recent.at(r.ofSession) {
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
		if child := e.sessions.get(to); child != nil {
			e.reviewFrom(child, now, path, budget)
		}
	}
}
