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
		if got := x.get(hash, oldest); got != want {
			wrong++
		}
		if got := x.put(hash, position, oldest); got != want {
			wrong++
		}
		require.Equal(t, position, x.get(hash, oldest))
		newest[hash] = position
	}
	require.Zero(t, wrong, "of %d", asked)
}

func TestTraceIndexOfOne(t *testing.T) {
	x := newTraceIndex(1)
	require.Zero(t, x.put(5, 1, 1))
	require.EqualValues(t, 1, x.put(5, 2, 1))
	require.EqualValues(t, 2, x.get(5, 2))
	require.Zero(t, x.get(5, 3), "it can no longer be reached")
}
