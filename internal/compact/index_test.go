package compact

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The index finds what is in it and nothing else, while it grows and shrinks,
// and however close the hashes lie.
func TestIndex(t *testing.T) {
	for name, hash := range map[string]func(d *rand.Rand) uint64{
		"spread":            (*rand.Rand).Uint64,
		"all at the end":    func(d *rand.Rand) uint64 { return ^uint64(0) - d.Uint64N(1<<20) },
		"all with one home": func(d *rand.Rand) uint64 { return d.Uint64N(1 << 20) },
	} {
		t.Run(name, func(t *testing.T) {
			d := rand.New(rand.NewPCG(1, 2))
			const limit = 700
			x := NewIndex(limit)
			var hashes []uint64 // by slot
			var in []uint32
			hashOf := func(slot uint32) uint64 { return hashes[slot] }
			found := func(slot uint32) bool {
				for _, cells := range [][]uint32{x.cells, x.old} {
					if cells == nil {
						continue
					}
					for s := searchIn(cells, hashes[slot]); ; {
						got, ok := s.Next()
						if !ok {
							break
						}
						if got == slot {
							return true
						}
					}
				}
				return false
			}
			for len(hashes) < 5*limit {
				if len(in) == limit || len(in) > 0 && d.IntN(5) < 2 {
					i := d.IntN(len(in))
					slot := in[i]
					x.Remove(hashes[slot], slot, hashOf)
					require.False(t, found(slot))
					in[i] = in[len(in)-1]
					in = in[:len(in)-1]
					continue
				}
				hashes = append(hashes, hash(d))
				slot := uint32(len(hashes) - 1)
				x.Put(hashes[slot], slot, hashOf)
				in = append(in, slot)
				if len(hashes)%97 == 0 {
					for _, slot := range in {
						require.True(t, found(slot), slot)
					}
				}
			}
			require.LessOrEqual(t, len(x.cells), cellsFor(limit))
		})
	}
}

// What has room for so many does not grow on the way there, and what has room
// for more than there may be has it for no more.
func TestIndexReserves(t *testing.T) {
	hashOf := func(slot uint32) uint64 { return uint64(slot) * 0x9e3779b97f4a7c15 }
	for reserved, want := range map[int]int{500: 750, 2000: 1500} {
		x := NewIndex(1000)
		x.cells = x.cells[:16]
		x.Reserve(reserved)
		for slot := range uint32(min(reserved, 1000)) {
			x.Put(hashOf(slot), slot, hashOf)
			require.Nil(t, x.old)
		}
		require.Len(t, x.cells, want)
	}
}
