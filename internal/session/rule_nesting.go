package session

import (
	"cmp"

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

// nest finds out what the request lies inside: it starts when the longest
// request around it starts, and is exempt if any around it is.
func (e *Engine) nest(r *record, k traceRecords) {
	r.EffectiveStart, r.enclosing = r.Start, -1
	r.state &^= exempted | coveredByActivity | traceTruncated | inBackground
	if !r.identified() {
		return
	}
	for _, o := range k.records {
		r.nestIn(o)
	}
	if !k.all && r.enclosing < 0 {
		r.state |= traceTruncated
	}
}

// nestIn notes that o is known, which r may lie inside.
func (r *record) nestIn(o *record) {
	switch {
	case r.exemptWith(o):
		r.state |= exempted
		return
	case o.kind != fact.Request || !r.inside(o):
		return
	}
	if o.flags&fact.Consumer != 0 {
		r.state |= inBackground
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

// duplicate finds what has been heard of the same request before.
func (e *Engine) duplicateOf(rec *record, k traceRecords, d *fact.Details) *record {
	ring := e.ring(rec.session)
	for _, r := range k.records {
		if r.sameRequest(rec) || r.sameRecord(rec) && ring.details.get(r.details) == *d {
			return r
		}
	}
	if !rec.identified() {
		return nil
	}
	s := e.suspects.byRequest[rec.name()]
	if s == nil || !s.sameRequest(rec) {
		return nil
	}
	e.spend(1)
	if r := ring.at(s.position); r != nil && r.sameRequest(rec) {
		return r
	}
	return &s.record
}

// sameRecord reports whether r and o, without both ids or exempt, are one
// record delivered twice.
func (r *record) sameRecord(o *record) bool {
	if r.kind != o.kind || r.kind == fact.Request && r.identified() {
		return false
	}
	return r.session == o.session && r.Start == o.Start && r.End == o.End && r.At == o.At &&
		r.user == o.user && r.userSource == o.userSource && r.trace == o.trace && r.span == o.span && r.resource == o.resource &&
		r.outcome == o.outcome && r.policy == o.policy && r.flags == o.flags
}

// mergeRecords returns the join of two records of one request. It depends on their
// content alone, not on their order.
// won: the second knows it better than the first.
func (e *Engine) mergeRecords(a, b *record) (m record, won bool) {
	win, lose := a, b
	if won = e.knowsBetter(b, a); won {
		win, lose = b, a
	}
	m = *a
	m.Start, m.End, m.At, m.policy, m.resource, m.flags = win.Start, win.End, win.At, win.policy, win.resource, win.flags
	m.EffectiveStart = a.EffectiveStart
	if win.Start != a.Start {
		m.EffectiveStart = win.Start
	}
	m.user, m.userSource = win.user, win.userSource
	if m.user.IsZero() {
		m.user, m.userSource = lose.user, lose.userSource
	}
	m.outcome = max(a.outcome, b.outcome)
	return m, won
}

// knowsBetter orders the records of one request.
func (e *Engine) knowsBetter(a, b *record) bool {
	if la, lb := a.flags&fact.FromLog, b.flags&fact.FromLog; la != lb {
		return la == 0
	}
	switch {
	case a.Start != b.Start:
		return a.Start < b.Start
	case a.End != b.End:
		return a.End < b.End
	case a.policy != b.policy:
		return a.policy < b.policy
	}
	sa, sb := e.services.resources[a.resource], e.services.resources[b.resource]
	if c := cmp.Or(cmp.Compare(sa.ServiceName, sb.ServiceName), cmp.Compare(a.At, b.At),
		cmp.Compare(sa.ServiceNamespace, sb.ServiceNamespace), cmp.Compare(sa.Environment, sb.Environment),
		cmp.Compare(sa.ServiceInstance, sb.ServiceInstance)); c != 0 {
		return c < 0
	}
	return a.flags < b.flags
}
