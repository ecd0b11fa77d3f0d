package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// ranged is what checkpoints know of things of one kind that have places, numbers
// from 0 on: they write the ranges of which something changed, whole, a little at a
// time.
type ranged struct {
	bits    int            // places of a range, as a power of two
	changed compact.BitSet // ranges in which something changed since the last pass began
	pass    *rangedPass    // that is under way, or nil
}

// Places of one range of users, suspects and findings, as a power of two. Tests have
// fewer.
var placeBits = 10

// touch must be called before what is at place changes.
func (r *ranged) touch(place int) {
	r.changed.Set(place >> r.bits)
	if r.pass != nil {
		r.pass.save(place)
	}
}

// touchRanges says that all of so many places has to be written.
func (r *ranged) touchRanges(places int) { r.changed.SetAll(rangesOf(places, r.bits)) }

func rangesOf(places, bits int) int { return (places + 1<<bits - 1) >> bits }

// rangedPass is a pass over one kind.
type rangedPass struct {
	rangePass
	of    *ranged
	begun []byte // what a chunk begins with
	// write appends what is at a place, or nothing where nothing is.
	write func(buf []byte, place int) []byte
}

// beginRanges begins a pass over so many places.
func (r *ranged) beginRanges(places int, stored []chunkRange, begun []byte, write func(buf []byte, place int) []byte) *rangedPass {
	p := &rangedPass{rangePass: rangePass{bits: r.bits, places: places, changed: r.changed}, of: r, begun: begun, write: write}
	r.changed, r.pass = make(compact.BitSet, 0, len(r.changed)), p
	p.actions = make([]action, rangesOf(places, r.bits))
	for part := range p.actions {
		p.actions[part] = p.actionForRange(part, deltasOf(stored, part))
	}
	return p
}

// end ends the pass. Unless it was stored, what it took counts as changed again.
func (p *rangedPass) end(stored bool) {
	p.of.pass = nil
	if !stored {
		p.of.changed.Add(p.changed)
	}
}

// save keeps what is at place, unless that is known.
func (p *rangedPass) save(place int) {
	if p.ahead(place) {
		p.preimages.Put(place, func(buf []byte) []byte { return p.write(buf, place) })
	}
}

// fill adds a little of a range to a chunk. full: there is no more to be added.
func (p *rangedPass) fill(buf []byte, part int) (_ []byte, full bool) {
	if len(buf) == 0 {
		buf = append(wire.Begin(buf), p.begun...)
		p.taken = max(p.taken, part<<p.bits)
	}
	end := p.rangeEnd(part)
	for left := placesAtOnce; p.taken < end && left > 0 && len(buf) < maxChunkBytes; left-- {
		if value, preimaged := p.preimages.Get(p.taken); preimaged {
			buf = append(buf, value...)
		} else {
			buf = p.write(buf, p.taken)
		}
		p.taken++
	}
	return buf, p.taken == end || len(buf) >= maxChunkBytes
}

// placed are things that keep their places as long as they are there.
type placed[T any] struct {
	ranged
	items []*T
	free  []uint32
}

func newPlaced[T any]() placed[T] { return placed[T]{ranged: ranged{bits: placeBits}} }

// add gives x a place.
func (p *placed[T]) add(x *T) (place uint32) {
	if n := len(p.free); n > 0 {
		place, p.free = p.free[n-1], p.free[:n-1]
	} else {
		place = uint32(len(p.items))
		p.items = append(p.items, nil)
	}
	p.touch(int(place))
	p.items[place] = x
	return place
}

// remove takes what is at place away.
func (p *placed[T]) remove(place uint32) {
	p.touch(int(place))
	p.items[place] = nil
	p.free = append(p.free, place)
}

// beginPass begins a pass over all of them, each written by write.
func (p *placed[T]) beginPass(stored []chunkRange, write func(buf []byte, x *T) []byte) *rangedPass {
	return p.beginRanges(len(p.items), stored, nil, func(buf []byte, place int) []byte {
		if x := p.items[place]; x != nil {
			buf = write(buf, x)
		}
		return buf
	})
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

// placesAtOnce are how many places of a range fill looks at: so few that nobody
// waits long for the shard. Tests have fewer.
var placesAtOnce = 1 << 7
