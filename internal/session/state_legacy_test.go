package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// What was inherited is that by one rotation, of one policy or of all alike.
func TestLegacyOf(t *testing.T) {
	r := rotation{from: fact.ID{1, 1}, at: 5}
	heirs := []heritage{{at: 1}, {at: 2}}
	for name, c := range map[string]struct {
		l      legacy
		policy uint8
		want   *heritage
	}{
		"nothing":          {legacy{from: r.from, at: r.at}, 0, nil},
		"of all":           {legacy{from: r.from, at: r.at, all: heirs[:1]}, 7, &heirs[0]},
		"of one":           {legacy{from: r.from, at: r.at, all: heirs}, 1, &heirs[1]},
		"of the first":     {legacy{from: r.from, at: r.at, all: heirs}, 0, &heirs[0]},
		"of none":          {legacy{from: r.from, at: r.at, all: heirs}, 2, nil},
		"another rotation": {legacy{from: r.from, at: 6, all: heirs}, 0, nil},
		"from another":     {legacy{from: fact.ID{2, 1}, at: r.at, all: heirs}, 0, nil},
	} {
		for _, assumed := range []bool{false, true} {
			h, ok := c.l.of(&r, c.policy, assumed)
			if require.Equal(t, c.want != nil, ok, name); ok {
				require.Equal(t, *c.want, h, name)
			}
		}
	}
}

// Of those whom it is from are kept the one who was shown last, once of each source, and the
// last ends.
func TestHeritageIsKept(t *testing.T) {
	user, other := fact.ID{1, 1}, fact.ID{2, 2}
	h := noHeritage
	require.False(t, h.kept().cut)
	h.at, h.heirUser, h.line = 5, user, []fact.ID{user}
	h.heirs = []identity{{at: 1, user: other}, {at: 2, user: user, source: 1}, {at: 3, user: user, source: 1}, {at: 4, user: user, source: 2}}
	for at := range int64(maxHeldEnds + 2) {
		h.ends = append(h.ends, heldEnd{at: at})
	}
	k := h.kept()
	require.True(t, k.cut, "what it is from is not all known")
	require.Equal(t, []identity{{user: user, source: 1}, {user: user, source: 2}}, k.heirs)
	require.Empty(t, k.line)
	require.Equal(t, h.ends[2:], k.ends)
}

// Bounds of two are the greatest that was let pass and the least that was not, if any was.
func TestBoundsJoin(t *testing.T) {
	for _, c := range []struct{ a, b, want Bounds }{
		{Bounds{}, Bounds{}, Bounds{}},
		{Bounds{5, 0}, Bounds{3, 9}, Bounds{5, 9}},
		{Bounds{5, 9}, Bounds{6, 0}, Bounds{6, 9}},
		{Bounds{5, 9}, Bounds{5, 8}, Bounds{5, 8}},
		{Bounds{5, 8}, Bounds{5, 9}, Bounds{5, 8}},
	} {
		c.a.join(c.b)
		require.Equal(t, c.want, c.a)
	}
}

// Suspects are decided by when they are due, then as they came.
func TestDecidedBefore(t *testing.T) {
	in := []*suspect{{due: 1, number: 9}, {due: 2, number: 1}, {due: 2, number: 2}}
	for i, a := range in {
		for j, b := range in {
			require.Equal(t, i < j, a.decidedBefore(b), "%d and %d", i, j)
		}
	}
}

// A session gives way to others by what it is, at the limits of that.
func TestRankOfSession(t *testing.T) {
	cfg := Config{Policies: []Policy{{IdleTimeout: 10}, {}}, ReorderWindow: 5}
	const heard = int64(100)
	for name, c := range map[string]struct {
		change func(x *entry)
		now    int64
		want   int
	}{
		"in use":               {func(x *entry) { x.end = heard + int64(established) }, heard + 15*secondNanos, rankSilent},
		"just established":     {func(x *entry) { x.end = x.since + int64(established) }, 0, rankSilent},
		"not yet":              {func(x *entry) { x.end = x.since + int64(established) - 1 }, 0, rankFleeting},
		"of a user":            {func(x *entry) { x.user = 1 }, 0, rankSilent},
		"not of plain request": {func(x *entry) { x.flags &^= fast }, 0, rankSilent},
		"over":                 {func(x *entry) { x.flags |= overEntry }, 0, rankOver},
		"silent":               {func(x *entry) { x.policy, x.user = 0, 1 }, secondNanos + 15, rankSilent},
		"for too long":         {func(x *entry) { x.policy, x.user = 0, 1 }, secondNanos + 16, rankExpired},
		"whatever that is":     {func(x *entry) { x.policy, x.user = fact.NoPolicy, 1 }, secondNanos + 16, rankSilent},
	} {
		x := newTestTable(10)
		slot := x.place(fact.ID{1, 1})
		*x.entry(slot) = entry{id: fact.ID{1, 1}, flags: taken | fast, from: heard, end: heard, since: heard, policy: 1, heard: 1}
		c.change(x.entry(slot))
		require.Equal(t, c.want, x.rank(slot, c.now, &cfg), name)
		x.pinned = slot
		if c.want != rankOver {
			require.Equal(t, rankPinned, x.rank(slot, c.now, &cfg), name)
		}
	}
}

// Nothing is written of what was not inherited.
func TestNoHeritageIsShort(t *testing.T) {
	l := legacy{all: []heritage{noHeritage}}
	b := l.append(nil, 0)
	require.Equal(t, []byte{0, 0}, b[len(fact.ID{})*8+2:], "of what there is, and of ends")
}
