package session

import (
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
