package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A finding that was closed, since more were open than may be, goes on from its
// revision and its count when it comes up again, and is sent no sooner than another.
func TestClosedFindingsGoOn(t *testing.T) {
	noGoroutine(t)
	sessions := minOpen + 144
	s := newStage(t, "policy p0 end=1s tolerance=1s\nconfig wait=1s update=1m", func(c *Config) {
		c.MaxRecentRequests, c.MaxSessions = 1024, 4096
	})
	last := map[uint64]Finding{}
	tell := func(n int, kind Kind, at int64) {
		s.Observe(&Fact{Kind: kind, Session: sessionName(n), Start: at, End: at, At: at, Resource: resources["web"]}, s.now)
	}
	for n := range sessions {
		tell(n, Started, s.now)
		tell(n, Ended, s.now+int64(10*time.Second))
	}
	s.now += int64(time.Minute)
	rounds := 0
	for range 40 {
		for n := range sessions {
			tell(n, Request, s.now)
		}
		rounds++
		s.now += int64(5 * time.Second)
		s.Advance(s.now)
		for _, f := range s.TakeFindings() {
			if was, ok := last[f.ID]; ok {
				require.Equal(t, was.Revision+1, f.Revision)
				require.Equal(t, was.FirstAt, f.FirstAt)
				require.Greater(t, f.Requests, was.Requests)
				require.GreaterOrEqual(t, f.DecidedAt-was.DecidedAt, int64(time.Minute))
			}
			last[f.ID] = f
		}
	}
	require.Positive(t, s.Stats().Closed())
	require.Len(t, last, sessions)
	s.wait(2 * time.Minute)
	for _, f := range last {
		require.LessOrEqual(t, f.Requests, rounds)
	}
}

// What is kept of closed findings is bounded: the oldest are forgotten.
func TestClosedFindingsAreBounded(t *testing.T) {
	c := newClosedFindings(3)
	for id := range uint64(5) {
		c.add(id, closedFinding{revision: int(id)})
	}
	_, ok := c.take(1)
	require.False(t, ok)
	f, ok := c.take(2)
	require.True(t, ok)
	require.Equal(t, 2, f.revision)
	_, ok = c.take(2)
	require.False(t, ok, "it is open again")
	c.add(2, closedFinding{revision: 9})
	for id := range uint64(2) {
		c.add(10+id, closedFinding{})
	}
	f, ok = c.take(2)
	require.True(t, ok, "it was closed again, behind 3 and 4")
	require.Equal(t, 9, f.revision)
	for range 20 {
		c.add(7, closedFinding{})
		c.take(7)
	}
	require.LessOrEqual(t, len(c.ids), 6)
	require.LessOrEqual(t, len(c.byID), 3)
}
