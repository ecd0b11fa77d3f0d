package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// fastRequest takes the ordinary request: one that goes on where its session is,
// stands alone and is in time. It reports whether it did; if not, nothing has
// been changed. It must come to what observeRequest would. Which rule each condition
// stands for:
//
//	isActivity, spansTime   it keeps its session alive, so that nothing has to be
//	                        remembered but how far the last interval goes (rule_activity)
//	continues               no idle limit can have been exceeded (rule_limits)
//	tooOld                  nor has the absolute one (rule_limits); since is no later
//	                        than what newEvaluation finds
//	fast                    what compact found: no end, rotation, lineage, second user or
//	                        lost evidence stands against it (entry.compact)
//	the user                is the one that the session showed, of whom no end is known:
//	                        showIdentity and userEndings have nothing to say
//	mayNest                 what shares its trace changes no start but its own (rule_nesting)
//	ReorderWindow           it is not late, and Sampled says nothing new (rule_doubt)
//
// slot is that of its session in l, or NoSlot, hash its trace's, and resource the
// number of its resource.
//
// It may run beside itself in another shard, and changes nothing that is shared.
func (e *Engine) fastRequest(l *shard, f *fact.Fact, now int64, slot uint32, hash uint64, resource uint32, seq uint64) bool {
	if f.Kind != fact.Request || f.Flags&fact.Exempt != 0 || f.Linked != nil || !isActivity(f.Outcome, f.Flags) || !spansTime(f.Flags) || f.Policy >= 16 && f.Policy != fact.NoPolicy {
		return false
	}
	if slot == compact.NoSlot {
		return e.fastFirst(l, f, now, hash, resource, seq)
	}
	x := l.sessions.entry(slot)
	if x.flags&warm != 0 {
		if !l.sessions.compactOrdinary(x, &e.cfg, &e.users) {
			return false
		}
		l.work += workOfCompaction
	}
	earlier := f.Start <= x.from
	if x.flags&fast == 0 || earlier && !e.mayComeFirst(x, f) || !continues(x.end, f.Start, e.gap) ||
		f.End < x.end-int64(e.cfg.ReorderWindow) || f.Flags&fact.Sampled != 0 && x.flags&sampledEntry == 0 {
		return false
	}
	if f.Policy != fact.NoPolicy {
		if x.policies&(1<<f.Policy) == 0 && x.more != 0 {
			return false // it may have authenticated
		}
		if e.cfg.Policies[f.Policy].tooOld(f.Start, x.since) {
			return false
		}
	}
	if user := shownBy(f); !user.IsZero() {
		if x.user == 0 {
			return false
		}
		if u := e.users.user(x.userNumber()); u.id != user || u.ended || !x.knowsSource(f.UserSource) {
			return false
		}
	} else if x.user != 0 && e.users.user(x.userNumber()).ended {
		return false
	}
	place, known := l.recent.traces.Find(hash, l.recent.window())
	if known && (earlier || !e.mayNest(l, f, x.from, hash, resource)) {
		return false
	}
	if !e.makeFastRoom(l) {
		return false
	}
	rec := e.fastRecord(l, f, now, slot, hash, place, known, resource, seq)
	if known {
		e.nestFast(l, rec)
	}
	if f.Policy != fact.NoPolicy {
		row := l.stats.row(e.stats.rowOf(f.Policy, e.services.resources[resource].service))
		if e.isJudged(rec) {
			l.stats.judged[row] = true
		}
		if f.Outcome == fact.Served && l.stats.longerGap(row, rec.EffectiveStart-x.end) {
			rec.state |= afterGap
		}
	}
	e.touchSlot(l, slot)
	if x.recent != 0 {
		rec.ofSession = x.recent
	}
	x.recent = uint32(rec.position)
	x.counted()
	x.end = max(x.end, f.End)
	if earlier {
		x.from, x.since = f.Start, f.Start
	}
	x.heard = seconds(now)
	if f.Policy != fact.NoPolicy {
		x.policy = f.Policy
		x.policies |= 1 << f.Policy
	}
	return true
}

