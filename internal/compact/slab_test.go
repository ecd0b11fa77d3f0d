package compact

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is put is there until it is dropped, and nothing else in its place.
func TestBlobs(t *testing.T) {
	var s Slab
	d := rand.New(rand.NewPCG(1, 2))
	have := map[uint32][]byte{}
	for range 20_000 {
		if len(have) > 0 && d.IntN(3) == 0 {
			for ref := range have { // any
				s.Free(ref)
				delete(have, ref)
				break
			}
			continue
		}
		b := make([]byte, d.IntN(1<<d.IntN(12)))
		for i := range b {
			b[i] = byte(d.Uint32())
		}
		ref := s.Put(b)
		require.NotZero(t, ref)
		require.Nil(t, have[ref], "it is in use")
		have[ref] = bytes.Clone(b)
	}
	for ref, b := range have {
		require.Equal(t, b, append([]byte{}, s.Get(ref)...))
		s.Free(ref)
	}
	require.Zero(t, s.used)
	require.Zero(t, s.Put(make([]byte, 64<<10)), "too long")
}
