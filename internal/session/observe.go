package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Observe takes one fact that arrived at now and says what is thought of it at
// once. The same facts give the same findings in every order.
func (e *Engine) observe(f *fact.Fact, now int64) Mark {
	order := e.observed.Add(1)
	if !e.admit(f, now) {
		return Mark{}
	}
	l := e.shardOf(f.Session.ID)
	if n, known := e.services.known(f.Resource, order); known && e.fastRequest(l, f, now, l.sessions.find(f.Session.ID), traceHash(f), n, order) {
		return Mark{}
	}
	return e.observeAny(f, now, order)
}

// observeAny takes a fact that has been admitted.
func (e *Engine) observeAny(f *fact.Fact, now int64, order uint64) Mark {
	e.seq = order
	e.work.allow(max(workOfFact-fastLooks()-workOfCompaction, 1))
	e.compactSome()
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
func (e *Engine) forgetPointers() { e.services.forgetPointers() }

// timelineOf returns the timeline of n, made if there is none, or nil if there is no
// room for it.
func (e *Engine) timelineOf(n *fact.Name, now int64) *timeline {
	l := e.shardOf(n.ID)
	t := l.sessions.get(n.ID)
	if t == nil {
		evicted := e.takeEvicted(n.ID) // it makes room for another
		if l.sessions.full() {
			victim := l.sessions.leastUseful(now, &e.cfg)
			if victim == compact.NoSlot {
				e.stats.refused[RefusedLimit]++
				e.turnAway(n.ID, evicted, now)
				return nil
			}
			e.evict(l.sessions.timeline(victim), now, EvictedLimit)
		}
		t = l.sessions.insert(n.ID)
		e.touchNew(l, t.slot)
		e.comeBack(t, evicted)
	}
	e.touch(t)
	t.lastArrival = now
	return t
}

// cause is why something is done: what came, and when, on the collector's clock. While
// it is observed it has a name, later none.
type cause struct {
	at   int64
	name *fact.Name
}

// name gives t its pseudonym, if n is its name. It is needed where something may
// become of t, and costs too much where nothing does.
func (e *Engine) name(t *timeline, n *fact.Name) {
	if t.pseudonym == (fact.Pseudonym{}) && n != nil && n.ID == t.id {
		t.pseudonym = e.cfg.pseudonym(n)
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
