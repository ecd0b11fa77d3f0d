package session

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
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

// A range of sessions is stored whole where nothing of it is, or too many deltas are, or half
// of it has changed; otherwise what changed of it.
func TestActionForSessions(t *testing.T) {
	for _, c := range []struct {
		part, changed, deltas int
		turn                  bool
		want                  action
	}{
		{0, 0, 0, false, actionWhole},
		{0, 0, 1, false, actionKeep},
		{0, 0, 1, true, actionKeep},
		{0, 1, 1, false, actionDelta},
		{0, 1, 1, true, actionWhole},
		{0, 2, 1, false, actionWhole},
		{0, 1, maxDeltas - 1, false, actionDelta},
		{0, 0, maxDeltas - 1, false, actionKeep},
		{0, 0, maxDeltas, false, actionWhole},
		{1, 1, 1, false, actionDelta},
		{1, 2, 1, false, actionWhole},
		{2, 1, 1, false, actionDelta}, // of three
		{2, 2, 1, false, actionWhole},
	} {
		p := rangePass{bits: 2, places: 11}
		for i := range c.changed {
			p.changed.Set(c.part<<p.bits + i)
		}
		require.Equal(t, c.want, p.actionForSessions(c.part, c.deltas, c.turn), "%+v", c)
	}
}

// So many places are written at once, and no more into a chunk that is as large as may be.
func TestFillIsBounded(t *testing.T) {
	const size = 10
	header := len(wire.Begin(nil))
	defer setSizes(setSizes(shipped))
	placesAtOnce = 3
	for _, c := range []struct {
		max, taken int
		full       bool
	}{
		{header + 100*size, 3, false},
		{header + 3*size, 3, true},
		{header + 3*size + 1, 3, false},
		{header + 2*size, 2, true},
		{header + 2*size - 1, 2, true},
		{header + 1, 1, true},
	} {
		maxChunkBytes = c.max
		var r ranged
		r.bits = 4
		p := r.beginRanges(16, nil, nil, func(buf []byte, _ int) []byte { return append(buf, make([]byte, size)...) })
		buf, full := p.fill(nil, 0)
		require.Equal(t, c.taken, p.taken, "%+v", c)
		require.Equal(t, c.full, full, "%+v", c)
		require.Len(t, buf, header+c.taken*size)
	}
}
