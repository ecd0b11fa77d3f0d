package session

import (
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// Checkpoint is one pass over what an Engine knew when it began. Facts may go
// on between two calls: what they change is kept as it was until it has been
// taken. Not safe for concurrent use, and with the engine only where it says so:
// the caller holds the engine's lock around other calls and may let go of it
// between two.
type Checkpoint struct {
	e     *Engine
	head  head
	lanes []laneCheckpoint
	// buried is what was taken of the tombstones that changed.
	buried tombstonesChanged
	// Ranges of the other kinds are small: they were read when the checkpoint
	// began.
	small    []smallRange
	compared bool
	was      [kindCount][]chunkRange // stored when it began

	kind chunkKind // of the range that is being written; kindHead: the head
	n    int       // its number: the lanes' first ranges, then their second...
	done bool
}

// smallRange is a range that was read at once.
type smallRange struct {
	kind   chunkKind
	n      int
	bodies [][]byte
	write  func(*parts) // of bodies, where they are not there yet
	kept   bool         // it has not changed
}

// BeginCheckpoint begins a pass at now, on the collector's clock. One that is
// still under way is aborted.
func (e *Engine) BeginCheckpoint(now int64) *Checkpoint {
	if e.checkpoint != nil {
		e.checkpoint.Abort()
	}
	e.decideLater()
	c := &Checkpoint{e: e, kind: kindRecent, was: e.stored}
	c.head = head{
		keyID: e.cfg.KeyID, at: now, observed: e.observed.Load(), ringLimit: e.lanes[0].recent.limit,
		restarted: e.restarted, tombFloor: e.tombstones.floor, authenticated: e.authenticated,
		blinds: slices.Clone(e.blinds), policies: headPolicies(e.cfg.Policies),
	}
	c.lanes = make([]laneCheckpoint, len(e.lanes))
	e.each(func(l *lane) {
		c.head.lanes = append(c.head.lanes, headLane{l.cursor, l.recent.next, uint64(l.sessions.len()), uint64(l.sessions.slots), l.recent.gone})
		c.lanes[l.number].begin(c, l)
	})
	e.passes++
	for kind, write := range [...]func(*parts){
		kindServices: e.writeServices, kindTombs: nil, kindUsers: e.users.write, kindSuspects: e.writeSuspects,
	} {
		if kind == int(kindTombs) {
			c.buryChanged()
			continue
		}
		var p parts
		write(&p)
		c.small = append(c.small, smallRange{kind: chunkKind(kind), bodies: p.bodies})
	}
	e.checkpoint = c
	return c
}

// buryChanged takes what changed of the tombstones.
func (c *Checkpoint) buryChanged() {
	c.buried = c.e.tombstones.begin(len(c.was[kindTombs]) == 0, func(n int, write func(*parts)) {
		c.small = append(c.small, smallRange{kind: kindTombs, n: n, write: write, kept: write == nil})
	})
}

// Next returns the next chunk that changed since it was last stored; buf is
// used again for its value. ok is false at the end. A chunk is at most about
// 1 MiB, unless one session alone is larger. Each must be stored before the
// next checkpoint begins, and the head, which is the last, after all others.
//
// It is [Checkpoint.Fill] until that says so, and [Checkpoint.Seal].
func (c *Checkpoint) Next(buf []byte) (key string, value []byte, ok bool) {
	buf = buf[:0]
	for full := false; !full; {
		buf, full = c.Fill(buf)
	}
	return c.Seal(buf)
}

// Compare finds out what of the small kinds changed. Fill does it under the
// engine's lock where nobody has done it, without, before.
func (c *Checkpoint) Compare() {
	if c.compared {
		return
	}
	c.compared = true
	for i := range c.small {
		if s := &c.small[i]; s.write != nil {
			var p parts
			s.write(&p)
			s.bodies, s.write = p.bodies, nil
		}
	}
	c.small = slices.DeleteFunc(c.small, func(s smallRange) bool {
		var was chunkRange
		if s.n < len(c.was[s.kind]) {
			was = c.was[s.kind][s.n]
		}
		if s.kept {
			c.head.ranges[s.kind] = append(c.head.ranges[s.kind], was)
			return true
		}
		var sum maphash.Hash
		sum.SetSeed(sumSeed)
		for _, body := range s.bodies {
			sum.Write(body)
		}
		r := chunkRange{layers: []layer{{side: c.side(s.kind, s.n)}}, sum: max(sum.Sum64(), 1)}
		same := len(was.layers) > 0 && was.sum == r.sum && len(was.layers[0].parts) == len(s.bodies)
		if same {
			r = was
		}
		c.head.ranges[s.kind] = append(c.head.ranges[s.kind], r)
		return same || len(s.bodies) == 0
	})
}

var sumSeed = maphash.MakeSeed()

// Fill adds a little to the next chunk, which begins empty, in the memory of buf.
// full: there is no more to be added. It may be called concurrently with
// [Engine.ObserveReady].
func (c *Checkpoint) Fill(buf []byte) (_ []byte, full bool) {
	c.Compare()
	for !c.done && len(c.small) == 0 && c.kind < kindHead {
		l, part := &c.lanes[c.n%len(c.lanes)], c.n/len(c.lanes)
		if part >= c.parts() {
			c.kind, c.n = c.kind+1, 0
			continue
		}
		plan := l.pass(c.kind).plan(part)
		if ranges := &c.head.ranges[c.kind]; len(*ranges) == c.n {
			*ranges = append(*ranges, c.planned(plan))
		}
		if plan > planKept {
			return l.fill(buf, c.kind, part)
		}
		c.n++
	}
	return buf[:0], true
}

// parts is how many ranges of the kind that is being written one lane has at most.
func (c *Checkpoint) parts() (n int) {
	for i := range c.lanes {
		n = max(n, len(c.lanes[i].pass(c.kind).plans))
	}
	return n
}

// planned begins what the head says of the range that is to be written next.
func (c *Checkpoint) planned(plan plan) (r chunkRange) {
	switch plan {
	case planKept:
		return c.was[c.kind][c.n]
	case planChanged:
		r.layers = slices.Clone(c.was[c.kind][c.n].layers)
	case planNone:
		return r
	}
	r.layers = append(r.layers, layer{side: c.side(c.kind, c.n)})
	return r
}

// Seal completes the chunk that Fill has filled. The engine's lock is not needed.
// ok is false at the end.
func (c *Checkpoint) Seal(chunk []byte) (key string, value []byte, ok bool) {
	switch {
	case c.done:
		return "", nil, false
	case len(c.small) > 0:
		s := &c.small[0]
		key, value = c.seal(s.kind, s.n, append(wire.Begin(chunk), s.bodies[0]...))
		if s.bodies = s.bodies[1:]; len(s.bodies) == 0 {
			c.small = c.small[1:]
		}
		return key, value, true
	case c.kind < kindHead:
		n := c.n
		if p := c.lanes[n%len(c.lanes)].pass(c.kind); p.taken >= p.end(n/len(c.lanes)) {
			c.n++
		}
		key, value = c.seal(c.kind, n, chunk)
		return key, value, true
	}
	c.done = true
	value = c.head.append(wire.Begin(chunk))
	sealChunk(value, headKey, kindHead)
	return headKey, value, true
}

// Sealed reports whether the chunk that was sealed last is the head, behind which
// there is nothing.
func (c *Checkpoint) Sealed() bool { return c.done }

// seal makes chunk the next part of the newest layer of range n.
func (c *Checkpoint) seal(kind chunkKind, n int, chunk []byte) (string, []byte) {
	r := &c.head.ranges[kind][n]
	newest := &r.layers[len(r.layers)-1]
	key := chunkKey(kind, n, len(newest.parts), newest.side)
	newest.parts = append(newest.parts, sealChunk(chunk, key, kind))
	return key, chunk
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

// Needless returns the keys of what was stored before, and is not needed any more
// once Commit has been called. The engine's lock is not needed.
func (c *Checkpoint) Needless() (keys []string) {
	for kind, ranges := range c.was {
		for n := range ranges {
			var used uint64
			if n < len(c.head.ranges[kind]) {
				used = c.head.ranges[kind][n].sides()
			}
			for _, l := range ranges[n].layers {
				for part := range l.parts {
					if used&(1<<l.side) == 0 {
						keys = append(keys, chunkKey(chunkKind(kind), n, part, l.side))
					}
				}
			}
		}
	}
	slices.Sort(keys)
	return keys
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
				(*doubtful)[n] |= ranges[n].sides()
			}
		}
	}
	for i := range c.lanes {
		l := &c.lanes[i]
		l.of.changed.sessions.add(l.sessions.changed)
		l.of.changed.recent.add(l.recent.changed)
	}
	c.e.tombstones.unstored(c.buried)
	c.e.checkpoint, c.done = nil, true
}

// side returns where range n of kind can go without taking the place of what a
// stored head names.
func (c *Checkpoint) side(kind chunkKind, n int) uint8 {
	var taken uint64
	if n < len(c.was[kind]) {
		taken = c.was[kind][n].sides()
	}
	if n < len(c.e.doubtful[kind]) && taken|c.e.doubtful[kind][n] != ^uint64(0) {
		taken |= c.e.doubtful[kind][n]
	}
	return uint8(bits.TrailingZeros64(^taken))
}
