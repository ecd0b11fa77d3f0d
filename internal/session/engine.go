package session

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"
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

	users    users
	services services
	blinds   blinds
	tombs    tombs

	// due holds the slots of the sessions that the next flush owes something.
	due []uint32

	// suspects by session; pending are those to be decided, oldest first,
	// some of them dropped meanwhile.
	suspects  map[ID][]*suspect
	pending   []*suspect
	shuffled  bool // pending is out of order
	undecided int
	// settledOrder holds the decided suspects, oldest first, some of them
	// dropped meanwhile; open counts all that are not.
	settledOrder []*suspect
	open         int
	findings     findings

	// authenticated holds the policies that governed a session in which an
	// authentication was seen.
	authenticated uint64

	observed atomic.Uint64 // how many facts have come
	order    uint64        // of the fact that is being observed; the first has 1
	visits   int           // see mayVisit
	crowd    int           // how many timelines are too many
	current  *Name         // the session that the fact being observed names
	// restarted is when an engine that knew more stopped.
	restarted int64

	held []ID // users, see [Engine.hold]

	out   []Finding
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
		users: newUsers(), services: newServices(cfg.MaxServices), tombs: newTombs(cfg.MaxSessions),
		suspects: map[ID][]*suspect{}, findings: newFindings(),
		crowd: timelinesAtOnce,
	}
	for i := range cfg.Policies {
		if idle := int64(cfg.Policies[i].IdleTimeout); idle > 0 {
			e.gap = min(e.gap, idle)
		}
	}
	e.lanes = newLanes(&cfg)
	e.laneMask = uint64(len(e.lanes) - 1)
	e.stats = newStats(&e.services, len(cfg.Policies))
	return e
}

// Observe takes one fact that arrived at now and says what is thought of it at
// once. The same facts give the same findings in every order.
func (e *Engine) Observe(f *Fact, now int64) Mark {
	order := e.observed.Add(1)
	if !e.admit(f, now) {
		return Mark{}
	}
	l := e.lane(f.Session.ID)
	if n, known := e.services.known(f.Resource, order); known && e.takeReady(l, f, now, l.sessions.find(f.Session.ID), f.hash(), n, order) {
		return Mark{}
	}
	return e.observeAny(f, now, order)
}

// observeAny takes a fact that has been admitted.
func (e *Engine) observeAny(f *Fact, now int64, order uint64) Mark {
	e.order = order
	e.decideLater()
	if e.timelines() > e.crowd {
		e.settleAll()
	}
	e.current = &f.Session
	defer func() { e.current = nil }()
	if f.Kind == Request || f.Kind == Exempt {
		return e.observeRequest(f, now)
	}
	e.observeEvent(f, now)
	return Mark{}
}

// admit refuses what cannot be evidence: one clock far ahead would push all
// real evidence out of the reorder window, one far behind would fix the start
// for ever.
func (e *Engine) admit(f *Fact, now int64) bool {
	if why := e.refuses(f, now); why != RefusedReasonCount {
		e.stats.refused[why]++
		return false
	}
	return true
}

