package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// An entry counts its facts as far as it can, and what stands above that stays.
func TestEntryCounts(t *testing.T) {
	x := entry{facts: countAndOpened(maxFacts-2, 7)}
	for _, want := range []uint32{maxFacts - 1, maxFacts, maxFacts} {
		x.counted()
		require.Equal(t, want, x.count())
		require.EqualValues(t, 7, x.opened())
	}
	require.EqualValues(t, maxFacts, countAndOpened(maxFacts+1, 0))
}

// Which sources named its user an entry knows of the first ones, and of all where any may
// have been it.
func TestEntryKnowsSources(t *testing.T) {
	const number, sources = 1<<userBits - 1, 32 - userBits
	knows := func(list ...identity) (known []uint8) {
		var x entry
		x.showOne(number, list)
		require.EqualValues(t, number, x.userNumber())
		for source := range uint8(sources) {
			if x.knowsSource(source) {
				known = append(known, source)
			}
		}
		return known
	}
	for source := range uint8(sources) {
		require.Equal(t, []uint8{source}, knows(identity{source: source}))
	}
	require.Equal(t, []uint8{1, 3}, knows(identity{source: 1}, identity{source: 3}))
	require.Empty(t, knows(identity{source: sources}))
	require.Empty(t, knows(identity{source: anySource}), "which of them did is not known")
	require.Equal(t, []uint8{2}, knows(identity{source: anySource}, identity{source: 2}))
	x := entry{user: 1 << userBits}
	x.showOne(0, []identity{{source: 1}})
	require.Zero(t, x.user, "of nobody no source is known")
}

// What happened explains a request better than what did not, then the earlier, then by its
// type and who said it.
func TestEarlierExpiry(t *testing.T) {
	in := []expiry{
		{typ: fact.EndedSession, at: 5, by: "a"},
		{typ: fact.EndedSession, at: 5, by: "b"},
		{typ: fact.RotatedSession, at: 5},
		{typ: fact.RevokedSession, at: 5},
		{typ: fact.AbsoluteTimeout, at: 5},
		{typ: fact.EndedSession, at: 6},
		{typ: fact.IdleTimeout, at: 1},
		{typ: fact.IdleTimeout, at: 2},
	}
	for i := range in {
		for j := range in {
			require.Equal(t, i < j, in[i].earlier(&in[j]), "%d and %d", i, j)
		}
	}
}

// An expiry is the same whatever doubts it, and by nothing else.
func TestSameExpiry(t *testing.T) {
	x := expiry{at: 1, typ: fact.EndedSession, since: 2, by: "a"}
	for want, others := range map[bool][]expiry{
		true:  {x, {at: 1, typ: fact.EndedSession, since: 2, by: "a", doubt: "d", vouched: true}},
		false: {{at: 2, typ: fact.EndedSession, since: 2, by: "a"}, {at: 1, since: 2, by: "a"}, {at: 1, typ: fact.EndedSession, since: 3, by: "a"}, {at: 1, typ: fact.EndedSession, since: 2, by: "b"}},
	} {
		for _, y := range others {
			require.Equal(t, want, x.same(y), "%+v", y)
		}
	}
}
