package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// block is how many facts are looked up together: so many loads from memory
// that do not wait for one another. Tests have fewer.
var block = maxBlock

const maxBlock = 64

// remainder is what the fast path has left of a batch.
type remainder struct {
	base     uint64   // seq of the batch's first fact, less 1
	facts    []uint32 // their indexes, of which the first taken have been taken
	taken    int
	sorted   bool
	unseen   int               // how many have yet to be looked at
	spent    int               // units of work of its last call
	resource *fact.Resource    // what number was looked up last, in this hold of the lock
	number   uint32            // and what it is; NoSlot: not known
	routed   []uint32          // all facts' indexes by shard
	from     [maxShards]uint32 // in routed: of each shard what has yet to be looked at
	ends     [maxShards]uint32
	left     someIDs // of the sessions of which something was left
}

// someIDs is a set of ids, and of one in thousands that are not in it. It must be
// large beside the facts of a batch that are left: each of them takes others along.
type someIDs struct {
	bits [1 << someBits / 64]uint64
	any  bool
}

const someBits = 14

func (s *someIDs) add(id fact.ID) {
	at := id[0] & (1<<someBits - 1)
	s.bits[at/64] |= 1 << (at % 64)
	s.any = true
}

func (s *someIDs) has(id fact.ID) bool {
	at := id[0] & (1<<someBits - 1)
	return s.any && s.bits[at/64]>>(at%64)&1 != 0
}

// empty makes it so. Most batches leave nothing.
func (s *someIDs) empty() {
	if s.any {
		*s = someIDs{}
	}
}

// Len is how many facts have not been taken.
func (r *remainder) len() int { return len(r.facts) - r.taken + r.unseen }

// Observe takes facts that arrived at now, one after the other as far as anybody can
// tell, and calls suspected with the index of each that seems to violate, which must
// not call the engine. The same facts give the same findings in every order. It
// returns how many were not taken, since the engine was closed: those are counted
// nowhere. Safe for concurrent use: ordinary requests of several batches are taken in
// parallel, and whatever else there is in holds of the lock that are short.
func (e *Engine) Observe(facts []fact.Fact, now int64, suspected func(i int, m Mark)) (left int) {
	if len(facts) == 0 {
		return 0
	}
	rest := e.route(facts)
	defer e.remainders.Put(rest)
	for more := true; more; {
		if left, more = e.holdFast(facts, now, rest); left > 0 {
			return left
		}
	}
	for more := rest.len() > 0; more; {
		if left, more = e.holdSlow(facts, now, rest, suspected); left > 0 {
			return left
		}
	}
	return 0
}

func (e *Engine) holdFast(facts []fact.Fact, now int64, rest *remainder) (left int, more bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return rest.len(), false
	}
	return 0, e.observeFast(facts, now, rest)
}

func (e *Engine) holdSlow(facts []fact.Fact, now int64, rest *remainder, suspected func(i int, m Mark)) (left int, more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return rest.len(), false
	}
	more = e.observeSlow(facts, now, rest, suspected)
	e.services.forgetPointers() // which may soon be those of others
	return 0, more
}

// observeFast takes the ordinary requests of a batch: those that change nothing but
// their own session and violate nothing. It does at most so much that it may be done
// in one hold of the lock, which may be shared, and reports whether there is more.
func (e *Engine) observeFast(facts []fact.Fact, now int64, rest *remainder) (more bool) {
	rest.spent, rest.resource, rest.number = 0, nil, compact.NoSlot
	first := int(mix(rest.base, 1))
	for round := range 2 {
		for i := range e.shards {
			n := (first + i) & (len(e.shards) - 1)
			if rest.from[n] == rest.ends[n] {
				continue
			}
			if rest.spent > workOfFast() {
				return true
			}
			l := &e.shards[n]
			if round == 0 && !l.mu.TryLock() {
				continue // another batch is at it: later
			} else if round == 1 {
				l.mu.Lock()
			}
			e.observeIn(l, facts, now, rest)
			l.mu.Unlock()
		}
	}
	return rest.unseen > 0
}

// route begins a batch: it sorts facts by shard, and leaves the sessions of which
// something else than requests speaks.
func (e *Engine) route(facts []fact.Fact) *remainder {
	rest, _ := e.remainders.Get().(*remainder)
	if rest == nil {
		rest = &remainder{}
	}
	rest.facts, rest.taken, rest.unseen, rest.sorted = rest.facts[:0], 0, len(facts), false
	rest.base = e.observed.Add(uint64(len(facts))) - uint64(len(facts))
	// What belongs to a session of which something was left is left, too, since
	// what comes late depends on the order.
	rest.left.empty()
	rest.routed = slices.Grow(rest.routed[:0], len(facts))[:len(facts)]
	clear(rest.ends[:len(e.shards)])
	for i := range facts {
		f := &facts[i]
		rest.ends[f.Session.ID[1]&e.shardMask]++
		if f.Kind != fact.Request {
			rest.left.add(f.Session.ID)
			rest.left.add(f.Previous.Key())
		}
	}
	sum := uint32(0)
	for n := range e.shards {
		count := rest.ends[n]
		rest.from[n], rest.ends[n], sum = sum, sum, sum+count
	}
	for i := range facts {
		n := facts[i].Session.ID[1] & e.shardMask
		rest.routed[rest.ends[n]] = uint32(i)
		rest.ends[n]++
	}
	return rest
}

