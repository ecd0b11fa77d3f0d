package session

import (
	"encoding/binary"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// storedGeneration is what is stored of one: its number and how many cells it has.
type storedGeneration struct{ number, size uint64 }

func appendGenerations(numbered uint64, list ...storedGeneration) []byte {
	b := binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(nil, numbered), 0), uint64(len(list)))
	for _, g := range list {
		b = binary.AppendUvarint(binary.AppendUvarint(b, g.number), g.size)
		b = binary.AppendUvarint(binary.AppendVarint(binary.AppendVarint(b, 0), 0), 7)
	}
	return b
}

// Generations are read in the order of their numbers, of which there are so many, and one
// from where there was room for far more is given up.
func TestReadGenerations(t *testing.T) {
	const room = 1 << 17
	for name, c := range map[string]struct {
		numbered uint64
		list     []storedGeneration
		kept     int // -1: it is not read
		raised   bool
	}{
		"none":             {3, nil, 0, false},
		"the last":         {3, []storedGeneration{{2, 2}}, 1, false},
		"one to come":      {3, []storedGeneration{{3, 2}}, -1, false},
		"the first":        {3, []storedGeneration{{0, 2}}, 1, false},
		"in order":         {3, []storedGeneration{{1, 2}, {2, 2}}, 2, false},
		"not in order":     {3, []storedGeneration{{2, 2}, {1, 2}}, -1, false},
		"twice":            {3, []storedGeneration{{2, 2}, {2, 2}}, -1, false},
		"as old as may be": {uint64(maxGenerations) + 3, []storedGeneration{{3, 2}}, 1, false},
		"older":            {uint64(maxGenerations) + 3, []storedGeneration{{2, 2}}, -1, false},
		"too small":        {3, []storedGeneration{{2, 1}}, -1, false},
		"large":            {3, []storedGeneration{{2, room}}, 1, false},
		"too large":        {3, []storedGeneration{{2, room + 1}}, 0, true},
	} {
		x := newTombstones(1000)
		d := wire.NewDecoder(appendGenerations(c.numbered, c.list...))
		x.readGenerations(&d)
		if require.Equal(t, c.kept < 0, d.Err != nil, name); c.kept >= 0 {
			require.Len(t, x.displaced.generations, c.kept, name)
			require.Equal(t, c.raised, x.oldestKnown == 7*secondNanos, name)
		}
	}
}

// Cells are read where their generation has them, one stays free, and those of a generation
// that was given up are counted.
func TestReadCells(t *testing.T) {
	cell := func(number, at uint64) []byte {
		return binary.LittleEndian.AppendUint32(binary.AppendUvarint(binary.AppendUvarint(nil, number), at), 9)
	}
	for name, c := range map[string]struct {
		cells   [][]byte
		ok      bool
		dropped int64
	}{
		"the last":     {[][]byte{cell(2, 3)}, true, 0},
		"behind it":    {[][]byte{cell(2, 4)}, false, 0},
		"of another":   {[][]byte{cell(1, 0)}, false, 0},
		"all but one":  {[][]byte{cell(2, 0), cell(2, 1), cell(2, 2)}, true, 0},
		"all":          {[][]byte{cell(2, 0), cell(2, 1), cell(2, 2), cell(2, 3)}, false, 0},
		"one twice":    {[][]byte{cell(2, 0), cell(2, 1), cell(2, 2), cell(2, 2)}, true, 0},
		"of one given": {[][]byte{cell(0, 99), cell(0, 98)}, true, 2},
	} {
		x := newTombstones(1000)
		d := wire.NewDecoder(appendGenerations(3, storedGeneration{2, 4}))
		x.readGenerations(&d)
		require.NoError(t, d.End())
		x.displaced.given = []int{0}
		b := []byte{tombstoneLayout}
		for _, one := range c.cells {
			b = append(b, one...)
		}
		d = wire.NewDecoder(b)
		x.displaced.readCells(&d)
		require.Equal(t, c.ok, d.Err == nil, name)
		require.Equal(t, c.dropped, x.displaced.dropped, name)
	}
}

// Callers are read into the buckets that there are.
func TestReadCallers(t *testing.T) {
	e := New(historyConfig())
	buckets := uint64(len(e.callers.seen) / bucketSize)
	for n, ok := range map[uint64]bool{0: true, buckets - 1: true, buckets: false} {
		r := restorer{e: New(historyConfig())}
		b := []byte{callersLayout, 0}
		for 1<<b[1] < buckets {
			b[1]++
		}
		b = binary.AppendUvarint(b, n)
		for i := range uint64(bucketSize) {
			b = binary.LittleEndian.AppendUint64(b, i+1)
		}
		d := wire.NewDecoder(b)
		r.readCallers(&d)
		require.Equal(t, ok, d.End() == nil, "%d", n)
		require.Equal(t, ok, r.e.callers.used, "%d", n)
	}
}

// So many services are known to call after a restart as before.
func TestReadCallingServices(t *testing.T) {
	e := New(historyConfig())
	for n := range maxCallingServices + 1 {
		e.callers.services[serviceName{name: strconv.Itoa(n)}] = &calling{since: longAgo}
	}
	back, why := everything(e, sessiontest.Epoch).restored(e.cfg, sessiontest.Epoch)
	require.Empty(t, why)
	require.Len(t, back.callers.services, maxCallingServices)
}

// When the end of a user came is known after a restart, whenever that is.
func TestUserEndsKeepTheirTime(t *testing.T) {
	cfg := historyConfig()
	cfg.Policies, cfg.Retention = []Policy{{Name: "p0"}}, time.Hour
	e, now := New(cfg), sessiontest.Epoch
	f := fact.Fact{Kind: fact.EndedUser, User: sessiontest.UserName(0), Start: now, End: now, At: now, Resource: sessiontest.Resources["web"]}
	e.observe(&f, now)
	e.advance(now)
	s := everything(e, now)
	e, _, err := Restore(cfg, s.get, now+int64(30*time.Minute))
	require.NoError(t, err)
	e.advance(now + int64(time.Hour))
	require.Len(t, e.users.ended, 1)
	e.advance(now + int64(time.Hour) + 1)
	require.Empty(t, e.users.ended)
}

// An end of a user that is yet to be held against sessions is so after a restart.
func TestUserEndsGoOn(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a authenticated at=0s user=u1\na request at=9s user=u1")
	s.tell("now=9s - ended_user at=2s user=u1")
	require.Len(t, s.userEnds, 1)
	e, why := everything(s.Engine, s.now).restored(s.cfg, s.now)
	require.Empty(t, why)
	require.Len(t, e.userEnds, 1)
	require.Equal(t, s.users.get(sessiontest.UserName(0).ID).since, e.users.get(sessiontest.UserName(0).ID).since)
	e.advance(s.now)
	require.Equal(t, 1, e.pending())
}
