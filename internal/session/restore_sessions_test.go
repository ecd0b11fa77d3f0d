package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// again is the engine that goes on with what s stored.
func (s *stage) again() *Engine {
	s.t.Helper()
	e, why := everything(s.Engine, s.now).restored(s.cfg, s.now)
	require.Empty(s.t, why)
	return e
}

// idOf is that of session n.
func idOf(n int) fact.ID { return sessiontest.SessionName(n).ID }

// Shards go where they were if there are as many and all fits.
func TestLayShards(t *testing.T) {
	cfg := historyConfig()
	cfg.MaxSessions = 10
	limit := uint64(New(cfg).shards[0].sessions.limit)
	for name, c := range map[string]struct {
		shards []manifestShard
		alone  bool
	}{
		"as much as can be": {[]manifestShard{{next: 1, sessions: 10, slots: limit}}, true},
		"too many slots":    {[]manifestShard{{next: 1, sessions: 10, slots: limit + 1}}, false},
		"too many sessions": {[]manifestShard{{next: 1, sessions: 11, slots: limit}}, false},
		"another number":    {make([]manifestShard, 2), false},
	} {
		r := restorer{e: New(cfg), manifest: manifest{shards: c.shards}}
		require.Equal(t, len(c.shards) == 1, r.layShards(), name)
		require.Equal(t, c.alone, r.shards[0].alone, name)
	}
}

// What is stored of sessions is read where it says no more than the manifest does: so many
// slots, and of its shard alone if that goes where it was.
func TestReadBlock(t *testing.T) {
	s := newStage(t, standard)
	s.tell(letters(3, "# request at=1s"))
	for _, c := range []struct {
		slots  uint64
		number int
		alone  bool
		ok     bool
	}{{3, 0, true, true}, {2, 0, true, false}, {3, 1, true, false}, {3, 1, false, true}} {
		cfg := s.cfg
		cfg.Shards = 2
		if c.number == 0 {
			cfg.Shards = 1
		}
		r := restorer{e: New(cfg), resources: map[uint32]uint32{}, manifest: manifest{shards: []manifestShard{{slots: c.slots}, {slots: c.slots}}}}
		x := shardRestorer{restorer: &r, number: c.number, alone: c.alone}
		key := chunkKey(kindSessions, 0, 0, 0)
		d, _, err := openChunk(everything(s.Engine, s.now)[key], key, kindSessions)
		require.NoError(t, err)
		from, last := base{d.Varint(), d.Uvarint()}, -1
		for d.Err == nil && len(d.Left) > 0 {
			last = x.readBlock(&d, from, last, 1<<sessionBits)
		}
		require.Equal(t, c.ok, d.Err == nil, "%+v", c)
	}
}

// Where a session of a former run is now: as far as is known.
func TestRestoredSlot(t *testing.T) {
	r := restorer{e: New(historyConfig()), resources: map[uint32]uint32{0: 0}, shards: []shardRestorer{{slots: []uint32{7, 9}}}}
	for stored, now := range map[uint32]uint32{0: 7, 1: 9, 2: compact.NoSlot, compact.NoSlot: compact.NoSlot} {
		require.Equal(t, now, r.slot(0, stored))
		require.Equal(t, now, r.mapRecord(record{slot: stored}, 0).slot)
	}
}

// Sessions that were to be seen to are so after a restart, in their order.
func TestDirtyKeepTheirOrder(t *testing.T) {
	s := newStage(t, standard)
	s.tell(letters(5, "# request at=9s") + "z ended at=9s\nz request at=9s\nz authenticated at=1s\nadvance")
	require.NotZero(t, s.cleaned)
	for _, n := range []int{3, 0, 4, 1} {
		s.tell(fmt.Sprintf("%s authenticated at=1s", sessiontest.SessionName(n).Raw))
	}
	e := s.again()
	require.Len(t, e.dirty, 4)
	for i, place := range s.dirty {
		require.Equal(t, s.dirtyAt(place).id, e.dirtyAt(e.dirty[i]).id)
	}
	require.Empty(t, auditWork(e))
}

// Users whom only recent facts name are known as long as those are yet to be read again.
func TestShownSoon(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a request at=1s user=u1\na request at=2s user=u2\nb request at=2s user=u3\nb authenticated at=1s")
	r := restorer{e: s.Engine}
	require.Equal(t, map[fact.ID]bool{sessiontest.UserName(0).ID: true, sessiontest.UserName(1).ID: true}, r.shownSoon())
}

