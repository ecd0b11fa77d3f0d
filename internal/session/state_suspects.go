package session

import (
	"cmp"
	"container/heap"
	"container/list"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// suspects are all open ones, found by what a fact may say of them. Each look-up
// costs the same however many a session has.
type suspects struct {
	placed[suspect]
	bySession map[fact.ID][]*suspect
	byPlace   map[recordPlace]*suspect
	// Those that name their trace and their span.
	byTrace   map[uint64][]*suspect
	byRequest map[requestName][]*suspect

	// made is how many were ever numbered: when they came, and again when they were
	// decided.
	made    uint64
	pending pending
	// decided are the decided ones, oldest first.
	decided list.List
}

// recordPlace is where a session's record is among the recent ones.
type recordPlace struct {
	session  fact.ID
	position uint64
}

// requestName is what the records of one request share. What is logged may be of several
// that have one name.
type requestName struct {
	session fact.ID
	trace   [16]byte
	span    [8]byte
	fromLog bool
}

func newSuspects() suspects {
	return suspects{
		placed: newPlaced[suspect](), bySession: map[fact.ID][]*suspect{}, byPlace: map[recordPlace]*suspect{},
		byTrace: map[uint64][]*suspect{}, byRequest: map[requestName][]*suspect{},
	}
}

func (r *record) name() requestName {
	return requestName{r.session, r.trace, r.span, r.flags&fact.FromLog != 0}
}

func (r *record) recordPlace() recordPlace { return recordPlace{r.session, r.position} }

// addSuspect makes s known. It counts neither in its timeline nor as undecided.
func (e *Engine) addSuspect(s *suspect) {
	x := &e.suspects
	x.made++
	s.number = x.made
	s.inPending, s.inSession = -1, len(x.bySession[s.session])
	s.place = x.add(s)
	x.bySession[s.session] = append(x.bySession[s.session], s)
	x.byPlace[s.recordPlace()] = s
	x.addToTrace(s)
	if s.decided {
		s.inDecided = x.decided.PushBack(s)
	} else {
		x.pending.add(s)
	}
}

// removeSuspect undoes addSuspect.
func (e *Engine) removeSuspect(s *suspect) {
	x := &e.suspects
	x.remove(s.place)
	takeOut(x.bySession, s.session, s.inSession, func(s *suspect, i int) {
		x.touchOne(s)
		s.inSession = i
	})
	if p := s.recordPlace(); x.byPlace[p] == s {
		delete(x.byPlace, p)
	}
	x.removeFromTrace(s)
	x.pending.remove(s)
	e.leaveDecided(s)
}

// addToTrace lets s be found by what names it, if it names its trace and its span.
func (x *suspects) addToTrace(s *suspect) {
	if s.inTrace = -1; !s.identified() {
		return
	}
	trace, name := s.hash(), s.name()
	s.inTrace, s.inRequest = len(x.byTrace[trace]), len(x.byRequest[name])
	x.byTrace[trace], x.byRequest[name] = append(x.byTrace[trace], s), append(x.byRequest[name], s)
}

func (x *suspects) removeFromTrace(s *suspect) {
	if s.inTrace >= 0 {
		takeOut(x.byTrace, s.hash(), s.inTrace, func(s *suspect, i int) { s.inTrace = i })
		takeOut(x.byRequest, s.name(), s.inRequest, func(s *suspect, i int) { s.inRequest = i })
	}
}

// suspectOfRequest finds a suspect that is another record of the request of rec, or nil.
// Of those of one name either all are or none is.
func (e *Engine) suspectOfRequest(rec *record) *suspect {
	if !rec.identified() {
		return nil
	}
	e.spend(1)
	name, log := rec.name(), rec.flags&fact.FromLog != 0
	for _, name.fromLog = range [...]bool{false, true} {
		if log && name.fromLog {
			break
		}
		for _, s := range e.suspects.byRequest[name] {
			if s.position != rec.position && s.sameRequest(rec) {
				return s
			}
		}
	}
	return nil
}

// become lets r be the record of s.
func (x *suspects) become(s *suspect, r record) {
	x.removeFromTrace(s)
	s.record = r
	x.addToTrace(s)
}

// leaveDecided takes s out of the decided ones, if it is one.
func (e *Engine) leaveDecided(s *suspect) {
	if s.inDecided == nil {
		return
	}
	if e.blinded == s.inDecided {
		e.blinded = s.inDecided.Next()
	}
	e.suspects.decided.Remove(s.inDecided)
	s.inDecided = nil
}

// takeOut takes what is at i out of the list of key, and lets the last take its
// place.
func takeOut[K comparable](lists map[K][]*suspect, key K, i int, placed func(*suspect, int)) {
	l := lists[key]
	last := len(l) - 1
	l[i] = l[last]
	placed(l[i], i)
	l[last] = nil
	if last == 0 {
		delete(lists, key)
	} else {
		lists[key] = l[:last]
	}
}

// touchOne must be called before s changes, unless its record was touched.
func (x *suspects) touchOne(s *suspect) {
	if !s.discarded {
		x.touch(int(s.place))
	}
}

// of returns the suspects of a session.
func (x *suspects) of(session fact.ID) []*suspect { return x.bySession[session] }

// suspectOf returns the suspect that stands for a record, or nil.
func (e *Engine) suspectOf(r *record) *suspect { return e.suspects.byPlace[r.recordPlace()] }

// reorder makes list, the suspects of one session, their order.
func (x *suspects) reorder(session fact.ID, list []*suspect) {
	x.bySession[session] = slices.Clone(list)
	for i, s := range list {
		s.inSession = i
	}
}

// pending are the suspects that wait for their decision, the one that is decided
// first in front: a heap.
type pending struct {
	suspects []*suspect
}

func (p *pending) Len() int           { return len(p.suspects) }
func (p *pending) Less(i, j int) bool { return p.suspects[i].decidedBefore(p.suspects[j]) }

func (p *pending) Swap(i, j int) {
	s := p.suspects
	s[i], s[j] = s[j], s[i]
	s[i].inPending, s[j].inPending = i, j
}

func (p *pending) Push(x any) {
	s := x.(*suspect)
	s.inPending = len(p.suspects)
	p.suspects = append(p.suspects, s)
}

func (p *pending) Pop() any {
	last := len(p.suspects) - 1
	s := p.suspects[last]
	p.suspects[last] = nil
	p.suspects = p.suspects[:last]
	s.inPending = -1
	return s
}

// decidedBefore orders suspects by when they are due, then as they came.
func (s *suspect) decidedBefore(o *suspect) bool {
	return cmp.Or(cmp.Compare(s.due, o.due), cmp.Compare(s.number, o.number)) < 0
}

func (p *pending) add(s *suspect) {
	heap.Push(p, s)
}

func (p *pending) remove(s *suspect) {
	if s.inPending >= 0 {
		heap.Remove(p, s.inPending)
	}
}

// reschedule lets s wait until due.
func (p *pending) reschedule(s *suspect, due int64) {
	s.due = due
	if s.inPending >= 0 {
		heap.Fix(p, s.inPending)
	}
}

// first returns the suspect that is decided first, or nil.
func (p *pending) first() *suspect {
	if len(p.suspects) == 0 {
		return nil
	}
	return p.suspects[0]
}

// postpone makes each wait until the instant that due says.
func (p *pending) postpone(due func(*suspect) int64) {
	for _, s := range p.suspects {
		s.due = due(s)
	}
	heap.Init(p)
}
