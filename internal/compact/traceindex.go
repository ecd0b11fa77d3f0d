package compact

import "math/bits"

// TraceIndex leads from the hash of a trace to its newest recent record. It is
// one array without pointers: a slot holds a position and a few bits of the
// hash, and is free again when its record can no longer be reached. A hash is
// found in its own bucket, or, where that has been too small, in one of the few
// behind it. Of positions only the low bits are kept: the window tells which one
// is meant.
type TraceIndex struct{ buckets []traceBucket }

// traceBucket is one cache line.
type traceBucket struct {
	tags      [bucketSlots / 4]uint64 // 16 bits each
	positions [bucketSlots]uint32     // 0: none
	// passed is the newest position that went on to the next bucket.
	passed uint32
	turn   uint32 // the slot that is probably free
	_      [2]uint32
}

const (
	bucketSlots = 8
	maxBuckets  = 4 // that are looked through
)

// Window are the positions that can be reached: so many in front of next.
type Window struct{ Next, Reach uint32 }

// Holds reports whether the position that has low as its low bits can be
// reached.
func (w Window) Holds(low uint32) bool { return low != 0 && w.Next-low-1 < w.Reach }

// NewTraceIndex returns an index of so many records.
func NewTraceIndex(records int) TraceIndex {
	return TraceIndex{buckets: HugeSlice[traceBucket](max(maxBuckets, 2<<bits.Len(uint(records-1))/bucketSlots))}
}

func (x *TraceIndex) home(hash uint64) int { return int(hash & uint64(len(x.buckets)-1)) }

func (x *TraceIndex) after(bucket int) int { return (bucket + 1) & (len(x.buckets) - 1) }

// Get returns the newest position, or 0.
func (x *TraceIndex) Get(hash uint64, w Window) uint32 {
	if place, known := x.Find(hash, w); known {
		return x.At(place)
	}
	return 0
}

// Put makes position the newest and returns what was before, or 0.
func (x *TraceIndex) Put(hash, position uint64, w Window) (before uint32) {
	place, known := x.Find(hash, w)
	if known {
		before = x.At(place)
	}
	x.Set(place, hash, position)
	return before
}

// At returns the position at place.
func (x *TraceIndex) At(place int) uint32 {
	return x.buckets[place/bucketSlots].positions[place%bucketSlots]
}

// Set makes place, which Find returned, that of hash.
func (x *TraceIndex) Set(place int, hash, position uint64) {
	b := &x.buckets[place/bucketSlots]
	slot := uint(place % bucketSlots)
	tags, shift := &b.tags[slot/4], slot%4*16
	*tags = *tags&^(0xffff<<shift) | tag(hash)<<shift
	b.positions[slot], b.turn = uint32(position), uint32(slot+1)%bucketSlots
	for at := x.home(hash); at != place/bucketSlots; at = x.after(at) {
		x.buckets[at].passed = uint32(position)
	}
}

// Find returns the place of hash, else the one that it should take: one that is
// free or, where there is none, that of the trace that is silent longest.
func (x *TraceIndex) Find(hash uint64, w Window) (place int, known bool) {
	free, at, want := -1, x.home(hash), tag(hash)*ones16
	for range maxBuckets {
		b := &x.buckets[at]
		for i := range b.tags {
			for same := equal16(b.tags[i], want); same != 0; same &= same - 1 {
				if slot := i*4 + bits.TrailingZeros64(same)/16; w.Holds(b.positions[slot]) {
					return at*bucketSlots + slot, true
				}
			}
		}
		if free < 0 {
			if slot := b.free(w); slot >= 0 {
				free = at*bucketSlots + slot
			}
		}
		if free >= 0 && !w.Holds(b.passed) {
			break
		}
		at = x.after(at)
	}
	if free < 0 {
		free = x.oldest(hash, w)
	}
	return free, false
}

// free returns a slot whose position can no longer be reached, or less than 0.
func (b *traceBucket) free(w Window) int {
	if turn := b.turn % bucketSlots; !w.Holds(b.positions[turn]) {
		return int(turn)
	}
	for slot, position := range b.positions {
		if !w.Holds(position) {
			return slot
		}
	}
	return -1
}

// oldest returns the place with the oldest position where hash might stand.
func (x *TraceIndex) oldest(hash uint64, w Window) (place int) {
	age, at := uint32(0), x.home(hash)
	for range maxBuckets {
		for slot, position := range x.buckets[at].positions {
			if w.Next-position > age {
				age, place = w.Next-position, at*bucketSlots+slot
			}
		}
		at = x.after(at)
	}
	return place
}

// Touch loads what Find will look at.
func (x *TraceIndex) Touch(hash uint64) uint32 { return x.buckets[x.home(hash)].turn }

// tag are the bits of hash that a slot keeps.
func tag(hash uint64) uint64 { return hash >> 48 }

// ones16 has a one in each of four numbers of 16 bits.
const ones16 = 0x0001_0001_0001_0001

// equal16 has a bit set, the highest of its 16, for each of the four numbers in
// which a and b are equal.
func equal16(a, b uint64) uint64 {
	const low = 0x7fff * ones16
	differ := a ^ b
	return ^(differ&low + low | differ | low)
}
