package session

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The index leads to the newest record of each trace that can be reached, with
// hardly an exception.
func TestTraceIndex(t *testing.T) {
	const limit = 1 << 12
	x := newTraceIndex(limit)
	d := rand.New(rand.NewPCG(1, 2))
	newest := map[uint64]uint64{}
	var wrong, asked int
	for position := uint64(1); position < 20*limit; position++ {
		hash := mix(d.Uint64N(3*limit), 1)
		oldest := uint64(1)
		if position > limit {
			oldest = position - limit
		}
		want := newest[hash]
		if want < oldest {
			want = 0
		}
		asked++
		w := window{uint32(position), uint32(position - oldest)}
		if got := x.get(hash, w); uint64(got) != want {
			wrong++
		}
		if got := x.put(hash, position, w); uint64(got) != want {
			wrong++
		}
		require.EqualValues(t, position, x.get(hash, window{uint32(position + 1), limit}))
		newest[hash] = position
	}
	require.Zero(t, wrong, "of %d", asked)
}

func TestTraceIndexOfOne(t *testing.T) {
	x := newTraceIndex(1)
	require.Zero(t, x.put(5, 1, window{1, 0}))
	require.EqualValues(t, 1, x.put(5, 2, window{2, 1}))
	require.EqualValues(t, 2, x.get(5, window{3, 1}))
	require.Zero(t, x.get(5, window{4, 1}), "it can no longer be reached")
}
