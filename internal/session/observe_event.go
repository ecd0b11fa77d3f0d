package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// observeEvent takes what is no request.
func (e *Engine) observeEvent(f *fact.Fact, now int64) {
	if e.merelyPresented(f) {
		return
	}
	if f.Kind == fact.EndedUser {
		e.observeUserEnd(f, now)
		return
	}
	if f.Session.ID.IsZero() {
		return
	}
	if f.Kind == fact.Rotated && (f.Previous.Key() == f.Session.ID || f.Previous.Key().IsZero()) {
		g := *f
		g.Kind = fact.Started
		f = &g
	}
	if f.Kind == fact.Ended && e.cfg.Linked {
		e.endParts(f, now)
	}
	t := e.timelineOf(&f.Session, f, now)
	if t == nil {
		if f.Kind == fact.Rotated && e.get(f.Previous.ID) != nil { // which may clear it, room or not
			resource := e.services.number(f.Resource, e.seq, e.oldestSeq)
			e.rotatedAway(f, e.services.resources[resource].service, now)
		}
		return
	}
	e.name(t, &f.Session)
	ring := &t.shard.recent
	rec := record{
		seq:   e.seq,
		Start: f.At, End: f.At, At: f.At, EffectiveStart: f.At, FirstEnd: f.At, Arrival: now,
		session: f.Session.ID, user: shownBy(f), linked: largerSession(f.Linked.Key()), userSource: f.UserSource, kind: f.Kind, policy: fact.NoPolicy, flags: f.Flags & fact.FromRequest, state: decided | evident,
	}
	if rec.flags != 0 {
		rec.parent = f.Span
	}
	if f.Kind == fact.Rotated { // what makes it another record
		binary.LittleEndian.PutUint64(rec.trace[:8], f.Previous.ID[0])
		binary.LittleEndian.PutUint64(rec.trace[8:], f.Previous.ID[1])
	}
	rec.resource = e.services.number(f.Resource, e.seq, e.oldestSeq)
	hash := rec.hash()
	lateHere := f.At < t.newest-int64(e.cfg.ReorderWindow)
	if lateHere {
		rec.state |= late
	}
	repeated := false
	ring.eachOfTrace(hash, traceLooks, func(r *record) bool {
		e.spend(1)
		repeated = r.sameRecord(&rec)
		return !repeated
	})
	if repeated {
		return
	}
	e.stats.facts[f.Kind]++
	if lateHere {
		e.noteLate(rec.resource)
	}
	e.remember(t, &rec, hash, &fact.Details{})
	if !rec.user.IsZero() {
		e.nameUser(&f.User)
	}
	due := e.applyEvent(t, &rec)
	switch f.Kind {
	case fact.Ended:
		end := ending{at: f.At, service: e.services.resources[rec.resource].service}
		if lateHere {
			end.effectiveSeq = e.seq + 1
		}
		var lost int
		var ended bool
		t.ends, ended, lost = addEnding(t.ends, end)
		e.stats.lost += int64(lost)
		if ended {
			due |= dirtyVerdicts | dirtyLineage
		}
		e.reportLifetime(t)
	case fact.Rotated:
		r := rotation{at: f.At, from: f.Previous.ID, rank: e.rank(f.Previous)}
		if lateHere {
			r.effectiveSeq = e.seq + 1
		}
		e.before = append(e.before[:0], t.lineage...)
		if t.addRotation(r) {
			due |= dirtyLineage | dirtyParents | dirtyAncestry
			e.markParents(t, e.before, now)
		}
		e.rotatedAway(f, e.services.resources[rec.resource].service, now)
	}
	if due != 0 {
		e.markDirty(t, due, cause{now, &f.Session})
	}
}

// merelyPresented reports whether f is what a request said whose id may be made up: it
// counts only with an identity, or where a presented id is proof.
func (e *Engine) merelyPresented(f *fact.Fact) bool {
	return f.Flags.Has(fact.FromRequest|fact.Presented) && shownBy(f).IsZero() &&
		(int(f.Policy) >= len(e.cfg.Policies) || e.cfg.Policies[f.Policy].Evidence != fact.EvidencePresented)
}

// rotatedAway ends the previous id of a rotation.
func (e *Engine) rotatedAway(f *fact.Fact, service uint32, now int64) {
	table := &e.shardOf(f.Session.ID).sessions
	table.pinned = table.find(f.Session.ID)
	from := e.timelineOf(f.Previous, f, now)
	table.pinned = compact.NoSlot
	if from == nil {
		return
	}
	e.name(from, f.Previous)
	end := ending{at: f.At, service: service, other: f.Session.ID, seq: e.seq}
	if f.At < from.newest-int64(e.cfg.ReorderWindow) {
		end.effectiveSeq = e.seq + 1
	}
	var due dirtyFlags
	rotations, changed, lost := addEnding(from.rotations, end)
	from.rotations = rotations
	e.stats.lost += int64(lost)
	from.newest = max(from.newest, f.At)
	if changed {
		due |= dirtyVerdicts
	}
	if f.At < from.firstBeside && from.firstBeside != unset && end.effectiveSeq == 0 {
		from.firstBeside = f.At
		due |= dirtyLineage
	}
	if f.At < from.first && end.effectiveSeq == 0 {
		from.first = f.At
		due |= dirtyLineage
	}
	if due != 0 {
		e.markDirty(from, due, cause{now, f.Previous})
	}
}

// observeUserEnd ends every session of a user but the one that is named.
func (e *Engine) observeUserEnd(f *fact.Fact, now int64) {
	if f.User.ID.IsZero() {
		return
	}
	e.nameUser(&f.User)
	service := e.services.resources[e.services.number(f.Resource, e.seq, e.oldestSeq)].service
	end := ending{at: f.At, service: service, other: f.Session.ID, seq: e.seq}
	if !e.users.end(f.User.ID, end, now) {
		return
	}
	e.stats.facts[fact.EndedUser]++
	e.markSessionsDirty(f.User.ID, now)
}

// endParts ends what is part of the session that is ended.
func (e *Engine) endParts(f *fact.Fact, now int64) {
	id := largerSession(f.Session.ID)
	if e.users.number(id) == 0 && !e.users.add(id, fact.Pseudonym{}) {
		e.stats.lost++
		return
	}
	service := e.services.resources[e.services.number(f.Resource, e.seq, e.oldestSeq)].service
	if e.users.end(id, ending{at: f.At, service: service, seq: e.seq}, now) {
		e.markSessionsDirty(id, now)
	}
}

// rank orders rotations at one instant by what they came from.
func (e *Engine) rank(n *fact.Name) uint64 {
	p := e.cfg.pseudonym(n)
	return binary.BigEndian.Uint64(p[:8])
}

// nameUser keeps what a user is called in findings.
func (e *Engine) nameUser(n *fact.Name) {
	u := &e.users
	switch number := u.number(n.ID); {
	case number == 0:
		if !u.add(n.ID, e.cfg.pseudonym(n)) {
			e.stats.lost++ // an end of all sessions will not find this one
		}
	case u.user(number).pseudonym == fact.Pseudonym{}: // until now only a tombstone or a record had told of it
		u.touch(int(number))
		x := u.user(number)
		x.id, x.pseudonym = n.ID, e.cfg.pseudonym(n)
	}
	e.hold(n.ID)
}
