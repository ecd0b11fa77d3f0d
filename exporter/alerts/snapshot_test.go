package alerts

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// stored returns what a table of the same configuration makes of the snapshot.
func stored(t *testing.T, from *clockedTable, now time.Time, change func(*Config)) *clockedTable {
	t.Helper()
	snap, changed := from.snapshot()
	require.True(t, changed)
	data, err := json.Marshal(snap)
	require.NoError(t, err)
	var again snapshot
	require.NoError(t, json.Unmarshal(data, &again))
	to := newClockedTable(t, change)
	to.now = now
	to.restore(again, now)
	return to
}

func TestSnapshot(t *testing.T) {
	from := newClockedTable(t, nil)
	from.take(violation{id: numbered(1), session: "a", requests: 2, overrun: 7, trace: pcommon.TraceID{1, 2}, last: epoch})
	from.take(violation{id: numbered(2), session: "b", requests: 3})
	from.take(violation{id: numbered(2), revision: 2, state: stateRetracted})
	from.take(violation{id: numbered(3), revision: 5, state: stateRetracted})
	from.take(violation{id: numbered(4), service: "ledger"})
	from.alert(from.live(from.now)[0], from.now)

	now := epoch.Add(time.Minute)
	to := stored(t, from, now, nil)
	require.Equal(t, from.live(now), to.live(now), "oldest first")
	for _, id := range from.live(now) {
		want, _ := from.alert(id, now)
		got, _ := to.alert(id, now)
		require.Equal(t, want, got)
	}
	require.Equal(t, ignored, to.take(violation{id: numbered(1), session: "a", requests: 2}))
	require.Equal(t, ignored, to.take(violation{id: numbered(2)}), "what was retracted stays so")
	require.Equal(t, ignored, to.take(violation{id: numbered(3)}))
	require.Equal(t, renewed, to.take(violation{id: numbered(5)}))
}

func TestSnapshotOnlyWhenChanged(t *testing.T) {
	c := newClockedTable(t, nil)
	_, changed := c.snapshot()
	require.False(t, changed)
	c.take(violation{})
	_, changed = c.snapshot()
	require.True(t, changed)
	c.take(violation{})
	_, changed = c.snapshot()
	require.False(t, changed)
	c.touch()
	_, changed = c.snapshot()
	require.True(t, changed)
}

func TestSnapshotOfWhatRanOut(t *testing.T) {
	from := newClockedTable(t, nil)
	from.take(violation{})
	from.take(violation{id: numbered(2), state: stateRetracted, revision: 2, service: "none"})
	to := stored(t, from, epoch.Add(15*time.Minute), nil)
	require.Empty(t, to.mu.leases)
	require.Empty(t, to.mu.findings)
}

func TestSnapshotWithLessRoom(t *testing.T) {
	from := newClockedTable(t, nil)
	for i := range 10 {
		from.take(violation{id: numbered(i), service: "a"})
	}
	from.take(violation{id: numbered(20), service: "b"})
	to := stored(t, from, epoch, func(cfg *Config) { cfg.MaxAlerts, cfg.MaxFindings = 1, 4 })
	a := to.only()
	require.Equal(t, "a", a.identity.Service)
	require.Equal(t, int64(4), a.requests)
	require.True(t, a.atLeast)
}

func TestSnapshotAfterTheClockWasSetBack(t *testing.T) {
	from := newClockedTable(t, nil)
	from.take(violation{})
	from.alert(from.live(epoch)[0], epoch)
	yesterday := epoch.Add(-24 * time.Hour)
	to := stored(t, from, yesterday, nil)
	require.Len(t, to.live(yesterday), 1)
	require.Empty(t, to.live(yesterday.Add(15*time.Minute)))
}
