package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// shardCheckpoint is the part of a pass that concerns one shard.
type shardCheckpoint struct {
	of               *shard
	base             base
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
	actions []action       // of each range
	changed compact.BitSet // sessions that changed, of others ranges
	// preimages are those behind taken that have changed meanwhile, as they were.
	preimages compact.Preimages
}

// action is what is to be done with a range.
type action uint8

const (
	actionNone  action = iota // there is nothing
	actionKeep                // what is stored is right
	actionDelta               // what changed is to be written
	actionWhole
)

const (
	// fullEvery is how many passes come until a range that changes is written whole
	// once more: one has its turn after the other, so that all passes cost the
	// same, and what changed is read back from few deltas.
	fullEvery = 8
	// maxDeltas is how many deltas a range has at most.
	maxDeltas = fullEvery + 2
	// wholePart: where one part in so many has changed, the rest is written, too.
	wholePart = 2
)

// begin begins the pass over l.
func (l *shardCheckpoint) begin(c *Checkpoint, of *shard) {
	l.of, l.base = of, base{c.manifest.at, of.recent.next}
	l.sessions = rangePass{bits: sessionBits, places: int(of.sessions.slots), changed: of.changed.sessions}
	l.recent = rangePass{bits: recordBits, places: int(min(of.recent.limit, of.recent.next-1)), changed: of.changed.recent}
	of.changed = changes{sessions: make(compact.BitSet, 0, len(of.changed.sessions))}
	for _, kind := range [...]chunkKind{kindRecent, kindSessions} {
		p := l.pass(kind)
		parts := rangesOf(p.places, p.bits)
		p.actions = make([]action, parts)
		for part := range p.actions {
			deltas := deltasOf(c.was[kind], part*len(c.shards)+int(of.number))
			wholeTurn := part*fullEvery/parts == c.e.passes%fullEvery
			if kind == kindRecent {
				p.actions[part] = p.actionForRange(part, deltas)
			} else {
				p.actions[part] = p.actionForSessions(part, deltas, wholeTurn)
			}
		}
	}
}

// deltasOf returns how many deltas range n has.
func deltasOf(stored []chunkRange, n int) int {
	if n < len(stored) {
		return len(stored[n].deltas)
	}
	return 0
}

func (p *rangePass) actionForRange(part, deltas int) action {
	if deltas > 0 && !p.changed.Has(part) {
		return actionKeep
	}
	return actionWhole
}

func (p *rangePass) actionForSessions(part, deltas int, wholeTurn bool) action {
	changed := p.changed.Count(part<<p.bits, p.rangeEnd(part))
	switch {
	case deltas == 0 || deltas >= maxDeltas:
		return actionWhole
	case changed == 0:
		return actionKeep
	case wholeTurn || changed*wholePart >= p.rangeEnd(part)-part<<p.bits:
		return actionWhole
	}
	return actionDelta
}

// action returns what is to be done with a range that the shard may not have.
func (p *rangePass) action(part int) action {
	if part < len(p.actions) {
		return p.actions[part]
	}
	return actionNone
}

// rangeEnd is the place behind the last one of a range.
func (p *rangePass) rangeEnd(part int) int { return min((part+1)<<p.bits, p.places) }

// ahead reports whether place is to be written, has not been yet, and is not kept.
func (p *rangePass) ahead(place int) bool {
	if place < p.taken || place >= p.places || p.preimages.Has(place) {
		return false
	}
	action := p.actions[place>>p.bits]
	return action == actionWhole || action == actionDelta && p.changed.Has(place)
}

func (l *shardCheckpoint) pass(kind chunkKind) *rangePass {
	if kind == kindRecent {
		return &l.recent
	}
	return &l.sessions
}

// saveSession keeps the session in slot as it is, unless that is known.
func (l *shardCheckpoint) saveSession(slot uint32) {
	if l.sessions.ahead(int(slot)) {
		l.sessions.preimages.Put(int(slot), func(buf []byte) []byte { return l.of.sessions.appendSlot(buf, slot, l.base) })
	}
}

// saveFree keeps that slot was free, unless something else is known.
func (l *shardCheckpoint) saveFree(slot uint32) {
	if l.sessions.ahead(int(slot)) {
		l.sessions.preimages.Put(int(slot), func(buf []byte) []byte { return append(buf, sessionFree) })
	}
}

// saveRecord keeps the record at position as it is, unless that is known.
func (l *shardCheckpoint) saveRecord(position uint64) {
	r := &l.of.recent
	if index := r.index(position); position < l.base.next && l.recent.ahead(index) && r.at(position) != nil {
		l.recent.preimages.Put(index, func(buf []byte) []byte { return r.appendAt(buf, position, l.base.at) })
	}
}

// placesAtOnce are how many places of a range fill looks at: so few that nobody
// waits long for the shard. Tests have fewer.
var placesAtOnce = 1 << 7

// fill adds a little of a range to a chunk. full: there is no more to be added.
func (l *shardCheckpoint) fill(buf []byte, kind chunkKind, part int) (_ []byte, full bool) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	p := l.pass(kind)
	action, end := p.action(part), p.rangeEnd(part)
	if len(buf) == 0 {
		buf = l.beginChunk(buf, kind, part)
		p.taken = max(p.taken, part<<p.bits)
	}
	for left := placesAtOnce; p.taken < end && left > 0 && len(buf) < maxChunkBytes; left-- {
		if action == actionDelta {
			if p.taken = p.changed.Next(p.taken, end); p.taken == end {
				break
			}
		}
		buf = l.appendPlace(buf, kind, p.taken, action)
		p.taken++
	}
	return buf, p.taken == end || len(buf) >= maxChunkBytes
}

// beginChunk begins a chunk of one range: with what its instants and positions
// are distances from.
func (l *shardCheckpoint) beginChunk(buf []byte, kind chunkKind, part int) []byte {
	buf = binary.AppendVarint(wire.Begin(buf), l.base.at)
	if kind == kindSessions {
		l.last = part<<l.sessions.bits - 1
		buf = binary.AppendUvarint(buf, l.base.next)
	}
	return buf
}

// appendPlace appends what was at place when the pass began.
func (l *shardCheckpoint) appendPlace(buf []byte, kind chunkKind, place int, action action) []byte {
	if kind == kindRecent {
		if rec, preimaged := l.recent.preimages.Get(place); preimaged {
			return append(buf, rec...)
		}
		return l.of.recent.appendAt(buf, l.of.recent.positionAt(place, l.base.next), l.base.at)
	}
	session, preimaged := l.sessions.preimages.Get(place)
	if !preimaged {
		l.scratch = l.of.sessions.appendSlot(l.scratch[:0], uint32(place), l.base)
		session = l.scratch
	}
	if session[0] == sessionFree && action == actionWhole {
		return buf
	}
	buf = appendSession(buf, place-l.last, session)
	l.last = place
	return buf
}
