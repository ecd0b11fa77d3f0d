package session

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// speaks is a tombstone that says something, of a session whose newest fact was
// at so many seconds.
func speaks(at uint32) tombstone {
	return tombstone{at: int64(at) * secondNanos, newest: at + 1, said: uint32(fact.RotatedSession-fact.EndedSession+1) | 7<<tombstoneFlags}
}

func TestTombstones(t *testing.T) {
	x := newTombstones(1000)
	require.Nil(t, x.of(fact.ID{1, 1}), "nothing was thrown away")
	require.Empty(t, x.chunks)
	x.add(fact.ID{1, 2}, speaks(100))
	require.Equal(t, speaks(100), *x.of(fact.ID{1, 2}))
	require.Nil(t, x.of(fact.ID{1, 3}))
	require.True(t, x.known(fact.ID{1, 2}))
	require.False(t, x.known(fact.ID{1, 3}))
	x.add(fact.ID{1, 2}, speaks(200))
	require.Equal(t, speaks(200), *x.of(fact.ID{1, 2}))
	require.Equal(t, 1, x.count)
	x.remove(fact.ID{1, 2})
	require.Nil(t, x.of(fact.ID{1, 2}))
	require.Zero(t, x.count)

	s := speaks(5)
	typ, ended := s.end()
	require.True(t, ended)
	require.Equal(t, fact.RotatedSession, typ)
	require.EqualValues(t, 7, s.service())
	s.said = tombstoneUnsure | tombstoneLater | tombstoneSampled | tombstoneActive | tombstoneBrief | tombstoneSeen | tombstoneLogin | tombstoneVague | tombstoneLost
	require.Less(t, s.said, uint32(1)<<tombstoneFlags)
	_, ended = s.end()
	require.False(t, ended)
}

// The table grows with what it holds, and hardly any is displaced while there is
// room.
func TestTombstonesGrow(t *testing.T) {
	const n = 50_000
	x := newTombstones(8 * n)
	d := rand.New(rand.NewPCG(firstSeed, 0))
	var ids []fact.ID
	for i := range uint32(n) {
		ids = append(ids, fact.ID{d.Uint64(), d.Uint64()})
		x.add(ids[i], speaks(i))
		if i%1000 == 0 {
			require.Less(t, len(x.chunks)*chunkBuckets*bucketWays, int(6*i+8192), "room for %d", i)
		}
	}
	missing := 0
	for i, id := range ids {
		if s := x.of(id); s == nil || *s != speaks(uint32(i)) {
			missing++
		}
	}
	require.Less(t, missing, n/200)
	for i, id := range ids {
		require.True(t, x.known(id), i)
	}
}

// Where it is full those that say nothing go first, then the oldest; what one
// that is displaced said goes on as a fingerprint, or raises the floor.
func TestTombstonesAreDisplaced(t *testing.T) {
	brief := func(at uint32) tombstone { return tombstone{newest: at, said: tombstoneBrief} }
	silent := func(at uint32) tombstone { return tombstone{newest: at} }
	x := newTombstones(4)
	require.Equal(t, 4, x.ways)
	for i, s := range []tombstone{speaks(9), silent(3), brief(4), brief(5)} {
		x.add(fact.ID{0, uint64(i + 1)}, s)
	}
	x.add(fact.ID{0, 5}, speaks(10))
	require.Nil(t, x.of(fact.ID{0, 3}), "the oldest of a moment")
	require.EqualValues(t, 4*secondNanos, x.oldestKnown)
	x.add(fact.ID{0, 6}, speaks(11))
	require.Nil(t, x.of(fact.ID{0, 2}), "one of a moment stays")
	require.EqualValues(t, 4*secondNanos, x.oldestKnown, "it was older")
	x.add(fact.ID{0, 7}, brief(12))
	require.Nil(t, x.of(fact.ID{0, 4}), "those displace one another")
	require.EqualValues(t, 5*secondNanos, x.oldestKnown)
	require.Empty(t, x.displaced.generations)
	x.add(fact.ID{0, 8}, speaks(12))
	require.Nil(t, x.of(fact.ID{0, 1}), "the oldest of those that say something")
	require.EqualValues(t, 5*secondNanos, x.oldestKnown)
	g := x.displaced.of(1)
	require.NotNil(t, g)
	require.True(t, g.over(1))
	require.EqualValues(t, 9*secondNanos, g.first)
	require.EqualValues(t, 10, g.newest)
	require.True(t, x.known(fact.ID{0, 1}))
	require.Equal(t, 4, x.count)
}

