package session

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// readSessions reads all sessions of the shard.
func (r *shardRestorer) readSessions() (lost bool) {
	lost = r.readRanges(kindSessions, func(d *wire.Decoder, part int) {
		from := base{d.Varint(), d.Uvarint()}
		for last := part<<sessionBits - 1; d.Err == nil && len(d.Left) > 0; {
			last = r.readBlock(d, from, last, (part+1)<<sessionBits)
		}
	})
	if r.alone {
		r.e.shards[r.number].sessions.freeRest()
	}
	r.read = nil
	return lost
}

// readBlock reads a few sessions behind slot last and in front of end, and
// returns the slot of the last one. What is looked up of them is loaded first, so
// that one does not wait for the other.
func (r *shardRestorer) readBlock(d *wire.Decoder, from base, last, end int) int {
	r.block = r.block[:0]
	end = min(end, int(r.manifest.shards[r.number].slots))
	for len(r.block) < block && len(d.Left) > 0 {
		s := readSession(d, last, from)
		if d.Err == nil && (int(s.slot) >= end || s.kind != sessionFree && r.alone && r.e.shardOf(s.entry.id).number != uint32(r.number)) {
			d.Fail()
		}
		if d.Err != nil {
			break
		}
		last = int(s.slot)
		if !r.read.Has(last) {
			r.block = append(r.block, s)
		}
	}
	for i := range r.block {
		id := r.block[i].entry.id
		r.touched += uint64(r.e.shardOf(id).sessions.index.Touch(id[0]))
	}
	for i := range r.block {
		s := &r.block[i]
		if r.read.Set(int(s.slot)); s.kind != sessionFree && !r.readSession(s) {
			d.Fail()
			break
		}
	}
	return last
}

// readSession puts s in its table. It reports whether s can be.
func (r *shardRestorer) readSession(s *storedSession) bool {
	id := s.entry.id
	l := r.e.shardOf(id)
	table := &l.sessions
	var tl *timeline
	if s.kind != sessionPlain {
		if tl = &r.scratch; !s.timeline(tl) {
			return false
		}
	}
	if table.find(id) != compact.NoSlot {
		return false
	}
	if table.full() {
		if r.alone {
			return false // the manifest speaks of less
		}
		victim := table.leastUseful(r.now, &r.e.cfg)
		if victim == compact.NoSlot {
			r.e.turnAway(id, r.e.takeEvicted(id), r.now)
			return true
		}
		r.e.evict(table.timeline(victim), r.now, EvictedLimit)
	}
	r.put(l, s, tl)
	if !r.alone {
		r.tell() // the next may displace it
	}
	if len(table.timelines) > timelinesAtOnce {
		table.compact(&r.e.cfg, &r.e.users)
	}
	return true
}

// place gives s a slot in l: the one that it had, if it can.
func (r *shardRestorer) place(l *shard, s *storedSession) (slot uint32) {
	if r.alone {
		l.sessions.placeAt(s.entry.id, s.slot)
		return s.slot
	}
	slot = l.sessions.place(s.entry.id)
	for int(s.slot) >= len(r.slots) {
		r.slots = append(r.slots, compact.NoSlot)
	}
	r.slots[s.slot] = slot
	return slot
}

// put puts s in l. tl is what it is as a timeline, if it is more than an entry.
func (r *shardRestorer) put(l *shard, s *storedSession, tl *timeline) {
	x, table := &s.entry, &l.sessions
	slot := r.place(l, s)
	x.policies, x.policy = uint16(r.policySet(uint64(x.policies))), r.policy(x.policy)
	x.facts = countAndOpened(x.count(), r.policy(x.opened()))
	switch {
	case tl == nil:
		table.adopt(slot, x)
		return
	case r.sameConfig && s.kind == sessionEncoded && s.body.Version == wire.Version && x.flags&fast != 0 && (len(tl.identities) == 0 || oneUser(tl.identities)) && len(tl.ends)+len(tl.rotations)+len(tl.raised) == 0 && tl.back.end == 0:
		if more := table.slab.Put(s.body.Left); more != 0 { // as it is
			table.adopt(slot, x)
			to := table.entry(slot)
			to.more = more
			if len(tl.identities) > 0 {
				to.showOne(r.e.users.number(tl.identities[0].user), tl.identities)
			}
			r.adopted(tl, l.number<<compact.SlotBits|slot)
			return
		}
	}
	if x.recent != 0 {
		tl.recent = l.recent.expand(x.recent)
	}
	r.mapTimeline(tl, l.recent.next)
	t := table.start(x.id, slot)
	t.take(tl)
	r.adopted(t, t.placeOf())
}

