package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Shards share what there may be: of records no fewer, and of sessions a little more, since
// ids come to them by chance.
func TestShardsShareRoom(t *testing.T) {
	for _, c := range []struct{ shards, sessions, records, n, limit, ring int }{
		{0, 100, 50, 1, 100, 50},
		{1, 100, 50, 1, 100, 50},
		{2, 100, 51, 2, 100, 26},
		{3, 6400, 100, 4, 1600 + 25 + 64, 25},
		{4, 6400, 101, 4, 1600 + 25 + 64, 26},
		{maxShards, 128_000, 128, maxShards, 1000 + 15 + 64, 1},
		{maxShards + 1, 128_000, 128, maxShards, 1000 + 15 + 64, 1},
	} {
		cfg := historyConfig()
		cfg.Shards, cfg.MaxSessions, cfg.MaxRecentRequests = c.shards, c.sessions, c.records
		shards := newShards(&cfg, &tombstones{})
		require.Len(t, shards, c.n, "%+v", c)
		for i := range shards {
			require.Equal(t, c.limit, shards[i].sessions.limit, "%+v", c)
			require.EqualValues(t, c.ring, shards[i].recent.limit, "%+v", c)
		}
	}
}

// A silence is longer than any before it as long as one that was is not measured, and then
// as what was measured is.
func TestLongerGap(t *testing.T) {
	var s shardStats
	row := s.row(0)
	require.True(t, s.longerGap(row, 10))
	require.False(t, s.longerGap(row, 10))
	require.True(t, s.longerGap(row, 11))
	s.measured(row, 5)
	require.False(t, s.longerGap(row, 11), "another is yet to be measured")
	s.measured(row, 5)
	require.False(t, s.longerGap(row, 5))
	require.True(t, s.longerGap(row, 6))
	s.measured(row, 7)
	s.measured(row, 8)
	require.False(t, s.longerGap(row, 8))
	require.True(t, s.longerGap(row, 9))
	require.EqualValues(t, 1, s.longGaps[row])
}

// The order of the oldest recent fact is that of all shards.
func TestOldestSeq(t *testing.T) {
	cfg := historyConfig()
	cfg.Shards, cfg.MaxRecentRequests = 2, 8
	e := New(cfg)
	require.Zero(t, e.oldestSeq())
	for i := range uint64(6) {
		f := tideFact(fact.Started, fact.Name{ID: fact.ID{1, 1 + i%2}}, int(i))
		e.observe(&f, f.At)
	}
	require.EqualValues(t, 1, e.oldestSeq())
	for i := range uint64(6) {
		f := tideFact(fact.Activity, fact.Name{ID: fact.ID{1, 1}}, int(10+i))
		e.observe(&f, f.At)
	}
	require.EqualValues(t, 2, e.oldestSeq(), "of the other shard")
}

// There is room while shards cannot together take in more than there may be.
func TestNearLimit(t *testing.T) {
	cfg := historyConfig()
	cfg.Shards, cfg.MaxSessions = 4, 100
	e := New(cfg)
	for count, want := range map[int64]bool{95: false, 96: true, 100: true} {
		e.shards[0].sessions.all.count.Store(count)
		require.Equal(t, want, e.nearLimit(), "%d", count)
	}
	cfg.Shards = 1
	e = New(cfg)
	e.shards[0].sessions.all.count.Store(100)
	require.False(t, e.nearLimit(), "one shard knows itself")
}