// What was inherited by each policy says nothing under others, and what was by all does.
func TestLegacyUnderOtherPolicies(t *testing.T) {
	for _, c := range []struct {
		same       bool
		have, kept int
	}{{true, 1, 1}, {true, 2, 2}, {false, 1, 1}, {false, 2, 0}} {
		r := restorer{e: New(historyConfig()), sameConfig: c.same}
		x := timeline{legacy: legacy{all: make([]heritage, c.have)}}
		r.mapTimeline(&x, 9)
		require.Len(t, x.legacy.all, c.kept)
	}
}

// A session's newest fact is one that there is.
func TestNewestFactIsThere(t *testing.T) {
	r := restorer{e: New(historyConfig())}
	for recent, now := range map[uint64]uint64{8: 8, 9: 0, 10: 0} {
		x := timeline{recent: recent}
		r.mapTimeline(&x, 9)
		require.Equal(t, now, x.recent)
	}
}

// A record has its place between the oldest and the next; of any other only that it was is
// known.
func TestRestoredRecord(t *testing.T) {
	for position, there := range map[uint64]bool{1: false, 2: true, 9: true, 10: false} {
		r := newRecent(8)
		r.startAt(10)
		r.restore(record{position: position, End: 77}, &fact.Details{})
		require.Equal(t, there, r.place(position).position == position, "%d", position)
		require.Equal(t, !there, r.gone == 77, "%d", position)
	}
}

// Ranges of recent facts that a manifest should speak of, and does not, are lost.
func TestMissingRanges(t *testing.T) {
	const ranges = 3
	for _, shards := range []int{1, 2} {
		for number := range shards {
			for missing := range 2 {
				cfg := historyConfig()
				cfg.Shards = shards
				r := restorer{e: New(cfg), manifest: manifest{ringLimit: 1 << 10, shards: make([]manifestShard, shards)}}
				for i := range r.manifest.shards {
					r.manifest.shards[i].next = ranges<<recordBits + 1
				}
				r.manifest.ranges[kindRecent] = make([]chunkRange, (ranges-1)*shards+number+1-missing)
				x := shardRestorer{restorer: &r, number: number}
				require.Equal(t, missing > 0, x.readRecent(), "%d of %d", number, shards)
			}
		}
	}
}

// What describes recent facts lies in the order in which they came after a restart, too,
// wherever the ring begins: it goes as they go.
func TestDetailsLieInOrder(t *testing.T) {
	for _, facts := range []int{5, 16, 19, 20, 21, 23, 24, 25, 33, 39, 40, 41, 47} {
		s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 20 })
		for i := range facts {
			at := s.now + int64(i)
			s.observe(&fact.Fact{Session: sessiontest.SessionName(0), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"], Details: fact.Details{Path: strconv.Itoa(i)}}, at)
		}
		r := &s.again().shards[0].recent
		last := uint64(0)
		for p := r.oldest(); p < r.next; p++ {
			require.Greater(t, r.at(p).details, last, "%d of %d", p, facts)
			last = r.at(p).details
			require.Equal(t, strconv.FormatUint(p-1, 10), r.details.get(last).Path)
		}
	}
}

// Where recent facts are lost, the sessions are in doubt that had some of them, and what
// gave up its place may have come as late as can be.
func TestTornSessions(t *testing.T) {
	s := newStage(t, "config ahead=1m\n"+standard)
	s.tell("a request at=1s\n" + repeated(1<<recordBits, "b request at=2.#s") + repeated(1<<recordBits, "c request at=3.#s"))
	all := everything(s.Engine, s.now)
	delete(all, chunkKey(kindRecent, 1, 0, 0))
	e, res, err := Restore(s.cfg, all.get, s.now)
	require.NoError(t, err)
	require.Len(t, res.Lost, 1)
	for n, torn := range []bool{false, true, true} {
		require.Equal(t, torn, e.get(idOf(n)).unknownBefore == s.now, "%d", n)
	}
	require.Equal(t, s.now+int64(time.Minute), e.shards[0].recent.gone)
}

// Records that are yet to be placed, and that no session leads to, are so after a restart.
func TestStraysAreFound(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a request at=1s rejected id=1/1\nb request at=2s id=1/2\na request at=3s rejected id=1/3")
	ring := &s.shards[0].recent
	s.displace(ring.at(1), 0)
	s.displace(ring.at(2), 0)
	require.Equal(t, []stray{{0, 1}}, s.strays)
	require.Equal(t, s.strays, s.again().strays)
}

