package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// observeRequest takes a request, or the extent of an exempt one.
func (e *Engine) observeRequest(f *fact.Fact, now int64) Mark {
	l := e.shardOf(f.Session.ID)
	t := l.sessions.get(f.Session.ID)
	if t != nil {
		e.touch(t)
	}
	rec := record{
		seq:   e.seq,
		Start: f.Start, End: f.End, At: f.At, EffectiveStart: f.Start, FirstEnd: f.End, Arrival: now, enclosing: -1,
		session: f.Session.ID, user: shownBy(f), linked: largerSession(f.Linked.Key()), userSource: f.UserSource, trace: f.Trace, span: f.Span, parent: f.Parent,
		slot: compact.NoSlot, kind: f.Kind, outcome: f.Outcome, policy: f.Policy, flags: f.Flags,
	}
	rec.resource = e.services.number(f.Resource, e.seq, e.oldestSeq)
	hash := rec.hash()
	alone := l.recent.traces.Get(hash, l.recent.window()) == 0 && (t == nil || t.suspects == 0)
	k := traceRecords{all: true}
	if !alone {
		k = e.recordsOfTrace(&e.observing, rec.session, hash, traceLooks)
		if duplicate := e.duplicateOf(&rec, k, &f.Details); duplicate != nil {
			return e.merge(t, duplicate, &rec, f, k, now)
		}
		e.nest(&rec, k)
		if !k.all && rec.identified() {
			rec.state |= unplaced
		}
	}
	if f.Kind == fact.Request {
		e.stats.facts[fact.Request]++
	}
	if rec.isEvidence() {
		if t == nil {
			if t = e.timelineOf(&f.Session, f, now); t == nil {
				return Mark{}
			}
		}
		t.lastArrival = now
		if rec.End < t.newest-int64(e.cfg.ReorderWindow) {
			rec.state |= late
			e.noteLate(rec.resource)
		}
	}
	if rec.isEvidence() {
		rec.state |= evident
	}
	r := e.remember(t, &rec, hash, &f.Details)
	e.awaitParent(r)
	e.noteJudged(l, r)
	if t == nil {
		return Mark{}
	}
	if t.deferred || !r.linked.IsZero() { // an end of what it is part of finds it with no name at hand
		e.name(t, &f.Session)
	}
	var due dirtyFlags
	if r.isEvidence() {
		if !r.user.IsZero() {
			e.name(t, &f.Session)
			e.nameUser(&f.User)
		}
		due = e.apply(t, r)
	}
	if !alone && r.identified() {
		refused, noted := e.noteRejections(r, false, k)
		due |= refused
		nested, all := e.nestOthers(t, r, r, k)
		if due |= nested; !all || !noted || r.state&unplaced != 0 {
			r.state |= unplaced
			due |= dirtyNesting
		}
	}
	if due != 0 {
		e.markDirty(t, due, cause{now, &f.Session})
	}
	return e.evaluate(t, r, cause{now, &f.Session})
}

// remember puts rec among the recent facts. What it displaces is decided
// first.
func (e *Engine) remember(t *timeline, rec *record, hash uint64, d *fact.Details) *record {
	l := e.shardOf(rec.session)
	e.makeRoom(l)
	if t != nil {
		rec.slot = t.slot
		rec.ofSession = uint32(t.recent)
		t.recent = l.recent.next
		t.facts++
	}
	r := l.recent.push(rec, hash, d)
	e.touchRecord(r)
	return r
}

// makeRoom decides the record whose place is needed next.
func (e *Engine) makeRoom(l *shard) {
	if !l.recent.full() {
		return
	}
	old := l.recent.place(l.recent.next)
	e.touchPosition(l, old.position)
	if old.state&unplaced != 0 { // what it lies inside will not be known
		old.state = old.state&^(unplaced|startsOthers) | traceTruncated
		if e.suspectOfRequest(old) != nil {
			old.state |= decided // it is another record of that
		}
		e.stats.lost++
	}
	waits := old.state&decided == 0
	if old.state&(decided|deferred|suspected) == 0 && (old.state&(afterGap|aroundRejected) != 0 || old.outcome == fact.Rejected) && len(l.later) < e.maxLaterOfShard() && e.dirtyNow(old) == nil {
		l.measureLater(old)
		old.state |= decided
	}
	e.decide(old)
	if waits && old.state&suspected == 0 && e.isJudged(old) {
		e.stats.early++
	}
	l.recent.release(old)
}

// merge joins a second record of one request to the first: a span knows the
// times better than a log record, and the worse outcome holds.
func (e *Engine) merge(t *timeline, duplicate, rec *record, f *fact.Fact, k traceRecords, now int64) Mark {
	was, before := *duplicate, e.detailsOf(duplicate)
	if !rec.user.IsZero() {
		e.nameUser(&f.User)
	}
	merged, d := e.mergeRecords(duplicate, rec, before, f.Details)
	merged.outcome = max(merged.outcome, k.worst(rec))
	if t != nil {
		t.lastArrival = now
		if rec.End >= t.newest-int64(e.cfg.ReorderWindow) {
			merged.state &^= late
		}
		if merged.outcome != fact.Rejected && rec.End > t.newest {
			t.newest = rec.End
			t.raised, _, _ = addEnding(t.raised, ending{at: rec.End, seq: e.seq})
		}
	}
	if merged == was && d == before {
		return e.markOf(duplicate)
	}
	// Its session may have been thrown away since the first came: then it comes back
	// with this request, or has come back without it, which is the past then.
	gone := t != nil && duplicate.slot != compact.NoSlot && e.at(duplicate) != t
	if t == nil && merged.isEvidence() {
		if t = e.timelineOf(&f.Session, f, now); t == nil {
			return Mark{}
		}
		merged.slot, merged.ofSession = t.slot, 0
		t.recent = duplicate.position
		t.facts++ // what a tombstone says of it counts as one, too
	}
	e.become(duplicate, merged)
	e.nest(duplicate, k)
	e.awaitParent(duplicate)
	if !k.all && !gone {
		duplicate.state |= unplaced | startsOthers
	}
	e.describe(duplicate, before, d)
	if t == nil { // all of it was rejected
		e.claim(duplicate, k)
		e.straying(duplicate, &was)
		return Mark{}
	}
	if gone { // it can clear, and accuses nobody
		e.stats.lost++
		if duplicate.isActivity() && e.addActivity(t, duplicate, 0) {
			e.markDirty(t, dirtyVerdicts, cause{now, &f.Session})
		}
		return Mark{}
	}
	_, noted := e.noteRejections(duplicate, true, k)
	due, all := e.nestOthers(t, duplicate, &was, k)
	if !all || !noted {
		duplicate.state |= unplaced | startsOthers
	}
	due |= e.claim(duplicate, k)
	if duplicate.state&unplaced != 0 {
		due |= dirtyNesting
	}
	e.straying(duplicate, &was)
	e.markDirty(t, dirtyTimeline|dirtyLineage|due, cause{now, &f.Session})
	return e.evaluate(t, duplicate, cause{now, &f.Session})
}
