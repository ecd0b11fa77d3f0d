package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestStarted(t *testing.T) {
	tl := &timeline{firstStart: 100, first: 95, firstBeside: unset}
	_, known := tl.started(4, 0)
	require.False(t, known, "something came before")
	at, known := tl.started(5, 0)
	require.True(t, known)
	require.EqualValues(t, 100, at)
	_, known = (&timeline{firstStart: 100, first: 90, firstBeside: 96}).started(4, 0)
	require.True(t, known, "what came before said it")
	_, known = (&timeline{firstStart: unset, first: 95}).started(5, 0)
	require.False(t, known)
}

// The earliest rotation is the lineage, of several at one instant that of the smaller
// rank; a late one is the lineage of what follows.
func TestAddRotation(t *testing.T) {
	var tl timeline
	require.True(t, tl.addRotation(rotation{at: 10, from: fact.ID{1}, rank: 5}))
	require.False(t, tl.addRotation(rotation{at: 11, from: fact.ID{2}}), "later")
	require.False(t, tl.addRotation(rotation{at: 10, from: fact.ID{1}, rank: 5}), "the same")
	require.False(t, tl.addRotation(rotation{at: 10, from: fact.ID{2}, rank: 6}))
	require.True(t, tl.addRotation(rotation{at: 10, from: fact.ID{3}, rank: 4}))
	require.Len(t, tl.lineage, 1)
	require.True(t, tl.addRotation(rotation{at: 9, from: fact.ID{4}, rank: 9}))
	require.Equal(t, []rotation{{at: 9, from: fact.ID{4}, rank: 9}}, tl.lineage)
	require.False(t, tl.addRotation(rotation{at: 9, from: fact.ID{5}, rank: 10, effectiveSeq: 3}), "late, and no better")
	for i := range uint64(20) {
		require.Equal(t, i < maxLateRotations, tl.addRotation(rotation{at: 8, from: fact.ID{100 + i}, rank: 20 - i, effectiveSeq: 100 + i}), i)
	}
	require.Len(t, tl.lineage, 1+maxLateRotations)
	r, ok := tl.lineageAt(50, 9)
	require.True(t, ok)
	require.Equal(t, fact.ID{4}, r.from)
	_, ok = tl.lineageAt(50, 8)
	require.False(t, ok, "it came afterwards")
	r, _ = tl.lineageAt(101, 9)
	require.Equal(t, fact.ID{101}, r.from, "the smallest of those that it knows")
}

func TestRotatedWithin(t *testing.T) {
	tl := &timeline{rotations: []ending{{at: 10}, {at: 50}}}
	for at, want := range map[int64]bool{7: false, 8: true, 10: true, 12: true, 13: false, 48: true, 52: true, 53: false} {
		require.Equal(t, want, tl.rotatedWithin(at, 2), at)
	}
}

// Calls are a join as long as they are few; then the oldest give way.
func TestCalled(t *testing.T) {
	tl := &timeline{lastInactiveStart: longAgo}
	require.True(t, tl.addNestedStart(10, 1, false, 5))
	require.EqualValues(t, 10, tl.lastInactiveStart)
	require.False(t, tl.addNestedStart(10, 1, false, 5))
	require.True(t, tl.addNestedStart(10, 2, false, 5), "another policy governs it, too")
	require.False(t, tl.addNestedStart(10, 3, false, 5))
	require.True(t, tl.addNestedStart(8, 1, false, 5))
	require.EqualValues(t, 10, tl.lastInactiveStart)
	require.Equal(t, []nestedStart{{10, 3}, {8, 1}}, tl.nestedStarts)
	require.Empty(t, tl.intervals)
	for i := range int64(maxInstants) {
		require.True(t, tl.addNestedStart(100+i, 1, false, 5))
	}
	require.Len(t, tl.nestedStarts, maxInstants)
	require.Equal(t, nestedStart{100, 1}, tl.nestedStarts[0])
	tl.addNestedStart(500, 1, true, 5)
	require.Equal(t, intervals{{500, 500, 1}}, tl.intervals, "activity from there on")
}

// The list of intervals is cut where no request to come looks.
func TestTimelineBound(t *testing.T) {
	fill := func(n int64) *timeline {
		tl := &timeline{firstActivity: unset, lastInactiveStart: longAgo}
		for i := range n {
			tl.intervals.add(i*100, i*100+1, 1, 10, longAgo)
			tl.newest = i*100 + 1
		}
		return tl
	}
	tl := fill(maxIntervals)
	require.Zero(t, tl.boundIntervals(0))
	require.Len(t, tl.intervals, maxIntervals)
	tl = fill(maxIntervals + 3)
	require.Equal(t, 3, tl.boundIntervals(0))
	require.Len(t, tl.intervals, maxIntervals)
	tl = fill(maxIntervals + 3)
	tl.authentications = []int64{50_000}
	require.Equal(t, 3, tl.boundIntervals(tl.newest-49_999), "a request to come may be older than it")
	tl = fill(maxIntervals + 3)
	tl.authentications = []int64{50_000}
	require.Zero(t, tl.boundIntervals(tl.newest-50_000))
	require.EqualValues(t, 50_000, tl.intervals[0].start)
}
