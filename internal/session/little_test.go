package session

import (
	"cmp"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// auditor counts once more what an engine keeps count of.
type auditor struct {
	*Engine
	wrong string // the first thing that is
}

// auditWork says what is wrong with what e keeps of work that is yet to be done.
func auditWork(e *Engine) string {
	a := auditor{Engine: e}
	a.auditSuspects()
	a.auditFindings()
	a.auditTimelines()
	a.auditRecords()
	if err := e.audit(); err != nil {
		return err.Error()
	}
	return a.wrong
}

func (a *auditor) require(holds bool, format string, args ...any) {
	if !holds && a.wrong == "" {
		a.wrong = "audit: " + fmt.Sprintf(format, args...)
	}
}

// warm returns the timeline of id if it is one.
func (a *auditor) warm(id fact.ID) *timeline {
	t := &a.shardOf(id).sessions
	if slot := t.find(id); slot != compact.NoSlot && t.entry(slot).flags&warm != 0 {
		return t.timelines[t.entry(slot).more]
	}
	return nil
}

func (a *auditor) auditSuspects() {
	x := &a.suspects
	all, undecided, named := 0, 0, 0
	awaited := map[uint64]int{}
	for id, list := range x.bySession {
		t := a.warm(id)
		if t == nil {
			a.require(false, "suspects of no session")
			return
		}
		waiting := 0
		for i, s := range list {
			all++
			a.require(s.session == id && s.t == t && !s.discarded && s.inSession == i, "suspect %d of a session is out of place", i)
			a.require(x.byPlace[s.recordPlace()] == s, "suspect of another place")
			if s.identified() {
				named++
				a.require(s.inTrace >= 0 && s.inTrace < len(x.byTrace[s.hash()]) && x.byTrace[s.hash()][s.inTrace] == s, "suspect of another trace")
				a.require(s.inRequest < len(x.byRequest[s.name()]) && x.byRequest[s.name()][s.inRequest] == s, "suspect of another request")
			}
			a.require(s.decided == (s.inDecided != nil) && s.decided == (s.inPending < 0), "suspect is neither decided nor not")
			if s.decided {
				a.require(s.finding != nil && s.judgement.violated, "decided and in no finding")
				a.require(!s.awaited, "decided and awaited")
				continue
			}
			waiting++
			a.require(x.pending.suspects[s.inPending] == s, "suspect waits at another place")
			a.require(s.finding == nil, "undecided and in a finding")
			a.require(s.awaited == (s.judgement.violated && s.policy != fact.NoPolicy), "awaited %t", s.awaited)
			if s.awaited {
				a.require(s.awaitedBy == a.hashFinding(s), "awaited by another finding")
				awaited[s.awaitedBy]++
			}
		}
		undecided += waiting
		a.require(int(t.suspects) == len(list) && int(t.undecided) == waiting, "a session has %d suspects, %d undecided, not %d and %d",
			len(list), waiting, t.suspects, t.undecided)
	}
	inTrace, inRequest := 0, 0
	for _, list := range x.byTrace {
		inTrace += len(list)
	}
	for _, list := range x.byRequest {
		inRequest += len(list)
	}
	a.require(a.open == all && len(x.byPlace) == all, "%d suspects are open, not %d", all, a.open)
	a.require(inTrace == named && inRequest == named, "%d suspects name their request, not %d or %d", named, inTrace, inRequest)
	a.require(x.decided.Len()+len(x.pending.suspects) == all, "%d suspects, %d settled and %d pending", all, x.decided.Len(), len(x.pending.suspects))
	for i, s := range x.pending.suspects {
		a.require(i == 0 || !s.decidedBefore(x.pending.suspects[(i-1)/2]), "pending is no heap")
	}
	found, number := a.blinded == nil, uint64(0)
	for s := x.decided.Front(); s != nil; s = s.Next() {
		a.require(s.Value.(*suspect).inDecided == s, "settled is out of place")
		a.require(s.Value.(*suspect).number > number, "settled is out of order")
		number = s.Value.(*suspect).number
		found = found || s == a.blinded
	}
	a.require(found, "blinded has been let go of")
	a.require(maps.Equal(awaited, a.findings.awaited), "awaited %v, not %v", awaited, a.findings.awaited)
	a.each(func(l *shard) {
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			if l.recent.at(p).state&deferred != 0 {
				undecided++
			}
		}
	})
	a.require(a.undecided == undecided, "%d undecided, not %d", undecided, a.undecided)
}

