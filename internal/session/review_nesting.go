package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// nestOthers lets the requests that lie inside o, or did when it was known as
// was, start where they do now. all: there were no more suspects than it could
// look at.
func (e *Engine) nestOthers(t *timeline, o, was *record, k traceRecords) (due dirtyFlags, all bool) {
	if o.Start == o.End && was.Start == was.End {
		return 0, true
	}
	visit := func(r *record) {
		if r.kind != fact.Request || r == o || !r.inside(o) && !r.inside(was) {
			return
		}
		e.touchRecord(r)
		if o != was && r.inside(was) { // what it lies inside has to be found out anew
			e.displace(r, 0)
			due |= dirtyLineage | dirtyNesting
			return
		}
		eff, state := r.EffectiveStart, r.state
		e.nestIn(r, o)
		e.awaitParent(r)
		if r.EffectiveStart == eff && r.state == state {
			return
		}
		if (r.state^state)&(exempted|inBackground) != 0 && e.callers.any() { // what lies inside it may not lie inside o
			e.displace(r, startsOthers)
			due |= dirtyNesting
		}
		due |= dirtyLineage
		if r.EffectiveStart > eff || r.state != state || r.state&coveredByActivity == 0 {
			due |= dirtyTimeline // what it said before no longer holds
		} else if t != nil && r.isEvidence() {
			e.apply(t, r)
		}
	}
	for _, r := range k.records {
		visit(r)
	}
	if t == nil || t.suspects == 0 || !o.identified() {
		return due, true
	}
	suspects := e.suspects.byTrace[o.hash()]
	looks := min(len(suspects), maxTraceSteps, max(e.work.left/2, 0))
	e.spend(looks)
	for _, s := range suspects[:looks] {
		visit(&s.record)
	}
	return due, looks == len(suspects)
}

// place looks through the trace of a record that had too many of its kind when it
// came. It reports whether the work that is left allows that.
func (e *Engine) place(t *timeline, r *record) (done bool) {
	switch {
	case r.state&unplaced == 0:
		return true
	case t == nil:
		e.touchRecord(r)
		return e.placeAlone(r)
	}
	if e.work.left < 3*maxTraceSteps+workOfJudgement {
		return false
	}
	e.touchRecord(r)
	was := *r
	r.state &^= unplaced | startsOthers
	k := e.recordsOfTrace(&e.placing, r.session, r.hash(), maxTraceSteps)
	if first := e.firstOf(r, k); first != nil {
		r.state |= was.state & startsOthers
		e.mergeLate(t, first, r, k)
		return true
	}
	e.nest(r, k)
	e.awaitParent(r)
	if r.EffectiveStart != was.EffectiveStart || r.state != was.state&^(unplaced|startsOthers) || t.firstBeside != unset {
		e.markDirty(t, dirtyTimeline|dirtyLineage, cause{at: r.Arrival})
	}
	due, all := e.nestOthers(t, r, r, k)
	refused, noted := e.noteRejections(r, was.state&startsOthers != 0, k)
	due |= refused
	if !all || !noted {
		e.stats.lost++
	}
	if was.state&startsOthers != 0 || (r.state^was.state)&(exempted|inBackground) != 0 && e.callers.any() {
		due |= e.renest(r, k) | e.claim(r, k)
	}
	if due != 0 {
		e.markDirty(t, due, cause{at: r.Arrival})
	}
	return true
}

// stray is the place of a record that is yet to be placed.
type stray struct {
	shard    uint32
	position uint64
}

// displace lets r be placed anew.
func (e *Engine) displace(r *record, with recordState) {
	e.touchRecord(r)
	was := *r
	r.state |= unplaced | with
	e.straying(r, &was)
}

// straying notes that r, which was another before, is yet to be placed if no session
// leads to it: it was rejected before its session was known.
func (e *Engine) straying(r, was *record) {
	if r.slot == compact.NoSlot && r.state&^was.state&unplaced != 0 {
		e.strays = append(e.strays, stray{e.shardOf(r.session).number, r.position})
	}
}

