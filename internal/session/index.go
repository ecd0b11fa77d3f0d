package session

import "math/bits"

// index leads from the hash of an id to a slot: open addressing over one array
// of cells, each a slot and a few bits of the hash. It grows a few cells at a
// time: while it does, what has not been moved yet is found in the old array.
// Whoever asks compares ids: a cell may be another's.
type index struct {
	cells, old []uint32
	used       int // cells in use of cells
	moved      int // cells of old that have been moved
	limit      int // how many entries there may ever be
}

const (
	slotBits = 24
	slotMask = 1<<slotBits - 1
	// maxSlots is how many entries one index can hold: a cell holds a slot and
	// one, so that an empty one is zero.
	maxSlots = 1<<slotBits - 2

	movedCell = ^uint32(0) // of old
)

// How many cells there are at first, and how many are moved at a time. Tests have
// fewer.
var firstCells, moveStep = 1 << 6, 16

func newIndex(limit int) index {
	return index{cells: make([]uint32, min(firstCells, cellsFor(limit))), limit: limit}
}

// reserve makes room for n entries at once. The index must be empty.
func (x *index) reserve(n int) {
	if want := cellsFor(min(n, x.limit)); want > len(x.cells) {
		x.cells = hugeSlice[uint32](want)
	}
}

// cellsFor is how many cells n entries want: two in three in use.
func cellsFor(n int) int { return max(n+n/2, 16) }

// home is where the search for hash begins among n cells.
func home(hash uint64, n int) int {
	hi, _ := bits.Mul64(hash, uint64(n))
	return int(hi)
}

func cellOf(hash uint64, slot uint32) uint32 { return uint32(hash&0xff)<<slotBits | (slot + 1) }

// touch loads what a search for hash will look at.
func (x *index) touch(hash uint64) uint32 { return x.cells[home(hash, len(x.cells))] }

// likely returns the slot that hash most probably leads to, or noSlot.
func (x *index) likely(hash uint64) uint32 {
	s := searchIn(x.cells, hash)
	if slot, ok := s.next(); ok {
		return slot
	}
	return noSlot
}

// search is a walk over the cells that may belong to a hash.
type search struct {
	cells []uint32
	tag   uint32
	at    int
}

func searchIn(cells []uint32, hash uint64) search {
	return search{cells, uint32(hash&0xff) << slotBits, home(hash, len(cells))}
}

// next returns the next slot that may be the one, and false where there is
// none any more.
func (s *search) next() (slot uint32, ok bool) {
	for {
		c := s.cells[s.at]
		if s.at++; s.at == len(s.cells) {
			s.at = 0
		}
		if c == 0 {
			return 0, false
		}
		if c&^slotMask == s.tag && c != movedCell {
			return c&slotMask - 1, true
		}
	}
}

// put adds slot, which must not be there yet. hashOf is asked for the hashes of
// a few others.
func (x *index) put(hash uint64, slot uint32, hashOf func(slot uint32) uint64) {
	if x.old == nil && (x.used+1)*4 > len(x.cells)*3 {
		x.old, x.moved, x.used = x.cells, 0, 0
		x.cells = hugeSlice[uint32](min(2*len(x.old), max(cellsFor(x.limit), len(x.old)+1)))
	}
	x.place(hash, slot)
	x.move(hashOf)
}

// move moves a few cells of the old array to the new one.
func (x *index) move(hashOf func(slot uint32) uint64) {
	for n := 0; x.old != nil && n < moveStep; n++ {
		if c := x.old[x.moved]; c != 0 && c != movedCell {
			slot := c&slotMask - 1
			x.place(hashOf(slot), slot)
			x.old[x.moved] = movedCell
		}
		if x.moved++; x.moved == len(x.old) {
			x.old, x.moved = nil, 0
		}
	}
}

func (x *index) place(hash uint64, slot uint32) {
	i := home(hash, len(x.cells))
	for x.cells[i] != 0 {
		i = x.after(i)
	}
	x.cells[i] = cellOf(hash, slot)
	x.used++
}

func (x *index) after(i int) int {
	if i++; i == len(x.cells) {
		return 0
	}
	return i
}

// remove takes slot out and closes the gap, so that a search ends at the first
// empty cell.
func (x *index) remove(hash uint64, slot uint32, hashOf func(slot uint32) uint64) {
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
		h := home(hashOf(x.cells[j]&slotMask-1), len(x.cells))
		if i <= j && i < h && h <= j || i > j && (i < h || h <= j) {
			continue // it would stand in front of where its search begins
		}
		x.cells[i] = x.cells[j]
		i = j
	}
	x.cells[i] = 0
}

func (x *index) removeOld(hash uint64, want uint32) {
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
