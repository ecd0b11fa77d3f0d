package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
)

// fingerprints are what is left of tombstones that were displaced and said
// something: that a session was known, and whether it was over. They may be
// another's, once in a hundred million, and confirm nothing. Kept in generations,
// of which the oldest is dropped where there are too many.
type fingerprints struct {
	limit       int // of one generation
	generations []*generation
	// numbered is how many generations were ever begun, dropped how many
	// fingerprints were lost with one.
	numbered int
	dropped  int64

	ranged
	groups int   // of one generation
	given  []int // generations that were given up when they were restored
}

// maxGenerations bounds how many there are at once. Tests have fewer.
var maxGenerations = 16

// generation is a set of fingerprints: open addressing over one array.
type generation struct {
	number int
	cells  []uint32 // 0: free; the lowest bit says that the session was over
	used   int
	// The ends of those that were over came in [first, last].
	first, last int64
	newest      uint32 // see tombstone.newest, of all
}

const (
	fingerprintOver uint32 = 1
	fingerprintMin  uint32 = 2
)

func newFingerprints(limit int) fingerprints {
	f := fingerprints{limit: limit, ranged: ranged{bits: groupBits}}
	f.groups = groupsOf(f.cells())
	return f
}

// fingerprintOf returns where the search for mark begins among n cells, and what
// for.
func fingerprintOf(mark uint64, n int) (at int, cell uint32) {
	h := mix(mark, 0xd6e8feb86659fd93)
	return int(h & (1<<32 - 1) * uint64(n) >> 32), max(uint32(h>>32)&^fingerprintOver, fingerprintMin)
}

// find returns where mark's fingerprint is, or would be.
func (g *generation) find(mark uint64) (at int, cell uint32, found bool) {
	at, cell = fingerprintOf(mark, len(g.cells))
	for g.cells[at] != 0 {
		if g.cells[at]&^fingerprintOver == cell {
			return at, cell, true
		}
		if at++; at == len(g.cells) {
			at = 0
		}
	}
	return at, cell, false
}

// add adds what s, which mark has, said. It returns the generation that was
// dropped for it, or nil.
func (f *fingerprints) add(mark uint64, s *tombstone) (lost *generation) {
	n := len(f.generations)
	if n == 0 || f.generations[n-1].full(f.limit) {
		lost = f.begin()
		n = len(f.generations)
	}
	g := f.generations[n-1]
	at, cell, found := g.find(mark)
	f.touch(f.groupOf(g, at))
	if !found {
		g.used++
	}
	g.cells[at] |= cell
	if _, over := s.end(); over {
		g.cells[at] |= fingerprintOver
		g.first, g.last = min(g.first, s.at), max(g.last, s.at)
		if s.said&(tombstoneLater|tombstoneUnsure) != 0 { // there may be another end behind it
			g.last = max(g.last, s.before())
		}
	}
	g.newest = max(g.newest, s.newest)
	return lost
}

// full reports whether g has limit fingerprints, or, from a time when there was
// room for less, as many as it can.
func (g *generation) full(limit int) bool { return g.used >= limit || g.used+2 > len(g.cells) }

// begin begins a generation. It returns the one that was dropped for it, or nil.
func (f *fingerprints) begin() (lost *generation) {
	if len(f.generations) >= maxGenerations {
		lost = f.generations[0]
		f.generations = append(f.generations[:0], f.generations[1:]...)
		f.dropped += int64(lost.used)
	}
	g := &generation{number: f.numbered, cells: compact.HugeSlice[uint32](f.cells()), first: unset, last: longAgo}
	f.numbered++
	f.generations = append(f.generations, g)
	// Nothing is left of the one that had its place. A pass has kept that.
	for group := f.groupOf(g, 0); group < f.groupOf(g, 0)+f.groups; group += 1 << f.bits {
		f.changed.Set(group >> f.bits)
	}
	return lost
}

// cells is how many cells a generation has: three in four are used in the end.
func (f *fingerprints) cells() int { return f.limit + f.limit/3 + 1 }

// of returns the newest generation that has a fingerprint of mark, or nil.
func (f *fingerprints) of(mark uint64) *generation {
	for _, g := range slices.Backward(f.generations) {
		if _, _, found := g.find(mark); found {
			return g
		}
	}
	return nil
}

// over reports whether the fingerprint of mark, which it has, says that the
// session was over.
func (g *generation) over(mark uint64) bool {
	at, _, _ := g.find(mark)
	return g.cells[at]&fingerprintOver != 0
}

// groupsOf returns how many groups there are of so many cells, in whole ranges.
func groupsOf(cells int) int { return rangesOf(cells, cellBits+groupBits) << groupBits }

// groupOf returns the number of the group that g's cell at at is in, among those of all
// generations.
func (f *fingerprints) groupOf(g *generation, at int) int {
	return g.number%maxGenerations*f.groups + at>>cellBits
}
