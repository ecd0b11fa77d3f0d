package session

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// TestBeginTakesLittle: what a checkpoint takes in the one hold of the lock in which it
// begins does not grow with the users, the suspects and the findings that there are.
func TestBeginTakesLittle(t *testing.T) {
	defer asShipped()()
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Minute}}
	cfg.MaxSessions, cfg.MaxRecentRequests = 20_000, 1_000_000
	taken := func(sessions int) (bytes uint64) {
		e := New(cfg)
		now := sessiontest.Epoch
		for _, at := range []time.Duration{0, 5 * time.Minute} {
			now = sessiontest.Epoch + int64(at)
			for i := range uint64(sessions) {
				f := fact.Fact{
					Session: fact.Name{ID: fact.ID{mix(i, 1), mix(i, 2)}, Raw: strconv.Itoa(int(i))}, User: fact.Name{ID: fact.ID{mix(i, 3), mix(i, 4)}, Raw: "u"},
					Start: now, End: now, At: now, Resource: sessiontest.Resources["web"], Trace: [16]byte{1, byte(i), byte(i >> 8), byte(at >> 32)}, Span: [8]byte{1},
				}
				e.observe(&f, now)
				e.tombstones.add(fact.ID{0, ^mix(i, 2)}, speaks(1))
			}
		}
		now += int64(cfg.DecisionWait) + 1
		e.advance(now)
		require.Len(t, e.takeFindings(), sessions)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c := beginPass(e, now)
		runtime.ReadMemStats(&after)
		c.Abort()
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := taken(100), taken(10_000)
	require.Less(t, many, few+100*200, "bytes; ranges are planned, but nothing is read")
}