// refuses says why f is not taken; RefusedReasonCount: it is.
func (e *Engine) refuses(f *Fact, now int64) RefusedReason {
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

// Advance decides what has waited long enough at now, and lets findings out.
// Call it at least every few seconds; between two calls nothing is decided
// unless its place is needed.
func (e *Engine) Advance(now int64) {
	e.decideLater()
	e.flush()
	e.releaseHeld()
	wait := int64(e.cfg.DecisionWait)
	e.each(func(l *lane) {
		l.cursor = max(l.cursor, l.recent.oldest())
		for ; l.cursor < l.recent.next; l.cursor++ {
			r := l.recent.at(l.cursor)
			if r.Arrival+wait > now {
				break
			}
			e.decide(r)
		}
	})
	if e.shuffled {
		slices.SortStableFunc(e.pending, func(a, b *suspect) int { return cmp.Compare(a.due, b.due) })
		e.shuffled = false
	}
	i := 0
	for ; i < len(e.pending) && (e.pending[i].dropped || e.pending[i].due <= now); i++ {
		e.confirm(e.pending[i], "")
		e.pending[i] = nil
	}
	e.pending = e.pending[i:]
	e.bound(now)
	e.report(now, false)
	e.forget(now)
	e.settleAll()
}

// settleAll lets go of the timelines that nothing refers to. No pointer to one may
// be held.
func (e *Engine) settleAll() {
	e.each(func(l *lane) { l.sessions.settle(&e.cfg, &e.users) })
	e.crowd = 2*e.timelines() + timelinesAtOnce
}

// timelines returns how many timelines are in use.
func (e *Engine) timelines() (n int) {
	for i := range e.lanes {
		n += len(e.lanes[i].sessions.timelines)
	}
	return n
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
	e.undecided--
	s.confirmed = true
	e.settledOrder = append(e.settledOrder, s)
	if doubt != "" {
		s.judgement.doubt = doubt
	}
	e.settle(s)
}

// bound closes the oldest findings when more requests are open than may be:
// they stay as they were reported, and nothing can clear them any more.
func (e *Engine) bound(now int64) {
	limit := max(minOpen, e.cfg.MaxRecentRequests/8)
	if e.open <= limit && len(e.settledOrder) <= 4*limit {
		return
	}
	e.report(now, true)
	kept := e.settledOrder[:0]
	for _, s := range e.settledOrder {
		switch {
		case s.dropped:
		case e.open > limit:
			e.stats.closed++
			e.close(s.finding)
		default:
			kept = append(kept, s)
		}
	}
	clear(e.settledOrder[len(kept):])
	e.settledOrder = kept
}

const minOpen = 256

// close lets go of a finding as it was reported.
func (e *Engine) close(f *finding) {
	for len(f.members) > 0 {
		e.drop(f.members[0])
	}
	e.findings.forget(f)
}

// Shutdown ends the engine where nothing keeps its state: what has not waited
// long enough is inconclusive.
func (e *Engine) Shutdown(now int64) {
	e.Advance(now)
	e.each(func(l *lane) {
		for ; l.cursor < l.recent.next; l.cursor++ {
			e.decide(l.recent.at(l.cursor))
		}
	})
	for _, s := range e.pending {
		e.confirm(s, ReasonShutdown)
	}
	e.pending = nil
	e.report(now, true)
}

// Restarted says that an engine which stopped at until knew more: no verdict
// may rest on what this one was not told. Call it before the first fact.
func (e *Engine) Restarted(until int64) {
	e.restarted = until
	e.tombs.floor = max(e.tombs.floor, until)
	e.authenticated = ^uint64(0)
}

// Blind says that facts whose time lies in [from, to] may be lost for good.
func (e *Engine) Blind(from, to int64, reason string) {
	if to < from {
		return
	}
	e.blinds.add(blindInterval{from, to, reason})
	e.stats.blind[reason] += to - from
	for _, list := range e.suspects {
		e.owe(list[0].t, reviewDue, list[0].Arrival)
	}
}

// TakeFindings returns what was decided since the last call.
func (e *Engine) TakeFindings() []Finding {
	out := e.out
	e.out = nil
	return out
}

// TakeConfirmations returns the requests that were confirmed as violations
// since the last call.
func (e *Engine) TakeConfirmations() []Confirmation {
	out := e.stats.confirmations
	e.stats.confirmations = nil
	return out
}

// TakeLifetimes returns the lifetimes of the sessions that ended or were
// forgotten since the last call.
func (e *Engine) TakeLifetimes() []Lifetime {
	out := e.stats.lifetimes
	e.stats.lifetimes = nil
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
func (e *Engine) timelineOf(n *Name, now int64) *timeline {
	l := e.lane(n.ID)
	t := l.sessions.get(n.ID)
	if t == nil {
		if l.sessions.full() {
			victim := l.sessions.leastUseful(now, &e.cfg)
			if victim == noSlot {
				e.stats.refused[RefusedLimit]++
				e.tombs.bury(n.ID, now) // what is not taken is not known
				return nil
			}
			e.evict(l.sessions.timeline(victim), now, EvictedLimit)
		}
		t = l.sessions.insert(n.ID)
		e.touchNew(l, t.slot)
		t.forgotten = e.tombs.of(n.ID)
	}
	e.touch(t)
	t.lastArrival = now
	return t
}

// name gives t its pseudonym, while the fact that names it is observed. It is
// needed where something may become of t, and costs too much where nothing
// does.
func (e *Engine) name(t *timeline) {
	if t.pseudonym == (Pseudonym{}) && e.current != nil && e.current.ID == t.id {
		t.pseudonym = e.cfg.pseudonym(e.current)
	}
}

// reportLifetime measures how long a session was in use, once for each start.
func (e *Engine) reportLifetime(t *timeline) {
	if t.reported || t.firstActivity == unset {
		return
	}
	t.reported = true
	e.stats.lifetimes = append(e.stats.lifetimes, Lifetime{int(t.policy), t.newest - t.first})
}
