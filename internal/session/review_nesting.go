package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// nestOthers lets the requests that lie inside o, or did when it was known as
// was, start where they do now. all: there were no more suspects than it could
// look at.
func (e *Engine) nestOthers(t *timeline, o, was *record, k traceRecords) (due dirtyFlags, all bool) {
	if o.kind != fact.Exempt && o.Start == o.End && was.Start == was.End {
		return 0, true
	}
	visit := func(r *record) {
		if r.kind != fact.Request || r == o || !r.inside(o) && !r.inside(was) && !r.exemptWith(o) {
			return
		}
		e.touchRecord(r)
		if o != was && r.inside(was) { // what it lies inside has to be found out anew
			r.state |= unplaced
			due |= dirtyLineage | dirtyNesting
			return
		}
		eff, state := r.EffectiveStart, r.state
		r.nestIn(o)
		if r.EffectiveStart == eff && r.state == state {
			return
		}
		due |= dirtyLineage
		if r.EffectiveStart > eff || r.state != state || r.state&coveredByActivity == 0 {
			due |= dirtyTimeline // what it said before no longer holds
		} else if r.isEvidence() {
			e.apply(t, r)
		}
	}
	for _, r := range k.records {
		visit(r)
	}
	if t.suspects == 0 || !o.identified() {
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
	for _, duplicate := range k.records {
		if duplicate != r && duplicate.position < r.position && duplicate.sameRequest(r) {
			r.state |= was.state & startsOthers
			e.mergeLate(t, duplicate, r, k)
			return true
		}
	}
	if s := e.suspects.byRequest[r.name()]; s != nil && s.position < r.position { // all that is left of one
		r.state |= was.state & startsOthers
		e.mergeLate(t, &s.record, r, k)
		return true
	}
	e.nest(r, k)
	if r.EffectiveStart != was.EffectiveStart || r.state != was.state&^(unplaced|startsOthers) {
		e.markDirty(t, dirtyTimeline|dirtyLineage, cause{at: r.Arrival})
	}
	due, all := e.nestOthers(t, r, r, k)
	if !all {
		e.stats.lost++
	}
	if was.state&startsOthers != 0 {
		due |= e.renest(t, r, k)
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
func (e *Engine) renest(t *timeline, o *record, k traceRecords) (due dirtyFlags) {
	visit := func(r *record) {
		if r != o && r.session == o.session && r.kind == fact.Request && r.enclosing >= 0 {
			e.touchRecord(r)
			r.state |= unplaced
			due |= dirtyNesting
		}
	}
	for _, r := range k.records {
		visit(r)
	}
	if t.suspects > 0 {
		suspects := e.suspects.byTrace[o.hash()]
		looks := min(len(suspects), maxTraceSteps)
		e.spend(looks)
		for _, s := range suspects[:looks] {
			visit(&s.record)
		}
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
	e.nest(r, e.recordsOfTrace(&e.placing, r.session, r.hash(), maxTraceSteps))
	return true
}

// mergeLate joins r to an older record of the same request, and leaves nothing of
// it but its place.
func (e *Engine) mergeLate(t *timeline, duplicate, r *record, k traceRecords) {
	was, other := *duplicate, *r
	merged, won := e.mergeRecords(duplicate, r)
	if r.state&startsOthers != 0 {
		merged.state |= unplaced | startsOthers
	}
	if r.state&late == 0 {
		merged.state &^= late
	}
	e.touchRecord(duplicate)
	*duplicate = merged
	d := e.ring(r.session).details.get(r.details)
	if won {
		e.ring(duplicate.session).redescribe(duplicate, &d)
	}
	e.stats.facts[fact.Request]--
	if s := e.suspectOf(r); s != nil {
		e.discard(s)
	}
	e.undefer(r)
	r.kind, r.span, r.enclosing, r.state = fact.Exempt, [8]byte{}, -1, r.state&(late|evident)|decided
	e.nest(duplicate, k)
	if duplicate.slot == compact.NoSlot && duplicate.isEvidence() { // it was exempt so far
		e.linkLate(t, duplicate)
	}
	e.updateSuspect(duplicate, won, &d)
	due := dirtyTimeline | dirtyLineage
	if duplicate.state&unplaced != 0 {
		due |= dirtyNesting
	}
	for _, before := range []*record{&was, &other} {
		nested, all := e.nestOthers(t, duplicate, before, k)
		if due |= nested; !all {
			e.stats.lost++
		}
	}
	e.markDirty(t, due, cause{at: r.Arrival})
}

// linkLate gives r, which said nothing of its session so far, its place among the
// recent facts of t, by its position.
func (e *Engine) linkLate(t *timeline, r *record) {
	ring := &t.shard.recent
	t.facts++
	r.slot = t.slot
	if t.recent < r.position {
		r.ofSession, t.recent = t.recent, r.position
		return
	}
	q := ring.at(t.recent)
	for range maxRebuild {
		e.spend(1)
		if q == nil || q.session != t.id { // all that is older has lost its place
			return
		}
		if q.ofSession < r.position {
			e.touchRecord(q)
			r.ofSession, q.ofSession = q.ofSession, r.position
			return
		}
		q = ring.at(q.ofSession)
	}
	e.stats.lost++ // it is never read again
}
