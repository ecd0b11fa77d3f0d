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
	// ranged are the passes over the kinds that have nothing to do with lanes.
	ranged [kindCount]*rangedPass
	// The other kinds are small: they were read when the checkpoint began.
	small    []smallRange
	compared bool
	was      [kindCount][]chunkRange // stored when it began

	kind chunkKind // of the range that is being written; kindHead: the head
	n    int       // its number: the lanes' first ranges, then their second...
	done bool
}

// smallRange is all of a kind that was read at once.
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
	e.work.allow(workOfHold)
	e.decideLater() // what is left measures no silence, should this be restored
	c := &Checkpoint{e: e, was: e.stored}
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
	for _, x := range [...]struct {
		kind  chunkKind
		write func(*parts)
	}{
		{kindServices, e.writeServices},
		{kindGenerations, e.tombstones.displaced.write},
		{kindOut, e.writeOut},
	} {
		var p parts
		x.write(&p)
		c.small = append(c.small, smallRange{x.kind, p.bodies})
	}
	for _, x := range [...]struct {
		kind  chunkKind
		begin func(stored []chunkRange) *rangedPass
	}{
		{kindFingerprints, e.tombstones.displaced.beginPass},
		{kindTombs, e.tombstones.beginPass},
		{kindUsers, e.users.beginPass},
		{kindSuspects, e.suspects.beginPass},
		{kindFindings, e.findings.beginPass},
		{kindClosed, e.findings.closed.beginPass},
	} {
		c.ranged[x.kind] = x.begin(c.was[x.kind])
	}
	e.checkpoint = c
	return c
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
	c.small = slices.DeleteFunc(c.small, func(s smallRange) bool {
		var was chunkRange
		if len(c.was[s.kind]) > 0 {
			was = c.was[s.kind][0]
		}
		var sum maphash.Hash
		sum.SetSeed(sumSeed)
		for _, body := range s.bodies {
			sum.Write(body)
		}
		r := chunkRange{layers: []layer{{side: c.side(s.kind, 0)}}, sum: max(sum.Sum64(), 1)}
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
		if c.n >= c.rangesOf(c.kind) {
			c.kind, c.n = c.kind+1, 0
			continue
		}
		p, part := c.pass()
		plan := p.plan(part)
		if ranges := &c.head.ranges[c.kind]; len(*ranges) == c.n {
			*ranges = append(*ranges, c.planned(plan))
		}
		if plan > planKept {
			if ranged := c.ranged[c.kind]; ranged != nil {
				return ranged.fill(buf, part)
			}
			return c.lanes[c.n%len(c.lanes)].fill(buf, c.kind, part)
		}
		c.n++
	}
	return buf[:0], true
}

// rangesOf is how many ranges of a kind there are that is not small: as many of each
// lane as one has at most.
func (c *Checkpoint) rangesOf(kind chunkKind) (n int) {
	switch {
	case c.ranged[kind] != nil:
		return len(c.ranged[kind].plans)
	case kind != kindRecent && kind != kindSessions:
		return 0
	}
	for i := range c.lanes {
		n = max(n, len(c.lanes[i].pass(kind).plans))
	}
	return n * len(c.lanes)
}

// pass returns the pass that the range which is being written belongs to, and which
// of its ranges that is.
func (c *Checkpoint) pass() (p *rangePass, part int) {
	if ranged := c.ranged[c.kind]; ranged != nil {
		return &ranged.rangePass, c.n
	}
	return c.lanes[c.n%len(c.lanes)].pass(c.kind), c.n / len(c.lanes)
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
		key, value = c.seal(s.kind, 0, append(wire.Begin(chunk), s.bodies[0]...))
		if s.bodies = s.bodies[1:]; len(s.bodies) == 0 {
			c.small = c.small[1:]
		}
		return key, value, true
	case c.kind < kindHead:
		n := c.n
		if p, part := c.pass(); p.taken >= p.rangeEnd(part) {
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
	c.end(true)
	c.e.stored = c.head.ranges
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
		l.of.changed.sessions.Add(l.sessions.changed)
		l.of.changed.recent.Add(l.recent.changed)
	}
	c.end(false)
	c.done = true
}

// end ends the pass, of which all was stored or not.
func (c *Checkpoint) end(stored bool) {
	for _, p := range c.ranged {
		if p != nil {
			p.end(stored)
		}
	}
	c.e.checkpoint = nil
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