func (a *auditor) auditFindings() {
	f := &a.findings
	dirty, members, listed := map[*finding]int{}, 0, 0
	for _, x := range f.dirty {
		if dirty[x]++; !x.closed {
			a.require(x.dirty && dirty[x] == 1, "dirty twice or not at all")
		}
	}
	for id, x := range f.open {
		a.require(x.id == id && !x.closed, "finding of another id, or closed")
		list := f.bySession[x.session]
		a.require(x.inSession < len(list) && list[x.inSession] == x, "finding of another session")
		a.require(x.dirty == (dirty[x] > 0) && !(x.dirty && x.inLater >= 0), "finding is dirty %t, listed %d times, later %d", x.dirty, dirty[x], x.inLater)
		a.require(x.inLater < 0 || f.later[x.inLater] == x, "finding is later somewhere else")
		a.require(x.dirty || x.inLater >= 0 || len(x.members) > 0, "finding that nobody will look at")
		_, stub := f.closed.byID[id]
		a.require(!stub, "open and closed")
		for _, s := range x.members {
			members++
			a.require(s.finding == x && s.decided && !s.discarded && s.session == x.session, "a member that is none")
			a.require(a.hashFinding(s) == id, "a member of another finding")
		}
	}
	for _, list := range f.bySession {
		listed += len(list)
	}
	a.require(listed == len(f.open), "%d findings of sessions, not %d", listed, len(f.open))
	a.require(members == a.suspects.decided.Len(), "%d members, %d decided", members, a.suspects.decided.Len())
	for i, x := range f.later {
		a.require(f.open[x.id] == x && x.inLater == i && (i == 0 || f.later[(i-1)/2].sendAt <= x.sendAt), "later is no heap")
	}
	numbers := map[uint64]bool{}
	for _, x := range f.closed.ids {
		numbers[x.number] = true
	}
	for _, x := range f.closed.byID {
		a.require(numbers[x.number], "a closed finding that is never forgotten")
	}
	a.require(len(f.closed.byID) <= f.closed.limit, "too many closed findings")
}

func (a *auditor) auditTimelines() {
	due, turn := map[uint32]int{}, map[uint32]uint64{}
	for i, place := range a.dirty[a.dirtyDone:] {
		due[place]++
		turn[place] = a.cleaned + uint64(i)
	}
	a.require(a.dirtyDone == 0 || a.dirtyDone < len(a.dirty), "what has been seen to is kept")
	a.each(func(l *shard) {
		for i, t := range l.sessions.timelines {
			x := l.sessions.entry(t.slot)
			a.require(int(t.place) == i && x.id == t.id && x.more == t.place && x.flags&(taken|warm) == taken|warm, "a timeline is out of place")
			a.require(int(t.suspects) == len(a.suspects.of(t.id)), "a session has %d suspects, not %d", len(a.suspects.of(t.id)), t.suspects)
			a.require(t.dirty == 0 || due[t.placeOf()] > 0, "due %d, listed %d times", t.dirty, due[t.placeOf()])
			a.require(t.dirty == 0 || t.dirtyTurn == turn[t.placeOf()], "it waits for turn %d at turn %d", t.dirtyTurn, turn[t.placeOf()])
			a.require(t.review.underWay || t.review == review{}, "a review that is not under way")
			a.require(!t.review.underWay || t.dirty != 0, "a review under way, and nothing is due")
		}
	})
}

