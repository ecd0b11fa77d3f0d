package session

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
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

// leastUseful returns the slot whose loss costs least, or NoSlot. Of a few from
// all over the table, since neighbours came at the same time: at now, an expired
// session, whose tombstone says how long it was silent. Else the oldest of those
// that have just come and are fleeting, so that a flood of invented ids displaces
// itself; else, of the few, the fleeting one, then the one that ended, and only
// then any other, and of equal ones that which is silent longest. Sessions with an
// open finding are kept.
func (t *table) leastUseful(now int64, cfg *Config) uint32 {
	const looks = 16
	best, rank := compact.NoSlot, rankPinned
	t.victim++
	for i := range min(looks, t.slots) {
		slot := (t.victim + i*max(t.slots/looks, 1)) % t.slots
		if t.entry(slot).flags&taken == 0 {
			continue
		}
		r := t.rank(slot, now, cfg)
		if r > rank || r == rank && r > rankPinned && t.heardAt(slot) < t.heardAt(best) {
			best, rank = slot, r
		}
	}
	if rank == rankExpired {
		return best
	}
	for {
		slot, ok := t.probation.oldest()
		if !ok {
			return best
		}
		if t.entry(slot).flags&taken != 0 && t.rank(slot, now, cfg) >= rankFleeting {
			return slot
		}
	}
}

// The ranks of sessions to be evicted.
const (
	rankPinned = iota
	rankSilent
	rankOver
	rankFleeting
	rankExpired
)

func (t *table) rank(slot uint32, now int64, cfg *Config) int {
	x := t.entry(slot)
	policy, over := x.policy, x.flags&overEntry != 0
	if x.flags&warm != 0 {
		tl := t.timelines[x.more]
		if tl.suspects > 0 {
			return rankPinned
		}
		policy, over = tl.policy, tl.over()
	}
	switch {
	case slot == t.pinned:
		return rankPinned
	case over:
		return rankOver
	case policy != fact.NoPolicy && cfg.Policies[policy].IdleTimeout > 0 &&
		time.Duration(now-t.heardAt(slot)) > cfg.Policies[policy].IdleTimeout+cfg.ReorderWindow:
		return rankExpired
	case t.fleeting(slot):
		return rankFleeting
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
		return x.user == 0 && x.flags&fast != 0 && x.end-x.since < t.established
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

// next returns the session in the next slot, or NoSlot if that one is free.
func (t *table) next(hand *uint32) uint32 {
	if t.slots == 0 {
		return compact.NoSlot
	}
	if *hand++; *hand >= t.slots {
		*hand = 0
	}
	if t.entry(*hand).flags&taken != 0 {
		return *hand
	}
	return compact.NoSlot
}
