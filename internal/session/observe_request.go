package session

import (
	"cmp"

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
		session: f.Session.ID, user: f.User.ID, trace: f.Trace, span: f.Span,
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
			if t = e.timelineOf(&f.Session, now); t == nil {
				return Mark{}
			}
		}
		t.lastArrival = now
		if rec.End < t.newest-int64(e.cfg.ReorderWindow) {
			rec.state |= late
			e.stats.factsLate[fact.Request]++
		}
	}
	if rec.isEvidence() {
		rec.state |= evident
	}
	r := e.remember(t, &rec, hash, &f.Details)
	if t == nil {
		return Mark{}
	}
	var due dirtyFlags
	if r.isEvidence() {
		if !f.User.ID.IsZero() {
			e.name(t, &f.Session)
			e.nameUser(&f.User)
		}
		due = e.apply(t, r)
	}
	if !alone && r.identified() {
		nested, all := e.nestOthers(t, r, r, k)
		if due |= nested; !all || r.state&unplaced != 0 {
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
		rec.ofSession = t.recent
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
		if s := e.suspects.byRequest[old.name()]; s != nil && s.position != old.position {
			old.state |= decided // it is another record of that
		}
		e.stats.lost++
	}
	waits := old.state&decided == 0
	if old.state&(decided|deferred|suspected) == 0 && (old.state&afterGap != 0 || old.outcome == fact.Rejected) && len(l.later) < e.maxLaterOfShard() && e.dirtyNow(old) == nil {
		l.measureLater(old)
		old.state |= decided
	}
	e.decide(old)
	if waits && old.state&suspected == 0 && e.isJudged(old) {
		e.stats.early++
	}
	l.recent.release(old)
}

// apply joins what r says to its session's timeline, and says what that makes
// dirty.
func (e *Engine) apply(t *timeline, r *record) (due dirtyFlags) {
	t.newest = max(t.newest, r.End)
	if r.flags&fact.Sampled != 0 && !t.sampled {
		t.sampled = true
		if t.suspects > 0 {
			due |= dirtyVerdicts
		}
	}
	if r.state&late != 0 {
		// From the past: it can clear, and accuses nobody.
		if r.isActivity() && t.intervals.add(r.Start, r.End, 0, e.gap, t.lastInactiveStart) {
			due |= dirtyVerdicts
		}
		return due
	}
	known := t.facts > 1 || len(t.rotations) > 0 // somebody may have been judged
	if r.At < t.first {
		if known {
			due |= dirtyLineage
		}
		t.first = r.At
	}
	if r.policy != fact.NoPolicy {
		bit := uint64(1) << r.policy
		t.policies |= bit
		t.policy = r.policy
		if len(t.authentications) > 0 {
			e.authenticated |= bit
		}
	}
	if !r.user.IsZero() {
		due |= e.showIdentity(t, identity{r.At, r.user}, known)
	}
	if r.isActivity() {
		e.observeGap(t, r)
		if known && r.At < t.firstActivity {
			due |= dirtyLineage
		}
		var governs uint64
		if r.policy != fact.NoPolicy {
			governs = 1 << r.policy
		}
		if r.EffectiveStart < r.Start {
			if t.addNestedStart(r.EffectiveStart, governs, r.state&coveredByActivity != 0, e.gap) {
				due |= dirtyVerdicts
			}
			governs = 0
		}
		t.firstActivity = min(t.firstActivity, r.At)
		if t.intervals.add(r.Start, r.End, governs, e.gap, t.lastInactiveStart) {
			due |= dirtyVerdicts
		}
		e.stats.lost += int64(t.boundIntervals(int64(e.cfg.ReorderWindow)))
	} else {
		t.lastInactiveStart = max(t.lastInactiveStart, r.EffectiveStart)
	}
	return due
}

// duplicate finds what has been heard of the same request before.
func (e *Engine) duplicateOf(rec *record, k traceRecords, d *fact.Details) *record {
	ring := e.ring(rec.session)
	for _, r := range k.records {
		if r.sameRequest(rec) || r.sameRecord(rec) && ring.details.get(r.details) == *d {
			return r
		}
	}
	if !rec.identified() {
		return nil
	}
	s := e.suspects.byRequest[rec.name()]
	if s == nil || !s.sameRequest(rec) {
		return nil
	}
	e.spend(1)
	if r := ring.at(s.position); r != nil && r.sameRequest(rec) {
		return r
	}
	return &s.record
}

// sameRecord reports whether r and o, without both ids or exempt, are one
// record delivered twice.
func (r *record) sameRecord(o *record) bool {
	if r.kind != o.kind || r.kind == fact.Request && r.identified() {
		return false
	}
	return r.session == o.session && r.Start == o.Start && r.End == o.End && r.At == o.At &&
		r.user == o.user && r.trace == o.trace && r.span == o.span && r.resource == o.resource &&
		r.outcome == o.outcome && r.policy == o.policy && r.flags == o.flags
}

