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

// Before anything changes a session or a recent record it says so here: what
// changed is stored again, and a checkpoint that is under way keeps what was.

// changes are what changed since it was last stored: sessions by slot, and recent
// records by range.
type changes struct{ sessions, recent compact.BitSet }

// touch must be called before t changes.
func (e *Engine) touch(t *timeline) { e.touchSlot(t.shard, t.slot) }

// touchSlot must be called before the session in slot changes.
func (e *Engine) touchSlot(l *shard, slot uint32) {
	l.changed.sessions.Set(int(slot))
	if e.checkpoint != nil {
		e.checkpoint.shards[l.number].saveSession(slot)
	}
}

// touchNew must be called when a session has been given slot.
func (e *Engine) touchNew(l *shard, slot uint32) {
	l.changed.sessions.Set(int(slot))
	if e.checkpoint != nil {
		e.checkpoint.shards[l.number].saveFree(slot)
	}
}

// touchRecord must be called before r, or the record that r is a copy of,
// changes or gives up its place.
func (e *Engine) touchRecord(r *record) {
	if r.position == 0 {
		return // it has no place yet
	}
	if r.state&suspected != 0 {
		if s := e.suspectOf(r); s != nil {
			e.suspects.touchOne(s)
		}
	}
	e.touchPosition(e.shardOf(r.session), r.position)
}

// touchPosition must be called before the record at position changes or gives up
// its place.
func (e *Engine) touchPosition(l *shard, position uint64) {
	if l.recent.next-position > l.recent.limit {
		return // it has given it up
	}
	l.changed.recent.Set(l.recent.index(position) >> recordBits)
	if e.checkpoint != nil {
		e.checkpoint.shards[l.number].saveRecord(position)
	}
}
