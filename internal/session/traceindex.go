package session

import "math/bits"

// traceIndex leads from the hash of a trace to its newest recent record. It is
// one array without pointers: a slot holds a position and a few bits of the
// hash, and is free again when its record can no longer be reached. A hash is
// found in one of the few slots from its own on, or nowhere.
type traceIndex struct {
	slots []uint64
}

const (
	tagBits = 20
	probes  = 16
)

func newTraceIndex(records int) traceIndex {
	return traceIndex{slots: hugeSlice[uint64](max(probes, 2<<bits.Len(uint(records-1))))}
}

func tag(hash uint64) uint64 { return hash >> (64 - tagBits) }

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
	x.set(i, hash, position)
	return before
}

// set makes slot i that of hash.
func (x *traceIndex) set(i, hash, position uint64) { x.slots[i] = position<<tagBits | tag(hash) }

// find returns the slot that holds hash, else the one that it should take.
func (x *traceIndex) find(hash, oldest uint64) (slot uint64, known bool) {
	mask := uint64(len(x.slots) - 1)
	best := hash & mask
	for n := range uint64(probes) {
		i := (hash + n) & mask
		s := x.slots[i]
		if s>>tagBits >= oldest && s&(1<<tagBits-1) == tag(hash) {
			return i, true
		}
		if s < x.slots[best] {
			best = i
		}
	}
	return best, false
}

// touch loads what find will look at.
func (x *traceIndex) touch(hash uint64) uint64 { return x.slots[hash&uint64(len(x.slots)-1)] }