// numberOf returns the number of the resource of f, or NoSlot. It is not what an
// earlier hold of the lock found: another may have that number by now.
func (e *Engine) numberOf(f *fact.Fact, rest *remainder) uint32 {
	if f.Resource != rest.resource {
		e.lookUp(f.Resource, rest)
	}
	return rest.number
}

func (e *Engine) lookUp(r *fact.Resource, rest *remainder) {
	rest.resource, rest.number = r, compact.NoSlot
	if n, known := e.services.known(r, rest.base+uint64(len(rest.routed))); known {
		rest.number = n
	}
}

// observeIn takes the ordinary requests among the facts of l, until it has done
// enough.
func (e *Engine) observeIn(l *shard, facts []fact.Fact, now int64, rest *remainder) {
	var hashes, ids [maxBlock]uint64
	var slots [maxBlock]uint32
	from, end := &rest.from[l.number], rest.ends[l.number]
	for *from < end && rest.spent <= workOfFast() {
		some, before := rest.routed[*from:min(*from+uint32(block), end)], l.work
		*from += uint32(len(some))
		rest.unseen -= len(some)
		if l.sessions.index.Growing() {
			l.sessions.index.Move(l.sessions.hashOf)
		}
		for i, n := range some {
			hashes[i], ids[i] = traceHash(&facts[n]), facts[n].Session.ID[0]
		}
		// The fewer instructions between two loads, the more of them are under way
		// at once.
		var touched uint32
		for i := range some {
			touched += l.recent.traces.Touch(hashes[i]) + l.sessions.index.Touch(ids[i])
		}
		for i := range some {
			slots[i] = l.sessions.index.Likely(ids[i])
		}
		for _, slot := range slots[:len(some)] {
			if slot < l.sessions.slots {
				touched += uint32(l.sessions.entry(slot).flags)
			}
		}
		l.touched = touched
		for i, n := range some {
			f := &facts[n]
			if slots[i] == compact.NoSlot || l.sessions.entry(slots[i]).id != f.Session.ID {
				slots[i] = l.sessions.find(f.Session.ID)
			}
			number := e.numberOf(f, rest)
			if rest.left.has(f.Session.ID) || number == compact.NoSlot || e.refuses(f, now) != RefusedReasonCount ||
				!e.fastRequest(l, f, now, slots[i], hashes[i], number, rest.base+uint64(n)+1) {
				rest.left.add(f.Session.ID)
				rest.facts = append(rest.facts, n)
			}
		}
		rest.spent += len(some) + int(l.work-before)
	}
}

// workOfFast is how much work observeFast may have done before the last block that
// it looks at.
func workOfFast() int { return max(workOfHold-block*(1+workOfCompaction+2*fastLooks()+1), 1) }

// observeSlow takes what observeFast has left of facts, at most so many that it may
// be done in one hold of the lock, and reports whether there are more.
func (e *Engine) observeSlow(facts []fact.Fact, now int64, rest *remainder, suspected func(i int, m Mark)) (more bool) {
	e.watch(now)
	if !rest.sorted {
		slices.Sort(rest.facts)
		rest.sorted = true
	}
	// A fact is some work, though nothing else be looked at.
	from := e.work.done + uint64(rest.taken)
	for ; rest.taken < len(rest.facts); rest.taken++ {
		if e.work.done+uint64(rest.taken)-from > uint64(workOfHold-workOfFact) {
			return true
		}
		n := rest.facts[rest.taken]
		f := &facts[n]
		if !e.admit(f, now) {
			continue
		}
		if m := e.observeAny(f, now, rest.base+uint64(n)+1); m.Suspected {
			suspected(int(n), m)
		}
	}
	e.work.allow(workOfHold - rest.spent - int(e.work.done+uint64(rest.taken)-from))
	e.decideLater()
	rest.resource = nil
	return false
}

// Observe takes one fact that arrived at now and says what is thought of it at
// once. The same facts give the same findings in every order.
func (e *Engine) observe(f *fact.Fact, now int64) Mark {
	e.watch(now)
	seq := e.observed.Add(1)
	if !e.admit(f, now) {
		return Mark{}
	}
	l := e.shardOf(f.Session.ID)
	if n, known := e.services.known(f.Resource, seq); known && e.fastRequest(l, f, now, l.sessions.find(f.Session.ID), traceHash(f), n, seq) {
		return Mark{}
	}
	return e.observeAny(f, now, seq)
}

// observeAny takes a fact that has been admitted.
func (e *Engine) observeAny(f *fact.Fact, now int64, seq uint64) Mark {
	e.seq = seq
	e.work.allow(max(workOfFact-fastLooks()-workOfCompaction, 1))
	e.compactSome()
	if f.Kind == fact.Request {
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
		e.refuse(f.Resource, why)
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
// room for it, and f is refused then.
func (e *Engine) timelineOf(n *fact.Name, f *fact.Fact, now int64) *timeline {
	l := e.shardOf(n.ID)
	t := l.sessions.get(n.ID)
	if t == nil {
		evicted := e.takeEvicted(n.ID) // it makes room for another
		if l.sessions.full() {
			victim := l.sessions.leastUseful(now, &e.cfg)
			if victim == compact.NoSlot {
				e.refuse(f.Resource, RefusedLimit)
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
