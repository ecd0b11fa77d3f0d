package session

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// unset is the instant that stands for "never" where the earliest counts.
const unset = math.MaxInt64

// longAgo stands for "never" where the latest counts; any duration can be
// taken from it.
const longAgo = math.MinInt64 / 2

// timeline is what a session's facts amount to: a join of its facts.
// All instants are nanoseconds since the Unix epoch.
type timeline struct {
	id        fact.ID
	pseudonym fact.Pseudonym

	newest                int64    // latest end of any fact; decides what is late
	first                 int64    // earliest own time of any fact
	firstBeside           int64    // first, as far as a request that says the start goes; see readBeside
	firstStart            int64    // earliest start or rotation onto this id
	lateStarts            []ending // those that came behind the window, joined as ends are
	firstActivity         int64
	intervals             intervals
	nestedStarts          []nestedStart
	authentications       []int64
	droppedAuthentication int64      // the latest authentication that was given up; 0: none
	ends                  []ending   // of this id
	rotations             []ending   // away from this id, to ending.other
	raised                []ending   // when a second record of a request set newest
	lineage               []rotation // the earliest onto this id; several at one instant
	legacy                legacy
	evictedAncestors      []fact.ID // those that it continues which were thrown away for want of room, or may be yet
	identities            []identity
	// links are the larger sessions that it named, the first time since each login.
	links []identity
	// moreLinks: it named more of them than are remembered.
	moreLinks bool
	// sampled are the logins, or longAgo for what was before the first one, since which
	// activity may have been dropped by a sampler, up to the next one.
	sampled []int64
	// shownFrom: of whom it showed before this instant not all is known.
	shownFrom int64

	// lastInactiveStart is the latest start of a judged request that is no activity.
	lastInactiveStart int64

	policies   uint64     // that governed a request of this session
	policy     uint8      // that governed the last one
	reported   bool       // its lifetime has been reported
	deferred   bool       // one of its requests was, and may be suspected with no name at hand
	dirty      dirtyFlags // what has to be done again for it
	dirtyTurn  uint64     // which of all that were ever dirty it is
	dirtySince int64      // when the last fact came that made it so, on the collector's clock
	detours    uint8      // how often what it inherits came another way than straight
	review     review

	// unknownBefore: what was known of this id before this instant may have been
	// evicted.
	unknownBefore int64
	lastArrival   int64
	back          comeback
	// recent is the position behind the session's newest recent fact (0:
	// none), facts how many there ever were, suspects how many are open.
	recent   uint64
	facts    uint32
	suspects uint32
	// undecided is how many of the suspects wait for their decision.
	undecided uint32
	shard     *shard
	slot      uint32
	place     uint32 // in table.timelines
}

// empty makes t that of a session of which nothing is known. What it once
// needed memory for, it may need again.
func (t *timeline) empty(id fact.ID, slot uint32) {
	*t = timeline{
		id: id, slot: slot, policy: fact.NoPolicy,
		newest: longAgo, lastInactiveStart: longAgo, unknownBefore: longAgo, shownFrom: longAgo,
		first: unset, firstBeside: unset, firstStart: unset, firstActivity: unset,
		intervals: t.intervals[:0], nestedStarts: t.nestedStarts[:0], authentications: t.authentications[:0],
		lateStarts: t.lateStarts[:0], ends: t.ends[:0], rotations: t.rotations[:0],
		raised: t.raised[:0], lineage: t.lineage[:0], identities: t.identities[:0], links: t.links[:0], sampled: t.sampled[:0],
	}
}

// large reports whether t holds more memory than is worth keeping for another.
func (t *timeline) large() bool {
	return cap(t.intervals)+cap(t.ends)+cap(t.rotations)+cap(t.raised) > 256
}

// isFree reports whether nothing refers to t.
func (t *timeline) isFree() bool { return t.suspects == 0 && t.dirty == 0 }

// compacted is t without what its entry says, and without what can be had again when
// it is needed: only a fact that names another session or its user, or the time
// of what is deferred, can make something of a session whose name is not at hand.
func (t *timeline) compacted() *timeline {
	t.lastArrival, t.recent, t.facts, t.policy, t.reported = 0, 0, 0, fact.NoPolicy, false
	if len(t.identities)+len(t.links)+len(t.rotations)+len(t.lineage) == 0 && !t.deferred {
		t.pseudonym = fact.Pseudonym{}
	}
	return t
}

// over reports whether the session ended behind its last authentication.
func (t *timeline) over() bool {
	last := int64(longAgo)
	if n := len(t.authentications); n > 0 {
		last = t.authentications[n-1]
	}
	if t.back.end != 0 && t.back.end > last || t.back.last != 0 && t.back.last > last {
		return true
	}
	return len(t.ends) > 0 && t.ends[len(t.ends)-1].at > last ||
		len(t.rotations) > 0 && t.rotations[len(t.rotations)-1].at > last
}

