package session

import (
	"errors"
	"fmt"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// audit counts everything once more that the engine keeps count of, and follows
// every reference: what a session, a record or a user refers to is there, and is
// referred to as often as it says. It changes nothing. It must not be called while
// the engine observes a fact.
func (e *Engine) audit() error {
	var errs auditErrors
	sessions := 0
	for i := range e.shards {
		l := &e.shards[i]
		errs.auditTable(&l.sessions)
		errs.auditRing(e, l)
		errs.auditDetails(&l.recent)
		sessions += l.sessions.count
	}
	errs.equal("sessions in all lanes", int(e.shards[0].sessions.all.count.Load()), sessions)
	errs.auditSuspects(e)
	errs.auditFindings(e)
	errs.auditUsers(e)
	return errors.Join(errs...)
}

type auditErrors []error

func (a *auditErrors) addf(format string, args ...any) { *a = append(*a, fmt.Errorf(format, args...)) }

func (a *auditErrors) equal(what string, have, want int) {
	if have != want {
		a.addf("%s: %d, counted %d", what, have, want)
	}
}

// check adds what a container says of its books.
func (a *auditErrors) check(what string, err error) {
	if err != nil {
		a.addf("%s: %v", what, err)
	}
}

// takenSlots are the slots of t that are taken.
func takenSlots(t *table) (slots []uint32) {
	for slot := range t.slots {
		if t.entry(slot).flags&taken != 0 {
			slots = append(slots, slot)
		}
	}
	return slots
}

// peekAt returns the timeline of id, or nil where it has none or rests.
func peekAt(e *Engine, id fact.ID) *timeline {
	t := &e.shardOf(id).sessions
	if slot := t.find(id); slot != compact.NoSlot && t.entry(slot).flags&warm != 0 {
		return t.peek(slot)
	}
	return nil
}

// peek returns what the session in slot is, without an effect on it: its timeline,
// or one of its own.
func (t *table) peek(slot uint32) *timeline {
	x := t.entry(slot)
	if x.flags&warm != 0 {
		return t.timelines[x.more]
	}
	tl := &timeline{}
	if x.more == 0 {
		x.plain(tl, slot, t.tombstones)
	} else {
		tl.empty(x.id, slot)
		encoded := wire.NewDecoder(t.slab.Get(x.more))
		if err := readTimeline(&encoded, tl); err != nil {
			panic(err)
		}
	}
	x.newer(tl)
	tl.recent, tl.shard = t.shard.recent.expand(x.recent), t.shard
	return tl
}

func (a *auditErrors) auditTable(t *table) {
	slots := takenSlots(t)
	a.equal("sessions", t.count, len(slots))
	free := 0
	for next := t.free; next != 0 && free <= int(t.slots); next = t.entry(next - 1).more {
		if t.entry(next-1).flags&taken != 0 {
			a.addf("slot %d is free and taken", next-1)
		}
		free++
	}
	a.equal("free slots", int(t.slots)-len(slots), free)
	if int(t.slots) > t.limit || len(t.pages)*pageSize < int(t.slots) {
		a.addf("%d slots in %d slabs of at most %d", t.slots, len(t.pages), t.limit)
	}
	warmed, resting := 0, []uint32(nil)
	for _, slot := range slots {
		x := t.entry(slot)
		if t.find(x.id) != slot {
			a.addf("%v is in slot %d and found in %d", x.id, slot, t.find(x.id))
		}
		switch {
		case x.flags&warm != 0:
			warmed++
			if tl := t.timelines[x.more]; tl.id != x.id || tl.slot != slot || tl.place != x.more || tl.shard != t.shard {
				a.addf("%v has the timeline of %v", x.id, tl.id)
			}
		case x.more != 0:
			resting = append(resting, x.more)
		case x.flags&fast == 0:
			a.addf("%v is neither ready nor more than an entry", x.id)
		}
	}
	a.equal("timelines", len(t.timelines), warmed)
	a.check("index", t.index.Check(len(slots)))
	a.check("timelines at rest", t.slab.Check(resting))
}

func (a *auditErrors) auditRing(e *Engine, l *shard) {
	r := &l.recent
	for p := r.oldest(); p < r.next; p++ {
		rec := r.at(p)
		if rec.position != p {
			a.addf("position %d holds %d", p, rec.position)
			continue
		}
		if rec.older(rec.ofSession) >= p || rec.older(rec.ofTrace) >= p {
			a.addf("position %d leads on to %d and %d", p, rec.ofSession, rec.ofTrace)
		}
		if rec.state&deferred != 0 && rec.state&(suspected|decided) != 0 {
			a.addf("position %d is accused, and suspected or decided", p)
		}
		stands := e.suspectOf(rec) != nil
		if stands && rec.state&suspected == 0 { // one that was given up as a member stays suspected
			a.addf("position %d has a suspect and is none", p)
		}
	}
	for _, slot := range takenSlots(&l.sessions) {
		tl := l.sessions.peek(slot)
		if tl.recent >= r.next {
			a.addf("%v leads to what has not come", tl.id)
		}
		if rec := r.at(tl.recent); rec != nil && rec.session == tl.id && rec.slot != slot {
			a.addf("%v in slot %d leads to a record of slot %d", tl.id, slot, rec.slot)
		}
	}
}

func (a *auditErrors) auditDetails(r *recent) {
	var refs []uint64
	for p := r.oldest(); p < r.next; p++ {
		if where := r.at(p).details; where != 0 { // else nothing could be restored
			refs = append(refs, where)
		}
	}
	a.check("details", r.details.Check(refs))
}

func (a *auditErrors) auditSuspects(e *Engine) {
	open, undecided, waiting := 0, 0, 0
	x := &e.suspects
	awaited, traced := map[uint64]int{}, 0
	for id, list := range x.bySession {
		if len(list) == 0 {
			a.addf("%v has a list without suspects", id)
		}
		mine := 0
		for i, s := range list {
			open++
			if !s.decided {
				mine++
			}
			if s.discarded || s.session != id || s.t != peekAt(e, id) || s.inSession != i {
				a.addf("a suspect of %v: dropped %v, of %v, at %d as %d", id, s.discarded, s.session, i, s.inSession)
			}
			if have := x.byPlace[s.recordPlace()]; have != s {
				a.addf("a suspect of %v is not found by its place", id)
			}
			if s.identified() {
				traced++
				if list := x.byTrace[s.hash()]; s.inTrace < 0 || s.inTrace >= len(list) || list[s.inTrace] != s {
					a.addf("a suspect of %v is not found by its trace", id)
				}
				if list := x.byRequest[s.name()]; s.inRequest < 0 || s.inRequest >= len(list) || list[s.inRequest] != s {
					a.addf("a suspect of %v is not found by its request", id)
				}
			}
			inHeap := s.inPending >= 0 && s.inPending < x.pending.Len() && x.pending.suspects[s.inPending] == s
			if inHeap == s.decided || (s.inDecided != nil) != s.decided {
				a.addf("a suspect of %v: confirmed %v, waits %v, listed %v", id, s.decided, inHeap, s.inDecided != nil)
			}
			if want := !s.decided && s.judgement.violated && s.policy != fact.NoPolicy; s.awaited != want {
				a.addf("a suspect of %v: awaited %v", id, s.awaited)
			}
			if s.awaited {
				awaited[s.awaitedBy]++
			}
		}
		if t := peekAt(e, id); t == nil || int(t.suspects) != len(list) || int(t.undecided) != mine {
			a.addf("%v has %d suspects, %d undecided, its timeline %+v", id, len(list), mine, t)
		}
		waiting += mine
	}
	undecided += waiting
	owed := map[uint32]int{}
	for _, place := range e.dirty[e.dirtyDone:] {
		owed[place]++
	}
	e.each(func(l *shard) {
		for _, t := range l.sessions.timelines {
			a.equal("suspects of a timeline", int(t.suspects), len(x.of(t.id)))
			if t.dirty != 0 && owed[t.placeOf()] == 0 {
				a.addf("%v is owed what nobody will do", t.id)
			}
			if t.review.underWay && t.dirty == 0 {
				a.addf("%v is under review and owed nothing", t.id)
			}
		}
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			if l.recent.at(p).state&deferred != 0 {
				undecided++
			}
		}
	})
	a.equal("open suspects", e.open, open)
	a.equal("undecided", e.undecided, undecided)
	a.equal("suspects by place", len(x.byPlace), open)
	a.equal("suspects that wait", x.pending.Len(), waiting)
	a.equal("suspects that are decided", x.decided.Len(), open-waiting)
	inTraces := 0
	for _, list := range x.byTrace {
		inTraces += len(list)
	}
	a.equal("suspects by trace", inTraces, traced)
	named := 0
	for _, list := range x.byRequest {
		named += len(list)
	}
	a.equal("suspects by request", named, traced)
	a.equal("findings that are awaited", len(e.findings.awaited), len(awaited))
	for id, n := range awaited {
		a.equal("suspects that a finding awaits", e.findings.awaited[id], n)
	}
	for i, s := range x.pending.suspects {
		if s.inPending != i || i > 0 && s.decidedBefore(x.pending.suspects[(i-1)/2]) {
			a.addf("what waits is out of order at %d", i)
		}
	}
}

