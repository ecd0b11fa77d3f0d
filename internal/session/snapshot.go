package session

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
)

// Checkpoint is one pass over what an Engine knew when it began. Facts may go
// on between two calls: what they change is kept as it was until it has been
// taken. Not safe for concurrent use with the engine: the caller holds the
// engine's lock around each call and may let go of it between two.
type Checkpoint struct {
	e     *Engine
	head  head
	lanes []laneCheckpoint
	// Ranges of the other kinds are small: they were read when the checkpoint
	// began.
	small []smallRange

	kind chunkKind // of the range that is being written; kindHead: the head
	n    int       // its number: the lanes' first ranges, then their second...
	done bool
}

// laneCheckpoint is the part of a pass that concerns one lane.
type laneCheckpoint struct {
	c *Checkpoint
	*lane
	changed changes // the ranges that are to be written

	// records and slots are how many there were. Those in front of takenRecords
	// and takenSlots have been taken.
	next                     uint64
	records, slots           int
	takenRecords, takenSlots int
	// Those behind it that have changed meanwhile, as they were: records by
	// place, and sessions by slot, nothing for a free one.
	savedRecords, savedSessions saved
	scratch                     []byte
}

// smallRange is a range that was read at once.
type smallRange struct {
	kind   chunkKind
	bodies [][]byte
}

// BeginCheckpoint begins a pass at now, on the collector's clock. One that is
// still under way is aborted.
func (e *Engine) BeginCheckpoint(now int64) *Checkpoint {
	if e.checkpoint != nil {
		e.checkpoint.Abort()
	}
	e.decideLater()
	c := &Checkpoint{e: e, kind: kindRecent}
	c.head = head{
		keyID: e.cfg.KeyID, at: now, observed: e.observed.Load(), ringLimit: e.lanes[0].recent.limit,
		restarted: e.restarted, tombFloor: e.tombs.floor, tombSlots: len(e.tombs.slots), authenticated: e.authenticated,
		blinds: slices.Clone(e.blinds),
	}
	e.each(func(l *lane) {
		c.head.lanes = append(c.head.lanes, headLane{l.cursor, l.recent.next, uint64(l.sessions.len())})
		c.lanes = append(c.lanes, laneCheckpoint{
			c: c, lane: l, changed: l.changed, next: l.recent.next,
			records: int(min(l.recent.limit, l.recent.next-1)), slots: int(l.sessions.slots),
		})
		l.changed = changes{}
	})
	c.head.policies = headPolicies(e.cfg.Policies)
	for kind, write := range [...]func(*parts){
		kindServices: e.writeServices, kindTombs: e.tombs.write, kindUsers: e.users.write, kindSuspects: e.writeSuspects,
	} {
		var p parts
		write(&p)
		c.small = append(c.small, smallRange{chunkKind(kind), p.bodies})
	}
	e.checkpoint = c
	return c
}

// Next returns the next chunk that changed since it was last stored; buf is
// used again for its value. ok is false at the end. A chunk is at most about
// 1 MiB, unless one session alone is larger. Each must be stored before the
// next checkpoint begins, and the head, which is the last, after all others.
func (c *Checkpoint) Next(buf []byte) (key string, value []byte, ok bool) {
	if c.done {
		return "", nil, false
	}
	for len(c.small) > 0 {
		if key, value, ok := c.nextSmall(buf); ok {
			return key, value, true
		}
	}
	for c.kind < kindHead {
		l, part := &c.lanes[c.n%len(c.lanes)], c.n/len(c.lanes)
		places, perChunk, changed, taken, write := l.slots, 1<<sessionBits, l.changed.sessions, &l.takenSlots, l.appendSession
		if c.kind == kindRecent {
			places, perChunk, changed, taken, write = l.records, 1<<recordBits, l.changed.recent, &l.takenRecords, l.appendRecord
		}
		ranges := &c.head.ranges[c.kind]
		end := min((part+1)*perChunk, places)
		switch {
		case part*perChunk >= c.most():
			c.kind, c.n = c.kind+1, 0
			continue
		case *taken >= end && len(*ranges) > c.n:
			c.n++ // all of it has been written
			continue
		}
		stored := c.e.stored[c.kind]
		known := c.n < len(stored)
		if known && !changed.has(part) {
			*ranges = append(*ranges, stored[c.n])
			*taken = max(*taken, end)
			c.n++
			continue
		}
		if len(*ranges) == c.n {
			*ranges = append(*ranges, chunkRange{side: c.side(c.kind, c.n)})
		}
		if *taken >= end { // this lane has less than others
			c.n++
			continue
		}
		value = beginChunk(buf)
		if c.kind == kindRecent {
			value = binary.AppendVarint(value, c.head.at) // what the instants of its records are distances from
		}
		for ; *taken < end && len(value) < maxChunkBytes; *taken++ {
			value = write(value, *taken)
		}
		return c.seal(c.kind, c.n, value)
	}
	c.done = true
	value = c.head.append(beginChunk(buf))
	sealChunk(value, headKey, kindHead)
	return headKey, value, true
}

// most is how many places of the kind that is being written one lane has at
// most.
func (c *Checkpoint) most() (n int) {
	for i := range c.lanes {
		if c.kind == kindRecent {
			n = max(n, c.lanes[i].records)
		} else {
			n = max(n, c.lanes[i].slots)
		}
	}
	return n
}

