package session

import "slices"

// Verdict is what became of a request, for the counters.
type Verdict uint8

// The verdicts.
const (
	InTime Verdict = iota
	Violation
	RejectedAfterExpiry
	RejectedEarly
	Undetermined

	// VerdictCount is the number of verdicts.
	VerdictCount
)

var verdictNames = [VerdictCount]string{"in_time", "violation", "rejected_after_expiry", "rejected_early", "indeterminate"}

func (v Verdict) String() string { return verdictNames[v] }

// NoPolicy is the [Fact.Policy] of a request that no policy governs: it keeps
// its session alive and is not judged.
const NoPolicy = 255

// Mark is what is thought of a request as it passes.
type Mark struct {
	Suspected bool
	Type      Type
	Overrun   int64 // ns
}

// judgement of one request, by what is known now.
type judgement struct {
	violated bool
	expiry
	overrun        int64
	origin         origin
	authentication int64
}

// outcome is what a record proves. A success proves nothing of a session where
// an identity is asked for and none was shown.
func (e *Engine) outcome(r *record) Outcome {
	if r.outcome == Served && r.user.IsZero() && r.policy != NoPolicy &&
		(r.flags&Presented != 0 || e.cfg.Policies[r.policy].EvidenceIdentity) {
		return Indeterminate
	}
	return r.outcome
}

// judged reports whether a policy has anything to say of the record.
func (e *Engine) judged(r *record) bool {
	return r.kind == Request && r.policy != NoPolicy && r.state&(late|exempted) == 0 &&
		(r.flags&Consumer == 0 || e.cfg.Policies[r.policy].Background != BackgroundOff)
}

// accusable reports whether the record can be a violation at all.
func (e *Engine) accusable(r *record) bool { return e.judged(r) && e.outcome(r) == Served }

// judge finds the earliest rule that r violates and that can be confirmed; if
// none can, the earliest.
func (e *Engine) judge(t *timeline, r *record) judgement {
	w := e.newPast(t, r)
	var j judgement
	var sure bool
	w.expiries(func(x expiry) {
		x.doubt = w.doubt(&x)
		switch certain := x.doubt == ""; {
		case !j.violated, certain && !sure, certain == sure && x.earlier(&j.expiry):
			j.violated, j.expiry, sure = true, x, certain
		}
	})
	if j.violated {
		j.overrun = r.Eff - j.at
		j.origin = w.origin()
		j.authentication = w.authentication
	}
	return j
}

// suspect is a request that was served too late, by what is known now. It
// outlives the record, so that whatever comes later can clear it.
type suspect struct {
	record
	t         *timeline
	due       int64 // when it is decided, on the collector's clock
	confirmed bool  // it has been decided
	counted   bool  // its verdict has been counted
	violation bool  // and it has been counted as a violation
	dropped   bool
	judgement judgement
	resource  Resource
	service   uint32
	details   Details
	finding   *finding
}

// consider judges r, if nobody has accused it yet, and suspects it if it was
// served too late.
func (e *Engine) consider(t *timeline, r *record, now int64) Mark {
	if r.state&suspected != 0 {
		for _, s := range e.suspects[t.id] {
			if s.position == r.position {
				return s.mark()
			}
		}
	}
	if r.state&suspected != 0 || !e.accusable(r) {
		return Mark{}
	}
	j := e.judge(t, r)
	if !j.violated {
		return Mark{}
	}
	if t.due != 0 {
		now = min(now, t.dueSince) // when the evidence came
	}
	r.state |= suspected
	res := &e.services.resources[r.resource]
	s := &suspect{
		record: *r, t: t, due: max(now, r.Arrival) + int64(e.cfg.DecisionWait), counted: r.state&decided != 0,
		judgement: j, resource: res.Resource, service: res.service, details: e.recent.details.get(r.details),
	}
	t.suspects++
	e.suspects[t.id] = append(e.suspects[t.id], s)
	if n := len(e.pending); n > 0 && e.pending[n-1].due > s.due {
		e.shuffled = true
	}
	e.pending = append(e.pending, s)
	e.undecided++
	e.open++
	return s.mark()
}

func (s *suspect) mark() Mark {
	return Mark{Suspected: true, Type: s.judgement.typ, Overrun: s.judgement.overrun}
}

// reconsider judges a suspect once more.
func (e *Engine) reconsider(s *suspect, now int64) {
	j := judgement{}
	if e.accusable(&s.record) {
		j = e.judge(s.t, &s.record)
	}
	s.judgement = j
	switch {
	case s.confirmed:
		e.settle(s, now)
	case !j.violated:
		e.clear(s, now)
	}
}

// settle puts a decided suspect where its judgement belongs.
func (e *Engine) settle(s *suspect, now int64) {
	if !s.judgement.violated {
		e.clear(s, now)
		return
	}
	e.findings.assign(e, s)
	if s.judgement.doubt != "" {
		e.count(s, Undetermined)
		return
	}
	if !s.violation {
		s.violation = true
		e.stats.violation(s)
	}
	e.count(s, Violation)
}

// clear lets a suspect go: it was in time, or nothing that can be judged.
func (e *Engine) clear(s *suspect, now int64) {
	e.drop(s)
	if r := e.recent.at(s.position); r != nil {
		r.state &^= suspected
		if r.state&decided == 0 {
			return // the verdict is counted when its time comes
		}
	}
	if e.judged(&s.record) {
		e.count(s, e.settled(s.t, &s.record))
	}
}

func (e *Engine) count(s *suspect, v Verdict) {
	if !s.counted {
		s.counted = true
		e.stats.request(s.policy, s.service, v)
	}
}

// drop forgets a suspect.
func (e *Engine) drop(s *suspect) {
	if s.dropped {
		return
	}
	s.dropped = true
	e.open--
	if !s.confirmed {
		e.undecided--
	}
	e.findings.leave(e, s)
	s.t.suspects--
	list := e.suspects[s.session]
	if i := slices.Index(list, s); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(e.suspects, s.session)
	} else {
		e.suspects[s.session] = list
	}
}

// decide counts r's verdict: its time has come, or its place is needed.
func (e *Engine) decide(r *record) {
	if r.state&decided != 0 {
		return
	}
	r.state |= decided
	if r.state&suspected != 0 || !e.judged(r) {
		return
	}
	service := e.services.resources[r.resource].service
	if r.outcome == Served && r.state&afterSilence == 0 {
		// The usual case need not look at the session again.
		e.stats.request(r.policy, service, e.settled(nil, r))
		return
	}
	t := e.sessions.at(r.slot, r.session)
	e.stats.request(r.policy, service, e.settled(t, r))
	if t != nil && r.flags&(Consumer|Passive) == 0 {
		e.observeSilence(t, r, service)
	}
}

// settled is the verdict on a request that violates nothing.
func (e *Engine) settled(t *timeline, r *record) Verdict {
	switch e.outcome(r) {
	case Served:
		return InTime
	case Rejected:
		switch {
		case t == nil || t.first == unset:
			return Undetermined // an id that nobody honoured says nothing
		case e.judge(t, r).violated:
			return RejectedAfterExpiry
		default:
			return RejectedEarly
		}
	}
	return Undetermined
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
