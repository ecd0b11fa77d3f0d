package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// decideSuspect decides a suspect that has waited long enough at now, or that cannot
// wait any longer because of doubt. One whose rule has not waited goes on waiting.
func (e *Engine) decideSuspect(s *suspect, now int64, doubt string) {
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
	if j := &s.judgement; doubt == "" && j.violated && s.Arrival+e.cfg.wait(j.typ) > now {
		e.suspects.pending.reschedule(s, s.Arrival+e.cfg.wait(j.typ))
		e.await(s)
		return
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

// undecide lets a decided suspect wait once more, until due: the rule that it was
// decided by is gone, and the one that is left has not waited.
func (e *Engine) undecide(s *suspect, due int64) {
	e.findings.detach(s)
	e.leaveDecided(s)
	s.decided, s.due = false, due
	e.undecided++
	s.t.undecided++
	e.suspects.pending.add(s)
	e.await(s)
}

// boundOpen closes the oldest findings when more requests are open than may be:
// they stay as they were reported, and nothing can clear them any more. It reports
// whether the work that is left allowed that.
func (e *Engine) boundOpen(now int64) (done bool) {
	limit := max(minOpen, e.cfg.MaxRecentRequests/8)
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

// decide counts r's verdict: its time has come, or its place is needed.
func (e *Engine) decide(r *record) {
	if r.state&decided != 0 {
		return
	}
	e.touchRecord(r)
	if t := e.dirtyNow(r); t != nil && e.canViolate(r) {
		if j := e.judge(t, r); j.violated || j.short || t.stale() {
			since := r.Arrival
			if r.state&deferred == 0 { // what came just now accuses it
				since = max(since, t.dirtyAsOf())
			}
			e.suspect(t, r, j, since+e.cfg.wait(j.typ), nil)
		}
	}
	e.undefer(r)
	r.state |= decided
	service := e.services.resources[r.resource].service
	if r.state&afterGap != 0 && r.policy != fact.NoPolicy {
		if t := e.get(r.session); t != nil && e.isJudged(r) {
			e.measureGap(t, r, service)
		}
		stats := &e.shardOf(r.session).stats
		stats.measured(stats.row(e.stats.rowOf(r.policy, service)), e.stats.bounds(r.policy, service).ServedMax)
	}
	if r.state&suspected != 0 || !e.isJudged(r) {
		return
	}
	if r.outcome == fact.Served {
		e.sampleAge(r, service)
		// The usual case need not look at the session again.
		e.stats.request(r.policy, service, e.verdictOf(nil, r))
		return
	}
	t := e.get(r.session)
	e.stats.request(r.policy, service, e.verdictOf(t, r))
	if t != nil && r.outcome == fact.Rejected && keepsAlive(r.flags) && !r.isBackground() {
		e.measureGap(t, r, service)
		e.measureAge(t, r, service)
	}
}

// dirtyNow returns the timeline of r's session if r has yet to be judged by what is
// known of it.
func (e *Engine) dirtyNow(r *record) *timeline {
	switch {
	case r.state&suspected != 0:
		return nil
	case r.state&deferred != 0:
		return e.at(r)
	case r.kind != fact.Request || r.slot == compact.NoSlot || len(e.dirty) == 0:
		return nil
	}
	if l := e.shardOf(r.session); r.slot < l.sessions.slots {
		if t := l.sessions.dirtyAt(r.slot); t != nil && t.id == r.session {
			return t
		}
	}
	return nil
}
