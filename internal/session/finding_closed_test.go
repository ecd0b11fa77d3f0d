package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// A finding that was closed, since more were open than may be, goes on from its
// revision and its count when it comes up again, and is sent no sooner than another.
func TestClosedFindingsGoOn(t *testing.T) {
	noGoroutine(t)
	sessions := minOpen + 144
	s := newStage(t, "policy p0 end=1s tolerance=1s\nconfig wait=1s update=1m", func(c *Config) {
		c.MaxRecentRequests, c.MaxSessions = 1024, 4096
	})
	last := map[uint64]fact.Finding{}
	tell := func(n int, kind fact.Kind, at int64) {
		s.observe(&fact.Fact{Kind: kind, Session: sessiontest.SessionName(n), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"]}, s.now)
	}
	for n := range sessions {
		tell(n, fact.Started, s.now)
		tell(n, fact.Ended, s.now+int64(10*time.Second))
	}
	s.now += int64(time.Minute)
	rounds := 0
	for range 40 {
		for n := range sessions {
			tell(n, fact.Request, s.now)
		}
		rounds++
		s.now += int64(5 * time.Second)
		s.advance(s.now)
		for _, f := range s.takeFindings() {
			if was, ok := last[f.ID]; ok {
				require.Equal(t, was.Revision+1, f.Revision)
				require.Equal(t, was.FirstAt, f.FirstAt)
				require.Greater(t, f.Requests, was.Requests)
				require.GreaterOrEqual(t, f.DecidedAt-was.DecidedAt, int64(time.Minute))
			}
			last[f.ID] = f
		}
	}
	require.Positive(t, s.counters().Closed())
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
		c.put(&closedFinding{id: id, revision: int(id)})
	}
	require.Nil(t, c.take(1))
	require.Equal(t, 2, c.take(2).revision)
	require.Nil(t, c.take(2), "it is open again")
	c.put(&closedFinding{id: 2, revision: 9})
	for id := range uint64(2) {
		c.put(&closedFinding{id: 10 + id})
	}
	require.Equal(t, 9, c.take(2).revision, "it was closed again, behind 3 and 4")
	for range 20 {
		c.put(&closedFinding{id: 7})
		c.take(7)
	}
	require.LessOrEqual(t, len(c.ids), 6)
	require.LessOrEqual(t, len(c.byID), 3)
	require.LessOrEqual(t, len(c.items), 4, "places are used again")
}

// What came up again and was closed again makes nobody else forgotten while there is room.
func TestClosedFindingsHaveRoom(t *testing.T) {
	c := newClosedFindings(3)
	for _, id := range []uint64{1, 2, 7, 7, 7, 7} {
		c.take(id)
		c.put(&closedFinding{id: id})
	}
	require.Len(t, c.ids, 6)
	for _, id := range []uint64{1, 2, 7} {
		require.NotNil(t, c.take(id), "%d", id)
	}
}
