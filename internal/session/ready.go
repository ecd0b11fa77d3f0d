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
		return false
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
	rec := record{
		Start: f.Start, End: f.End, At: f.At, Eff: f.Start, EndFirst: f.End, Arrival: now, around: -1,
		session: f.Session.ID, user: f.User.ID, trace: f.Trace, span: f.Span,
		slot: slot, kind: Request, outcome: f.Outcome, policy: f.Policy, flags: f.Flags, state: evident,
	}
	place, known := e.recent.traces.find(hash, e.recent.oldest())
	if known {
		return false
	}
	if e.makeRoom(); x.flags&warm != 0 { // what gave way was of this session
		return false
	}
	rec.resource = e.services.number(f.Resource, e.recent.next, e.recent.oldest())
	e.stats.facts[Request]++
	if f.Outcome == Served && f.Policy != NoPolicy {
		row := e.stats.row(f.Policy, e.services.resources[rec.resource].service)
		if silence := f.Start - x.end; silence > e.stats.served[row] {
			e.stats.served[row] = silence
			rec.state |= afterSilence
		}
	}
	e.touchSlot(slot)
	rec.ofSession = e.recent.expand(x.recent)
	x.recent = uint32(e.recent.next)
	x.facts++
	e.recent.traces.set(place, hash, e.recent.next, e.recent.oldest())
	e.touchRecord(e.recent.append(&rec, &f.Details))
	x.end = max(x.end, f.End)
	x.heard = seconds(now)
	if f.Policy != NoPolicy {
		x.policy = f.Policy
	}
	return true
}