func (a *auditErrors) auditFindings(e *Engine) {
	named := 0
	for session, list := range e.findings.bySession {
		for i, f := range list {
			named++
			if e.findings.open[f.id] != f || f.session != session || f.inSession != i {
				a.addf("%v has a finding that is not its own", session)
			}
		}
	}
	a.equal("open findings", len(e.findings.open), named)
	members := 0
	for _, f := range e.findings.open {
		for _, s := range f.members {
			members++
			if s.finding != f || s.discarded || !s.decided {
				a.addf("a member of a finding of %v: dropped %v, confirmed %v", f.session, s.discarded, s.decided)
			}
		}
		if f.closed || f.dirty != slices.Contains(e.findings.dirty, f) || (f.inLater >= 0) != slices.Contains(e.findings.later, f) || f.dirty && f.inLater >= 0 {
			a.addf("a finding of %v: closed %v, dirty %v, later %d", f.session, f.closed, f.dirty, f.inLater)
		}
		if len(f.members) == 0 && !f.dirty && f.inLater < 0 {
			a.addf("a finding of %v stands on nothing", f.session)
		}
	}
	for _, list := range e.suspects.bySession {
		for _, s := range list {
			if s.finding != nil {
				members--
			}
			if s.decided != (s.finding != nil) {
				a.addf("a suspect of %v: confirmed %v, in a finding %v", s.session, s.decided, s.finding != nil)
			}
		}
	}
	a.equal("members of findings that are no suspects", 0, members)
	c := &e.findings.closed
	if len(c.byID) > c.limit || len(c.ids) > 2*c.limit {
		a.addf("%d closed findings in a list of %d, of at most %d", len(c.byID), len(c.ids), c.limit)
	}
	for id := range c.byID {
		if e.findings.open[id] != nil {
			a.addf("a finding is closed and open")
		}
	}
}
