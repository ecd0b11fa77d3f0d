package compact

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The index leads to the newest record of each trace that can be reached, with
// hardly an exception.
func TestTraceIndex(t *testing.T) {
	const limit = 1 << 12
	x := NewTraceIndex(limit)
	d := rand.New(rand.NewPCG(1, 2))
	newest := map[uint64]uint64{}
	var wrong, asked int
	for position := uint64(1); position < 20*limit; position++ {
		hash := d.Uint64N(3*limit) * 0x9e3779b97f4a7c15
		oldest := uint64(1)
		if position > limit {
			oldest = position - limit
		}
		want := newest[hash]
		if want < oldest {
			want = 0
		}
		asked++
		w := Window{uint32(position), uint32(position - oldest)}
		if got := x.Get(hash, w); uint64(got) != want {
			wrong++
		}
		if got := x.Put(hash, position, w); uint64(got) != want {
			wrong++
		}
		require.EqualValues(t, position, x.Get(hash, Window{uint32(position + 1), limit}))
		newest[hash] = position
	}
	require.Zero(t, wrong, "of %d", asked)
}

func TestTraceIndexOfOne(t *testing.T) {
	x := NewTraceIndex(1)
	require.Zero(t, x.Put(5, 1, Window{1, 0}))
	require.EqualValues(t, 1, x.Put(5, 2, Window{2, 1}))
	require.EqualValues(t, 2, x.Get(5, Window{3, 1}))
	require.Zero(t, x.Get(5, Window{4, 1}), "it can no longer be reached")
}
