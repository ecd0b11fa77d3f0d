package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// observeEvent takes what is no request.
func (e *Engine) observeEvent(f *fact.Fact, now int64) {
	if f.Kind == fact.EndedUser {
		e.observeUserEnd(f, now)
		return
	}
	if f.Session.ID.IsZero() {
		return
	}
	if f.Kind == fact.Rotated && (f.Previous.ID == f.Session.ID || f.Previous.ID.IsZero()) {
		g := *f
		g.Kind = fact.Started
		f = &g
	}
	t := e.timelineOf(&f.Session, now)
	if t == nil {
		return
	}
	e.name(t)
	ring := &t.lane.recent
	rec := record{
		order: e.order,
		Start: f.At, End: f.At, At: f.At, Eff: f.At, EndFirst: f.At, Arrival: now,
		session: f.Session.ID, user: f.User.ID, kind: f.Kind, policy: fact.NoPolicy, state: decided | evident,
	}
	if f.Kind == fact.Rotated { // what makes it another record
		binary.LittleEndian.PutUint64(rec.trace[:8], f.Previous.ID[0])
		binary.LittleEndian.PutUint64(rec.trace[8:], f.Previous.ID[1])
	}
	rec.resource = e.services.number(f.Resource, e.order, e.oldestOrder)
	hash := rec.hash()
	lateHere := f.At < t.newest-int64(e.cfg.ReorderWindow)
	if lateHere {
		rec.state |= late
	}
	repeated := false
	ring.kin(hash, traceLooks, func(r *record) bool {
		e.spend(1)
		repeated = r.sameRecord(&rec)
		return !repeated
	})
	if repeated {
		return
	}
	e.stats.facts[f.Kind]++
	if lateHere {
		e.stats.factsLate[f.Kind]++
	}
	e.remember(t, &rec, hash, &fact.Details{})
	if !f.User.ID.IsZero() {
		e.nameUser(&f.User)
	}
	due := e.applyEvent(t, &rec)
	switch f.Kind {
	case fact.Ended:
		end := ending{at: f.At, service: e.services.resources[rec.resource].service}
		if lateHere {
			end.binds = e.order + 1
		}
		var lost int
		var ended bool
		t.ends, ended, lost = addEnding(t.ends, end)
		e.stats.lost += int64(lost)
		if ended {
			due |= reviewDue
		}
		e.reportLifetime(t)
	case fact.Rotated:
		r := rotation{at: f.At, from: f.Previous.ID, rank: e.rank(&f.Previous)}
		if lateHere {
			r.binds = e.order + 1
		}
		if t.addRotation(r) {
			due |= lineDue
		}
		e.rotatedAway(f, e.services.resources[rec.resource].service, now)
	}
	if due != 0 {
		e.owe(t, due, now)
	}
}

// applyEvent joins what the event says of its own session.
func (e *Engine) applyEvent(t *timeline, r *record) (due dueFor) {
	t.newest = max(t.newest, r.At)
	inTime := r.state&late == 0
	if inTime && r.At < t.first {
		t.first = r.At
		due |= lineDue
	}
	if (inTime || r.kind == fact.Authenticated) && !r.user.IsZero() {
		due |= e.showIdentity(t, identity{r.At, r.user}, true)
	}
	switch r.kind {
	case fact.Authenticated:
		var lost int
		var added bool
		if len(t.authentications) == maxInstants {
			t.forgone = t.authentications[0]
		}
		t.authentications, added, lost = addInstant(t.authentications, r.At)
		e.stats.lost += int64(lost)
		e.authenticated |= t.policies
		t.reported = t.reported && !added
		if added {
			due |= lineDue
		}
	case fact.Started, fact.Rotated:
		switch {
		case !inTime:
			if r.At < t.firstStart && t.addLateStart(r.At) {
				due |= lineDue
			}
		case r.At < t.firstStart:
			t.firstStart = r.At
			due |= lineDue
		}
	}
	if r.isActivity() {
		if inTime && r.At < t.firstActivity {
			t.firstActivity = r.At
			due |= lineDue
		}
		if t.active.add(r.At, r.At, 0, e.gap, t.outside) {
			due |= reviewDue
		}
	}
	return due
}

// rotatedAway ends the previous id of a rotation.
func (e *Engine) rotatedAway(f *fact.Fact, service uint32, now int64) {
	table := &e.lane(f.Session.ID).sessions
	table.pinned = table.find(f.Session.ID)
	from := e.timelineOf(&f.Previous, now)
	table.pinned = compact.NoSlot
	if from == nil {
		return
	}
	e.current = &f.Previous
	e.name(from)
	end := ending{at: f.At, service: service, other: f.Session.ID, seen: e.order + 1, order: e.order}
	if f.At < from.newest-int64(e.cfg.ReorderWindow) {
		end.binds = e.order + 1
	}
	var due dueFor
	rotations, changed, lost := addEnding(from.rotations, end)
	from.rotations = rotations
	e.stats.lost += int64(lost)
	from.newest = max(from.newest, f.At)
	if changed {
		due |= reviewDue
	}
	if f.At < from.first && end.binds == 0 {
		from.first = f.At
		due |= lineDue
	}
	if due != 0 {
		e.owe(from, due, now)
	}
}

// observeUserEnd ends every session of a user but the one that is named.
func (e *Engine) observeUserEnd(f *fact.Fact, now int64) {
	if f.User.ID.IsZero() {
		return
	}
	e.nameUser(&f.User)
	service := e.services.resources[e.services.number(f.Resource, e.order, e.oldestOrder)].service
	end := ending{at: f.At, service: service, other: f.Session.ID, seen: e.order + 1, order: e.order}
	if !e.users.end(f.User.ID, end, now) {
		return
	}
	e.stats.facts[fact.EndedUser]++
	e.oweSessions(f.User.ID, now)
}

// oweSessions lets an end of user that came at now be held against all its sessions.
func (e *Engine) oweSessions(user fact.ID, now int64) {
	if n := e.users.number(user); n != 0 && e.users.begin(n, now) {
		e.userEnds = append(e.userEnds, n)
	}
}

// rank orders rotations at one instant by what they came from.
func (e *Engine) rank(n *fact.Name) uint64 {
	p := e.cfg.pseudonym(n)
	return binary.BigEndian.Uint64(p[:8])
}
