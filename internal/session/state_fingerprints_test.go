package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Fingerprints lie all over the cells, and three in four of these are used in the end.
func TestFingerprintsAreSpread(t *testing.T) {
	seen := map[int]bool{}
	for mark := range uint64(1000) {
		at, cell := fingerprintOf(mark, 64)
		require.GreaterOrEqual(t, cell, fingerprintMin)
		require.Zero(t, cell&fingerprintOver)
		seen[at] = true
	}
	require.Len(t, seen, 64)
	for limit := 1; limit < 1000; limit *= 3 {
		f := newFingerprints(limit)
		require.Greater(t, f.cells(), limit, "one is free")
		require.InDelta(t, 4*limit, 3*f.cells(), 3)
	}
}

// A generation takes so many, or where there was room for less as many as that all but one
// of its cells are used.
func TestGenerationIsFull(t *testing.T) {
	for _, c := range []struct {
		used, cells int
		full        bool
	}{{9, 100, false}, {10, 100, true}, {11, 100, true}, {0, 4, false}, {2, 4, false}, {3, 4, true}} {
		g := generation{used: c.used, cells: make([]uint32, c.cells)}
		require.Equal(t, c.full, g.full(10), "%+v", c)
	}
}

// The groups of a generation are its own among those that there are at once, and all of
// them are stored when it begins.
func TestGroupsOfGenerations(t *testing.T) {
	f := newFingerprints(40)
	for n := range 2*maxGenerations + 1 {
		f.changed = nil
		f.begin()
		g := f.generations[len(f.generations)-1]
		require.Equal(t, n, g.number)
		first, last := f.groupOf(g, 0), f.groupOf(g, len(g.cells)-1)
		require.Equal(t, n%maxGenerations*f.groups, first)
		require.Less(t, last, first+f.groups)
		for group := 0; group <= maxGenerations*f.groups; group += 1 << f.bits {
			require.Equal(t, group >= first && group < first+f.groups, f.changed.Has(group>>f.bits), "%d of %d", group, n)
		}
	}
}

// When sessions ended is known of a generation from the first to the last of their ends,
// and to when the last was heard of of which there may be another.
func TestEndsOfGeneration(t *testing.T) {
	const end = uint32(1)
	for name, c := range map[string]struct {
		said        uint32
		first, last int64
	}{
		"none":             {0, unset, longAgo},
		"an end":           {end, 5, 5},
		"one behind it":    {end | tombstoneLater, 5, 9 * secondNanos},
		"it is not sure":   {end | tombstoneUnsure, 5, 9 * secondNanos},
		"it was active":    {end | tombstoneActive, 5, 5},
		"another, and not": {tombstoneLater, unset, longAgo},
	} {
		f := newFingerprints(4)
		f.add(7, &tombstone{said: c.said, at: 5, newest: 9})
		g := f.of(7)
		require.NotNil(t, g, name)
		require.Equal(t, c.first, g.first, name)
		require.Equal(t, c.last, g.last, name)
		require.Equal(t, c.said&end != 0, g.over(7), name)
	}
}