// Generations are dropped when there are too many: that is counted, and raises
// the floor.
func TestFingerprintsAreDropped(t *testing.T) {
	x := newTombstones(2)
	for i := range uint32(2 + 2*16) {
		x.add(fact.ID{0, uint64(i + 1)}, speaks(i))
	}
	require.Len(t, x.displaced.generations, 16)
	require.Zero(t, x.displaced.dropped)
	require.EqualValues(t, longAgo, x.oldestKnown)
	for i := range uint64(32) {
		require.NotNil(t, x.displaced.of(i+1), i)
	}
	x.add(fact.ID{0, 99}, speaks(100))
	require.EqualValues(t, 2, x.displaced.dropped)
	require.EqualValues(t, 2*secondNanos, x.oldestKnown)
	require.Nil(t, x.displaced.of(1))
	require.Nil(t, x.displaced.of(2))
	require.NotNil(t, x.displaced.of(3))
}

// A fingerprint is another's once in far more than a million.
func TestFingerprintsAreRarelyAnothers(t *testing.T) {
	noGoroutine(t)
	const n = 20_000
	f := newFingerprints(n)
	d := rand.New(rand.NewPCG(firstSeed, 0))
	s := speaks(1)
	for range n * maxGenerations {
		f.add(d.Uint64(), &s)
	}
	require.Len(t, f.generations, maxGenerations)
	for range 1_000_000 {
		if f.of(d.Uint64()) != nil {
			t.Fatal("one in a million")
		}
	}
}

// A pass over them stores what there was when it began, however many come meanwhile.
func TestTombstonesBesidePass(t *testing.T) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	cfg := historyConfig()
	for range 20 {
		cfg.MaxSessions = 60 + d.IntN(60)
		e := New(cfg)
		for i := range uint32(1 + d.IntN(150)) {
			e.tombstones.add(fact.ID{0, d.Uint64()}, speaks(i))
		}
		want, c, got := everything(e, sessiontest.Epoch), beginPass(e, sessiontest.Epoch), stored{}
		for key, value, ok := c.Next(nil); ok; key, value, ok = c.Next(nil) {
			got[key] = value
			for i := range uint32(d.IntN(12)) {
				e.tombstones.add(fact.ID{0, d.Uint64()}, speaks(i))
			}
		}
		delete(want, manifestKey) // whatever is in between has other keys
		for key, value := range want {
			require.Equal(t, value, got[key], key)
		}
	}
}

// What is stored of them is read again, whether there is more room now or less.
func TestTombstonesOfAnotherSize(t *testing.T) {
	defer fewerTombstones(1, 1, 3)()
	sizes := []int{3, 50, 1000}
	for _, from := range sizes {
		for _, to := range sizes {
			cfg := historyConfig()
			cfg.Policies, cfg.MaxSessions = []Policy{{Name: "p0"}}, from
			was := New(cfg)
			d := rand.New(rand.NewPCG(firstSeed, 0))
			var ids []fact.ID
			for i := range uint32(200) {
				ids = append(ids, fact.ID{d.Uint64(), d.Uint64()})
				s := speaks(i)
				s.said &= 1<<tombstoneFlags - 1
				was.tombstones.add(ids[i], s)
			}
			cfg.MaxSessions = to
			is, why := everything(was, sessiontest.Epoch).restored(cfg, sessiontest.Epoch)
			require.Empty(t, why)
			a, b := &was.tombstones, &is.tombstones
			require.GreaterOrEqual(t, b.displaced.dropped, a.displaced.dropped)
			lost := 0
			for i, id := range ids {
				switch {
				case from == to && a.of(id) != nil:
					require.Equal(t, a.of(id), b.of(id))
				case from == to:
					require.Equal(t, a.known(id), b.known(id), i)
				case a.known(id) && !b.known(id):
					lost++
				}
			}
			require.LessOrEqual(t, int64(lost), b.displaced.dropped-a.displaced.dropped, "%d to %d", from, to)
			if from == to {
				require.Equal(t, a.displaced.dropped, b.displaced.dropped)
				require.Equal(t, a.oldestKnown, b.oldestKnown)
			}
			// It goes on.
			for i := range uint32(1000) {
				b.add(fact.ID{d.Uint64(), d.Uint64()}, speaks(300+i))
			}
		}
	}
}

// What an older version stored says only that something was thrown away.
func TestTombstonesWithoutEnds(t *testing.T) {
	e := New(historyConfig())
	r := restorer{e: e, manifest: manifest{tombstoneSlots: 64}}
	var body []byte
	for i := range uint64(3) {
		body = binary.AppendUvarint(body, i)
		body = binary.BigEndian.AppendUint64(body, i|1)
		body = binary.AppendVarint(body, sessiontest.Epoch-int64(i))
	}
	d := wire.Decoder{Left: body}
	r.readTombstones(&d)
	require.NoError(t, d.End())
	require.Equal(t, sessiontest.Epoch, e.tombstones.oldestKnown)
	require.Zero(t, e.tombstones.count)
	r.manifest.tombstoneSlots = 0
	d = wire.Decoder{Left: body}
	r.readTombstones(&d)
	require.Error(t, d.End())
}

