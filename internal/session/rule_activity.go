package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// keepsAlive reports whether a request with these properties keeps its session alive,
// unless it was rejected.
func keepsAlive(flags fact.Flags) bool { return flags&(fact.Consumer|fact.Passive) == 0 }

// isActivity reports whether a request keeps its session alive.
func isActivity(outcome fact.Outcome, flags fact.Flags) bool {
	return outcome != fact.Rejected && keepsAlive(flags)
}

// isActivity reports whether the record keeps its session alive.
func (r *record) isActivity() bool {
	switch r.kind {
	case fact.Request:
		return isActivity(r.outcome, r.flags) && r.state&inBackground == 0
	case fact.Authenticated, fact.Started, fact.Rotated, fact.Activity:
		return true
	}
	return false
}

// addActivity joins the activity of r, which is some, to t: over its whole interval, a
// stream at both of its ends only. governs are the policies that govern a request which
// starts where r does. It reports whether a gap in front of another request may have
// changed.
func (e *Engine) addActivity(t *timeline, r *record, governs uint64) (changed bool) {
	if !spansTime(r.flags) {
		changed = t.intervals.add(r.Start, r.Start, governs, e.gap, t.lastInactiveStart)
		return t.intervals.add(r.End, r.End, 0, e.gap, t.lastInactiveStart) || changed
	}
	return t.intervals.add(r.Start, r.End, governs, e.gap, t.lastInactiveStart)
}

// spansTime reports whether a request is activity all the time, and not at both of its
// ends only.
func spansTime(flags fact.Flags) bool { return flags&fact.Stream == 0 }

// isBackground reports whether the request is background work, or lies inside some.
func (r *record) isBackground() bool { return r.flags&fact.Consumer != 0 || r.state&inBackground != 0 }

// isEvidence reports whether the record says anything of its session.
func (r *record) isEvidence() bool {
	return r.kind != fact.Request && r.kind != part || r.kind == fact.Request && r.outcome != fact.Rejected
}

// isExempt reports whether the request is exempt, or lies inside one that is: it is
// activity as others are, and neither judged nor what makes its session older.
func (r *record) isExempt() bool { return r.flags&fact.Exempt != 0 || r.state&exempted != 0 }

// firstGap finds the first silence too long for policy that is behind from and
// in front of a request that policy governs or of at. Silence begins at the
// returned instant.
func (a intervals) firstGap(p *Policy, policy uint8, from, at int64) (since int64, found bool) {
	since = from
	bit := uint64(1) << policy
	for i := range a {
		r := &a[i]
		if r.start >= at {
			break
		}
		if r.policies&bit != 0 && p.tooIdle(r.start-since) {
			return since, true
		}
		since = max(since, r.end)
	}
	return since, p.tooIdle(at - since)
}

// silent reports whether there is a silence too long for policy behind from and
// in front of a request that policy governs.
func (a intervals) silent(p *Policy, policy uint8, from int64) bool {
	for i := range a {
		if a[i].policies&(1<<policy) != 0 && p.tooIdle(a[i].start-from) {
			return true
		}
		from = max(from, a[i].end)
	}
	return false
}

// silence finds the first silence too long for policy that is behind from and in
// front of a request which policy governs or of at.
func (t *timeline) silence(p *Policy, policy uint8, from, at int64) (since int64, found bool) {
	since, found = t.intervals.firstGap(p, policy, from, at)
	for _, c := range t.nestedStarts {
		if c.policies&(1<<policy) == 0 || c.at > at {
			continue
		}
		heard := from
		if end, ok := t.intervals.before(c.at); ok {
			heard = max(heard, end)
		}
		if p.tooIdle(c.at-heard) && (!found || heard < since) {
			since, found = heard, true
		}
	}
	return since, found
}

// started reports the session's start. It is known unless something else came
// more than tolerance before it. A start that came behind the window is one for a
// request of seq if it came before that, or if it makes the session no older than it
// was known to be, but for tolerance.
func (t *timeline) started(tolerance int64, seq uint64) (at int64, known bool) {
	at = t.firstStart
	for _, late := range t.lateStarts {
		if late.effectiveSeq <= seq || late.at >= t.first-tolerance {
			at = min(at, late.at)
		}
	}
	first := t.first
	if at == t.firstStart && t.firstBeside != unset {
		first = t.firstBeside
	}
	return at, at != unset && first >= at-tolerance && !t.back.back
}

// isStart reports whether r says that its session starts.
func (r *record) isStart() bool { return r.kind == fact.Started || r.kind == fact.Rotated }

// saidBy reports whether the request o said the event r: it has its span or, without one,
// its end.
func (r *record) saidBy(o *record) bool {
	return o.kind == fact.Request && o.isEvidence() && r.parent == o.span &&
		(r.parent != [8]byte{} || r.At == o.End && r.resource == o.resource)
}

// maxBeside bounds the recent facts up to a start that are looked at for what said it, and
// maxSaid how many requests did. What is beyond them, or not known any more, makes no
// session older, and is counted.
const maxBeside, maxSaid = 512, 8

// readBeside finds when a fact first told of t, but for the request that says its start and
// what lies around or inside that one: a login may take longer than the tolerance. list are
// the starts and the recent facts up to it; complete: all that there ever were.
func (e *Engine) readBeside(t *timeline, list []*record, complete bool) {
	var said, aside []*record
	for _, x := range list {
		if x.isStart() && x.flags&fact.FromRequest != 0 && x.state&late == 0 && x.At == t.firstStart {
			said = append(said, x)
		}
	}
	for _, r := range list {
		if slices.ContainsFunc(said[:min(len(said), maxSaid)], func(x *record) bool { return x.saidBy(r) }) {
			aside = append(aside, r)
		}
	}
	switch {
	case len(list) > maxBeside || len(said) > maxSaid || len(aside) > maxSaid:
		e.stats.lost++
		return
	case complete && len(said) == 0:
		t.firstBeside = unset
		return
	case complete:
		t.firstBeside = t.firstStart
	case len(aside) == 0 && t.first < t.firstBeside:
		e.stats.lost++
	}
	first := t.firstBeside
	for _, r := range list {
		if r.isEvidence() && r.state&late == 0 && !(r.kind == fact.Request && (r.isExempt() || e.liesBeside(r, aside))) {
			first = min(first, r.At)
		}
	}
	for i := range t.rotations {
		if t.rotations[i].effectiveSeq == 0 {
			first = min(first, t.rotations[i].at)
		}
	}
	t.firstBeside = first
}

// liesBeside reports whether r is one of those, or lies around or inside one.
func (e *Engine) liesBeside(r *record, aside []*record) bool {
	return slices.ContainsFunc(aside, func(o *record) bool { return o == r || e.lies(r, o) || e.lies(o, r) })
}
