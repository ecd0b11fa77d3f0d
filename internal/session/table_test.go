package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	x := newTable(2)
	require.Nil(t, x.get(ID{1}))
	require.Nil(t, x.leastUseful())
	a := x.insert(ID{1})
	b := x.insert(ID{2})
	require.True(t, x.full())
	require.Same(t, a, x.get(ID{1}))
	require.Same(t, a, x.at(a.slot, ID{1}))
	require.Nil(t, x.at(a.slot, ID{2}), "the slot is another's")
	require.Nil(t, x.at(noSlot, ID{1}))
	a.ends = append(a.ends, ending{at: 1})
	slot := a.slot
	x.remove(a)
	require.Nil(t, x.at(slot, ID{1}))
	c := x.insert(ID{3})
	require.Equal(t, slot, c.slot, "slots are used again")
	require.Empty(t, c.ends, "and empty")
	require.Equal(t, 2, x.len())
	require.Same(t, b, x.get(ID{2}))
}

// What is evicted first: an ended session, then the longest silent; never one
// with an open finding.
func TestLeastUseful(t *testing.T) {
	x := newTable(4)
	for i := range uint64(4) {
		tl := x.insert(ID{i})
		tl.lastArrival = int64(100 - i)
	}
	require.Equal(t, ID{3}, x.leastUseful().id)
	x.get(ID{3}).suspects = 1
	require.Equal(t, ID{2}, x.leastUseful().id)
	x.get(ID{1}).ends = []ending{{at: 5}}
	require.Equal(t, ID{1}, x.leastUseful().id)
	x.get(ID{1}).authentications = []int64{6}
	require.Equal(t, ID{2}, x.leastUseful().id, "it came back")
	x.get(ID{0}).rotations = []ending{{at: 5}}
	require.Equal(t, ID{0}, x.leastUseful().id)
	for i := range uint64(4) {
		x.get(ID{i}).suspects = 1
	}
	require.Nil(t, x.leastUseful())
}
