package session

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestEndingsAreAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ending {
			return ending{
				at: rapid.Int64Range(0, 5).Draw(t, "at"), service: rapid.Uint32Range(0, 1).Draw(t, "service"),
				effectiveSeq: rapid.Uint64Range(0, 2).Draw(t, "binds"),
			}
		}), 1, 20).Draw(t, "endings")
		join := func(order []ending) (list []ending) {
			for _, e := range order {
				list, _, _ = addEnding(list, e)
			}
			return list
		}
		want := join(all)
		if got := join(rapid.Permutation(append(all, all...)).Draw(t, "order")); !slices.Equal(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if !slices.IsSortedFunc(want, compareEnding) {
			t.Fatalf("not in order: %+v", want)
		}
	})
}

// An end that came in time once binds all, though it came late, too.
func TestEndingBindsTheEarliest(t *testing.T) {
	list, changed, _ := addEnding(nil, ending{at: 1, effectiveSeq: 7})
	require.True(t, changed)
	list, changed, _ = addEnding(list, ending{at: 1, effectiveSeq: 9})
	require.False(t, changed)
	list, changed, _ = addEnding(list, ending{at: 1})
	require.True(t, changed)
	require.Equal(t, []ending{{at: 1}}, list)
}

func TestInstantsAreBounded(t *testing.T) {
	var ends []ending
	var instants []int64
	var lost int
	for i := range int64(3 * maxInstants) {
		var n int
		ends, _, n = addEnding(ends, ending{at: i})
		lost += n
		instants, _, n = addInstant(instants, i)
		lost += n
	}
	require.Len(t, ends, maxInstants)
	require.Len(t, instants, maxInstants)
	require.Equal(t, 4*maxInstants, lost, "what is given up is counted")
	require.Zero(t, ends[0].at, "the first is what the session died of")
	last, ok := latest(instants, 1<<40)
	require.True(t, ok)
	require.EqualValues(t, 3*maxInstants-1, last, "the last is since when it lasts")
}

func TestLatest(t *testing.T) {
	list := []int64{10, 20}
	for at, want := range map[int64]int64{10: 10, 19: 10, 20: 20, 100: 20} {
		got, ok := latest(list, at)
		require.True(t, ok)
		require.Equal(t, want, got, at)
	}
	_, ok := latest(list, 9)
	require.False(t, ok)
}

func TestIdentities(t *testing.T) {
	u := newUsers()
	a, b := fact.ID{1}, fact.ID{2}
	u.add(a, fact.Pseudonym{2})
	u.add(b, fact.Pseudonym{1})
	list, from := u.joinIdentities([]identity{{at: 5, user: a}, {at: 1, user: a}, {at: 3, user: b}, {at: 3, user: a, source: 1}, {at: 9, user: a}, {at: 10, user: a}, {at: 11, user: b}, {at: 11, user: a}}, nil, 5)
	require.Equal(t, []identity{{at: 1, user: a}, {at: 3, user: a, source: 1}, {at: 3, user: b}, {at: 5, user: a}, {at: 11, user: b}, {at: 11, user: a}}, list,
		"the first of each run; of two at one instant the one of the first source, then of the greater pseudonym")
	require.EqualValues(t, longAgo, from)
	for at, want := range map[int64]fact.ID{1: a, 2: a, 3: b, 4: b, 5: a, 10: a, 11: a} {
		got, ok := identityAt(list, at)
		require.True(t, ok)
		require.Equal(t, want, got, at)
	}
	_, ok := identityAt(list, 0)
	require.False(t, ok)
}

// Of too many the first and the latest are kept.
func TestIdentitiesAreBounded(t *testing.T) {
	u := newUsers()
	var all []identity
	for i := range int64(maxRuns + 5) {
		all = append(all, identity{at: i, user: fact.ID{1 + uint64(i%2)}}, identity{at: i, user: fact.ID{1 + uint64(i%2)}, source: 1})
	}
	most := 2 * (maxRuns + 1)
	list, from := u.joinIdentities(slices.Clone(all[:most]), nil, 0)
	require.Len(t, list, most)
	require.EqualValues(t, longAgo, from)
	list, from = u.joinIdentities(slices.Clone(all), nil, 0)
	require.Len(t, list, 2+2*maxRuns)
	require.EqualValues(t, 5, from)
	require.Equal(t, from, list[2].at)
	require.Zero(t, list[0].at)
}

// What is known of an end is no news, nor that it counts for fewer.
func TestEndingIsNoNews(t *testing.T) {
	list := []ending{{at: 5, effectiveSeq: 7}}
	for seq, want := range map[uint64]bool{6: true, 7: false, 8: false} {
		got, changed, lost := addEnding([]ending{list[0]}, ending{at: 5, effectiveSeq: seq})
		require.Equal(t, want, changed, "%d", seq)
		require.Zero(t, lost)
		require.Equal(t, min(seq, 7), got[0].effectiveSeq)
	}
}
