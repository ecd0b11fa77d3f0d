package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

func newTestTable(limit int) *table {
	l := &shard{recent: newRecent(16)}
	l.sessions = newTable(limit, &population{limit: int64(limit)}, l, &tombstones{oldestKnown: longAgo})
	return &l.sessions
}

func TestTable(t *testing.T) {
	x := newTestTable(2)
	require.Nil(t, x.get(fact.ID{1}))
	a := x.insert(fact.ID{1})
	b := x.insert(fact.ID{2})
	require.True(t, x.full())
	require.Same(t, a, x.get(fact.ID{1}))
	require.Same(t, a, x.at(a.slot, fact.ID{1}))
	require.Nil(t, x.at(a.slot, fact.ID{2}), "the slot is another's")
	require.Nil(t, x.at(compact.NoSlot, fact.ID{1}))
	a.ends = append(a.ends, ending{at: 1})
	slot := a.slot
	x.remove(a.slot)
	require.Nil(t, x.at(slot, fact.ID{1}))
	c := x.insert(fact.ID{3})
	require.Equal(t, slot, c.slot, "slots are used again")
	require.Empty(t, c.ends, "and empty")
	require.Equal(t, 2, x.len())
	require.Same(t, b, x.get(fact.ID{2}))
}

// A table has no more room than it may use, and no less.
func TestTableGrowsToItsLimit(t *testing.T) {
	for limit, slabs := range map[int]int{1: 1, pageSize: 1, 7*pageSize + 1: 8} {
		x := newTestTable(limit)
		for i := range limit {
			x.place(fact.ID{uint64(i) << 40, 1})
		}
		require.Len(t, x.pages, slabs)
	}
}

// There is room up to the table's own limit, and up to that of all tables.
func TestTableIsFull(t *testing.T) {
	x := newTestTable(3)
	for i := range 3 {
		require.False(t, x.full())
		x.insert(fact.ID{uint64(i) << 40, 1})
	}
	require.True(t, x.full())
	x = newTestTable(3)
	for _, of := range []struct{ limit, all int64 }{{3, 2}, {2, 3}} {
		x.limit, x.all.limit = int(of.limit), of.all
		x.count = 2
		x.all.count.Store(2)
		require.True(t, x.full(), "%+v", of)
		x.count = 1
		x.all.count.Store(1)
		require.False(t, x.full(), "%+v", of)
	}
}

// Timelines that are let go of serve others, as many as may be in use.
func TestSpareTimelines(t *testing.T) {
	x := newTestTable(100)
	n := timelinesAtOnce + 1
	for i := range n {
		x.insert(fact.ID{uint64(i) << 40, 1})
	}
	for i := range n {
		x.remove(x.find(fact.ID{uint64(i) << 40, 1}))
	}
	require.Len(t, x.spare, timelinesAtOnce)
	require.Empty(t, x.timelines)
}

// A table grows by half, and by none that it will never use.
func TestTableGrowsByHalf(t *testing.T) {
	for limit, want := range map[int][]int{10 * pageSize: {1, 2, 3, 4, 6, 9, 10}, 7 * pageSize: {1, 2, 3, 4, 6, 7}, 7*pageSize + 1: {1, 2, 3, 4, 6, 8}} {
		x := newTestTable(limit)
		var pages []int
		for len(pages) < len(want) {
			x.grow()
			pages = append(pages, len(x.pages))
		}
		require.Equal(t, want, pages, "%d", limit)
	}
	x := newTestTable(2 * pageSize)
	for i := range pageSize {
		x.place(fact.ID{uint64(i) << 40, 1})
	}
	require.Nil(t, x.at(x.slots, fact.ID{1, 1}), "nothing was ever there")
}

// What a session needed beside its entry is free when it is removed.
func TestRemovedIsFree(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a authenticated at=1s\na request at=2s\nadvance")
	s.compactAll()
	x := s.sessionsIn(0)
	require.Positive(t, x.slab.Bytes())
	x.remove(x.find(sessiontest.SessionName(0).ID))
	require.Zero(t, x.slab.Bytes())
	s.tell("b request at=2s")
	s.compactAll()
	require.Zero(t, x.slab.Bytes())
	x.remove(x.find(sessiontest.SessionName(1).ID))
}