// mayComeFirst reports whether f, which starts no later than all that is known of x,
// may become its first request: nothing else stands on the start, and nobody
// becomes too old by it. The requests of one page load arrive in any order.
func (e *Engine) mayComeFirst(x *entry, f *fact.Fact) bool {
	if x.more != 0 || x.user != 0 || !shownBy(f).IsZero() || f.Policy == fact.NoPolicy || x.policies != 1<<f.Policy || x.opened() != f.Policy ||
		f.Start != f.At || !continues(f.End, x.from, e.gap) || !e.tombstones.older(f.Start) {
		return false
	}
	return !e.cfg.Policies[f.Policy].tooOld(x.end, f.Start)
}

// fastFirst takes an ordinary request that is the first of its session, so that
// ids which are heard of once, and may be invented, cost little.
func (e *Engine) fastFirst(l *shard, f *fact.Fact, now int64, hash uint64, resource uint32, seq uint64) bool {
	if f.Policy == fact.NoPolicy || f.Start != f.At || f.Flags&fact.Sampled != 0 || !shownBy(f).IsZero() || f.Session.ID.IsZero() ||
		l.sessions.full() || e.nearLimit() || !e.tombstones.older(f.Start) || e.tombstones.known(f.Session.ID) {
		return false
	}
	place, known := l.recent.traces.Find(hash, l.recent.window())
	if known {
		return false
	}
	if !e.makeFastRoom(l) {
		return false
	}
	slot := l.sessions.place(f.Session.ID)
	e.touchNew(l, slot)
	e.touchSlot(l, slot)
	x := l.sessions.entry(slot)
	*x = entry{
		id: f.Session.ID, from: f.Start, end: f.End, since: f.At, heard: seconds(now),
		recent: uint32(l.recent.next), facts: countAndOpened(1, f.Policy), policies: 1 << f.Policy, policy: f.Policy, flags: taken | fast,
	}
	e.noteJudged(l, e.fastRecord(l, f, now, slot, hash, place, false, resource, seq))
	return true
}

// traceTruncated reports whether so few more sessions have room that shards which each
// add one might be too many.
func (e *Engine) nearLimit() bool {
	all := e.shards[0].sessions.all
	return len(e.shards) > 1 && all.count.Load() >= all.limit-int64(len(e.shards))
}

// fastRecord counts a request that stands alone and is evidence, and puts it
// among the recent facts, where there is room. It fills the record in place.
func (e *Engine) fastRecord(l *shard, f *fact.Fact, now int64, slot uint32, hash uint64, place int, known bool, resource uint32, seq uint64) *record {
	l.stats.facts++
	recent := &l.recent
	r := recent.place(recent.next)
	r.position, r.seq = recent.next, seq
	r.ofTrace = 0
	if known {
		r.ofTrace = recent.traces.At(place)
	}
	recent.traces.Set(place, hash, recent.next)
	r.Start, r.End, r.At, r.EffectiveStart, r.FirstEnd, r.Arrival, r.enclosing = f.Start, f.End, f.At, f.Start, f.End, now, -1
	r.session, r.user, r.trace, r.span, r.parent = f.Session.ID, shownBy(f), f.Trace, f.Span, f.Parent
	r.linked = fact.ID{}
	r.ofSession, r.details = 0, recent.details.put(&f.Details)
	r.slot, r.resource = slot, resource
	r.kind, r.outcome, r.policy, r.userSource, r.flags, r.state = fact.Request, f.Outcome, f.Policy, f.UserSource, f.Flags, evident
	recent.latest = max(recent.latest, f.End)
	recent.step()
	return r
}

// fastLooks is how many records of its trace an ordinary request looks at; one that
// turns out to be none has so much less work left.
func fastLooks() int { return traceLooks / 2 }