// seal adds a chunk to the range that is being written.
func (c *Checkpoint) seal(kind chunkKind, n int, value []byte) (string, []byte, bool) {
	r := &c.head.ranges[kind][n]
	key := chunkKey(kind, n, len(r.parts), r.side)
	r.parts = append(r.parts, sealChunk(value, key, kind))
	return key, value, true
}

var sumSeed = maphash.MakeSeed()

// nextSmall writes the next body of what was read when the checkpoint began, if
// it is another than what is stored.
func (c *Checkpoint) nextSmall(buf []byte) (key string, value []byte, ok bool) {
	s := &c.small[0]
	if len(c.head.ranges[s.kind]) == 0 {
		var sum maphash.Hash
		sum.SetSeed(sumSeed)
		for _, body := range s.bodies {
			sum.Write(body)
		}
		r := chunkRange{sum: max(sum.Sum64(), 1), side: c.side(s.kind, 0)}
		if stored := c.e.stored[s.kind]; len(stored) > 0 {
			if stored[0].sum == r.sum && len(stored[0].parts) == len(s.bodies) {
				c.head.ranges[s.kind] = stored
				c.small = c.small[1:]
				return "", nil, false
			}
		}
		c.head.ranges[s.kind] = []chunkRange{r}
	}
	if len(s.bodies) == 0 {
		c.small = c.small[1:]
		return "", nil, false
	}
	value = append(beginChunk(buf), s.bodies[0]...)
	s.bodies = s.bodies[1:]
	return c.seal(s.kind, 0, value)
}

// Commit says that everything was stored.
func (c *Checkpoint) Commit() {
	if c.e.checkpoint != c {
		return
	}
	if !c.done {
		c.Abort()
		return
	}
	c.e.stored, c.e.checkpoint = c.head.ranges, nil
	c.e.doubtful = [kindCount][]uint64{}
}

// Abort says that not everything was stored, or that it is not known: what was
// taken counts as changed again.
func (c *Checkpoint) Abort() {
	if c.e.checkpoint != c {
		return
	}
	if c.done { // the head may have been stored
		for kind, ranges := range c.head.ranges {
			doubtful := &c.e.doubtful[kind]
			for n := range ranges {
				if n == len(*doubtful) {
					*doubtful = append(*doubtful, 0)
				}
				(*doubtful)[n] |= 1 << ranges[n].side
			}
		}
	}
	for i := range c.lanes {
		l := &c.lanes[i]
		l.lane.changed.sessions.add(l.changed.sessions)
		l.lane.changed.recent.add(l.changed.recent)
	}
	c.e.checkpoint, c.done = nil, true
}

// side returns where range n of kind can go without taking the place of what a
// stored head names.
func (c *Checkpoint) side(kind chunkKind, n int) uint8 {
	var taken uint64
	if n < len(c.e.stored[kind]) {
		taken = 1 << c.e.stored[kind][n].side
	}
	if n < len(c.e.doubtful[kind]) && taken|c.e.doubtful[kind][n] != ^uint64(0) {
		taken |= c.e.doubtful[kind][n]
	}
	return uint8(bits.TrailingZeros64(^taken))
}

// writes reports whether part of what l has of kind is still to be written.
func (l *laneCheckpoint) writes(kind chunkKind, part int, changed bitset) bool {
	return changed.has(part) || part*len(l.c.lanes)+int(l.number) >= len(l.c.e.stored[kind])
}

// saveSession keeps the session in slot as it is, unless that is known.
func (l *laneCheckpoint) saveSession(slot uint32) {
	if int(slot) < l.takenSlots || int(slot) >= l.slots || !l.writes(kindSessions, int(slot>>sessionBits), l.changed.sessions) {
		return
	}
	if !l.savedSessions.has(int(slot)) {
		l.savedSessions.put(int(slot), func(buf []byte) []byte { return l.sessions.appendSlot(buf, slot) })
	}
}

// saveFree keeps that slot was free, unless something else is known.
func (l *laneCheckpoint) saveFree(slot uint32) {
	if int(slot) < l.takenSlots || int(slot) >= l.slots {
		return
	}
	if !l.savedSessions.has(int(slot)) {
		l.savedSessions.put(int(slot), func(buf []byte) []byte { return buf })
	}
}

// saveRecord keeps the record at position as it is, unless that is known.
func (l *laneCheckpoint) saveRecord(position uint64) {
	index := l.recent.index(position)
	if index < l.takenRecords || position >= l.next || l.recent.at(position) == nil ||
		!l.writes(kindRecent, index>>recordBits, l.changed.recent) {
		return
	}
	if !l.savedRecords.has(index) {
		l.savedRecords.put(index, func(buf []byte) []byte { return l.recent.appendAt(buf, position, l.c.head.at) })
	}
}

// appendSession appends the session that was in slot when the pass began.
func (l *laneCheckpoint) appendSession(buf []byte, slot int) []byte {
	session, saved := l.savedSessions.get(slot)
	if !saved {
		l.scratch = l.sessions.appendSlot(l.scratch[:0], uint32(slot))
		session = l.scratch
	}
	if len(session) == 0 {
		return buf
	}
	return appendSession(buf, uint32(slot), session)
}

// appendRecord appends the record that was at index when the pass began.
func (l *laneCheckpoint) appendRecord(buf []byte, index int) []byte {
	if rec, saved := l.savedRecords.get(index); saved {
		return append(buf, rec...)
	}
	return l.recent.appendAt(buf, l.recent.positionAt(index, l.next), l.c.head.at)
}
