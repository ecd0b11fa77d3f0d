package session

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// Checkpoint is one pass over what an Engine knew when it began. Facts may go
// on between two calls: what they change is kept as it was until it has been
// taken. Not safe for concurrent use with itself.
type Checkpoint struct {
	e        *Engine
	manifest manifest
	shards   []shardCheckpoint
	// ranged are the passes over the kinds that have nothing to do with shards.
	ranged [kindCount]*rangedPass
	// The other kinds are small: they were read when the checkpoint began.
	small    []smallRange
	compared bool
	was      [kindCount][]chunkRange // stored when it began

	kind chunkKind // of the range that is being written; kindManifest: the manifest
	n    int       // its number: the shards' first ranges, then their second...
	done bool
}

// smallRange is all of a kind that was read at once.
type smallRange struct {
	kind   chunkKind
	bodies [][]byte
}

func (e *Engine) beginCheckpoint(now int64) *Checkpoint {
	if e.checkpoint != nil {
		e.checkpoint.abort()
	}
	c := &Checkpoint{e: e, was: e.stored}
	c.manifest = manifest{
		keyID: e.cfg.KeyID, at: now, observed: e.observed.Load(), ringLimit: e.shards[0].recent.limit,
		restarted: e.restarted, tombstoneFloor: e.tombstones.oldestKnown, authenticated: e.authenticated, watched: slices.Clone(e.watched),
		blinds: slices.Clone(e.blinds), policies: manifestPolicies(e.cfg.Policies),
	}
	c.shards = make([]shardCheckpoint, len(e.shards))
	e.each(func(l *shard) {
		c.manifest.shards = append(c.manifest.shards, manifestShard{l.cursor, l.recent.next, uint64(l.sessions.len()), uint64(l.sessions.slots), l.recent.gone})
		c.shards[l.number].begin(c, l)
	})
	e.passes++
	for _, x := range [...]struct {
		kind  chunkKind
		write func(*parts)
	}{
		{kindServices, e.writeServices},
		{kindGenerations, e.tombstones.displaced.write},
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
		{kindTombstones, e.tombstones.beginPass},
		{kindUsers, e.users.beginPass},
		{kindCallers, e.callers.beginPass},
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
// next checkpoint begins, and the manifest, which is the last, after all others.
//
// It holds the engine's lock again and again for a little, and whoever waits for that
// comes first.
func (c *Checkpoint) Next(buf []byte) (key string, value []byte, ok bool) {
	c.compare()
	buf = buf[:0]
	for full := false; !full; runtime.Gosched() {
		buf, full = c.holdFill(buf)
	}
	return c.seal(buf)
}

func (c *Checkpoint) holdFill(buf []byte) (_ []byte, full bool) {
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	return c.fill(buf)
}

// compare finds out what of the small kinds changed. It needs no lock.
func (c *Checkpoint) compare() {
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
		r := chunkRange{deltas: []delta{{copy: c.freeCopy(s.kind, 0)}}, sum: max(sum.Sum64(), 1)}
		same := len(was.deltas) > 0 && was.sum == r.sum && len(was.deltas[0].parts) == len(s.bodies)
		if same {
			r = was
		}
		c.manifest.ranges[s.kind] = append(c.manifest.ranges[s.kind], r)
		return same || len(s.bodies) == 0
	})
}

var sumSeed = maphash.MakeSeed()

// fill adds a little to the next chunk, which begins empty, in the memory of buf.
// full: there is no more to be added. The engine's lock may be shared.
func (c *Checkpoint) fill(buf []byte) (_ []byte, full bool) {
	c.compare()
	for !c.done && len(c.small) == 0 && c.kind < kindManifest {
		if c.n >= c.rangesOf(c.kind) {
			c.kind, c.n = c.kind+1, 0
			continue
		}
		p, part := c.pass()
		action := p.action(part)
		if ranges := &c.manifest.ranges[c.kind]; len(*ranges) == c.n {
			*ranges = append(*ranges, c.planned(action))
		}
		if action > actionKeep {
			if ranged := c.ranged[c.kind]; ranged != nil {
				return ranged.fill(buf, part)
			}
			return c.shards[c.n%len(c.shards)].fill(buf, c.kind, part)
		}
		c.n++
	}
	return buf[:0], true
}

// rangesOf is how many ranges of a kind there are that is not small: as many of each
// shard as one has at most.
func (c *Checkpoint) rangesOf(kind chunkKind) (n int) {
	switch {
	case c.ranged[kind] != nil:
		return len(c.ranged[kind].actions)
	case kind != kindRecent && kind != kindSessions:
		return 0
	}
	for i := range c.shards {
		n = max(n, len(c.shards[i].pass(kind).actions))
	}
	return n * len(c.shards)
}