// mayNest reports whether nothing but the start of requests changes because f
// shares its trace with others of its session: each is an ordinary request, and
// no start moves behind from. Four services behind one click are four of them.
func (e *Engine) mayNest(l *shard, f *fact.Fact, from int64, hash uint64, resource uint32) bool {
	rec := record{Start: f.Start, End: f.End, session: f.Session.ID, trace: f.Trace, span: f.Span, parent: f.Parent, flags: f.Flags, resource: resource}
	if !rec.identified() {
		return false
	}
	ordinary := true
	all := l.recent.eachOfTrace(hash, fastLooks(), func(o *record) bool {
		l.work++
		if o.session != rec.session || o.trace != rec.trace || !o.identified() {
			return true
		}
		ordinary = o.kind == fact.Request && o.span != rec.span && o.isActivity() && !o.isExempt() && o.state&(late|deferred|suspected|traceTruncated|unplaced|aroundRejected) == 0 &&
			(!rec.inside(o) && !o.inside(&rec) || o.Start > from && e.nestsForGood(&rec, o))
		return ordinary
	})
	return all && ordinary
}

// nestsForGood reports whether one of two lies inside the other, whoever calls later: its
// session need not be named then. As long as nobody calls at all that is taken for granted;
// what the first call changes of sessions without a name is counted as lost.
func (e *Engine) nestsForGood(a, b *record) bool {
	inner := a
	if !a.inside(b) {
		inner = b
	}
	return !e.callers.any() || inner.flags&fact.ParentLocal != 0 ||
		inner.parent != [8]byte{} && e.callers.has(spanHash(inner.trace, inner.parent))
}

// nestFast lets r start with what it lies inside, and what lies inside r with it.
func (e *Engine) nestFast(l *shard, r *record) {
	l.recent.eachOfTrace(r.hash(), fastLooks()+1, func(o *record) bool {
		l.work++
		if o == r {
			return true
		}
		e.nestIn(r, o)
		if o.inside(r) {
			e.touchPosition(l, o.position)
			e.nestIn(o, r)
		}
		return true
	})
}

// makeFastRoom touches the place in l that is needed next, and decides the
// record that has it, where that needs nothing but l. It reports whether there is
// room.
func (e *Engine) makeFastRoom(l *shard) bool {
	if !l.recent.full() {
		e.touchPosition(l, l.recent.next)
		return true
	}
	old := l.recent.place(l.recent.next)
	e.touchPosition(l, old.position)
	if old.state&decided == 0 {
		if old.state&(deferred|unplaced) != 0 || len(e.dirty) > 0 && old.slot != compact.NoSlot && l.sessions.dirtyAt(old.slot) != nil {
			return false
		}
		if old.state&suspected == 0 && e.isJudged(old) {
			l.stats.early++
		}
		switch {
		case old.state&(afterGap|aroundRejected) != 0 || old.outcome == fact.Rejected:
			if len(l.later) >= e.maxLaterOfShard() {
				return false
			}
			l.measureLater(old)
		case old.state&suspected == 0 && e.isJudged(old):
			verdict := InTime
			if e.outcome(old) != fact.Served {
				verdict = Undetermined
			}
			l.stats.requests[l.stats.row(e.stats.rowOf(old.policy, e.services.resources[old.resource].service))][verdict]++
		}
		old.state |= decided
	}
	l.recent.release(old)
	return true
}

// measureLater keeps a copy of a record that gives up its place, for what it says of
// silences: it cannot be judged any more, since what describes it is gone.
func (l *shard) measureLater(r *record) {
	l.later = append(l.later, *r)
	l.later[len(l.later)-1].slot = compact.NoSlot
}

// maxLater bounds the records that wait for decideLater, of all shards together. Tests
// have fewer.
var maxLater = 1 << 10

func (e *Engine) maxLaterOfShard() int { return max(maxLater/len(e.shards), 1) }

// decideLater decides what gave up its place among ordinary requests, and needed
// more than its shard, as far as the work that is left allows.
func (e *Engine) decideLater() {
	for i := range e.shards {
		if !e.shards[i].decideLater(e) {
			return
		}
	}
}

func (l *shard) decideLater(e *Engine) (done bool) {
	for n := len(l.later); n > 0; n = len(l.later) {
		if e.work.left < workOfDecision {
			return false
		}
		e.spend(1)
		e.decide(&l.later[n-1])
		l.later = l.later[:n-1]
	}
	return true
}
