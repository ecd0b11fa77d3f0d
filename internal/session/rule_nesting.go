package session

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Tests have less.
var (
	// traceLooks is how many records of its trace a fact looks at while it is
	// observed. Those of a longer one wait until it is looked through.
	traceLooks = 32
	// maxTraceSteps is how many are looked at then: a trace id that a client
	// repeats a million times must not cost a million steps.
	maxTraceSteps = 256
)

// traceRecords are the records of one session that share a trace, the newest first.
type traceRecords struct {
	records []*record
	all     bool // there are no more
}

// recordsOfTrace returns at most so many records that share hash, in the memory of buf. It is
// valid until a record is remembered.
func (e *Engine) recordsOfTrace(buf *[]*record, session fact.ID, hash uint64, looks int) traceRecords {
	list := (*buf)[:0]
	all := e.ring(session).eachOfTrace(hash, max(min(looks, e.work.left), 0), func(o *record) bool {
		list = append(list, o)
		return true
	})
	*buf = list
	e.spend(len(list))
	return traceRecords{list, all}
}

// noteRejections notes of o, and of what is around it, whether a request that was rejected
// lies inside. another: o was another request before, so that what was noted may not be so
// any more. It says what that makes dirty: the outcome of what is around may have changed.
// all: there were no more suspects than it could look at.
func (e *Engine) noteRejections(o *record, another bool, k traceRecords) (due dirtyFlags, all bool) {
	if !o.identified() {
		return 0, true
	}
	note := func(r *record) {
		itself := r.position == o.position
		if r.kind != fact.Request || !itself && !another && !e.lies(o, r) {
			return
		}
		noted := r.state & aroundRejected
		switch {
		case itself || another && noted != 0:
			if another && k.all {
				noted = 0
			}
			if e.rejectIn(r, k) {
				noted = aroundRejected
			}
			if !itself {
				e.spend(len(k.records))
			}
		case o.outcome == fact.Rejected && e.lies(o, r):
			noted = aroundRejected
		}
		if noted|r.state&aroundRejected != 0 {
			due |= dirtyVerdicts
			if !r.linked.IsZero() { // which counts only if it was served
				due |= dirtyTimeline | dirtyLineage
			}
		}
		if noted != r.state&aroundRejected {
			e.touchRecord(r)
			r.state ^= aroundRejected
		}
	}
	note(o)
	for _, r := range k.records {
		if r != o {
			note(r)
		}
	}
	suspects := e.suspects.byTrace[o.hash()]
	looks := min(len(suspects), maxTraceSteps, max(e.work.left/2, 0))
	e.spend(looks)
	for _, s := range suspects[:looks] {
		note(&s.record)
	}
	return due, looks == len(suspects)
}

// rejectIn reports whether a request that was rejected lies inside r.
func (e *Engine) rejectIn(r *record, k traceRecords) bool {
	return slices.ContainsFunc(k.records, func(o *record) bool {
		return o.kind == fact.Request && o.outcome == fact.Rejected && e.lies(o, r)
	})
}

const (
	// maxInside is how many records of its trace are looked at for what lies inside a
	// request, and maxDoubted how often that is done for one of those in turn.
	maxInside, maxDoubted = 32, 2
	workOfRejections      = maxInside * (maxDoubted + 2)
)

// rejectsInside reports whether what lies inside r says that its session was refused: a
// request was rejected there, and none of the same service that ended later was served.
// Where there is too much to look at, or what was noted has lost its place, it does.
func (e *Engine) rejectsInside(r *record) bool {
	var trace []*record
	all := e.ring(r.session).eachOfTrace(r.hash(), maxInside, func(o *record) bool {
		if o.kind == fact.Request { // what lies inside what lies inside r need not lie inside r
			trace = append(trace, o)
		}
		return true
	})
	e.spend(maxInside)
	looks := maxDoubted
	refused := !all || e.refused(r, trace, &looks)
	if refused && (!all || looks < 0) {
		e.stats.lost++
	}
	return refused
}