// merge joins a second record of one request to the first: a span knows the
// times better than a log record, and the worse outcome holds.
func (e *Engine) merge(t *timeline, duplicate, rec *record, f *fact.Fact, k traceRecords, now int64) Mark {
	was := *duplicate
	merged, won := e.mergeRecords(duplicate, rec)
	if t != nil {
		t.lastArrival = now
		if rec.End >= t.newest-int64(e.cfg.ReorderWindow) {
			merged.state &^= late
		}
		e.nest(rec, k)
		if rec.isEvidence() && merged.outcome != fact.Rejected && rec.End > t.newest {
			t.newest = rec.End
			t.raised, _, _ = addEnding(t.raised, ending{at: rec.End, nextSeq: e.seq + 1, seq: e.seq})
		}
	}
	if merged == was {
		return e.markOf(duplicate)
	}
	// Its session may have been thrown away since the first came: then it comes back
	// with this request, or has come back without it, which is the past then.
	gone := t != nil && duplicate.slot != compact.NoSlot && e.at(duplicate) != t
	if t == nil && merged.isEvidence() {
		if t = e.timelineOf(&f.Session, now); t == nil {
			return Mark{}
		}
		merged.slot, merged.ofSession = t.slot, 0
		t.recent = duplicate.position
		t.facts++ // what a tombstone says of it counts as one, too
	}
	if !merged.user.IsZero() && merged.user == f.User.ID {
		e.nameUser(&f.User)
	}
	e.touchRecord(duplicate)
	*duplicate = merged
	e.nest(duplicate, k)
	if !k.all && !gone {
		duplicate.state |= unplaced | startsOthers
	}
	if won {
		e.ring(duplicate.session).redescribe(duplicate, &f.Details)
	}
	e.updateSuspect(duplicate, won, &f.Details)
	if t == nil {
		e.straying(duplicate, &was)
		return Mark{}
	}
	if gone { // it can clear, and accuses nobody
		e.stats.lost++
		if duplicate.isActivity() && t.intervals.add(duplicate.Start, duplicate.End, 0, e.gap, t.lastInactiveStart) {
			e.markDirty(t, dirtyVerdicts, cause{now, &f.Session})
		}
		return Mark{}
	}
	due, all := e.nestOthers(t, duplicate, &was, k)
	if !all {
		duplicate.state |= unplaced | startsOthers
	}
	if duplicate.state&unplaced != 0 {
		due |= dirtyNesting
	}
	e.straying(duplicate, &was)
	e.markDirty(t, dirtyTimeline|dirtyLineage|due, cause{now, &f.Session})
	return e.evaluate(t, duplicate, cause{now, &f.Session})
}

// mergeRecords returns the join of two records of one request. It depends on their
// content alone, not on their order.
// won: the second knows it better than the first.
func (e *Engine) mergeRecords(a, b *record) (m record, won bool) {
	win, lose := a, b
	if won = e.knowsBetter(b, a); won {
		win, lose = b, a
	}
	m = *a
	m.Start, m.End, m.At, m.policy, m.resource, m.flags = win.Start, win.End, win.At, win.policy, win.resource, win.flags
	m.EffectiveStart = a.EffectiveStart
	if win.Start != a.Start {
		m.EffectiveStart = win.Start
	}
	m.user = win.user
	if m.user.IsZero() {
		m.user = lose.user
	}
	m.outcome = max(a.outcome, b.outcome)
	return m, won
}

// knowsBetter orders the records of one request.
func (e *Engine) knowsBetter(a, b *record) bool {
	if la, lb := a.flags&fact.FromLog, b.flags&fact.FromLog; la != lb {
		return la == 0
	}
	switch {
	case a.Start != b.Start:
		return a.Start < b.Start
	case a.End != b.End:
		return a.End < b.End
	case a.policy != b.policy:
		return a.policy < b.policy
	}
	sa, sb := e.services.resources[a.resource], e.services.resources[b.resource]
	if c := cmp.Or(cmp.Compare(sa.ServiceName, sb.ServiceName), cmp.Compare(a.At, b.At),
		cmp.Compare(sa.ServiceNamespace, sb.ServiceNamespace), cmp.Compare(sa.Environment, sb.Environment),
		cmp.Compare(sa.ServiceInstance, sb.ServiceInstance)); c != 0 {
		return c < 0
	}
	return a.flags < b.flags
}

// updateSuspect copies what changed in a record to the suspect that stands for
// it, and the other way round. won: d is what describes it now.
func (e *Engine) updateSuspect(r *record, won bool, d *fact.Details) {
	s := e.suspectOf(r)
	if s == nil {
		return
	}
	e.suspects.touchOne(s)
	ring := e.ring(r.session).at(r.position)
	if ring != nil && ring != r && ring.session == r.session {
		*ring = *r
	}
	if &s.record != r {
		s.record = *r
	}
	if won {
		res := e.services.resources[r.resource]
		s.resource, s.service = res.Resource, res.service
		s.details = clonedDetails(d)
	}
	s.named = false
	e.await(s)
	switch {
	case s.policy == fact.NoPolicy: // nothing governs it any more
		e.clear(s)
	case s.finding != nil:
		e.findings.assign(e, s)
	}
}
