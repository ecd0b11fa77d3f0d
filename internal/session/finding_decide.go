package session

// decideSuspect decides a suspect that has waited long enough, or that cannot wait
// any longer because of doubt.
func (e *Engine) decideSuspect(s *suspect, doubt string) {
	if s.discarded || s.decided {
		return
	}
	e.suspects.touchOne(s)
	if !e.outOfReach(s.t, &s.record) {
		s.judgement = judgement{}
		if e.canViolate(&s.record) {
			s.judgement = e.judge(s.t, &s.record)
		}
	}
	e.undecided--
	s.t.undecided--
	s.decided = true
	e.suspects.pending.remove(s)
	e.suspects.made++
	s.number = e.suspects.made
	s.inDecided = e.suspects.decided.PushBack(s)
	e.await(s)
	if doubt != "" && s.judgement.violated {
		s.judgement.doubt = doubt
	}
	e.finalize(s)
}

// boundOpen closes the oldest findings when more requests are open than may be:
// they stay as they were reported, and nothing can clear them any more. It reports
// whether the work that is left allowed that.
func (e *Engine) boundOpen(now int64) (done bool) {
	limit := max(minOpen, e.cfg.MaxRecentRequests/8)
	if e.open <= limit {
		return true
	}
	for e.open > limit {
		oldest := e.suspects.decided.Front()
		if oldest == nil {
			break
		}
		if e.work.left < workOfJudgement+2*maxMembers {
			return false
		}
		f := oldest.Value.(*suspect).finding
		e.reportOne(f, now, !f.sent)
		if f.closed {
			continue
		}
		e.stats.closed++
		e.closeFinding(f)
	}
	return true
}

// minOpen is how many requests may be open at least. Tests have less.
var minOpen = 256

// closeFinding lets go of a finding as it was reported.
func (e *Engine) closeFinding(f *finding) {
	e.spend(len(f.members))
	e.findings.remove(f)
	for _, s := range f.members {
		s.finding = nil
		e.discard(s)
	}
	f.members = nil
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
		e.decideSuspect(s, ReasonShutdown)
	}
	for _, let := range []func(now int64, all bool) bool{e.recall, e.report} {
		for done := false; !done; done = let(now, true) {
			e.work.allow(workOfHold)
		}
	}
}