// placeStrays looks through the traces of those, before anything is decided that may
// lie inside them. It reports whether the work that is left allowed that.
func (e *Engine) placeStrays() (done bool) {
	for ; len(e.strays) > 0; e.strays = e.strays[1:] {
		r := e.shards[e.strays[0].shard].recent.at(e.strays[0].position)
		if r != nil && !e.place(e.get(r.session), r) {
			return false
		}
	}
	e.strays = nil
	return true
}

// renest lets all of its session that lies inside anything in the trace of o find
// out anew what that is.
func (e *Engine) renest(o *record, k traceRecords) (due dirtyFlags) {
	visit := func(r *record) {
		if r != o && r.session == o.session && r.kind == fact.Request && r.enclosing >= 0 {
			e.displace(r, 0)
			due |= dirtyNesting
		}
	}
	for _, r := range k.records {
		visit(r)
	}
	suspects := e.suspects.byTrace[o.hash()]
	looks := min(len(suspects), maxTraceSteps)
	e.spend(looks)
	for _, s := range suspects[:looks] {
		visit(&s.record)
	}
	return due
}

// placeAlone is place for what nothing else depends on: a suspect, or a record of
// a session that is not known.
func (e *Engine) placeAlone(r *record) (done bool) {
	if r.state&unplaced == 0 {
		return true
	}
	if e.work.left < maxTraceSteps+workOfJudgement {
		return false
	}
	e.touchRecord(r)
	r.state &^= unplaced
	k := e.recordsOfTrace(&e.placing, r.session, r.hash(), maxTraceSteps)
	if first := e.firstOf(r, k); first != nil {
		if own := e.ring(r.session).at(r.position); own != nil && own.session == r.session {
			r = own
		}
		e.mergeLate(e.get(r.session), first, r, k)
		return true
	}
	e.nest(r, k)
	e.awaitParent(r)
	e.noteRejections(r, false, k)
	return true
}

// firstOf returns the first record of the same request, if that is not r, or nil.
func (e *Engine) firstOf(r *record, k traceRecords) (first *record) {
	for _, o := range k.records {
		if o.position < r.position && (o.sameRequest(r) || o.sameRecord(r) && e.detailsOf(o) == e.detailsOf(r)) {
			first = o
		}
	}
	if first == nil {
		if s := e.suspectOfRequest(r); s != nil && s.position < r.position { // all that is left of one
			first = &s.record
		}
	}
	return first
}

// claim lets what else is known of the request of o become part of it, if o is a span:
// what is logged may have been several requests so far.
func (e *Engine) claim(o *record, k traceRecords) (due dirtyFlags) {
	if !o.identified() || o.flags&fact.FromLog != 0 {
		return 0
	}
	visit := func(r *record) {
		if r.position != o.position && r.sameRequest(o) {
			e.displace(r, 0)
			due |= dirtyNesting
		}
	}
	for _, r := range k.records {
		visit(r)
	}
	name := o.name()
	name.fromLog = true
	suspects := e.suspects.byRequest[name]
	looks := min(len(suspects), maxTraceSteps)
	e.spend(looks)
	for _, s := range suspects[:looks] {
		visit(&s.record)
		if s.position < o.position { // all that is left of the first: o joins that
			e.displace(o, 0)
		}
	}
	if looks < len(suspects) {
		e.stats.lost++
	}
	return due
}

// mergeLate joins r to an older record of the same request, and leaves nothing of
// it but its place. t is nil where the session is not known.
func (e *Engine) mergeLate(t *timeline, duplicate, r *record, k traceRecords) {
	was, other, before := *duplicate, *r, e.detailsOf(duplicate)
	merged, d := e.mergeRecords(duplicate, r, before, e.detailsOf(r))
	if r.state&startsOthers != 0 {
		merged.state |= unplaced | startsOthers
	}
	if r.state&late == 0 {
		merged.state &^= late
	}
	e.become(duplicate, merged)
	e.stats.facts[fact.Request]--
	if s := e.suspectOf(r); s != nil {
		e.discard(s)
	}
	e.undefer(r)
	r.kind, r.span, r.state = part, [8]byte{}, r.state&(late|evident)|decided
	e.nest(duplicate, k)
	e.awaitParent(duplicate)
	e.describe(duplicate, before, d)
	due := dirtyTimeline | dirtyLineage
	if duplicate.state&unplaced != 0 {
		due |= dirtyNesting
	}
	if was.flags&fact.FromLog != 0 {
		due |= e.claim(duplicate, k)
	}
	if _, all := e.noteRejections(duplicate, true, k); !all {
		e.stats.lost++
	}
	for _, before := range []*record{&was, &other} {
		nested, all := e.nestOthers(t, duplicate, before, k)
		if due |= nested; !all {
			e.stats.lost++
		}
	}
	if t == nil {
		e.straying(duplicate, &was)
		return
	}
	e.markDirty(t, due, cause{at: r.Arrival})
}

