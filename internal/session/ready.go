package session

// takeReady takes the ordinary request: one that goes on where its session is,
// stands alone and is in time. It reports whether it did; if not, nothing has
// been changed. It must come to what observeRequest would.
//
// slot is that of its session, or noSlot, and hash its trace's.
func (e *Engine) takeReady(f *Fact, now int64, slot uint32, hash uint64) bool {
	if f.Kind != Request || f.Outcome == Rejected || f.Flags&(Consumer|Passive) != 0 || f.Policy >= 16 && f.Policy != NoPolicy {
		return false
	}
	if slot == noSlot {
		return e.takeNew(f, now, hash)
	}
	x := e.sessions.entry(slot)
	if x.flags&(ready|warm) != ready || f.Start <= x.from || f.Start-x.end >= e.gap ||
		f.End < x.end-int64(e.cfg.ReorderWindow) || f.Flags&Sampled != 0 && x.flags&sampledEntry == 0 {
		return false
	}
	if f.Policy != NoPolicy {
		if x.policies&(1<<f.Policy) == 0 {
			return false
		}
		p := &e.cfg.Policies[f.Policy]
		if limit := int64(p.AbsoluteTimeout); limit > 0 && p.exceeds(f.Start-x.since-limit, int64(p.Tolerance)) {
			return false
		}
	}
	if !f.User.ID.IsZero() {
		if x.user == 0 {
			return false
		}
		if u := e.users.user(x.user); u.id != f.User.ID || u.ended {
			return false
		}
	} else if x.user != 0 && e.users.user(x.user).ended {
		return false
	}
	place, known := e.recent.traces.find(hash, e.recent.oldest())
	if known && !e.mayFrame(f, x.from, hash) {
		return false
	}
	if e.makeRoom(); x.flags&warm != 0 { // what gave way was of this session
		return false
	}
	rec := e.newRecord(f, now, slot, hash, place)
	if known {
		e.frame(rec)
	}
	if f.Outcome == Served && f.Policy != NoPolicy {
		row := e.stats.row(f.Policy, e.services.resources[rec.resource].service)
		if silence := rec.Eff - x.end; silence > e.stats.served[row] {
			e.stats.served[row] = silence
			rec.state |= afterSilence
		}
	}
	e.touchSlot(slot)
	if x.recent != 0 {
		rec.ofSession = rec.position - uint64(uint32(rec.position)-x.recent)
	}
	x.recent = uint32(rec.position)
	x.facts++
	x.end = max(x.end, f.End)
	x.heard = seconds(now)
	if f.Policy != NoPolicy {
		x.policy = f.Policy
	}
	return true
}

// takeNew takes an ordinary request that is the first of its session, so that
// ids which are heard of once, and may be invented, cost little.
func (e *Engine) takeNew(f *Fact, now int64, hash uint64) bool {
	if f.Policy == NoPolicy || f.Start != f.At || f.Flags&Sampled != 0 || !f.User.ID.IsZero() || f.Session.ID.IsZero() ||
		e.sessions.full() || e.tombs.of(f.Session.ID) != longAgo {
		return false
	}
	place, known := e.recent.traces.find(hash, e.recent.oldest())
	if known {
		return false
	}
	e.makeRoom()
	slot := e.sessions.place(f.Session.ID)
	e.touchNew(slot)
	e.touchSlot(slot)
	x := e.sessions.entry(slot)
	*x = entry{
		id: f.Session.ID, from: f.Start, end: f.End, since: f.At, heard: seconds(now),
		recent: uint32(e.recent.next), facts: 1, policies: 1 << f.Policy, policy: f.Policy, flags: taken | ready,
	}
	e.newRecord(f, now, slot, hash, place)
	return true
}

// newRecord counts a request that stands alone and is evidence, and puts it
// among the recent facts, where there is room. It fills the record in place.
func (e *Engine) newRecord(f *Fact, now int64, slot uint32, hash uint64, place int) *record {
	e.stats.facts[Request]++
	recent := &e.recent
	r := recent.place(recent.next)
	r.position = recent.next
	e.touchRecord(r)
	r.ofTrace = 0
	if before := recent.traces.slots[place]; before&(1<<tagBits-1) == tag(hash) && before>>tagBits >= recent.oldest() {
		r.ofTrace = before >> tagBits
	}
	recent.traces.set(place, hash, r.position, recent.oldest())
	r.Start, r.End, r.At, r.Eff, r.EndFirst, r.Arrival, r.around = f.Start, f.End, f.At, f.Start, f.End, now, -1
	r.session, r.user, r.trace, r.span = f.Session.ID, f.User.ID, f.Trace, f.Span
	r.ofSession, r.details = 0, recent.details.put(&f.Details)
	r.slot, r.resource = slot, e.services.number(f.Resource, r.position, recent.oldest())
	r.kind, r.outcome, r.policy, r.flags, r.state = Request, f.Outcome, f.Policy, f.Flags, evident
	recent.next++
	return r
}

// mayFrame reports whether nothing but the start of requests changes because f
// shares its trace with others of its session: each is an ordinary request, and
// no start moves behind from. Four services behind one click are four of them.
func (e *Engine) mayFrame(f *Fact, from int64, hash uint64) bool {
	rec := record{Start: f.Start, End: f.End, session: f.Session.ID, trace: f.Trace, span: f.Span, flags: f.Flags}
	if !rec.identified() {
		return false
	}
	ordinary := true
	all := e.recent.kin(hash, func(o *record) bool {
		if o.session != rec.session || o.trace != rec.trace || !o.identified() {
			return true
		}
		ordinary = o.kind == Request && o.span != rec.span && o.isActivity() && o.state&(late|accused|suspected|crowded) == 0 &&
			(!rec.inside(o) && !o.inside(&rec) || o.Start > from)
		return ordinary
	})
	return all && ordinary
}

// frame lets r start with what it lies inside, and what lies inside r with it.
func (e *Engine) frame(r *record) {
	e.recent.kin(r.hash(), func(o *record) bool {
		if o == r {
			return true
		}
		r.nestIn(o)
		if o.inside(r) {
			e.touchRecord(o)
			o.nestIn(r)
		}
		return true
	})
}
