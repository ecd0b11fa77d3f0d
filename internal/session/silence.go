package session

// noteSilence notes whether r came after a longer silence than any that its
// service is known to let pass; when it is decided the silence is measured.
func (e *Engine) noteSilence(t *timeline, r *record) {
	n := len(t.active)
	if n == 0 || r.policy == NoPolicy || r.outcome != Served || r.state&decided != 0 {
		return
	}
	silence := r.Eff - t.active[n-1].end
	if longest := &e.stats.served[e.stats.row(r.policy, e.services.resources[r.resource].service)]; silence > *longest {
		*longest = silence
		r.state |= afterSilence
	}
}

// observeSilence learns which silences a service lets pass and which it does
// not: the bounds of the idle timeout that it really has.
func (e *Engine) observeSilence(t *timeline, r *record, service uint32) {
	outcome := e.outcome(r)
	if outcome == Indeterminate {
		return
	}
	end, ok := t.active.before(r.Eff)
	if !ok || end >= r.Eff {
		return
	}
	silence := r.Eff - end
	b := e.stats.bounds(r.policy, service)
	if outcome == Served {
		b.ServedMax = max(b.ServedMax, silence)
		e.stats.served[e.stats.row(r.policy, service)] = b.ServedMax
		return
	}
	if silence >= b.RejectedMin && b.RejectedMin > 0 {
		return
	}
	// Only where nothing but silence can have been the reason.
	w := e.newPast(t, r)
	other := false
	w.expiries(func(x expiry) { other = other || x.typ != IdleTimeout })
	if !other && len(t.ends) == 0 && len(t.rotations) == 0 {
		b.RejectedMin = silence
	}
}
