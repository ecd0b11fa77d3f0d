package session

import "math/bits"

// traceIndex leads from the hash of a trace to its newest recent record. It is
// one array without pointers: a slot holds a position and a few bits of the
// hash, and is free again when its record can no longer be reached. A hash is
// found in its own bucket, which is one cache line, or, where that has been too
// small, in one of the few behind it.
type traceIndex struct {
	slots []uint64
	// passed are the buckets from which something went on to the next one:
	// since position turned, and before it, as far as it can be reached.
	passed, before bitset
	turned         uint64
}

const (
	tagBits     = 20
	bucketSlots = 8
	maxBuckets  = 4 // that are looked through
)

func newTraceIndex(records int) traceIndex {
	return traceIndex{slots: hugeSlice[uint64](max(bucketSlots*maxBuckets, 2<<bits.Len(uint(records-1))))}
}

func tag(hash uint64) uint64 { return hash >> (64 - tagBits) }

func (x *traceIndex) bucket(hash uint64) int {
	return int(hash & uint64(len(x.slots)-1) / bucketSlots)
}

// get returns the position of the newest record, or 0.
func (x *traceIndex) get(hash, oldest uint64) uint64 {
	if i, known := x.find(hash, oldest); known {
		return x.slots[i] >> tagBits
	}
	return 0
}

// put makes position the newest and returns what was before, or 0. Where all
// slots are taken the trace that is silent longest is given up.
func (x *traceIndex) put(hash, position, oldest uint64) (before uint64) {
	i, known := x.find(hash, oldest)
	if known {
		before = x.slots[i] >> tagBits
	}
	x.set(i, hash, position, oldest)
	return before
}

// set makes slot i, which find returned, that of hash.
func (x *traceIndex) set(i int, hash, position, oldest uint64) {
	x.slots[i] = position<<tagBits | tag(hash)
	if b := x.bucket(hash); i/bucketSlots != b {
		if oldest > x.turned { // nothing is left of what came before
			x.passed, x.before, x.turned = x.before, x.passed, position
			clear(x.passed)
		}
		for ; b != i/bucketSlots; b = x.after(b) {
			x.passed.set(b)
		}
	}
}

func (x *traceIndex) after(bucket int) int { return (bucket + 1) & (len(x.slots)/bucketSlots - 1) }

// find returns the slot that holds hash, else the one that it should take: the
// one that is free or, where none is, silent longest.
func (x *traceIndex) find(hash, oldest uint64) (slot int, known bool) {
	const low = bucketSlots*maxBuckets - 1 // of a slot's bits give way to its place
	want, least := tag(hash), ^uint64(0)
	first := x.bucket(hash)
	for n, b := 0, first; n < maxBuckets; n++ {
		line := (*[bucketSlots]uint64)(x.slots[b*bucketSlots:])
		for i, s := range line {
			if s&(1<<tagBits-1) == want && s>>tagBits >= oldest {
				return b*bucketSlots + i, true
			}
			least = min(least, s&^low|uint64(n*bucketSlots+i))
		}
		if least>>tagBits < oldest && !x.passed.has(b) && !x.before.has(b) {
			break
		}
		b = x.after(b)
	}
	place := int(least & low)
	b := first
	for range place / bucketSlots {
		b = x.after(b)
	}
	return b*bucketSlots + place%bucketSlots, false
}

// touch loads what find will look at.
func (x *traceIndex) touch(hash uint64) uint64 { return x.slots[x.bucket(hash)*bucketSlots] }
