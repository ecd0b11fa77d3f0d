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

// Rest is what [Engine.ObserveReady] has left of a batch.
type Rest struct {
	base     uint64   // order of the batch's first fact, less 1
	facts    []uint32 // their indexes, of which the first taken have been taken
	taken    int
	sorted   bool
	unseen   int              // how many ObserveReady has yet to look at
	spent    int              // units of work of its last call
	resource *fact.Resource   // what number was looked up last, in this hold of the lock
	number   uint32           // and what it is; noSlot: not known
	dealt    []uint32         // all facts' indexes by lane
	from     [maxLanes]uint32 // in dealt: of each lane what has yet to be looked at
	ends     [maxLanes]uint32
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
func (r *Rest) Len() int { return len(r.facts) - r.taken + r.unseen }

// ObserveBatch takes facts that arrived at now, as [Engine.Observe] would one
// after the other, and calls suspected with the index of each that seems to
// violate. It is faster: what the facts need of the table is fetched for many
// of them at once.
func (e *Engine) ObserveBatch(facts []fact.Fact, now int64, suspected func(i int, m Mark)) {
	rest, more := e.ObserveReady(facts, now, nil)
	for more {
		rest, more = e.ObserveReady(facts, now, rest)
	}
	for e.ObserveRest(facts, now, rest, suspected) {
	}
}

// ObserveReady takes the ordinary requests of a batch that arrived at now: those
// that change nothing but their own session and violate nothing. It does at most so
// much that it may be done in one hold of a lock, and reports whether there is more,
// for which it is to be called again with the rest that it returned; at first there
// is none. It may be called concurrently with itself and with [Checkpoint.Fill], and
// with nothing else. The rest then goes to [Engine.ObserveRest], which must be called
// in any case.
func (e *Engine) ObserveReady(facts []fact.Fact, now int64, rest *Rest) (_ *Rest, more bool) {
	if rest == nil {
		rest = e.deal(facts)
	}
	rest.spent, rest.resource, rest.number = 0, nil, compact.NoSlot
	first := int(mix(rest.base, 1)) & (len(e.lanes) - 1)
	for round := range 2 {
		for i := range e.lanes {
			n := (first + i) & (len(e.lanes) - 1)
			if rest.from[n] == rest.ends[n] {
				continue
			}
			if rest.spent > workOfReady() {
				return rest, true
			}
			l := &e.lanes[n]
			if round == 0 && !l.mu.TryLock() {
				continue // another batch is at it: later
			} else if round == 1 {
				l.mu.Lock()
			}
			e.observeIn(l, facts, now, rest)
			l.mu.Unlock()
		}
	}
	return rest, rest.unseen > 0
}

// deal begins a batch: it sorts facts by lane, and leaves the sessions of which
// something else than requests speaks.
func (e *Engine) deal(facts []fact.Fact) *Rest {
	rest, _ := e.rests.Get().(*Rest)
	if rest == nil {
		rest = &Rest{}
	}
	rest.facts, rest.taken, rest.unseen, rest.sorted = rest.facts[:0], 0, len(facts), false
	rest.base = e.observed.Add(uint64(len(facts))) - uint64(len(facts))
	// What belongs to a session of which something was left is left, too, since
	// what comes late depends on the order.
	rest.left.empty()
	rest.dealt = slices.Grow(rest.dealt[:0], len(facts))[:len(facts)]
	clear(rest.ends[:len(e.lanes)])
	for i := range facts {
		f := &facts[i]
		rest.ends[f.Session.ID[1]&e.laneMask]++
		if f.Kind != fact.Request {
			rest.left.add(f.Session.ID)
			rest.left.add(f.Previous.ID)
		}
	}
	sum := uint32(0)
	for n := range e.lanes {
		count := rest.ends[n]
		rest.from[n], rest.ends[n], sum = sum, sum, sum+count
	}
	for i := range facts {
		n := facts[i].Session.ID[1] & e.laneMask
		rest.dealt[rest.ends[n]] = uint32(i)
		rest.ends[n]++
	}
	return rest
}

// numberOf returns the number of the resource of f, or noSlot. It is not what an
// earlier hold of the lock found: another may have that number by now.
func (e *Engine) numberOf(f *fact.Fact, rest *Rest) uint32 {
	if f.Resource != rest.resource {
		e.lookUp(f.Resource, rest)
	}
	return rest.number
}

func (e *Engine) lookUp(r *fact.Resource, rest *Rest) {
	rest.resource, rest.number = r, compact.NoSlot
	if n, known := e.services.known(r, rest.base+uint64(len(rest.dealt))); known {
		rest.number = n
	}
}

// observeIn takes the ordinary requests among the facts of l, until it has done
// enough.
func (e *Engine) observeIn(l *lane, facts []fact.Fact, now int64, rest *Rest) {
	var hashes, ids [maxBlock]uint64
	var slots [maxBlock]uint32
	from, end := &rest.from[l.number], rest.ends[l.number]
	for *from < end && rest.spent <= workOfReady() {
		some, before := rest.dealt[*from:min(*from+uint32(block), end)], l.work
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
				!e.takeReady(l, f, now, slots[i], hashes[i], number, rest.base+uint64(n)+1) {
				rest.left.add(f.Session.ID)
				rest.facts = append(rest.facts, n)
			}
		}
		rest.spent += len(some) + int(l.work-before)
	}
}

// workOfReady is how much work ObserveReady may have done before the last block that
// it looks at.
func workOfReady() int { return max(workOfHold-block*(1+workOfSettling+2*fastLooks()+1), 1) }

// ObserveRest takes what ObserveReady has left of facts, and calls suspected
// with the index of each that seems to violate: at most so many that it may be done
// in one hold of a lock. It reports whether there are more, for which it is to be
// called again.
func (e *Engine) ObserveRest(facts []fact.Fact, now int64, rest *Rest, suspected func(i int, m Mark)) (more bool) {
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
	if len(rest.facts) > 0 { // or else there may be no more than a read lock
		e.work.allow(workOfHold - rest.spent - int(e.work.done+uint64(rest.taken)-from))
		e.decideLater()
	}
	rest.resource = nil
	e.rests.Put(rest)
	return false
}
