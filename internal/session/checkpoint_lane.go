package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// laneCheckpoint is the part of a pass that concerns one lane.
type laneCheckpoint struct {
	of               *lane
	basis            basis
	sessions, recent rangePass
	last             int // the slot that was written last
	scratch          []byte
}

// rangePass is the part of a pass that concerns things of one kind that have places:
// sessions their slots, records those in the ring.
type rangePass struct {
	bits    int            // places of a range, as a power of two
	places  int            // how many there were
	taken   int            // those in front of it have been taken, where they are to be
	plans   []plan         // of each range
	changed compact.BitSet // sessions that changed, of others ranges
	// saved are those behind taken that have changed meanwhile, as they were.
	preimages compact.Preimages
}

// plan is what is to be done with a range.
type plan uint8

const (
	planNone    plan = iota // there is nothing
	planKept                // what is stored is right
	planChanged             // what changed is to be written
	planWhole
)

const (
	// turns is how many passes come until a range that changes is written whole
	// once more: one has its turn after the other, so that all passes cost the
	// same, and what changed is read back from few layers.
	turns = 8
	// maxLayers is how many layers a range has at most.
	maxLayers = turns + 2
	// wholePart: where one part in so many has changed, the rest is written, too.
	wholePart = 2
)

// begin begins the pass over l.
func (l *laneCheckpoint) begin(c *Checkpoint, of *lane) {
	l.of, l.basis = of, basis{c.head.at, of.recent.next}
	l.sessions = rangePass{bits: sessionBits, places: int(of.sessions.slots), changed: of.changed.sessions}
	l.recent = rangePass{bits: recordBits, places: int(min(of.recent.limit, of.recent.next-1)), changed: of.changed.recent}
	of.changed = changes{sessions: make(compact.BitSet, 0, len(of.changed.sessions))}
	for _, kind := range [...]chunkKind{kindRecent, kindSessions} {
		p := l.pass(kind)
		parts := rangesOf(p.places, p.bits)
		p.plans = make([]plan, parts)
		for part := range p.plans {
			layers := layersOf(c.was[kind], part*len(c.lanes)+int(of.number))
			turn := part*turns/parts == c.e.passes%turns
			if kind == kindRecent {
				p.plans[part] = p.planRange(part, layers)
			} else {
				p.plans[part] = p.planSessions(part, layers, turn)
			}
		}
	}
}

// layersOf returns how many layers range n has.
func layersOf(stored []chunkRange, n int) int {
	if n < len(stored) {
		return len(stored[n].layers)
	}
	return 0
}

func (p *rangePass) planRange(part, layers int) plan {
	if layers > 0 && !p.changed.Has(part) {
		return planKept
	}
	return planWhole
}

func (p *rangePass) planSessions(part, layers int, turn bool) plan {
	changed := p.changed.Count(part<<p.bits, p.rangeEnd(part))
	switch {
	case layers == 0 || layers >= maxLayers:
		return planWhole
	case changed == 0:
		return planKept
	case turn || changed*wholePart >= p.rangeEnd(part)-part<<p.bits:
		return planWhole
	}
	return planChanged
}

// plan returns what is to be done with a range that the lane may not have.
func (p *rangePass) plan(part int) plan {
	if part < len(p.plans) {
		return p.plans[part]
	}
	return planNone
}

// rangeEnd is the place behind the last one of a range.
func (p *rangePass) rangeEnd(part int) int { return min((part+1)<<p.bits, p.places) }

// ahead reports whether place is to be written, has not been yet, and is not kept.
func (p *rangePass) ahead(place int) bool {
	if place < p.taken || place >= p.places || p.preimages.Has(place) {
		return false
	}
	plan := p.plans[place>>p.bits]
	return plan == planWhole || plan == planChanged && p.changed.Has(place)
}

func (l *laneCheckpoint) pass(kind chunkKind) *rangePass {
	if kind == kindRecent {
		return &l.recent
	}
	return &l.sessions
}

// saveSession keeps the session in slot as it is, unless that is known.
func (l *laneCheckpoint) saveSession(slot uint32) {
	if l.sessions.ahead(int(slot)) {
		l.sessions.preimages.Put(int(slot), func(buf []byte) []byte { return l.of.sessions.appendSlot(buf, slot, l.basis) })
	}
}

// saveFree keeps that slot was free, unless something else is known.
func (l *laneCheckpoint) saveFree(slot uint32) {
	if l.sessions.ahead(int(slot)) {
		l.sessions.preimages.Put(int(slot), func(buf []byte) []byte { return append(buf, sessionFree) })
	}
}

// saveRecord keeps the record at position as it is, unless that is known.
func (l *laneCheckpoint) saveRecord(position uint64) {
	r := &l.of.recent
	if index := r.index(position); position < l.basis.next && l.recent.ahead(index) && r.at(position) != nil {
		l.recent.preimages.Put(index, func(buf []byte) []byte { return r.appendAt(buf, position, l.basis.at) })
	}
}

// placesAtOnce are how many places of a range fill looks at: so few that nobody
// waits long for the lane. Tests have fewer.
var placesAtOnce = 1 << 7

// fill adds a little of a range to a chunk. full: there is no more to be added.
func (l *laneCheckpoint) fill(buf []byte, kind chunkKind, part int) (_ []byte, full bool) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	p := l.pass(kind)
	plan, end := p.plan(part), p.rangeEnd(part)
	if len(buf) == 0 {
		buf = l.beginChunk(buf, kind, part)
		p.taken = max(p.taken, part<<p.bits)
	}
	for left := placesAtOnce; p.taken < end && left > 0 && len(buf) < maxChunkBytes; left-- {
		if plan == planChanged {
			if p.taken = p.changed.Next(p.taken, end); p.taken == end {
				break
			}
		}
		buf = l.appendPlace(buf, kind, p.taken, plan)
		p.taken++
	}
	return buf, p.taken == end || len(buf) >= maxChunkBytes
}

// beginChunk begins a chunk of one range: with what its instants and positions
// are distances from.
func (l *laneCheckpoint) beginChunk(buf []byte, kind chunkKind, part int) []byte {
	buf = binary.AppendVarint(wire.Begin(buf), l.basis.at)
	if kind == kindSessions {
		l.last = part<<l.sessions.bits - 1
		buf = binary.AppendUvarint(buf, l.basis.next)
	}
	return buf
}

// appendPlace appends what was at place when the pass began.
func (l *laneCheckpoint) appendPlace(buf []byte, kind chunkKind, place int, plan plan) []byte {
	if kind == kindRecent {
		if rec, saved := l.recent.preimages.Get(place); saved {
			return append(buf, rec...)
		}
		return l.of.recent.appendAt(buf, l.of.recent.positionAt(place, l.basis.next), l.basis.at)
	}
	session, saved := l.sessions.preimages.Get(place)
	if !saved {
		l.scratch = l.of.sessions.appendSlot(l.scratch[:0], uint32(place), l.basis)
		session = l.scratch
	}
	if session[0] == sessionFree && plan == planWhole {
		return buf
	}
	buf = appendSession(buf, place-l.last, session)
	l.last = place
	return buf
}