// parentSeen lets the requests find out anew what they lie inside that waited for a span.
func (e *Engine) parentSeen(hash uint64, now int64) {
	a := &e.callers.awaited
	for _, place := range a.of[hash] {
		e.nestAnew(place, 0, now)
	}
	delete(a.of, hash)
}

// nestAnew lets the request at place find out anew what it lies inside, and what lies
// inside it.
func (e *Engine) nestAnew(place recordPlace, note recordState, now int64) {
	e.spend(1)
	t := e.get(place.session)
	anew := func(r *record) {
		if r.session != place.session || r.kind != fact.Request {
			return
		}
		e.displace(r, startsOthers|note)
	}
	if r := e.ring(place.session).at(place.position); r != nil {
		anew(r)
	}
	if s := e.suspects.byPlace[place]; s != nil {
		e.suspects.touchOne(s)
		anew(&s.record)
	}
	if t != nil {
		e.markDirty(t, dirtyNesting, cause{at: now})
	}
}

// walkCallers lets what lies inside others by times alone find out anew whether it does. It
// reports whether the work that is left allowed that for all.
func (e *Engine) walkCallers() (done bool) {
	w := &e.callers.walk
	if !w.due {
		return true
	}
	concerns := func(r *record) bool {
		return r.state&awaitsParent != 0 || r.state&insideByTimes != 0 && r.End-r.enclosing <= w.over.to && r.Start+r.enclosing >= w.over.from
	}
	for ; w.shard < len(e.shards); w.shard, w.position = w.shard+1, 0 {
		ring := &e.shards[w.shard].recent
		for w.position = max(w.position, ring.oldest()); w.position < ring.next; w.position++ {
			if e.work.left <= 1 { // it may be nested anew
				return false
			}
			e.spend(1)
			if r := ring.at(w.position); concerns(r) {
				e.nestAnew(r.recordPlace(), 0, r.Arrival)
			}
		}
	}
	for ; w.suspect < len(e.suspects.items); w.suspect++ {
		if e.work.left <= 1 { // it may be nested anew
			return false
		}
		e.spend(1)
		if s := e.suspects.items[w.suspect]; s != nil && concerns(&s.record) {
			e.nestAnew(s.recordPlace(), 0, s.Arrival)
		}
	}
	*w = callersWalk{}
	return true
}

// awaitParent lets r find out anew what it lies inside when its parent is seen. Where there
// are too many, the first of them does by its times alone.
func (e *Engine) awaitParent(r *record) {
	if r.state&(awaitsParent|insideByTimes) != 0 {
		if t := e.get(r.session); t != nil {
			e.touch(t)
			t.deferred = true // it may be suspected with no name at hand
		}
	}
	if r.state&awaitsParent == 0 {
		return
	}
	a := &e.callers.awaited
	for range 2 {
		if len(a.queue) < maxAwaited {
			break
		}
		first := a.queue[0]
		a.queue = a.queue[1:]
		waits := e.ring(first.place.session).at(first.place.position) != nil || e.suspects.byPlace[first.place] != nil
		if waits && len(a.of[first.parent]) > 0 {
			e.stats.lost++
			e.nestAnew(first.place, parentLost, e.tick.now)
		}
		a.remove(first)
	}
	if !a.add(spanHash(r.trace, r.parent), r.recordPlace()) { // what it lies inside will not be known
		r.state |= traceTruncated
		e.stats.lost++
	}
}
