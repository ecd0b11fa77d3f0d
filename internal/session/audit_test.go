package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// audit counts everything once more that the engine keeps count of, and follows
// every reference: what a session, a record or a user refers to is there, and is
// referred to as often as it says. It changes nothing. It must not be called while
// the engine observes a fact.
func (e *Engine) audit() error {
	var errs auditErrors
	sessions := 0
	for i := range e.lanes {
		l := &e.lanes[i]
		errs.auditTable(&l.sessions)
		errs.auditRing(e, l)
		errs.auditDetails(&l.recent)
		sessions += l.sessions.count
	}
	errs.equal("sessions in all lanes", int(e.lanes[0].sessions.all.count.Load()), sessions)
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
func peekAt(e *Engine, id ID) *timeline {
	t := &e.lane(id).sessions
	if slot := t.find(id); slot != noSlot && t.entry(slot).flags&warm != 0 {
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
		x.plain(tl, slot)
	} else {
		tl.empty(x.id, slot)
		blob := decoderOf(t.blobs.get(x.more))
		if err := blob.timeline(tl); err != nil {
			panic(err)
		}
	}
	x.newer(tl)
	tl.recent, tl.lane = t.lane.recent.expand(x.recent), t.lane
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
	if int(t.slots) > t.limit || len(t.slabs)*slabSize < int(t.slots) {
		a.addf("%d slots in %d slabs of at most %d", t.slots, len(t.slabs), t.limit)
	}
	warmed, blobs := 0, newAuditedBlobs(&t.blobs)
	for _, slot := range slots {
		x := t.entry(slot)
		if t.find(x.id) != slot {
			a.addf("%v is in slot %d and found in %d", x.id, slot, t.find(x.id))
		}
		switch {
		case x.flags&warm != 0:
			warmed++
			if tl := t.timelines[x.more]; tl.id != x.id || tl.slot != slot || tl.place != x.more || tl.lane != t.lane {
				a.addf("%v has the timeline of %v", x.id, tl.id)
			}
		case x.more != 0:
			blobs.use(x.more)
		case x.flags&ready == 0:
			a.addf("%v is neither ready nor more than an entry", x.id)
		}
	}
	a.equal("timelines", len(t.timelines), warmed)
	a.auditIndex("index", &t.index, len(slots))
	blobs.audit(a)
}

// auditIndex counts the cells that lead to so many entries.
func (a *auditErrors) auditIndex(what string, x *index, entries int) {
	used, left := 0, 0
	for _, c := range x.cells {
		if c != 0 {
			used++
		}
	}
	for i, c := range x.old {
		if c != 0 && c != movedCell && i >= x.moved {
			left++
		}
	}
	a.equal(what+": cells in use", x.used, used)
	a.equal(what+": entries", used+left, entries)
}

// auditedBlobs counts the references to the cells of blobs.
type auditedBlobs struct {
	of    *blobs
	bytes int
	used  [len(blobSizes)]map[uint32]bool
	twice int
}

func newAuditedBlobs(of *blobs) *auditedBlobs {
	b := &auditedBlobs{of: of}
	for i := range b.used {
		b.used[i] = map[uint32]bool{}
	}
	return b
}

func (b *auditedBlobs) use(ref uint32) {
	class, i := ref>>blobIndexBits, ref&(1<<blobIndexBits-1)-1
	if b.used[class][i] {
		b.twice++
	}
	b.used[class][i] = true
	b.bytes += blobSizes[class]
}

func (b *auditedBlobs) audit(a *auditErrors) {
	a.equal("blobs' bytes", b.of.bytes, b.bytes)
	a.equal("blobs with two sessions", 0, b.twice)
	for class := range b.of.classes {
		c := &b.of.classes[class]
		free := 0
		for next := c.free; next != 0 && free <= int(c.used); next = binary.LittleEndian.Uint32(c.cell(class, next-1)) {
			if b.used[class][next-1] {
				a.addf("blob %d of class %d is free and in use", next-1, class)
			}
			free++
		}
		a.equal("free blobs", int(c.used)-len(b.used[class]), free)
	}
}

func (a *auditErrors) auditRing(e *Engine, l *lane) {
	r := &l.recent
	for p := r.oldest(); p < r.next; p++ {
		rec := r.at(p)
		if rec.position != p {
			a.addf("position %d holds %d", p, rec.position)
			continue
		}
		if rec.ofSession >= p || rec.ofTrace >= p {
			a.addf("position %d leads on to %d and %d", p, rec.ofSession, rec.ofTrace)
		}
		if rec.state&accused != 0 && rec.state&(suspected|decided) != 0 {
			a.addf("position %d is accused, and suspected or decided", p)
		}
		stands := slices.ContainsFunc(e.suspects[rec.session], func(s *suspect) bool { return s.position == p })
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
	refs := make([]uint32, len(r.details.blocks))
	for p := r.oldest(); p < r.next; p++ {
		where := r.at(p).details
		if where == 0 {
			continue // nothing could be restored
		}
		if i := where>>32 - 1 - r.details.before; i < uint64(len(refs)) {
			refs[i]++
		} else {
			a.addf("the details of position %d are gone", p)
		}
	}
	for i := range refs {
		a.equal(fmt.Sprintf("records of block %d of %d", i, len(refs)), int(r.details.blocks[i].refs), int(refs[i]))
	}
}

func (a *auditErrors) auditSuspects(e *Engine) {
	open, undecided := 0, 0
	of := map[*suspect]bool{}
	for id, list := range e.suspects {
		if len(list) == 0 {
			a.addf("%v has a list without suspects", id)
		}
		for _, s := range list {
			of[s] = true
			open++
			if !s.confirmed {
				undecided++
			}
			if s.dropped || s.session != id || s.t != peekAt(e, id) {
				a.addf("a suspect of %v: dropped %v, of %v", id, s.dropped, s.session)
			}
		}
		if t := peekAt(e, id); t == nil || int(t.suspects) != len(list) {
			a.addf("%v has %d suspects, its timeline %+v", id, len(list), t)
		}
	}
	e.each(func(l *lane) {
		for _, t := range l.sessions.timelines {
			a.equal("suspects of a timeline", int(t.suspects), len(e.suspects[t.id]))
			if t.due != 0 && !slices.Contains(e.due, t.placeOf()) {
				a.addf("%v is owed what no flush will do", t.id)
			}
		}
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			if l.recent.at(p).state&accused != 0 {
				undecided++
			}
		}
	})
	a.equal("open suspects", e.open, open)
	a.equal("undecided", e.undecided, undecided)
	listed := map[*suspect]int{}
	for _, list := range [...][]*suspect{e.pending, e.settledOrder} {
		for _, s := range list {
			if s != nil && !s.dropped {
				listed[s]++
			}
		}
	}
	for s := range of {
		waits := slices.Contains(e.pending, s)
		if listed[s] != 1 || waits == s.confirmed {
			a.addf("a suspect is listed %d times, waits %v and is confirmed %v", listed[s], waits, s.confirmed)
		}
		delete(listed, s)
	}
	a.equal("suspects of no session", 0, len(listed))
}

func (a *auditErrors) auditFindings(e *Engine) {
	named := 0
	for session, ids := range e.findings.bySession {
		for _, id := range ids {
			named++
			if f := e.findings.open[id]; f == nil || f.id != id || f.session != session {
				a.addf("%v has a finding that is not its own", session)
			}
		}
	}
	a.equal("open findings", len(e.findings.open), named)
	members := 0
	for _, f := range e.findings.open {
		for _, s := range f.members {
			members++
			if s.finding != f || s.dropped || !s.confirmed {
				a.addf("a member of a finding of %v: dropped %v, confirmed %v", f.session, s.dropped, s.confirmed)
			}
		}
		if f.closed || f.dirty != slices.Contains(e.findings.dirty, f) {
			a.addf("a finding of %v: closed %v, dirty %v", f.session, f.closed, f.dirty)
		}
	}
	for _, list := range e.suspects {
		for _, s := range list {
			if s.finding != nil {
				members--
			}
			if s.confirmed != (s.finding != nil) {
				a.addf("a suspect of %v: confirmed %v, in a finding %v", s.session, s.confirmed, s.finding != nil)
			}
		}
	}
	a.equal("members of findings that are no suspects", 0, members)
}