// rotation onto an id.
type rotation struct {
	at   int64
	from fact.ID
	// rank is the beginning of from's pseudonym: of two rotations at one instant
	// the one of the smaller pseudonym counts.
	rank         uint64
	effectiveSeq uint64 // see ending.effectiveSeq
}

// before reports whether r rather than o is the lineage, where both are known.
func (r *rotation) before(o *rotation) bool {
	return cmp.Or(cmp.Compare(r.at, o.at), cmp.Compare(r.rank, o.rank), cmp.Compare(r.from[0], o.from[0]), cmp.Compare(r.from[1], o.from[1])) < 0
}

// showedLate reports whether t showed or named somebody in what came behind the window, and
// something that came before that may yet be judged.
func (t *timeline) showedLate() bool {
	return slices.ContainsFunc(t.identities, identity.cameLate) || slices.ContainsFunc(t.links, identity.cameLate)
}

// countForAll lets what came late count for all, where nothing that came before it can be judged
// any more. touch is called before the first change.
func (t *timeline) countForAll(oldest uint64, touch func(slot uint32)) {
	for seq := range t.effectiveSeqs() {
		if *seq != 0 && *seq <= oldest {
			touch(t.slot)
			*seq = 0
		}
	}
}

// lateSeq is since when all counts that came late; 0: none did.
func (t *timeline) lateSeq() (latest uint64) {
	for seq := range t.effectiveSeqs() {
		latest = max(latest, *seq)
	}
	for _, list := range [...][]ending{t.ends, t.lateStarts} {
		for i := range list {
			if seq := list[i].effectiveSeq; seq != afterAll {
				latest = max(latest, seq)
			}
		}
	}
	return latest
}

// effectiveSeqs are since when each of what may have come late counts.
func (t *timeline) effectiveSeqs() iter.Seq[*uint64] {
	return func(yield func(*uint64) bool) {
		if !yield(&t.legacy.effectiveSeq) {
			return
		}
		for _, list := range [...][]identity{t.identities, t.links} {
			for i := range list {
				if !yield(&list[i].effectiveSeq) {
					return
				}
			}
		}
	}
}

// boundIntervals keeps the list of intervals bounded, given how far back a request to come
// may end. It returns how many silences were given up.
func (t *timeline) boundIntervals(window int64) (lost int) {
	if len(t.intervals) <= maxIntervals {
		return 0
	}
	since, ok := latest(t.authentications, t.newest-window)
	if !ok {
		since = longAgo
	}
	return t.intervals.cut(since)
}

// nestedStart is where a request that lies inside another is judged to start, where
// that other is no activity itself (it was rejected, or is background work).
type nestedStart struct {
	at       int64
	policies uint64
}

// addNestedStart joins that a request which policies govern is judged to start at at,
// though its own activity begins later. coveredByActivity: there is activity from at on.
func (t *timeline) addNestedStart(at int64, policies uint64, covered bool, gap int64) (changed bool) {
	if covered {
		return t.intervals.add(at, at, policies, gap, t.lastInactiveStart)
	}
	t.lastInactiveStart = max(t.lastInactiveStart, at)
	for i := range t.nestedStarts {
		if c := &t.nestedStarts[i]; c.at == at {
			changed = c.policies|policies != c.policies
			c.policies |= policies
			return changed
		}
	}
	if len(t.nestedStarts) == maxInstants {
		t.nestedStarts = t.nestedStarts[1:]
	}
	t.nestedStarts = append(t.nestedStarts, nestedStart{at, policies})
	return true
}

// maxLateRotations bounds the rotations onto an id that came behind the window and
// are earlier than its lineage.
const maxLateRotations = 8

// addRotation joins a rotation onto this id. Only the earliest is its lineage; one
// that came behind the window is lineage only for what follows. It reports whether
// the lineage changed.
func (t *timeline) addRotation(r rotation) (changed bool) {
	late := 0
	for i := range t.lineage {
		have := &t.lineage[i]
		switch {
		case have.at == r.at && have.from == r.from:
			changed = r.effectiveSeq < have.effectiveSeq
			have.effectiveSeq = min(have.effectiveSeq, r.effectiveSeq)
			return changed
		case have.effectiveSeq <= r.effectiveSeq && have.before(&r):
			return false
		case have.effectiveSeq > 0:
			late++
		}
	}
	if r.effectiveSeq > 0 && late >= maxLateRotations {
		return false
	}
	t.lineage = slices.DeleteFunc(t.lineage, func(have rotation) bool { return r.effectiveSeq <= have.effectiveSeq && r.before(&have) })
	t.lineage = append(t.lineage, r)
	return true
}

