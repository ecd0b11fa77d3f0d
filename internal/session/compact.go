package session

import (
	"math/bits"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// compactAll lets go of the timelines that nothing refers to. No pointer to one may
// be held.
func (e *Engine) compactAll() {
	e.each(func(l *shard) { l.sessions.compact(&e.cfg, &e.users) })
}

// compactSome does so with a few where there are many. One fact makes no more than
// that.
func (e *Engine) compactSome() {
	const few = 8
	l := &e.shards[e.seq&e.shardMask]
	if len(l.sessions.timelines) > timelinesAtOnce/len(e.shards) {
		l.sessions.compactSome(&e.cfg, &e.users, few)
	}
}

// timelinesAtOnce is how many timelines there may be before those that nothing
// refers to are let go of, at least. Tests have fewer.
var timelinesAtOnce = 1 << 12

// compact puts every timeline that nothing refers to back into its entry. No
// pointer to one may be held.
func (t *table) compact(cfg *Config, users *users) {
	t.compacting = 0
	t.compactSome(cfg, users, len(t.timelines))
}

// compactSome looks at no more than so many, and goes on there when it is called
// again. It reports how many it has looked at, and whether it has come round.
func (t *table) compactSome(cfg *Config, users *users, looks int) (looked int, done bool) {
	if t.compacting <= 0 || t.compacting > len(t.timelines) {
		t.compacting = len(t.timelines)
	}
	// From behind, since cool puts the last in the place of what it takes.
	for ; t.compacting > 0 && looked < looks; looked++ {
		t.compacting--
		if tl := t.timelines[t.compacting]; tl.isFree() {
			t.compactOne(tl, cfg, users)
		}
	}
	return looked, t.compacting == 0
}

// compactOne puts tl back into its entry, which nothing refers to.
func (t *table) compactOne(tl *timeline, cfg *Config, users *users) {
	x := t.entry(tl.slot)
	if len(tl.rotations)+len(tl.lineage) == 0 { // else a suspect of another session, older than all that, may yet be judged
		tl.countForAll(t.oldestSeq, t.touch)
	}
	t.cool(tl)
	x.compact(tl, cfg, users)
	has := tl.compacted().fields()
	if x.isPlain(tl, has, t.tombstones) {
		return
	}
	t.encoded = appendTimeline(t.encoded[:0], tl, has)
	x.more = t.slab.Put(t.encoded)
}

// compactOrdinary puts the timeline of x, which is worked on, back into it if an
// ordinary request can then be taken by what stands there, and reports whether it
// did. Otherwise one fact that had to be looked at closely would make all that follow
// it in its session cost as much.
func (t *table) compactOrdinary(x *entry, cfg *Config, users *users) bool {
	tl := t.timelines[x.more]
	if !tl.isFree() || !tl.ordinary(cfg, users) {
		return false
	}
	t.compactOne(tl, cfg, users)
	return true
}

// compact makes x stand for t.
func (x *entry) compact(t *timeline, cfg *Config, users *users) {
	*x = entry{
		id: x.id, flags: taken,
		recent: uint32(t.recent), heard: seconds(t.lastArrival), facts: countAndOpened(t.facts, fact.NoPolicy),
		policies: uint16(t.policies), policy: t.policy,
	}
	if t.sampledNow() {
		x.flags |= sampledEntry
	}
	if t.reported {
		x.flags |= reportedEntry
	}
	if t.over() {
		x.flags |= overEntry
	}
	if n := len(t.intervals); n > 0 {
		x.from, x.end, x.since = t.intervals[n-1].start, t.intervals[n-1].end, t.sinceAtLeast()
	}
	if !t.ordinary(cfg, users) {
		return
	}
	x.flags |= fast
	if n := len(t.identities); n > 0 {
		x.showOne(users.number(t.identities[0].user), t.identities)
		x.from = max(x.from, t.identities[n-1].at)
	}
	x.from = max(x.from, x.since, t.first, t.firstActivity)
	if t.firstBeside != unset {
		x.from = max(x.from, t.firstBeside)
	}
	if opened := t.intervals[0].policies; opened != 0 {
		x.facts = countAndOpened(t.facts, uint8(bits.TrailingZeros64(opened)))
	}
}

// isPlain reports whether the entry alone stands for t, has being its fields.
func (x *entry) isPlain(t *timeline, has uint64, tombstones *tombstones) bool {
	return has&^hasPlain == 0 && x.flags&fast != 0 && len(t.intervals) == 1 &&
		t.intervals[0].start == t.first && t.first == t.firstActivity && t.first == x.from && t.first == x.since &&
		t.intervals[0].policies == policyBit(x.opened()) && t.unknownBefore <= tombstones.before(x.from)
}

// sinceAtLeast is an instant no later than the one that the absolute clock
// starts from for a request to come.
func (t *timeline) sinceAtLeast() int64 {
	if n := len(t.authentications); n > 0 {
		return t.authentications[n-1]
	}
	at := min(t.first, t.firstActivity, t.firstStart)
	for _, late := range t.lateStarts {
		at = min(at, late.at)
	}
	return at
}

// ordinary reports whether a request that goes on where the session is violates
// nothing but, perhaps, the absolute limit, and changes nothing but the end of
// the last interval.
func (t *timeline) ordinary(cfg *Config, users *users) bool {
	n := len(t.intervals)
	if n == 0 || t.newest != t.intervals[n-1].end || t.lastInactiveStart > t.newest || t.first == unset || t.firstActivity == unset ||
		len(t.ends)+len(t.rotations)+len(t.lineage)+len(t.nestedStarts) > 0 || t.droppedAuthentication != 0 || t.back.end != 0 || t.back.last != 0 ||
		len(t.identities) > 1 && !oneUser(t.identities) || t.showedLate() || t.policies >= 1<<16 {
		return false
	}
	if len(t.identities) > 0 && len(users.ends(t.identities[0].user)) > 0 ||
		slices.ContainsFunc(t.links, func(l identity) bool { return len(users.ends(l.user)) > 0 }) {
		return false
	}
	from := t.sinceAtLeast()
	for i := range cfg.Policies {
		p := &cfg.Policies[i]
		if t.intervals.silent(p, uint8(i), from) {
			return false
		}
	}
	return true
}