// pass returns the pass that the range which is being written belongs to, and which
// of its ranges that is.
func (c *Checkpoint) pass() (p *rangePass, part int) {
	if ranged := c.ranged[c.kind]; ranged != nil {
		return &ranged.rangePass, c.n
	}
	return c.shards[c.n%len(c.shards)].pass(c.kind), c.n / len(c.shards)
}

// planned begins what the manifest says of the range that is to be written next.
func (c *Checkpoint) planned(action action) (r chunkRange) {
	switch action {
	case actionKeep:
		return c.was[c.kind][c.n]
	case actionDelta:
		r.deltas = slices.Clone(c.was[c.kind][c.n].deltas)
	case actionNone:
		return r
	}
	r.deltas = append(r.deltas, delta{copy: c.freeCopy(c.kind, c.n)})
	return r
}

// seal completes the chunk that fill has filled. It needs no lock.
// ok is false at the end.
func (c *Checkpoint) seal(chunk []byte) (key string, value []byte, ok bool) {
	switch {
	case c.done:
		return "", nil, false
	case len(c.small) > 0:
		s := &c.small[0]
		key, value = c.sealPart(s.kind, 0, append(wire.Begin(chunk), s.bodies[0]...))
		if s.bodies = s.bodies[1:]; len(s.bodies) == 0 {
			c.small = c.small[1:]
		}
		return key, value, true
	case c.kind < kindManifest:
		n := c.n
		if p, part := c.pass(); p.taken >= p.rangeEnd(part) {
			c.n++
		}
		key, value = c.sealPart(c.kind, n, chunk)
		return key, value, true
	}
	c.done = true
	value = c.manifest.append(wire.Begin(chunk))
	sealChunk(value, manifestKey, kindManifest)
	return manifestKey, value, true
}

// Sealed reports whether the chunk that was sealed last is the manifest, behind which
// there is nothing.
func (c *Checkpoint) Sealed() bool { return c.done }

// sealPart makes chunk the next part of the newest delta of range n.
func (c *Checkpoint) sealPart(kind chunkKind, n int, chunk []byte) (string, []byte) {
	r := &c.manifest.ranges[kind][n]
	newest := &r.deltas[len(r.deltas)-1]
	key := chunkKey(kind, n, len(newest.parts), newest.copy)
	newest.parts = append(newest.parts, sealChunk(chunk, key, kind))
	return key, chunk
}

// Commit says that everything was stored.
func (c *Checkpoint) Commit() {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.commit()
}

// Abort says that not everything was stored, or that it is not known: what was
// taken counts as changed again.
func (c *Checkpoint) Abort() {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.abort()
}

func (c *Checkpoint) commit() {
	if c.e.checkpoint != c {
		return
	}
	if !c.done {
		c.abort()
		return
	}
	c.end(true)
	c.e.stored = c.manifest.ranges
	c.e.doubtful = [kindCount][]uint64{}
}

// Needless returns the keys of what was stored before, and is not needed any more
// once Commit has been called.
func (c *Checkpoint) Needless() (keys []string) {
	for kind, ranges := range c.was {
		for n := range ranges {
			var used uint64
			if n < len(c.manifest.ranges[kind]) {
				used = c.manifest.ranges[kind][n].copies()
			}
			for _, l := range ranges[n].deltas {
				for part := range l.parts {
					if used&(1<<l.copy) == 0 {
						keys = append(keys, chunkKey(chunkKind(kind), n, part, l.copy))
					}
				}
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func (c *Checkpoint) abort() {
	if c.e.checkpoint != c {
		return
	}
	if c.done { // the manifest may have been stored
		for kind, ranges := range c.manifest.ranges {
			doubtful := &c.e.doubtful[kind]
			for n := range ranges {
				if n == len(*doubtful) {
					*doubtful = append(*doubtful, 0)
				}
				(*doubtful)[n] |= ranges[n].copies()
			}
		}
	}
	for i := range c.shards {
		l := &c.shards[i]
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

// freeCopy returns where range n of kind can go without taking the place of what a
// stored manifest names.
func (c *Checkpoint) freeCopy(kind chunkKind, n int) uint8 {
	var taken uint64
	if n < len(c.was[kind]) {
		taken = c.was[kind][n].copies()
	}
	if n < len(c.e.doubtful[kind]) && taken|c.e.doubtful[kind][n] != ^uint64(0) {
		taken |= c.e.doubtful[kind][n]
	}
	return uint8(bits.TrailingZeros64(^taken))
}
