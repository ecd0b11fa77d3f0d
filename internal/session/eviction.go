package session

import (
	"slices"
	"time"
)

// probation remembers the newest sessions of the table, which have yet to be
// heard of for a while. Where invented ids arrive faster than anything else they
// displace one another, and not the sessions that are in use.
type probation struct {
	slots      []uint32 // a ring
	head, tail uint64
}

// newProbation makes a ring of a thousandth of the table: so many sessions that
// are new at the same time can be in it, and so many can be lost because of it.
func newProbation(limit int) probation { return probation{slots: make([]uint32, max(limit>>10, 16))} }

// add remembers slot, and forgets the oldest where it must.
func (p *probation) add(slot uint32) {
	n := uint64(len(p.slots))
	if p.tail-p.head == n {
		p.head++
	}
	p.slots[p.tail%n] = slot
	p.tail++
}

// oldest takes out the oldest slot, and false where there is none.
func (p *probation) oldest() (slot uint32, ok bool) {
	if p.head == p.tail {
		return 0, false
	}
	slot = p.slots[p.head%uint64(len(p.slots))]
	p.head++
	return slot, true
}

// leastUseful returns the slot whose loss costs least, or noSlot. Of a few from
// all over the table, since neighbours came at the same time: an ended session
// or, at now, an expired one. Else the oldest of those that have just come and
// are fleeting; else, of the few, the fleeting one and only then any other that
// is silent longest. Sessions with an open finding are kept.
func (t *table) leastUseful(now int64, cfg *Config) uint32 {
	const looks = 16
	best, rank, fleeting := noSlot, 0, noSlot
	t.victim++
	for i := range min(looks, t.slots) {
		slot := (t.victim + i*max(t.slots/looks, 1)) % t.slots
		if t.entry(slot).flags&taken == 0 {
			continue
		}
		r := t.rank(slot, now, cfg)
		if r > rank || r == rank && r > rankKept && t.heardAt(slot) < t.heardAt(best) {
			best, rank = slot, r
		}
		if r == rankSilent && t.fleeting(slot) && (fleeting == noSlot || t.heardAt(slot) < t.heardAt(fleeting)) {
			fleeting = slot
		}
	}
	if rank > rankSilent {
		return best
	}
	for {
		slot, ok := t.probation.oldest()
		switch {
		case !ok && fleeting != noSlot:
			return fleeting
		case !ok:
			return best
		}
		if x := t.entry(slot); x.flags&taken != 0 && t.rank(slot, now, cfg) > rankKept && t.fleeting(slot) {
			return slot
		}
	}
}

// The ranks of sessions to be evicted.
const (
	rankKept = iota
	rankSilent
	rankExpired
	rankOver
)

func (t *table) rank(slot uint32, now int64, cfg *Config) int {
	x := t.entry(slot)
	policy, over := x.policy, x.flags&overEntry != 0
	if x.flags&warm != 0 {
		tl := t.timelines[x.more]
		if tl.suspects > 0 {
			return rankKept
		}
		policy, over = tl.policy, tl.over()
	}
	switch {
	case slot == t.pinned:
		return rankKept
	case over:
		return rankOver
	case policy != NoPolicy && cfg.Policies[policy].IdleTimeout > 0 &&
		time.Duration(now-t.heardAt(slot)) > cfg.Policies[policy].IdleTimeout+cfg.ReorderWindow:
		return rankExpired
	}
	return rankSilent
}

// established is for how long a session must have been in use, by its own clock,
// to be no longer fleeting: longer than an invented id lasts in a flood of them.
const established = 10 * time.Second

// fleeting reports whether the session in slot has been in use for a moment only
// and has shown no user.
func (t *table) fleeting(slot uint32) bool {
	x := t.entry(slot)
	if x.flags&warm == 0 {
		return x.user == 0 && x.flags&ready != 0 && x.end-x.since < t.established
	}
	tl := t.timelines[x.more]
	return len(tl.identities)+len(tl.authentications) == 0 && tl.newest-tl.first < t.established
}

// heardAt returns when the last fact of the session in slot arrived, rounded up
// to a second.
func (t *table) heardAt(slot uint32) int64 {
	x := t.entry(slot)
	if x.flags&warm != 0 {
		return t.timelines[x.more].lastArrival
	}
	return int64(x.heard) * int64(time.Second)
}

// next returns the session in the next slot, or noSlot if that one is free.
func (t *table) next(hand *uint32) uint32 {
	if t.slots == 0 {
		return noSlot
	}
	if *hand++; *hand >= t.slots {
		*hand = 0
	}
	if t.entry(*hand).flags&taken != 0 {
		return *hand
	}
	return noSlot
}

// forget lets go of sessions that have been silent for the retention.
func (e *Engine) forget(now int64) {
	const looks = 1024
	retention := int64(e.cfg.Retention)
	e.each(func(l *lane) {
		for range min(looks, l.sessions.slots) {
			slot := l.sessions.next(&l.sessions.sweep)
			if slot == noSlot || now-l.sessions.heardAt(slot) <= retention {
				continue
			}
			if t := l.sessions.timeline(slot); !e.undecidedIn(t) {
				e.evict(t, now, EvictedRetention)
			}
		}
	})
	e.users.forget(now-retention, looks)
}

// undecidedIn reports whether something about t is still to be decided.
func (e *Engine) undecidedIn(t *timeline) bool {
	return t.due != 0 || t.suspects > 0 && slices.ContainsFunc(e.suspects[t.id], func(s *suspect) bool { return !s.confirmed })
}

// evict forgets a session, and what could have cleared its findings with it.
func (e *Engine) evict(t *timeline, now int64, reason EvictionReason) {
	e.touch(t)
	if t.due&rebuildDue != 0 {
		e.rebuild(t)
	}
	t.due = 0
	e.retractEmptied(t.id, now)
	for len(e.suspects[t.id]) > 0 {
		s := e.suspects[t.id][0]
		s.finding = nil // it stays as it was reported
		e.drop(s)
	}
	e.findings.close(t.id)
	e.reportLifetime(t)
	for _, i := range t.identities {
		e.users.leave(i.user, t.placeOf())
	}
	e.tombs.bury(t.id, now)
	e.stats.evicted[reason]++
	t.lane.sessions.remove(t.slot)
}
