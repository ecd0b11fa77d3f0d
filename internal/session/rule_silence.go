package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

// noteSilence notes whether r came after a longer silence than any that its
// service is known to let pass; when it is decided the silence is measured.
func (e *Engine) noteSilence(t *timeline, r *record) {
	n := len(t.active)
	if n == 0 || r.policy == fact.NoPolicy || r.outcome != fact.Served || r.state&(decided|afterSilence) != 0 {
		return
	}
	silence := r.Eff - t.active[n-1].end
	tally := &t.lane.tally
	if tally.heardAfter(tally.row(e.stats.rowOf(r.policy, e.services.resources[r.resource].service)), silence) {
		e.touchRecord(r)
		r.state |= afterSilence
	}
}

// silenceLooks is how many records of a session are looked at for a silence.
const silenceLooks = 256

// silenceBefore returns how long the session had been silent when r came, as
// far as the last few of its records tell; 0 if it was not.
func (e *Engine) silenceBefore(t *timeline, r *record) int64 {
	heard := int64(longAgo)
	ring := &t.lane.recent
	q := ring.at(t.recent)
	for n := 0; n < silenceLooks && q != nil && q.session == t.id; n++ {
		if q.isActivity() && q.Start < r.Eff {
			heard = max(heard, q.End)
		}
		e.spend(1)
		q = ring.at(q.ofSession)
	}
	if heard == longAgo {
		end, ok := t.active.before(r.Eff)
		if !ok {
			return 0
		}
		heard = end
	}
	return r.Eff - heard
}

// observeSilence learns which silences a service lets pass and which it does
// not: the bounds of the idle timeout that it really has.
func (e *Engine) observeSilence(t *timeline, r *record, service uint32) {
	outcome := e.outcome(r)
	if outcome == fact.Indeterminate || e.work.left < silenceLooks+workOfJudgement {
		return
	}
	silence := e.silenceBefore(t, r)
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
	w := e.newPast(t, r)
	other := false
	w.expiries(func(x expiry) { other = other || x.typ != fact.IdleTimeout || x.since != r.Eff-silence })
	if !other && len(t.ends) == 0 && len(t.rotations) == 0 {
		b.RejectedMin = silence
	}
}
