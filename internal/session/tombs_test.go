package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTombs(t *testing.T) {
	x := newTombs(1)
	require.EqualValues(t, longAgo, x.of(ID{1, 1}), "nothing was evicted")
	x.bury(ID{1, 2}, 100)
	require.EqualValues(t, 100, x.of(ID{1, 2}))
	require.EqualValues(t, longAgo, x.of(ID{1, 4}), "another id")
	x.bury(ID{1, 2}, 200)
	require.EqualValues(t, 200, x.of(ID{1, 2}))
	require.EqualValues(t, longAgo, x.of(ID{1, 4}), "the same one twice takes no other's place")
	x.bury(ID{1, 4}, 300)
	require.EqualValues(t, 300, x.of(ID{1, 4}))
	require.EqualValues(t, 200, x.of(ID{1, 2}), "it was forgotten that it was evicted: every unknown id is in doubt")
	require.EqualValues(t, 200, x.of(ID{9, 9}))
}

// There is one for every eight sessions, and within bounds each has its own.
func TestTombsAreBounded(t *testing.T) {
	for sessions, want := range map[int]int{0: 64, 512: 64, 519: 64, 520: 128, 1024: 128, 1 << 21: 1 << 18, 1 << 30: 1 << 18} {
		require.Len(t, newTombs(sessions).slots, want, sessions)
	}
	x := newTombs(1)
	for i := range uint64(64) {
		x.bury(ID{i, i}, int64(i))
	}
	for i := range uint64(64) {
		require.EqualValues(t, i, x.of(ID{i, i}))
	}
	require.EqualValues(t, longAgo, x.of(ID{7, 1 << 20}))
}