// refused is rejectsInside by those records of its trace, which may look at what lies inside
// so many of them.
func (e *Engine) refused(r *record, trace []*record, looks *int) bool {
	e.spend(len(trace))
	type service = [3]string
	of := func(o *record) service {
		res := &e.services.resources[o.resource].Resource
		return service{res.ServiceName, res.ServiceNamespace, res.Environment}
	}
	open := map[service]int64{} // when what each service rejected ended last
	for _, o := range trace {
		if o.outcome == fact.Rejected && e.lies(o, r) {
			open[of(o)] = max(open[of(o)], o.End)
		}
	}
	if len(open) == 0 {
		return true
	}
	for _, o := range trace {
		rejected, is := open[of(o)]
		if !is || o.End <= rejected || o.outcome != fact.Served || o.isExempt() || !e.lies(o, r) {
			continue
		}
		if o.user.IsZero() {
			if e.doubts(o) {
				continue
			}
			if o.state&aroundRejected != 0 {
				if *looks--; *looks < 0 || e.refused(o, trace, looks) {
					continue
				}
			}
		}
		delete(open, of(o))
	}
	return len(open) > 0
}

// worst is the outcome that beats those of all other records of the request of rec, some
// of which may not be part of it yet.
func (k traceRecords) worst(rec *record) (outcome fact.Outcome) {
	for _, o := range k.records {
		if o.sameRequest(rec) {
			outcome = max(outcome, o.outcome)
		}
	}
	return outcome
}

// nest finds out what the request lies inside: it starts when the longest
// request around it starts, and is exempt if any around it is.
func (e *Engine) nest(r *record, k traceRecords) {
	r.EffectiveStart, r.enclosing = r.Start, -1
	r.state &^= exempted | coveredByActivity | traceTruncated | inBackground | insideByTimes | awaitsParent
	if !r.identified() {
		return
	}
	for _, o := range k.records {
		e.nestIn(r, o)
	}
	if !k.all && r.enclosing < 0 {
		r.state |= traceTruncated
	}
}

// lies reports whether r lies inside o: o spans its interval, and r comes from that trace.
func (e *Engine) lies(r, o *record) bool {
	if !r.inside(o) {
		return false
	}
	from, _ := e.comesFrom(r, o)
	return from
}

// comesFrom reports whether r comes from the trace that it shares with o: its parent is of
// its process, or was seen and is a caller's, or the service of o calls nobody, so that its
// trace tells of no parents. by is what is to be noted of r: that it was the last of these,
// or that its parent may come yet.
func (e *Engine) comesFrom(r, o *record) (from bool, by recordState) {
	c := &e.callers
	switch {
	case r.flags&fact.ParentLocal != 0, r.state&parentLost != 0:
		return true, 0
	case r.parent != [8]byte{} && c.has(spanHash(r.trace, r.parent)):
		return true, 0
	case !c.any() || !c.callingOf(&e.services.resources[o.resource].Resource).calls(o.Start, o.End):
		return true, insideByTimes
	case r.parent == [8]byte{}:
		return false, 0
	case !c.reaches(r.Start):
		return true, 0
	}
	return false, awaitsParent
}

// nestIn notes that o is known, which r may lie inside.
func (e *Engine) nestIn(r, o *record) {
	if o.kind != fact.Request || !r.inside(o) {
		return
	}
	from, by := e.comesFrom(r, o)
	if r.state |= by; !from {
		return
	}
	if o.flags&fact.Exempt != 0 {
		r.state |= exempted
	}
	if o.flags&fact.Consumer != 0 {
		r.state |= inBackground
	}
	if e.callers.any() { // else it lies inside what o does
		r.state |= o.state & (exempted | inBackground)
	}
	if d := o.End - o.Start; d > r.enclosing || d == r.enclosing && o.Start < r.EffectiveStart {
		if o.Start != r.EffectiveStart {
			r.state &^= coveredByActivity
		}
		r.EffectiveStart, r.enclosing = o.Start, d
	}
	if o.Start == r.EffectiveStart && o.isActivity() {
		r.state |= coveredByActivity
	}
}

