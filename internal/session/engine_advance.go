package session

// tick is how far all has been done that is due at one instant.
type tick struct {
	now   int64
	phase phase
	shard int // of the phase, the next
	// resume: the next call goes on with what is dirty.
	resume bool
	again  bool // all phases before the eviction are done a second time
}

// phase is one part of what is done at an instant, in this order.
type phase uint8

const (
	phaseDecide phase = iota
	phaseDecideSuspects
	phaseBound
	phaseRecall
	phaseReport
	phaseEvict
	phaseCompact

	phaseCount
)

// Advance does all that is due at now: it decides what has waited long enough, and
// lets findings out. Call it at least every few seconds; between two calls nothing
// is decided unless its place is needed.
func (e *Engine) advance(now int64) {
	for e.advanceSome(now) {
	}
}

// AdvanceSome does a part of what [Engine.Advance] does: at most so much that it may
// be done in one hold of a lock. It reports whether there is more, for which it is to
// be called again, with the same or a later now.
func (e *Engine) advanceSome(now int64) (more bool) {
	e.work.allow(workOfHold)
	k := &e.tick
	if k.phase == phaseDecide && k.shard == 0 {
		k.now = now
	}
	// What is dirty comes first, but not for ever: whoever makes it more all the time
	// holds up no verdict of others.
	if k.resume = !k.resume; k.resume {
		if !e.resume() || !e.releaseHeld() || e.work.left < workOfHold/2 {
			return true
		}
	}
	for k.phase < phaseCount {
		if k.phase == phaseEvict && !k.again && e.backlog() > 0 {
			// What was decided just now may be asked for once more, and ask what is silent.
			k.again, k.resume, k.phase = true, false, phaseDecide
			return true
		}
		if !e.phase(k.phase) {
			return true
		}
		k.phase, k.shard = k.phase+1, 0
	}
	*k = tick{}
	return e.backlog() > 0
}

// phase does what is left of s. It reports whether the work that is left allowed
// that.
func (e *Engine) phase(s phase) (done bool) {
	k := &e.tick
	switch s {
	case phaseDecideSuspects:
		return e.decideSuspectsDue(k.now)
	case phaseBound:
		return e.boundOpen(k.now)
	case phaseRecall:
		return e.recall(k.now, false)
	case phaseReport:
		return e.report(k.now, false)
	}
	if s == phaseCompact && k.shard == 0 {
		oldest := e.oldestSeq()
		e.each(func(l *shard) { l.sessions.oldestSeq = oldest })
	}
	for ; k.shard < len(e.shards); k.shard++ {
		l := &e.shards[k.shard]
		switch s {
		case phaseDecide:
			done = e.decideDue(l, k.now)
		case phaseEvict:
			done = e.evictSilent(l, k.now)
		default:
			var looked int
			looked, done = l.sessions.compactSome(&e.cfg, &e.users, max(e.work.left/workOfCompaction, 1))
			e.spend(workOfCompaction * looked)
		}
		if !done {
			return false
		}
	}
	if s == phaseEvict {
		e.users.removeOldEnds(k.now-int64(e.cfg.Retention), k.now, evictLooks, e.beganBefore)
	}
	return true
}

// decideDue decides the recent requests of l whose time has come.
func (e *Engine) decideDue(l *shard, now int64) (done bool) {
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
		if t := e.dirtyNow(r); t != nil && !e.refresh(t) {
			return false
		}
		if e.work.left < workOfDecision {
			return false
		}
		e.decide(r)
	}
	return true
}

// decideSuspectsDue decides the suspects whose time has come.
func (e *Engine) decideSuspectsDue(now int64) (done bool) {
	for s := e.suspects.pending.first(); s != nil && s.due <= now; s = e.suspects.pending.first() {
		e.spend(1)
		if !e.placeStrays() || !e.placeAlone(&s.record) || !e.refresh(s.t) {
			return false
		}
		e.decideSuspect(s, e.tick.now, "")
	}
	return true
}

// shutdown ends the engine where nothing keeps its state: what has not waited
// long enough is inconclusive.
func (e *Engine) shutdown(now int64) {
	e.advance(now)
	e.each(func(l *shard) {
		for ; l.cursor < l.recent.next; l.cursor++ {
			e.work.allow(workOfHold)
			e.decide(l.recent.at(l.cursor))
		}
	})
	for s := e.suspects.pending.first(); s != nil; s = e.suspects.pending.first() {
		e.work.allow(workOfHold)
		e.decideSuspect(s, now, ReasonShutdown)
	}
	for _, let := range []func(now int64, all bool) bool{e.recall, e.report} {
		for done := false; !done; done = let(now, true) {
			e.work.allow(workOfHold)
		}
	}
}

// Resume lets what waits for its decision wait anew from now on: what may clear
// it waits in the senders' queues. It is called after [Restore], and after the
// facts of a journal have been observed once more.
func (e *Engine) resumeAt(now int64) {
	e.each(func(l *shard) {
		for p := max(l.cursor, l.recent.oldest()); p < l.recent.next; p++ {
			if r := l.recent.at(p); r.state&decided == 0 {
				e.touchPosition(l, p)
				r.Arrival = now
			}
		}
	})
	e.suspects.pending.postpone(func(s *suspect) int64 {
		e.suspects.touchOne(s)
		s.Arrival = now
		return now + e.cfg.wait(s.judgement.typ)
	})
}
