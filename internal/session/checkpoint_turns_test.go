package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// inShards is a stage of so many shards, and a request of session n of one of them.
func inShards(t *testing.T, shards int) (s *stage, request func(shard, n int)) {
	t.Helper()
	s = newStage(t, "policy p0 idle=1h", func(c *Config) { c.Shards, c.MaxSessions, c.MaxRecentRequests = shards, 1000, 1000 })
	return s, func(shard, n int) {
		s.now += int64(time.Millisecond)
		id := fact.ID{mix(uint64(n), 1), uint64(n*shards + shard)}
		s.observe(&fact.Fact{Session: fact.Name{ID: id, Raw: "s"}, Start: s.now, End: s.now, At: s.now, Resource: sessiontest.Resources["web"]}, s.now)
	}
}

// passed stores all that is to be, and returns what was done with the sessions of each shard.
func (s *stage) passed() (actions [][]action) {
	c := beginPass(s.Engine, s.now)
	for i := range c.shards {
		actions = append(actions, c.shards[i].sessions.actions)
	}
	for _, _, ok := c.Next(nil); ok; _, _, ok = c.Next(nil) {
	}
	c.Commit()
	return actions
}

// Of sessions of which a few change all the time each range is stored whole once in so many
// passes, and as many of them in each; one that was not there before is at once.
func TestRangesTakeTurns(t *testing.T) {
	const shards, parts = 2, 2 * fullEvery
	s, request := inShards(t, shards)
	change := func(parts int) {
		for shard := range shards {
			for part := range parts {
				request(shard, part<<sessionBits)
			}
		}
	}
	for shard := range shards {
		for n := range parts << sessionBits {
			request(shard, n)
		}
	}
	s.passed()
	whole := [shards][parts]int{}
	for range fullEvery {
		change(parts)
		for shard, actions := range s.passed() {
			require.Len(t, actions, parts)
			now := 0
			for part, what := range actions {
				if what == actionWhole {
					whole[shard][part]++
					now++
				} else {
					require.Equal(t, actionDelta, what)
				}
			}
			require.Equal(t, parts/fullEvery, now)
		}
	}
	for shard := range shards {
		for part, n := range whole[shard] {
			require.Equal(t, 1, n, "range %d of shard %d", part, shard)
		}
	}
	for n := range 5 << sessionBits {
		request(1, parts<<sessionBits+n)
	}
	change(parts)
	actions := s.passed()
	require.Len(t, actions[0], parts)
	for part := parts; part < parts+5; part++ {
		require.Equal(t, actionWhole, actions[1][part])
	}
}

// So many sessions are stored at once, and no more into a chunk that is as large as may be.
func TestFillOfShardIsBounded(t *testing.T) {
	defer setSizes(setSizes(shipped))
	placesAtOnce = 3
	s, request := inShards(t, 1)
	for n := range 9 {
		request(0, n)
	}
	var sizes []int
	fill := func(most int) (taken, size int, full bool) {
		maxChunkBytes = most
		c := beginPass(s.Engine, s.now)
		defer c.Abort()
		buf, full := c.shards[0].fill(nil, kindSessions, 0)
		return c.shards[0].sessions.taken, len(buf), full
	}
	for n := range 3 { // how large so many are
		placesAtOnce = n + 1
		taken, size, _ := fill(1 << 20)
		require.Equal(t, n+1, taken)
		sizes = append(sizes, size)
	}
	require.Greater(t, sizes[0], len(wire.Begin(nil)))
	for most, want := range map[int]struct {
		taken int
		full  bool
	}{
		1 << 20:      {3, false},
		sizes[2] + 1: {3, false},
		sizes[2]:     {3, true},
		sizes[1] + 1: {3, true},
		sizes[1]:     {2, true},
		sizes[0] + 1: {2, true},
		sizes[0]:     {1, true},
	} {
		taken, _, full := fill(most)
		require.Equal(t, want.taken, taken, "%d of %v", most, sizes)
		require.Equal(t, want.full, full, "%d of %v", most, sizes)
	}
}

// Of generations of which there are none nothing is stored, unless there were some.
func TestNoGenerationsAreWritten(t *testing.T) {
	for name, c := range map[string]struct {
		add, numbered int
		written       bool
	}{"none ever": {0, 0, false}, "some": {1, 0, true}, "none any more": {0, 3, true}} {
		f := newFingerprints(10)
		f.numbered = c.numbered
		for i := range c.add {
			f.add(uint64(i), &tombstone{said: 1})
		}
		var p parts
		f.write(&p)
		require.Equal(t, c.written, len(p.bodies) > 0, name)
		p2 := f.beginPass(nil)
		require.Equal(t, c.add > 0, p2.places > 0, name)
	}
}

// What is touched of all are the groups of all generations that there may be.
func TestTouchAll(t *testing.T) {
	x := newTombstones(1 << 12)
	x.touchAll()
	places := maxGenerations * x.displaced.groups
	require.True(t, x.displaced.changed.Has((places-1)>>x.displaced.bits))
	require.False(t, x.displaced.changed.Has(places>>x.displaced.bits))
}
