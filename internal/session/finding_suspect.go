package session

import (
	"container/list"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// The life of a suspicion, with what leads from one to the next:
//
//	request    evaluate      too late as it seems, and there is room      suspected
//	           evaluate      there is none, or it takes too long to say   deferred
//	deferred   undefer       in time after all                            request
//	           decide        its time has come: judged once more          suspected, request
//	suspected  reevaluate    still too late                               suspected
//	           clear         in time after all, its verdict is counted    request
//	           decideSuspect it has waited, or doubt has come             decided
//	decided    finalize      it belongs to a finding, which may be sent   decided
//	           clear         the finding says less, or is retracted       request
//	           detachMember  too many in one finding: it counts for good  gone
//	           closeFinding  too many are open, or its session is gone    gone
//
// What is gone stays as it was reported; nothing can clear it any more.

// suspect is a request that was served too late, by what is known now. It
// outlives the record, so that whatever comes later can clear it.
type suspect struct {
	record
	t         *timeline
	due       int64 // when it is decided, on the collector's clock
	decided   bool  // it has been decided
	awaited   bool  // it counts in findings.awaited, for awaitedBy
	awaitedBy uint64
	named     bool // id is that of the finding it belongs to
	id        uint64
	idFor     int64 // the authentication that it was made of
	counted   bool  // its verdict has been counted
	violation bool  // and it has been counted as a violation
	discarded bool
	judgement judgement
	resource  fact.Resource
	service   uint32
	details   fact.Details
	finding   *finding

	// Where it is among suspects.
	number                                   uint64 // lower than those of later ones
	place                                    uint32
	inPending, inSession, inTrace, inRequest int
	inDecided                                *list.Element
}

// maxPending bounds the suspects of one session that wait for their decision.
// Beyond it a request is only deferred, and suspected when its time has come. Tests have less.
var maxPending = uint32(64)

// evaluate judges r, if it is not suspected yet, and suspects it if it was
// served too late.
func (e *Engine) evaluate(t *timeline, r *record, why cause) Mark {
	if r.state&suspected != 0 {
		return e.markOf(r)
	}
	if e.outOfReach(t, r) {
		return Mark{}
	}
	j := judgement{}
	if e.canViolate(r) {
		j = e.judge(t, r)
	}
	switch {
	case j.short:
		if r.state&decided == 0 { // it is judged when its time comes, though the review may not reach it
			e.deferSuspicion(r, why.name)
		}
		e.markDirty(t, dirtyVerdicts, why)
		return Mark{}
	case !j.violated:
		e.undefer(r)
		return Mark{}
	case r.state&decided == 0 && (t.suspects >= maxPending || e.open > minOpen+e.cfg.MaxRecentRequests/4):
		e.deferSuspicion(r, why.name)
		return j.mark(r.policy)
	}
	e.suspect(t, r, j, max(why.at, r.Arrival)+e.cfg.wait(j.typ), why.name)
	return j.mark(r.policy)
}

// outOfReach reports whether r is so old that the authentication which counts
// for it may have been given up: its verdict stands.
func (e *Engine) outOfReach(t *timeline, r *record) bool {
	return t.droppedAuthentication != 0 && r.policy != fact.NoPolicy &&
		max(r.EffectiveStart+int64(e.cfg.Policies[r.policy].Tolerance), r.End) < t.authentications[0]
}

// markOf returns the mark of a suspected record.
func (e *Engine) markOf(r *record) Mark {
	if s := e.suspectOf(r); s != nil {
		return s.mark()
	}
	return Mark{}
}

func (e *Engine) deferSuspicion(r *record, name *fact.Name) {
	if r.state&deferred == 0 {
		t := e.at(r)
		e.touch(t)
		e.name(t, name)
		t.deferred = true
		e.touchRecord(r)
		r.state |= deferred
		e.undecided++
	}
}

func (e *Engine) undefer(r *record) {
	if r.state&deferred != 0 {
		e.touchRecord(r)
		r.state &^= deferred
		e.undecided--
	}
}

// suspect makes r a suspect that is decided when it is due.
func (e *Engine) suspect(t *timeline, r *record, j judgement, due int64, name *fact.Name) {
	e.undefer(r)
	e.name(t, name)
	// A session that was evicted and has come back since may have no name.
	if t.pseudonym == (fact.Pseudonym{}) || !e.makeSuspectRoom(t) {
		e.stats.lost++
		return
	}
	e.touchRecord(r)
	r.state |= suspected
	res := e.services.resources[r.resource]
	s := &suspect{
		record: *r, t: t, due: due, counted: r.state&decided != 0,
		judgement: j, resource: res.Resource, service: res.service, details: e.ring(r.session).details.get(r.details),
	}
	e.touch(t)
	t.suspects++
	t.undecided++
	e.addSuspect(s)
	e.undecided++
	e.open++
	e.await(s)
}

// makeSuspectRoom keeps the suspects of one session bounded: where there are as
// many as its requests that can be reached, one that is decided stays as it was
// reported. It reports whether there is room.
func (e *Engine) makeSuspectRoom(t *timeline) bool {
	const looks = 8
	n := int(t.suspects)
	if n < 2*e.reach() {
		return true
	}
	list := e.suspects.of(t.id)
	for i := range looks {
		s := list[(n/looks*i+int(e.seq))%n]
		e.spend(1)
		f := s.finding
		if f == nil || !f.sent || f.dirty || f.inLater >= 0 || s.judgement.doubt != "" {
			continue
		}
		switch {
		case len(f.members) == 1:
			e.closeFinding(f)
		case f.last.At == s.At && f.last.Span == s.span && f.last.Trace == s.trace:
			continue // it is the one that the finding is about
		default:
			e.detachMember(s)
		}
		e.stats.closed++
		return true
	}
	return false
}

func (s *suspect) mark() Mark {
	if !s.judgement.violated {
		return Mark{}
	}
	return s.judgement.mark(s.policy)
}

func (j *judgement) mark(policy uint8) Mark {
	return Mark{Suspected: true, Type: j.typ, Policy: int(policy), Overrun: j.overrun}
}

// reevaluate judges a suspect once more.
func (e *Engine) reevaluate(s *suspect) {
	if e.outOfReach(s.t, &s.record) {
		return
	}
	j := judgement{}
	if e.canViolate(&s.record) {
		j = e.judge(s.t, &s.record)
	}
	if j.short { // it waits for its turn
		return
	}
	e.suspects.touchOne(s)
	was := s.judgement
	s.judgement = j
	switch due := s.Arrival + e.cfg.wait(j.typ); {
	case s.decided && j.violated && due > e.tick.now:
		e.undecide(s, due)
	case s.decided:
		e.finalize(s)
	case !j.violated:
		e.clear(s)
	default:
		if was.typ != j.typ || !was.violated { // each rule waits for itself
			e.suspects.pending.reschedule(s, max(s.t.review.since+e.cfg.wait(j.typ), due))
		}
		e.await(s)
	}
}

// finalize puts a decided suspect, which was touched, where its judgement belongs.
func (e *Engine) finalize(s *suspect) {
	if !s.judgement.violated {
		e.clear(s)
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
func (e *Engine) clear(s *suspect) {
	e.discard(s)
	if r := e.ring(s.session).at(s.position); r != nil {
		e.touchRecord(r)
		r.state &^= suspected
		if r.state&decided == 0 {
			return // the verdict is counted when its time comes
		}
	}
	if e.isJudged(&s.record) {
		e.count(s, e.verdictOf(s.t, &s.record))
	}
}

func (e *Engine) count(s *suspect, v Verdict) {
	if !s.counted {
		s.counted = true
		e.stats.request(s.policy, s.service, v)
	}
}

// discard forgets a suspect.
func (e *Engine) discard(s *suspect) {
	if s.discarded {
		return
	}
	s.discarded = true
	e.open--
	e.touch(s.t)
	if !s.decided {
		e.undecided--
		s.t.undecided--
	}
	s.t.suspects--
	e.findings.detach(s)
	e.removeSuspect(s)
	e.await(s)
}

// updateSuspect copies what changed in a record to the suspect that stands for
// it, and the other way round. d is what describes it now.
func (e *Engine) updateSuspect(r *record, d *fact.Details) {
	s := e.suspectOf(r)
	if s == nil {
		return
	}
	e.suspects.touchOne(s)
	ring := e.ring(r.session).at(r.position)
	if ring != nil && ring.session == r.session {
		*ring = *r
	}
	if &s.record != r {
		e.suspects.become(s, *r)
	}
	res := e.services.resources[r.resource]
	s.resource, s.service = res.Resource, res.service
	s.details = clonedDetails(d)
	s.named = false
	e.await(s)
	switch {
	case s.policy == fact.NoPolicy: // nothing governs it any more
		e.clear(s)
	case s.finding != nil:
		e.findings.assign(e, s)
	}
}

// become makes r, and the suspect that stands for it, another record.
func (e *Engine) become(r *record, other record) {
	e.touchRecord(r)
	if s := e.suspectOf(r); s != nil {
		e.suspects.become(s, other)
	}
	*r = other
}

// detailsOf returns what describes r.
func (e *Engine) detailsOf(r *record) fact.Details {
	if s := e.suspectOf(r); s != nil {
		return s.details
	}
	return e.ring(r.session).details.get(r.details)
}

// describe lets d describe r, where before did.
func (e *Engine) describe(r *record, before, d fact.Details) {
	if d != before {
		e.ring(r.session).redescribe(r, &d)
	}
	e.updateSuspect(r, &d)
}
