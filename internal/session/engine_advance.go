package session

// tick is how far all has been done that is due at one instant.
type tick struct {
	now   int64
	phase phase
	lane  int // of the phase, the next
	// resume: the next call goes on with what is owed.
	resume bool
}

// phase is one part of what is done at an instant, in this order.
type phase uint8

const (
	phaseDecide phase = iota
	phaseConfirm
	phaseBound
	phaseRecall
	phaseReport
	phaseForget
	phaseSettle

	phaseCount
)

// Advance does all that is due at now: it decides what has waited long enough, and
// lets findings out. Call it at least every few seconds; between two calls nothing
// is decided unless its place is needed.
func (e *Engine) Advance(now int64) {
	for e.AdvanceSome(now) {
	}
}

// AdvanceSome does a part of what [Engine.Advance] does: at most so much that it may
// be done in one hold of a lock. It reports whether there is more, for which it is to
// be called again, with the same or a later now.
func (e *Engine) AdvanceSome(now int64) (more bool) {
	e.work.allow(workOfHold)
	k := &e.tick
	if k.phase == phaseDecide && k.lane == 0 {
		k.now = now
	}
	// What is owed comes first, but not for ever: whoever makes it more all the time
	// holds up no verdict of others.
	if k.resume = !k.resume; k.resume {
		if !e.resume() || !e.releaseHeld() || e.work.left < workOfHold/2 {
			return true
		}
	}
	for k.phase < phaseCount {
		if !e.phase(k.phase) {
			return true
		}
		k.phase, k.lane = k.phase+1, 0
	}
	*k = tick{}
	return e.Backlog() > 0
}

// phase does what is left of s. It reports whether the work that is left allowed
// that.
func (e *Engine) phase(s phase) (done bool) {
	k := &e.tick
	switch s {
	case phaseConfirm:
		return e.confirmDue(k.now)
	case phaseBound:
		return e.bound(k.now)
	case phaseRecall:
		return e.recall(k.now, false)
	case phaseReport:
		return e.report(k.now, false)
	}
	for ; k.lane < len(e.lanes); k.lane++ {
		l := &e.lanes[k.lane]
		switch s {
		case phaseDecide:
			done = e.decideDue(l, k.now)
		case phaseForget:
			done = e.forget(l, k.now)
		default:
			var looked int
			looked, done = l.sessions.settleSome(&e.cfg, &e.users, max(e.work.left/workOfSettling, 1))
			e.spend(workOfSettling * looked)
		}
		if !done {
			return false
		}
	}
	if s == phaseForget {
		e.users.forget(k.now-int64(e.cfg.Retention), forgetLooks)
	}
	return true
}

// decideDue decides the recent requests of l whose time has come.
func (e *Engine) decideDue(l *lane, now int64) (done bool) {
	if !l.decideLater(e) || !e.placeStrays() {
		return false
	}
	wait := int64(e.cfg.DecisionWait)
	for l.cursor = max(l.cursor, l.recent.oldest()); l.cursor < l.recent.next; l.cursor++ {
		r := l.recent.at(l.cursor)
		if r.Arrival+wait > now {
			return true
		}
		e.spend(1)
		if r.state&unplaced != 0 && !e.place(e.get(r.session), r) {
			return false
		}
		if t := e.owedNow(r); t != nil && !e.ready(t) {
			return false
		}
		if e.work.left < workOfDecision {
			return false
		}
		e.decide(r)
	}
	return true
}

// confirmDue decides the suspects whose time has come.
func (e *Engine) confirmDue(now int64) (done bool) {
	for s := e.suspects.pending.first(); s != nil && s.due <= now; s = e.suspects.pending.first() {
		e.spend(1)
		if !e.placeStrays() || !e.placeAlone(&s.record) || !e.ready(s.t) {
			return false
		}
		e.confirm(s, "")
	}
	return true
}
