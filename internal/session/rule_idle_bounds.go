package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

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
		q = ring.at(q.ofSession)
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
