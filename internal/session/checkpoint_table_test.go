package session

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// anyEntry draws an entry of which much or little is known.
func anyEntry(d *rand.Rand) entry {
	x := entry{
		id: fact.ID{d.Uint64(), d.Uint64()}, from: sessiontest.Epoch + d.Int64N(1e12), policy: uint8(d.IntN(256)), policies: uint16(d.Uint32()),
		heard: d.Uint32(), flags: taken | entryFlags(d.UintN(256))&(fast|sampledEntry|overEntry|reportedEntry),
	}
	x.end, x.since = x.from, x.from
	opened, facts := x.policy, d.Uint32N(maxFacts+1)
	for _, set := range []func(){
		func() { x.end += d.Int64N(1e12) }, func() { x.since -= d.Int64N(1e12) }, func() { x.recent = d.Uint32() },
		func() { opened = uint8(d.IntN(256)) }, func() { facts = maxFacts },
	} {
		if d.IntN(2) == 0 {
			set()
		}
	}
	x.facts = countAndOpened(facts, opened)
	return x
}

// TestEntryCodec: an entry is read as it was written, and nothing shorter is read.
func TestEntryCodec(t *testing.T) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	for range 2000 {
		want, from := anyEntry(d), base{sessiontest.Epoch + d.Int64N(1e13), d.Uint64N(maxPosition)}
		b := want.append(nil, from)
		in := wire.NewDecoder(b)
		require.Equal(t, want, readEntry(&in, from))
		require.NoError(t, in.End())
		in = wire.NewDecoder(b[:d.IntN(len(b))])
		readEntry(&in, from)
		require.Error(t, in.Err)
	}
}

// TestEntryIsShort: what is as it mostly is takes no room.
func TestEntryIsShort(t *testing.T) {
	x := entry{id: fact.ID{1, 2}, flags: taken, from: 9, end: 9, since: 9, facts: countAndOpened(1, 0)}
	least := len(x.append(nil, base{}))
	for name, change := range map[string]func(x *entry){
		"since":  func(x *entry) { x.since-- },
		"recent": func(x *entry) { x.recent = ^uint32(0) },
		"opened": func(x *entry) { x.facts = countAndOpened(1, 1) },
	} {
		y := x
		change(&y)
		require.Len(t, y.append(nil, base{}), least+1, name)
	}
}

// TestFreeRest: each slot that was left out is given once, and no other.
func TestFreeRest(t *testing.T) {
	x := newTestTable(100)
	for _, slot := range []uint32{1, 2, 5, 9} {
		x.placeAt(fact.ID{uint64(slot) << 40, 1}, slot)
	}
	x.freeRest()
	for i, want := range []uint32{0, 3, 4, 6, 7, 8, 10} {
		require.Equal(t, want, x.place(fact.ID{uint64(i) << 40, 2}))
	}
	for _, slot := range []uint32{1, 2, 5, 9} {
		require.Equal(t, slot, x.find(fact.ID{uint64(slot) << 40, 1}))
	}
	require.Equal(t, 11, x.len())
}
