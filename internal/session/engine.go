package session

import (
	"container/list"
	"math"
	"sync"
	"sync/atomic"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Engine turns facts into findings. Create it with [New]. Not safe for
// concurrent use.
type Engine struct {
	cfg Config
	// gap is the smallest idle limit of all policies: silences below it
	// matter to nobody.
	gap int64

	lanes    []lane
	laneMask uint64 // of an ID's second half
	rests    sync.Pool

	users      users
	services   services
	blinds     blinds
	tombstones tombstones

	// due holds the places of the sessions that are owed something, of which the
	// first dueDone have been seen to, and userEnds the users whose sessions have yet
	// to be told of an end. blinded: so have the decided suspects from it on.
	due      []uint32
	dueDone  int
	repaid   uint64 // how many have been seen to, ever
	userEnds []uint32
	blinded  *list.Element
	// strays are records that are yet to be placed, and that no session leads to.
	strays []stray

	work     work
	tick     tick
	suspects suspects
	// undecided counts the suspects and the accused that wait for their decision,
	// open all suspects.
	undecided, open int
	findings        findings

	// authenticated holds the policies that governed a session in which an
	// authentication was seen.
	authenticated uint64

	observed atomic.Uint64 // how many facts have come
	order    uint64        // of the fact that is being observed; the first has 1
	current  *fact.Name    // the session that the fact being observed names
	// restarted is when an engine that knew more stopped.
	restarted int64

	// Memory for the records of a trace, while a fact is observed and later.
	observing, placing []*record
	heard              []heardEnd // reused

	held []heldUser // see [Engine.hold]

	out   []fact.Finding
	stats Stats

	// What is stored, the sides that may be, what changed since then, and the
	// checkpoint that is under way, or nil.
	stored     [kindCount][]chunkRange
	doubtful   [kindCount][]uint64
	checkpoint *Checkpoint
	passes     int // checkpoints that were begun
}

// New returns an engine. The configuration must be valid: the component that
// reads it from a user checks it.
func New(cfg Config) *Engine {
	e := &Engine{
		cfg: cfg, gap: math.MaxInt64,
		users: newUsers(), services: newServices(max(cfg.MaxServices, leastServices)), tombstones: newTombstones(cfg.MaxSessions),
		suspects: newSuspects(), findings: newFindings(max(minClosed, cfg.MaxRecentRequests/8)),
	}
	for i := range cfg.Policies {
		if idle := int64(cfg.Policies[i].IdleTimeout); idle > 0 {
			e.gap = min(e.gap, idle)
		}
		e.tombstones.tolerance = max(e.tombstones.tolerance, int64(cfg.Policies[i].Tolerance))
	}
	e.lanes = newLanes(&cfg, &e.tombstones)
	e.laneMask = uint64(len(e.lanes) - 1)
	e.stats = newStats(&e.services, len(cfg.Policies), cfg.MaxServices)
	e.stats.fingerprints = &e.tombstones.displaced
	return e
}

// Observe takes one fact that arrived at now and says what is thought of it at
// once. The same facts give the same findings in every order.
func (e *Engine) Observe(f *fact.Fact, now int64) Mark {
	order := e.observed.Add(1)
	if !e.admit(f, now) {
		return Mark{}
	}
	l := e.lane(f.Session.ID)
	if n, known := e.services.known(f.Resource, order); known && e.takeReady(l, f, now, l.sessions.find(f.Session.ID), traceHash(f), n, order) {
		return Mark{}
	}
	return e.observeAny(f, now, order)
}

// observeAny takes a fact that has been admitted.
func (e *Engine) observeAny(f *fact.Fact, now int64, order uint64) Mark {
	e.order = order
	e.work.allow(max(workOfFact-fastLooks()-workOfSettling, 1))
	e.settleSome()
	e.current = &f.Session
	defer func() { e.current = nil }()
	if f.Kind == fact.Request || f.Kind == fact.Exempt {
		return e.observeRequest(f, now)
	}
	e.observeEvent(f, now)
	return Mark{}
}

// admit refuses what cannot be evidence: one clock far ahead would push all
// real evidence out of the reorder window, one far behind would fix the start
// for ever.
func (e *Engine) admit(f *fact.Fact, now int64) bool {
	if why := e.refuses(f, now); why != RefusedReasonCount {
		e.stats.refused[why]++
		return false
	}
	return true
}

// refuses says why f is not taken; RefusedReasonCount: it is.
func (e *Engine) refuses(f *fact.Fact, now int64) RefusedReason {
	switch {
	case f.End > now+int64(e.cfg.MaxAhead):
		return RefusedAhead
	case e.cfg.MaxAge > 0 && f.At < now-int64(e.cfg.MaxAge):
		return RefusedTooOld
	}
	return RefusedReasonCount
}

// ForgetPointers must be called when the resources that facts pointed to are
// about to be used for something else.
func (e *Engine) ForgetPointers() { e.services.forgetPointer() }

// settleAll lets go of the timelines that nothing refers to. No pointer to one may
// be held.
func (e *Engine) settleAll() {
	e.each(func(l *lane) { l.sessions.settle(&e.cfg, &e.users) })
}

// settleSome does so with a few where there are many. One fact makes no more than
// that.
func (e *Engine) settleSome() {
	const few = 8
	l := &e.lanes[e.order&e.laneMask]
	if len(l.sessions.timelines) > timelinesAtOnce/len(e.lanes) {
		l.sessions.settleSome(&e.cfg, &e.users, few)
	}
}

// timelinesAtOnce is how many timelines there may be before those that nothing
// refers to are let go of, at least. Tests have fewer.
var timelinesAtOnce = 1 << 12

// confirm decides a suspect that has waited long enough, or that cannot wait
// any longer because of doubt.
func (e *Engine) confirm(s *suspect, doubt string) {
	if s.dropped || s.confirmed {
		return
	}
	e.suspects.touchOne(s)
	if !e.outOfReach(s.t, &s.record) {
		s.judgement = judgement{}
		if e.accusable(&s.record) {
			s.judgement = e.judge(s.t, &s.record)
		}
	}
	e.undecided--
	s.t.undecided--
	s.confirmed = true
	e.suspects.pending.remove(s)
	e.suspects.made++
	s.number = e.suspects.made
	s.inSettled = e.suspects.settled.PushBack(s)
	e.await(s)
	if doubt != "" && s.judgement.violated {
		s.judgement.doubt = doubt
	}
	e.settle(s)
}

// bound closes the oldest findings when more requests are open than may be:
// they stay as they were reported, and nothing can clear them any more. It reports
// whether the work that is left allowed that.
func (e *Engine) bound(now int64) (done bool) {
	limit := max(minOpen, e.cfg.MaxRecentRequests/8)
	if e.open <= limit {
		return true
	}
	for e.open > limit {
		oldest := e.suspects.settled.Front()
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
		e.close(f)
	}
	return true
}

// minOpen is how many requests may be open at least. Tests have less.
var minOpen = 256

// close lets go of a finding as it was reported.
func (e *Engine) close(f *finding) {
	e.spend(len(f.members))
	e.findings.forget(f)
	for _, s := range f.members {
		s.finding = nil
		e.drop(s)
	}
	f.members = nil
}

// Shutdown ends the engine where nothing keeps its state: what has not waited
// long enough is inconclusive.
func (e *Engine) Shutdown(now int64) {
	e.Advance(now)
	e.each(func(l *lane) {
		for ; l.cursor < l.recent.next; l.cursor++ {
			e.work.allow(workOfHold)
			e.decide(l.recent.at(l.cursor))
		}
	})
	for s := e.suspects.pending.first(); s != nil; s = e.suspects.pending.first() {
		e.work.allow(workOfHold)
		e.confirm(s, ReasonShutdown)
	}
	for _, let := range []func(now int64, all bool) bool{e.recall, e.report} {
		for done := false; !done; done = let(now, true) {
			e.work.allow(workOfHold)
		}
	}
}

// Restarted says that an engine which stopped at until knew more: no verdict
// may rest on what this one was not told. Call it before the first fact.
func (e *Engine) Restarted(until int64) {
	e.restarted = until
	e.tombstones.raise(until)
	e.authenticated = ^uint64(0)
}

// Blind says that facts whose time lies in [from, to] may be lost for good.
func (e *Engine) Blind(from, to int64, reason string) {
	if to < from {
		return
	}
	e.blinds.add(blindInterval{from, to, reason})
	e.stats.blind[reason] += to - from
	e.blinded = e.suspects.settled.Front()
}

// TakeFindings returns what was decided since the last call.
func (e *Engine) TakeFindings() []fact.Finding {
	out := e.out
	e.out = nil
	return out
}

// Stats returns the engine's counters. They go on counting.
func (e *Engine) Stats() *Stats {
	e.gather()
	return &e.stats
}

// Sessions returns how many sessions are remembered.
func (e *Engine) Sessions() (n int) {
	e.each(func(l *lane) { n += l.sessions.len() })
	return n
}

// Pending returns how many suspicions wait for their decision.
func (e *Engine) Pending() int { return e.undecided }

// timelineOf returns the timeline of n, made if there is none, or nil if there is no
// room for it.
func (e *Engine) timelineOf(n *fact.Name, now int64) *timeline {
	l := e.lane(n.ID)
	t := l.sessions.get(n.ID)
	if t == nil {
		grave := e.exhume(n.ID) // it makes room for another
		if l.sessions.full() {
			victim := l.sessions.leastUseful(now, &e.cfg)
			if victim == compact.NoSlot {
				e.stats.refused[RefusedLimit]++
				e.turnAway(n.ID, grave, now)
				return nil
			}
			e.evict(l.sessions.timeline(victim), now, EvictedLimit)
		}
		t = l.sessions.insert(n.ID)
		e.touchNew(l, t.slot)
		e.comeBack(t, grave)
	}
	e.touch(t)
	t.lastArrival = now
	return t
}

// name gives t its pseudonym, while the fact that names it is observed. It is
// needed where something may become of t, and costs too much where nothing
// does.
func (e *Engine) name(t *timeline) {
	if t.pseudonym == (fact.Pseudonym{}) && e.current != nil && e.current.ID == t.id {
		t.pseudonym = e.cfg.pseudonym(e.current)
	}
}

// reportLifetime measures how long a session was in use, once for each start.
func (e *Engine) reportLifetime(t *timeline) {
	if t.reported || t.firstActivity == unset {
		return
	}
	t.reported = true
	measure(&e.stats.measured.Lifetimes, int(t.policy), t.newest-t.first)
}