// fewerTombstones makes their ranges small.
func fewerTombstones(buckets, lines, cells int) func() {
	b, l, c := bucketBits, groupBits, cellBits
	bucketBits, groupBits, cellBits = buckets, lines, cells
	return func() { bucketBits, groupBits, cellBits = b, l, c }
}

// Of generations that are not there nothing is stored.
func TestNoGenerationNoChunk(t *testing.T) {
	cfg := historyConfig()
	cfg.MaxSessions = 100
	e := New(cfg)
	s := speaks(1)
	e.tombstones.displaced.add(1, &s)
	chunks := 0
	for key := range everything(e, sessiontest.Epoch) {
		if strings.HasPrefix(key, chunkKindNames[kindFingerprints]) {
			chunks++
		}
	}
	require.Equal(t, e.tombstones.displaced.groups>>groupBits, chunks)
}

// What is in doubt is so up to the tolerance in front of where a session begins.
func TestOlderThanWhatIsLost(t *testing.T) {
	x := tombstones{oldestKnown: 100, tolerance: 5}
	require.False(t, x.older(105))
	require.True(t, x.older(106))
	require.EqualValues(t, 100, x.before(106))
	require.EqualValues(t, 99, x.before(105))
	require.EqualValues(t, 94, x.before(100))
	x.oldestKnown = longAgo
	require.EqualValues(t, longAgo, x.before(100), "nothing is")
}

// A rotation is no earlier than its origin where that was seen before it was rotated away,
// no later than so; one of which nothing is left is taken to have been.
func TestStartedBefore(t *testing.T) {
	id := fact.ID{1, 2}
	rotated := uint32(fact.RotatedSession - fact.EndedSession + 1)
	for name, c := range map[string]struct {
		s    *tombstone
		want bool
	}{
		"nothing is left": {nil, true},
		"then":            {&tombstone{at: 10, said: rotated | tombstoneSeen}, true},
		"earlier":         {&tombstone{at: 9, said: rotated | tombstoneSeen}, true},
		"later":           {&tombstone{at: 11, said: rotated | tombstoneSeen}, false},
		"never seen":      {&tombstone{at: 10, said: rotated}, false},
		"ended":           {&tombstone{at: 10, said: 1 | tombstoneSeen}, false},
		"alive":           {&tombstone{at: 10, said: tombstoneSeen}, false},
	} {
		x := newTombstones(100)
		if c.s != nil {
			x.add(id, *c.s)
		}
		require.Equal(t, c.want, x.startedBefore(&rotation{at: 10, from: id}), name)
	}
}

// There are as many places as sessions, in whole buckets, and all are split as soon as three
// in eight places of theirs are in use.
func TestRoomForTombstones(t *testing.T) {
	for _, n := range []int{1, 2, bucketWays - 1, bucketWays, bucketWays + 1, 3 * bucketWays, 3*bucketWays + 1} {
		x := newTombstones(n)
		require.EqualValues(t, (n-1)/bucketWays+1, x.limit, "%d", n)
		require.Equal(t, min(n, bucketWays), x.ways)
	}
	x := newTombstones(1 << 10)
	for i := range uint64(300) {
		before, used := x.buckets, x.count
		x.put(i+1, speaks(1))
		if before > 0 && before&(before-1) == 0 { // no round of splits is under way
			require.Equal(t, 8*used >= 3*bucketWays*int(before), x.buckets > before, "%d in %d", used, before)
		}
		require.True(t, x.buckets > splitsAtOnce || x.buckets&(x.buckets-1) == 0, "%d: a round that is begun is done", x.buckets)
	}
}

// Of those in one bucket one gives way that is in it.
func TestWhoGivesWay(t *testing.T) {
	brief, silent, ended := tombstone{said: tombstoneBrief, newest: 3}, tombstone{newest: 2}, tombstone{said: 1, newest: 1}
	for name, c := range map[string]struct {
		have   []tombstone
		comes  tombstone
		victim int
	}{
		"the only one":              {[]tombstone{ended}, ended, 0},
		"the only one, though such": {[]tombstone{brief}, ended, 0},
		"a brief one":               {[]tombstone{ended, silent, brief, brief}, ended, 2},
		"not the last brief one":    {[]tombstone{ended, brief, silent}, ended, 2},
		"but for another":           {[]tombstone{ended, brief, silent}, brief, 1},
		"nor where it is in front":  {[]tombstone{brief, ended, ended}, ended, 1},
	} {
		var b bucket
		copy(b.tombstones[:], c.have)
		require.Equal(t, c.victim, b.leastUseful(&c.comes, len(c.have)), name)
	}
}
