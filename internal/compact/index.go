package compact

import (
	"iter"
	"math/bits"
)

// Index leads from the hash of an id to a slot: open addressing over one array
// of cells, each a slot and a few bits of the hash. It grows a few cells at a
// time: while it does, what has not been moved yet is found in the old array.
// Whoever asks compares ids: a cell may be another's.
type Index struct {
	cells, old []uint32
	used       int // cells in use of cells
	moved      int // cells of old that have been moved
	limit      int // how many entries there may ever be
}

const (
	// SlotBits is how many bits a slot has.
	SlotBits = 24
	// SlotMask has them all.
	SlotMask = 1<<SlotBits - 1
	// MaxSlots is how many entries one index can hold: a cell holds a slot and
	// one, so that an empty one is zero.
	MaxSlots = 1<<SlotBits - 2

	// NoSlot is the slot of what is not there.
	NoSlot = ^uint32(0)

	movedCell = ^uint32(0) // of old
)

// FirstCells is how many cells there are at first. Tests have fewer.
var FirstCells = 1 << 6

// MoveStep is how many cells are moved at a time. Tests have fewer.
var MoveStep = 16

// NewIndex returns an index of at most limit entries, no more than [MaxSlots].
func NewIndex(limit int) Index {
	return Index{cells: make([]uint32, min(FirstCells, cellsFor(limit))), limit: limit}
}

// Reserve makes room for n entries at once. The index must be empty.
func (x *Index) Reserve(n int) {
	if want := cellsFor(min(n, x.limit)); want > len(x.cells) {
		x.cells = HugeSlice[uint32](want)
	}
}

// cellsFor is how many cells n entries want: two in three in use.
func cellsFor(n int) int { return max(n+n/2, 16) }

// home is where the search for hash begins among n cells.
func home(hash uint64, n int) int {
	hi, _ := bits.Mul64(hash, uint64(n))
	return int(hi)
}

func cellOf(hash uint64, slot uint32) uint32 { return uint32(hash&0xff)<<SlotBits | (slot + 1) }

// Touch loads what a search for hash will look at.
func (x *Index) Touch(hash uint64) uint32 { return x.cells[home(hash, len(x.cells))] }

// Likely returns the slot that hash most probably leads to, or [NoSlot].
func (x *Index) Likely(hash uint64) uint32 {
	s := searchIn(x.cells, hash)
	if slot, ok := s.Next(); ok {
		return slot
	}
	return NoSlot
}

// Search returns a walk over what hash may lead to. Where the index is growing there
// is more of it, see [Index.Older].
func (x *Index) Search(hash uint64) Search { return searchIn(x.cells, hash) }

// Growing reports whether some of what was put has yet to be moved.
func (x *Index) Growing() bool { return x.old != nil }

// Older is Search over what has yet to be moved. The index must be growing.
func (x *Index) Older(hash uint64) Search { return searchIn(x.old, hash) }

// All yields what hash may lead to. It is slower than a Search.
func (x *Index) All(hash uint64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, cells := range [...][]uint32{x.cells, x.old} {
			if cells == nil {
				continue
			}
			for s := searchIn(cells, hash); ; {
				slot, ok := s.Next()
				if !ok {
					break
				}
				if !yield(slot) {
					return
				}
			}
		}
	}
}

// Search is a walk over the cells that may belong to a hash.
type Search struct {
	cells []uint32
	tag   uint32
	at    int
}

func searchIn(cells []uint32, hash uint64) Search {
	return Search{cells, uint32(hash&0xff) << SlotBits, home(hash, len(cells))}
}

// Next returns the next slot that may be the one, and false where there is
// none any more.
func (s *Search) Next() (slot uint32, ok bool) {
	for {
		c := s.cells[s.at]
		if s.at++; s.at == len(s.cells) {
			s.at = 0
		}
		if c == 0 {
			return 0, false
		}
		if c&^SlotMask == s.tag && c != movedCell {
			return c&SlotMask - 1, true
		}
	}
}

// Put adds slot, which must not be there yet. hashOf is asked for the hashes of
// a few others.
func (x *Index) Put(hash uint64, slot uint32, hashOf func(slot uint32) uint64) {
	if x.old == nil && (x.used+1)*4 > len(x.cells)*3 {
		x.old, x.moved, x.used = x.cells, 0, 0
		x.cells = HugeSlice[uint32](min(2*len(x.old), max(cellsFor(x.limit), len(x.old)+1)))
	}
	x.place(hash, slot)
	x.Move(hashOf)
}

// Move moves a few cells of the old array to the new one.
func (x *Index) Move(hashOf func(slot uint32) uint64) {
	for n := 0; x.old != nil && n < MoveStep; n++ {
		if c := x.old[x.moved]; c != 0 && c != movedCell {
			slot := c&SlotMask - 1
			x.place(hashOf(slot), slot)
			x.old[x.moved] = movedCell
		}
		if x.moved++; x.moved == len(x.old) {
			x.old, x.moved = nil, 0
		}
	}
}

func (x *Index) place(hash uint64, slot uint32) {
	i := home(hash, len(x.cells))
	for x.cells[i] != 0 {
		i = x.after(i)
	}
	x.cells[i] = cellOf(hash, slot)
	x.used++
}

func (x *Index) after(i int) int {
	if i++; i == len(x.cells) {
		return 0
	}
	return i
}

// Remove takes slot out and closes the gap, so that a search ends at the first
// empty cell.
func (x *Index) Remove(hash uint64, slot uint32, hashOf func(slot uint32) uint64) {
	want := cellOf(hash, slot)
	i := home(hash, len(x.cells))
	for x.cells[i] != want {
		if x.cells[i] == 0 {
			x.removeOld(hash, want)
			return
		}
		i = x.after(i)
	}
	x.used--
	for j := x.after(i); x.cells[j] != 0; j = x.after(j) {
		h := home(hashOf(x.cells[j]&SlotMask-1), len(x.cells))
		if i <= j && i < h && h <= j || i > j && (i < h || h <= j) {
			continue // it would stand in front of where its search begins
		}
		x.cells[i] = x.cells[j]
		i = j
	}
	x.cells[i] = 0
}

func (x *Index) removeOld(hash uint64, want uint32) {
	if x.old == nil {
		return
	}
	for i := home(hash, len(x.old)); x.old[i] != 0; {
		if x.old[i] == want {
			x.old[i] = movedCell
			return
		}
		if i++; i == len(x.old) {
			i = 0
		}
	}
}