// duplicateOf finds what has been heard of the same request before: the first of it, so
// that what else there is finds that, too.
func (e *Engine) duplicateOf(rec *record, k traceRecords, d *fact.Details) (found *record) {
	ring := e.ring(rec.session)
	for _, r := range k.records {
		if r.sameRequest(rec) || r.sameRecord(rec) && ring.details.get(r.details) == *d {
			found = r
		}
	}
	if found != nil {
		return found
	}
	s := e.suspectOfRequest(rec)
	if s == nil {
		return nil
	}
	if r := ring.at(s.position); r != nil && r.sameRequest(rec) {
		return r
	}
	return &s.record
}

// sameRecord reports whether r and o are one record delivered twice.
func (r *record) sameRecord(o *record) bool {
	return r.kind == o.kind && r.session == o.session && r.Start == o.Start && r.End == o.End && r.At == o.At &&
		r.user == o.user && r.linked == o.linked && r.userSource == o.userSource && r.trace == o.trace && r.span == o.span && r.parent == o.parent && r.resource == o.resource &&
		r.outcome == o.outcome && r.policy == o.policy && r.flags == o.flags
}

// eitherFlags are what a request is if either of its records is.
const eitherFlags = fact.Exempt | fact.Passive | fact.Stream | fact.Consumer

// mergeRecords returns the join of two records of one request, which da and db describe.
// It depends on their content alone, not on their order: what a span says holds, and logs
// fill what it lacks.
func (e *Engine) mergeRecords(a, b *record, da, db fact.Details) (m record, d fact.Details) {
	win, lose, dw, dl := a, b, da, db
	if e.knowsBetter(b, a) {
		win, lose, dw, dl = b, a, db, da
	}
	m = *a
	m.Start, m.End, m.At, m.policy, m.resource, m.parent = win.Start, win.End, win.At, win.policy, win.resource, win.parent
	m.flags = win.flags | lose.flags&eitherFlags
	m.EffectiveStart = a.EffectiveStart
	if win.Start != a.Start {
		m.EffectiveStart = win.Start
	}
	m.outcome = max(a.outcome, b.outcome)
	d, m.filled = dw, 0
	user := field(&m, win, lose, filledUser, identity{user: win.user, source: win.userSource}, identity{user: lose.user, source: lose.userSource}, e.users.fillsLess)
	m.user, m.userSource = user.user, user.source
	m.linked = field(&m, win, lose, filledLinked, win.linked, lose.linked, fact.ID.Less)
	d.Status = field(&m, win, lose, filledStatus, dw.Status, dl.Status, cmp.Less)
	texts := dl.Texts()
	for i, text := range d.Texts() {
		*text = field(&m, win, lose, 1<<(filledTexts+i), *text, *texts[i], cmp.Less)
	}
	return m, d
}

// field is what m, the join of win and lose, says where they say a and b: what a span says
// holds, and of what logs say the greater.
func field[T comparable](m, win, lose *record, bit fills, a, b T, less func(a, b T) bool) T {
	var none T
	logged := func(r *record) bool { return r.flags&fact.FromLog != 0 || r.filled&bit != 0 }
	v, from := a, win
	if a == none || b != none && logged(win) && (!logged(lose) || less(a, b)) {
		v, from = b, lose
	}
	if v != none && logged(from) && m.flags&fact.FromLog == 0 {
		m.filled |= bit
	}
	return v
}

// knowsBetter orders the records of one request.
func (e *Engine) knowsBetter(a, b *record) bool {
	if la, lb := a.flags&fact.FromLog, b.flags&fact.FromLog; la != lb {
		return la == 0
	}
	sa, sb := e.services.resources[a.resource], e.services.resources[b.resource]
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.policy, b.policy),
		cmp.Compare(sa.ServiceName, sb.ServiceName), cmp.Compare(a.At, b.At),
		cmp.Compare(sa.ServiceNamespace, sb.ServiceNamespace), cmp.Compare(sa.Environment, sb.Environment),
		cmp.Compare(sa.ServiceInstance, sb.ServiceInstance), cmp.Compare(a.flags&^eitherFlags, b.flags&^eitherFlags)) < 0
}