func (a *auditor) auditRecords() {
	a.each(func(l *shard) {
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			r := l.recent.at(p)
			a.require(r.position == p, "record %d stands at %d", r.position, p)
			a.require(p >= l.cursor || r.state&decided != 0, "a record was passed over undecided")
			t := a.warm(r.session)
			if r.state&unplaced != 0 && p < l.cursor && r.slot != compact.NoSlot && minReach > 2*chunkSize { // else it may be out of reach
				a.require(t != nil && (t.dirty|t.review.again)&dirtyNesting != 0, "a record that is never placed")
			}
			if s := a.suspectOf(r); s != nil {
				q := s.record
				q.state, q.ofTrace, q.details, q.Arrival = r.state, r.ofTrace, r.details, r.Arrival
				a.require(q == *r || minReach < 2*chunkSize || (t.dirty|t.review.again)&dirtyNesting != 0, "a suspect differs from its record:\n%+v\n%+v", q, *r)
				a.require(r.state&suspected != 0, "a suspect's record does not know")
			}
			before := l.recent.at(r.older(r.ofSession))
			a.require(before == nil || r.older(r.ofSession) < p, "a record leads forward")
		}
	})
}

// little is how little work an engine may do at once, and how little it may keep.
type little struct {
	fact, hold, looks, steps int
	pending                  uint32
	open, members, reach     int
}

func (l little) set() (before little) {
	before = little{workOfFact, workOfHold, traceLooks, maxTraceSteps, maxPending, minOpen, maxMembers, minReach}
	workOfFact, workOfHold, traceLooks, maxTraceSteps, maxPending, minOpen, maxMembers, minReach = l.fact, l.hold, l.looks, l.steps, l.pending, l.open, l.members, l.reach
	return before
}

// deepHistory is a history with long traces, which is advanced by single holds.
func deepHistory(seed uint64, how sessiontest.Delivery) *trial {
	h := trialOf(sessiontest.MakeDeep(sessiontest.NewDice(seed, 9), how, 8))
	h.holds, h.audit = true, true
	if seed%8 == 1 {
		h.restarts = seed
	}
	return h
}

// TestLittleWork: however little may be done at once, the verdicts are the same, and
// all that is kept count of is as it should be.
func TestLittleWork(t *testing.T) {
	noGoroutine(t)
	for i, l := range littles() {
		t.Run(fmt.Sprint(l), func(t *testing.T) {
			defer l.set().set()
			sampled(t, cmp.Or(histories/100, 1), func(seed uint64) *trial { return deepHistory(seed*4+uint64(i), sessiontest.InWindow) },
				func(h *trial) string { return check(h, false) })
		})
	}
}

func littles() []little {
	least := workOfDecision + 2*maxTraceSteps
	return []little{
		{64, 4096, 32, 256, 64, minOpen, maxMembers, minReach},
		{16, least, 2, 256, 64, minOpen, maxMembers, minReach},
		{4, least + 100, 2, 256, 2, minOpen, maxMembers, minReach},
		{6, 2 * least, 3, 256, 1, minOpen, maxMembers, minReach},
	}
}

// TestLittleRoom: where next to nothing is kept, all that is kept count of is as it
// should be, and what is sent goes on from what was sent.
func TestLittleRoom(t *testing.T) {
	noGoroutine(t)
	for i, l := range littleRooms() {
		t.Run(fmt.Sprint(l), func(t *testing.T) {
			defer l.set().set()
			sampled(t, cmp.Or(histories/100, 1), func(seed uint64) *trial { return cramped(seed, uint64(i)) },
				func(h *trial) string { return run(h, false).trouble })
		})
	}
}

func littleRooms() []little {
	least := workOfDecision + 2*maxTraceSteps
	return []little{{64, 4096, 32, 256, 64, 2, 2, 2}, {8, least, 2, 256, 2, 1, 1, 1}, {16, least, 2, 3, 4, 6, 3, 4}, {64, least, 1, 1, 64, 64, 8, 8}}
}

// cramped is a deep history of an engine that keeps next to nothing.
func cramped(seed, salt uint64) *trial {
	h := deepHistory(seed*4+salt, sessiontest.AnyOrder)
	h.room.requests, h.room.services = 16+int(seed%32), 1
	if seed%2 == 0 {
		h.room.sessions, h.room.retention = 3, time.Minute
	}
	if seed%3 == 0 {
		h.room.sessions = 2
	}
	return h
}
