package session

import "slices"

// readSessions reads the sessions of one chunk.
func (r *restorer) readSessions(d *decoder, n int) {
	slots := &r.slots[n%len(r.slots)]
	for d.err == nil && len(d.left) > 0 {
		stored, x, tl := d.session(&r.scratch)
		l := r.e.lane(x.id)
		table := &l.sessions
		if most := len(r.head.ranges[kindSessions]) << sessionBits; d.err != nil || int(stored) >= most || table.find(x.id) != noSlot {
			d.fail()
			return
		}
		if table.full() {
			victim := table.leastUseful(r.now, &r.e.cfg)
			if victim == noSlot {
				r.e.tombs.bury(x.id, r.now)
				continue
			}
			r.e.evict(table.timeline(victim), r.now, EvictedLimit)
		}
		var slot uint32
		if tl == nil {
			x.policies, x.policy = uint16(r.policySet(uint64(x.policies))), r.policy(x.policy)
			x.facts = countAndOpened(x.count(), r.policy(x.opened()))
			slot = table.adopt(&x)
		} else {
			if x.recent != 0 {
				tl.recent = l.recent.expand(x.recent)
			}
			r.mapTimeline(tl, l.recent.next)
			t := table.insert(x.id)
			slot = t.slot
			t.take(tl)
			r.adopted(t)
		}
		r.e.touchSlot(l, slot)
		for int(stored) >= len(*slots) {
			*slots = append(*slots, noSlot)
		}
		(*slots)[stored] = slot
		if len(table.timelines) > timelinesAtOnce {
			table.settle(&r.e.cfg, &r.e.users)
		}
	}
}

// adopted notes what t has to do with others.
func (r *restorer) adopted(t *timeline) {
	for n, i := range t.identities {
		if !slices.ContainsFunc(t.identities[:n], func(have identity) bool { return have.user == i.user }) {
			r.e.users.join(i.user, t.placeOf())
		}
	}
	if t.due != 0 {
		r.e.due = append(r.e.due, t.placeOf())
	}
	if t.suspects > 0 {
		r.suspected = append(r.suspected, t.id)
	}
}

func (r *restorer) mapTimeline(t *timeline, next uint64) {
	t.policies, t.policy = r.policySet(t.policies), r.policy(t.policy)
	for i := range t.active {
		t.active[i].policies = r.policySet(t.active[i].policies)
	}
	for i := range t.calls {
		t.calls[i].policies = r.policySet(t.calls[i].policies)
	}
	t.ends, t.rotations, t.raised = r.endings(t.ends), r.endings(t.rotations), r.endings(t.raised)
	t.due &= reviewDue | lineDue | rebuildDue
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
				t.forgotten = max(t.forgotten, r.head.at)
			}
		}
	})
}

// tidyUsers leaves no user behind that nothing will ever forget.
func (r *restorer) tidyUsers() {
	u := &r.e.users
	forgotten := map[ID]bool{}
	for i := range u.endedAt {
		forgotten[u.endedAt[i].user] = true
	}
	left := []ID{}
	for user := range u.ended {
		if !forgotten[user] {
			left = append(left, user)
		}
	}
	slices.SortFunc(left, compareID)
	for _, user := range left {
		u.endedAt = append(u.endedAt, userEnd{user, r.now})
	}
	shown := r.shownSoon()
	for n := uint32(1); n < u.used; n++ {
		if x := u.user(n); !x.id.IsZero() && !shown[x.id] {
			u.release(x.id)
		}
	}
}

// shownSoon returns the users whom only the recent facts of a session name, since
// it is yet to be read again.
func (r *restorer) shownSoon() map[ID]bool {
	users := map[ID]bool{}
	for _, slot := range r.e.due {
		t := r.e.owed(slot)
		if t == nil || t.due&rebuildDue == 0 {
			continue
		}
		ring := &t.lane.recent
		for rec := ring.at(t.recent); rec != nil && rec.session == t.id; rec = ring.at(rec.ofSession) {
			users[rec.user] = true
		}
	}
	return users
}