// adopted notes what t, which is at place now, has to do with others.
func (r *shardRestorer) adopted(t *timeline, place uint32) {
	for n, i := range t.identities {
		if !slices.ContainsFunc(t.identities[:n], func(have identity) bool { return sameUser(have.user, i.user) }) {
			r.links = append(r.links, sessionLink{i.user, place})
		}
	}
	for n, l := range t.links {
		if !slices.ContainsFunc(t.links[:n], func(have identity) bool { return have.user == l.user }) {
			r.links = append(r.links, sessionLink{l.user, place})
		}
	}
	for id := range t.legacy.own(t) {
		r.links = append(r.links, sessionLink{id, place})
	}
	for _, id := range t.evictedAncestors {
		r.links = append(r.links, sessionLink{evictedSession(id), place})
	}
	if t.dirty != 0 {
		r.dirty = append(r.dirty, place)
	}
	if t.suspects > 0 {
		r.suspected = append(r.suspected, t.id)
	}
}

// tell passes on what was noted.
func (r *shardRestorer) tell() {
	for _, j := range r.links {
		r.e.users.addLink(j.user, j.place)
	}
	r.e.dirty = append(r.e.dirty, r.dirty...)
	r.restorer.suspected = append(r.restorer.suspected, r.suspected...)
	r.links, r.dirty, r.suspected = r.links[:0], r.dirty[:0], r.suspected[:0]
}

// orderDirty lets the dirty sessions have their turns as they would have
// had them: when one is judged late evidence may come from another.
func (r *restorer) orderDirty() {
	e := r.e
	turnOf := func(place uint32) uint64 {
		if t := e.dirtyAt(place); t != nil {
			return t.dirtyTurn
		}
		return 0
	}
	slices.SortStableFunc(e.dirty, func(a, b uint32) int { return cmp.Compare(turnOf(a), turnOf(b)) })
	for i, place := range e.dirty {
		if t := e.dirtyAt(place); t != nil {
			t.dirtyTurn = uint64(i)
		}
	}
}

func (r *restorer) mapTimeline(t *timeline, next uint64) {
	t.policies, t.policy = r.policySet(t.policies), r.policy(t.policy)
	for i := range t.intervals {
		t.intervals[i].policies = r.policySet(t.intervals[i].policies)
	}
	for i := range t.nestedStarts {
		t.nestedStarts[i].policies = r.policySet(t.nestedStarts[i].policies)
	}
	t.ends, t.rotations, t.raised = r.endings(t.ends), r.endings(t.rotations), r.endings(t.raised)
	t.back.service = r.service(t.back.service)
	if !r.sameConfig && len(t.legacy.all) > 1 { // they are those of other policies
		t.legacy = legacy{}
	}
	for i := range t.legacy.all {
		for n := range t.legacy.all[i].ends {
			end := &t.legacy.all[i].ends[n]
			end.service = r.service(end.service)
		}
	}
	t.dirty &= dirtyVerdicts | dirtyLineage | dirtyTimeline | dirtyNesting | dirtyParents | dirtyHeritage | dirtyAncestry
	if t.recent >= next {
		t.recent = 0
	}
}

// doubtOrphans lets no verdict rest on the lineage of a session that was rotated
// from one that is lost: what comes of that one will not lead here any more.
func (r *restorer) doubtOrphans() {
	r.e.eachTimeline(func(t *timeline) {
		for _, from := range t.lineage {
			if r.e.get(from.from) == nil {
				t.unknownBefore = max(t.unknownBefore, r.manifest.at)
			}
		}
	})
}

// tidyUsers leaves no user behind that nothing will ever forget.
func (r *restorer) tidyUsers() {
	u := &r.e.users
	shown := r.shownSoon()
	for n := uint32(1); n < u.used; n++ {
		switch x := u.user(n); {
		case x.id.IsZero():
		case shown[x.id]:
			r.e.hold(x.id)
		default:
			u.release(x.id)
		}
	}
}

// shownSoon returns the users whom only the recent facts of a session name, since
// it is yet to be read again.
func (r *restorer) shownSoon() map[fact.ID]bool {
	users := map[fact.ID]bool{}
	for _, slot := range r.e.dirty {
		t := r.e.dirtyAt(slot)
		if t == nil || t.dirty&dirtyTimeline == 0 {
			continue
		}
		ring := &t.shard.recent
		for rec := ring.at(t.recent); rec != nil && rec.session == t.id; rec = ring.at(rec.older(rec.ofSession)) {
			users[rec.user] = true
		}
	}
	return users
}

// eachTimeline calls visit with every session. No pointer to one may be held.
func (e *Engine) eachTimeline(visit func(*timeline)) {
	e.each(func(l *shard) {
		for slot := range l.sessions.slots {
			if l.sessions.entry(slot).flags&taken == 0 {
				continue
			}
			visit(l.sessions.timeline(slot))
			if len(l.sessions.timelines) > timelinesAtOnce {
				e.compactAll()
			}
		}
	})
}

// take makes t what from is, but for its place in the table.
func (t *timeline) take(from *timeline) {
	id, shard, slot, place := t.id, t.shard, t.slot, t.place
	*t, *from = *from, *t
	t.id, t.shard, t.slot, t.place = id, shard, slot, place
}