// lineageAt returns the rotation onto this id that counts for a request of seq:
// the earliest, if it came at or before an instant.
func (t *timeline) lineageAt(seq uint64, before int64) (r rotation, ok bool) {
	for i := range t.lineage {
		if have := &t.lineage[i]; have.effectiveSeq <= seq && (!ok || have.before(&r)) {
			r, ok = *have, true
		}
	}
	return r, ok && r.at <= before
}

// follows reports whether t was rotated from p behind what p was rotated from. straight:
// that is the earliest of both, so that nobody is come back to that way.
func (t *timeline) follows(p *timeline) (follows, straight bool) {
	first, ok := t.lineageAt(afterAll, unset)
	above, has := p.lineageAt(afterAll, unset)
	if straight = ok && has && first.from == p.id && above.at < first.at; straight {
		return true, true
	}
	return slices.ContainsFunc(t.lineage, func(r rotation) bool {
		return r.from == p.id && slices.ContainsFunc(p.lineage, func(above rotation) bool { return above.at < r.at })
	}), false
}

// maxLineage bounds how many rotations are followed back: what lies further is known by the
// legacy of the last.
const maxLineage = 64

// showsFirst reports whether the first user that t shows, no later than until, is that one,
// for a request of seq.
func (t *timeline) showsFirst(user fact.ID, until int64, seq uint64) bool {
	first, ok := firstShown(effective(t.identities, seq))
	return ok && first.at <= until && sameUser(first.user, user)
}

// addSampled notes that at an instant activity may have been dropped by a sampler. It
// reports whether that is new of the login that the instant belongs to.
func (t *timeline) addSampled(at int64) (added bool) {
	login, ok := t.loginAt(at)
	if !ok {
		login = longAgo
	}
	i, known := slices.BinarySearch(t.sampled, login)
	switch full := len(t.sampled) == maxInstants+1; {
	case known, full && i <= 1 && t.sampled[0] == longAgo:
		return false
	case full: // the first ones are of logins that are given up, too
		t.sampled[0] = longAgo
		t.sampled = slices.Delete(t.sampled, 1, 2)
		i = max(i-1, 1)
	}
	t.sampled = slices.Insert(t.sampled, i, login)
	return true
}

// splitSampled notes that a login came at an instant: on which side of it activity was
// dropped is not known until t is read again. It reports whether that has to be done.
func (t *timeline) splitSampled(at int64) bool {
	before, ok := t.loginAt(at - 1)
	if !ok {
		before = longAgo
	}
	return slices.Contains(t.sampled, before) && t.addSampled(at)
}

// sampledNow reports whether activity may have been dropped since the last login.
func (t *timeline) sampledNow() bool {
	last := int64(longAgo)
	if n := len(t.authentications); n > 0 {
		last = t.authentications[n-1]
	}
	return slices.Contains(t.sampled, last)
}

// loginAt is the latest authentication at or before an instant.
func (t *timeline) loginAt(until int64) (at int64, ok bool) { return latest(t.authentications, until) }

// rotatedWithin reports whether the session was rotated away within tolerance
// of at.
func (t *timeline) rotatedWithin(at, tolerance int64) bool {
	for i := range t.rotations {
		if d := at - t.rotations[i].at; d <= tolerance && -d <= tolerance {
			return true
		}
	}
	return false
}

// cause is why something is done: what came, and when, on the collector's clock. While
// it is observed it has a name, later none.
type cause struct {
	at   int64
	name *fact.Name
}

// name gives t its pseudonym, if n is its name. It is needed where something may
// become of t, and costs too much where nothing does.
func (e *Engine) name(t *timeline, n *fact.Name) {
	if t.pseudonym == (fact.Pseudonym{}) && n != nil && n.ID == t.id {
		t.pseudonym = e.cfg.pseudonym(n)
	}
}

// dirtyAsOf is when the last fact came that made t dirty.
func (t *timeline) dirtyAsOf() int64 {
	if t.review.again != 0 {
		return max(t.dirtySince, t.review.againSince)
	}
	return t.dirtySince
}

// sinceLogins is list, whom t shows, and if that is one user, at each login of which not all
// that followed is known, too: who may have been shown since.
func (t *timeline) sinceLogins(list []identity, gone int64) []identity {
	if !oneUser(list) {
		return list
	}
	for _, at := range t.authentications {
		if at > list[0].at && at <= gone {
			list = append(list, identity{at: at, user: list[0].user, source: list[0].source})
		}
	}
	return list
}
