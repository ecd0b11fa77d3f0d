package session

import (
	"math"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// What here compares an instant or a silence with a limit is used by every path, the
// fast one too: whoever changes it changes all of them.

// exceeds reports whether d is past limit, as this policy reads limits.
func (p *Policy) exceeds(d, limit int64) bool {
	return d > limit || p.Inclusive && d == limit
}

// violates reports whether a request that starts at start is too late for a session
// that was dead from at on.
func (p *Policy) violates(start, at int64) bool { return p.exceeds(start-at, int64(p.Tolerance)) }

// absoluteExpiry is when a session that began at origin is too old. limited: it ever is.
func (p *Policy) absoluteExpiry(origin int64) (at int64, limited bool) {
	return origin + int64(p.AbsoluteTimeout), p.AbsoluteTimeout > 0
}

// tooOld reports whether a session that began at origin is too old for a request that
// starts at start.
func (p *Policy) tooOld(start, origin int64) bool {
	at, limited := p.absoluteExpiry(origin)
	return limited && p.violates(start, at)
}

// tooIdle reports whether a session that was silent for so long is too idle for a
// request.
func (p *Policy) tooIdle(silence int64) bool {
	return p.IdleTimeout > 0 && p.exceeds(silence, int64(p.IdleTimeout)+int64(p.Tolerance))
}

// leastGap is the smallest silence that is too long for a request of any policy, or
// less: shorter ones matter to nobody.
func leastGap(policies []Policy) int64 {
	gap := int64(math.MaxInt64)
	for i := range policies {
		if idle := int64(policies[i].IdleTimeout); idle > 0 {
			gap = min(gap, idle)
		}
	}
	return gap
}

// observeGap notes whether r came after a longer silence than any that its
// service is known to let pass; when it is decided the silence is measured.
func (e *Engine) observeGap(t *timeline, r *record) {
	n := len(t.intervals)
	if n == 0 || r.policy == fact.NoPolicy || r.outcome != fact.Served || r.state&(decided|afterGap) != 0 {
		return
	}
	silence := r.EffectiveStart - t.intervals[n-1].end
	stats := &t.shard.stats
	if stats.longerGap(stats.row(e.stats.rowOf(r.policy, e.services.resources[r.resource].service)), silence) {
		e.touchRecord(r)
		r.state |= afterGap
	}
}

// gapLooks is how many records of a session are looked at for a silence.
const gapLooks = 256

// gapBefore returns how long the session had been silent when r came, as
// far as the last few of its records tell; 0 if it was not.
func (e *Engine) gapBefore(t *timeline, r *record) int64 {
	heard := int64(longAgo)
	ring := &t.shard.recent
	q := ring.at(t.recent)
	for n := 0; n < gapLooks && q != nil && q.session == t.id; n++ {
		if q.isActivity() && q.Start < r.EffectiveStart {
			if end := q.End; spansTime(q.flags) || end < r.EffectiveStart {
				heard = max(heard, end)
			} else {
				heard = max(heard, q.Start)
			}
		}
		e.spend(1)
		q = ring.at(q.older(q.ofSession))
	}
	if heard == longAgo {
		end, ok := t.intervals.before(r.EffectiveStart)
		if !ok {
			return 0
		}
		heard = end
	}
	return r.EffectiveStart - heard
}

// measureGap learns which silences a service lets pass and which it does
// not: the bounds of the idle timeout that it really has.
func (e *Engine) measureGap(t *timeline, r *record, service uint32) {
	outcome := e.outcome(r)
	if outcome == fact.Indeterminate || e.work.left < gapLooks+workOfJudgement {
		return
	}
	silence := e.gapBefore(t, r)
	if silence <= 0 {
		return
	}
	b := e.stats.bounds(r.policy, service)
	if outcome == fact.Served {
		b.ServedMax = max(b.ServedMax, silence)
		return
	}
	if silence >= b.RejectedMin && b.RejectedMin > 0 {
		return
	}
	// Only where nothing but silence can have been the reason.
	w := e.newEvaluation(t, r)
	other := false
	w.expiries(func(x expiry) { other = other || x.typ != fact.IdleTimeout || x.since != r.EffectiveStart-silence })
	if !other && len(t.ends) == 0 && len(t.rotations) == 0 {
		b.RejectedMin = silence
	}
}

// Which requests that were served in time say how old their sessions were: the first
// ageFirst of a policy and service, then one of ageEvery. To look at the session of
// each would cost more than all else that is done for it. What is too old is measured
// where it is counted.
const ageFirst, ageEvery = 64, 64

// sampleAge measures how old the session of r was, which was served in time, if r is
// one of those that say it.
func (e *Engine) sampleAge(r *record, service uint32) {
	n := e.stats.requests[e.stats.row(r.policy, service)][InTime]
	if (n < ageFirst || n%ageEvery == 0) && e.outcome(r) == fact.Served {
		if t := e.get(r.session); t != nil {
			e.measureAge(t, r, service)
		}
	}
}

// measureAge learns which ages a service lets pass and which it does not: the bounds
// of the absolute timeout that it really has.
func (e *Engine) measureAge(t *timeline, r *record, service uint32) {
	if e.work.left < gapLooks+workOfJudgement {
		return
	}
	w := e.newEvaluation(t, r)
	o := w.origin()
	age := r.EffectiveStart - o.at
	if age <= 0 {
		return
	}
	b := e.stats.ages(r.policy, service)
	if e.outcome(r) == fact.Served {
		b.ServedMax = max(b.ServedMax, age) // it is at least so old, known or not
		return
	}
	if !o.known || o.at < o.unknownBefore || age >= b.RejectedMin && b.RejectedMin > 0 || len(t.ends)+len(t.rotations) > 0 {
		return
	}
	// Only where nothing but age can have been the reason: the service has let pass a
	// silence that was no shorter.
	other := false
	w.expiries(func(x expiry) { other = other || x.typ != fact.AbsoluteTimeout })
	if !other && e.gapBefore(t, r) <= e.stats.bounds(r.policy, service).ServedMax {
		b.RejectedMin = age
	}
}