// An end of a user came when is known, or as late as can be; an older version kept when the
// last of them came.
func TestUserEndsCame(t *testing.T) {
	for name, c := range map[string]struct {
		older bool
		came  []int64
		want  []int64
	}{
		"known":              {false, []int64{5, 9}, []int64{5, 9}},
		"of one":             {false, []int64{5}, []int64{5, 100}},
		"of none":            {false, nil, []int64{100, 100}},
		"an older one":       {true, []int64{5, 9}, []int64{9, 9}},
		"an older one's one": {true, []int64{5}, []int64{5, 5}},
		"not of an older":    {true, nil, []int64{100, 100}},
	} {
		e, id := New(historyConfig()), sessiontest.UserName(0).ID
		e.users.add(id, fact.Pseudonym{})
		r := restorer{e: e, now: 100, older: c.older, userEnds: map[fact.ID][]ending{id: {{at: 1}, {at: 2}}}, userEndsCame: map[fact.ID][]int64{id: c.came}}
		r.addUserEnds()
		var came []int64
		for _, x := range e.users.ended[id].came {
			came = append(came, x.Value.(*userEnd).at)
		}
		require.Equal(t, c.want, came, name)
	}
}

// Suspects of one session are in the order in which they were, whatever their numbers.
func TestSuspectsKeepTheirOrder(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a ended at=0s\n" + repeated(4, "a request at=2#s"))
	s.wait(time.Minute)
	order := func(e *Engine) (starts []int64) {
		for _, x := range e.suspects.of(idOf(0)) {
			starts = append(starts, x.Start)
		}
		return starts
	}
	list := slices.Clone(s.suspects.of(idOf(0)))
	slices.Reverse(list)
	s.suspects.reorder(idOf(0), list)
	require.Len(t, list, 4)
	require.Equal(t, order(s.Engine), order(s.again()))
}

// An older version stored the order beside the suspects. It is kept where it is that of all
// of one session.
func TestOrderSuspects(t *testing.T) {
	for name, c := range map[string]struct {
		of   int // suspects
		list string
		kept bool
	}{
		"none":      {2, "", false},
		"two":       {2, "10", true},
		"three":     {3, "201", true},
		"not all":   {3, "10", false},
		"of others": {2, "1x", false},
	} {
		s := newStage(t, standard)
		s.tell("a ended at=0s\n" + repeated(c.of, "a request at=2#s") + "b ended at=0s\nb request at=20s")
		was := slices.Clone(s.suspects.of(idOf(0)))
		var list []*suspect
		for _, n := range c.list {
			if n == 'x' {
				list = append(list, s.suspects.of(idOf(1))[0])
			} else {
				list = append(list, was[n-'0'])
			}
		}
		r := restorer{e: s.Engine}
		if r.orderSuspects(list); !c.kept {
			list = was
		}
		require.Equal(t, list, s.suspects.of(idOf(0)), name)
		require.Len(t, s.suspects.of(idOf(1)), 1, name)
	}
}

// A finding of a policy that there is not, or not any more, is none.
func TestRenumber(t *testing.T) {
	r := restorer{policies: []uint8{1, fact.NoPolicy}}
	for stored, now := range map[int]int{-1: -1, 0: 1, 1: -1, 2: -1} {
		f := fact.Finding{Policy: stored}
		if require.Equal(t, now >= 0, r.renumber(&f), "%d", stored); now >= 0 {
			require.Equal(t, now, f.Policy)
		}
	}
}

// A user that is stored without ends has none.
func TestUserWithoutEnds(t *testing.T) {
	e, id := New(historyConfig()), sessiontest.UserName(0).ID
	r := restorer{e: e, userEnds: map[fact.ID][]ending{}, userEndsCame: map[fact.ID][]int64{}}
	e.users.add(id, fact.Pseudonym{})
	d := wire.NewDecoder(binary.AppendUvarint(wire.AppendUint128([]byte{tagUserEnds}, id), 0))
	r.readUsers(&d)
	require.NoError(t, d.End())
	r.addUserEnds()
	require.Empty(t, e.users.ended)
}

// What rests as one that an ordinary request is taken for does so after a restart, too.
func TestRestingSessionsRest(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a request at=1s user=u1\nb authenticated at=0s\nb request at=1s\nc request at=1s")
	s.wait(time.Minute)
	s.compactAll()
	table := &s.again().shards[0].sessions
	require.Empty(t, table.timelines)
	for n := range 3 {
		x := table.entry(table.find(idOf(n)))
		require.NotZero(t, x.flags&fast)
		require.Equal(t, n == 0, x.userNumber() != 0)
	}
}
