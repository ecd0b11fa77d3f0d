package alerts

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// clockedTable is a table with a clock that the test moves.
type clockedTable struct {
	*table
	t   *testing.T
	now time.Time
}

func newClockedTable(t *testing.T, change func(*Config)) *clockedTable {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	if change != nil {
		change(cfg)
	}
	return &clockedTable{table: newTable(cfg), t: t, now: epoch}
}

func (c *clockedTable) take(v violation) outcome {
	c.t.Helper()
	return c.apply(read(c.t, v), c.now)
}

func (c *clockedTable) only() alert {
	c.t.Helper()
	live := c.live(c.now)
	require.Len(c.t, live, 1)
	a, ok := c.alert(live[0], c.now)
	require.True(c.t, ok)
	return a
}

func numbered(n int) string { return fmt.Sprintf("%016x", n) }

func TestTableRaisesAndRenews(t *testing.T) {
	c := newClockedTable(t, nil)
	require.Equal(t, raised, c.take(violation{id: numbered(1), first: epoch.Add(-time.Minute)}))
	require.Equal(t, epoch.Add(-time.Minute), c.only().startsAt)
	require.Equal(t, epoch.Add(4*time.Minute), c.only().endsAt)

	c.now = epoch.Add(14 * time.Minute)
	require.Equal(t, renewed, c.take(violation{id: numbered(2), first: epoch.Add(-time.Hour)}))
	require.Equal(t, epoch.Add(-time.Hour), c.only().startsAt, "an earlier violation has become known")
	require.Equal(t, epoch.Add(18*time.Minute), c.only().endsAt)
	require.Equal(t, epoch.Add(-time.Hour).UnixNano(), c.only().first)

	c.now = epoch.Add(29*time.Minute - 1)
	require.Equal(t, c.now.Add(4*time.Minute), c.only().endsAt, "it lies ahead to the last")
	c.now = epoch.Add(29 * time.Minute)
	require.Empty(t, c.live(c.now), "renewed no longer than resolve_after the last finding's arrival")
}

func TestTableForgetsWhatRanOut(t *testing.T) {
	c := newClockedTable(t, nil)
	c.take(violation{first: epoch.Add(-time.Minute)})
	c.now = epoch.Add(14 * time.Minute)
	end := c.only().endsAt
	require.Equal(t, epoch.Add(18*time.Minute), end)

	c.now = end.Add(-1)
	c.prune(c.now)
	require.True(t, c.holds(read(t, violation{}).identity), "Alertmanager still shows it")
	require.Equal(t, raised, c.take(violation{id: numbered(2), first: c.now}))
	require.Equal(t, epoch.Add(-time.Minute), c.only().startsAt, "it is the same alert that goes on")

	c.now = c.now.Add(time.Hour)
	c.prune(c.now)
	require.False(t, c.holds(read(t, violation{}).identity))
	alerts, findings := c.occupancy(c.now)
	require.Zero(t, alerts)
	require.Zero(t, findings)
}

func TestTableStartsAnewAfterRunningOut(t *testing.T) {
	c := newClockedTable(t, nil)
	c.take(violation{requests: 9})
	c.only()
	c.now = epoch.Add(time.Hour)
	require.Equal(t, raised, c.take(violation{id: numbered(2), first: epoch.Add(59 * time.Minute)}))
	a := c.only()
	require.Equal(t, epoch.Add(59*time.Minute), a.startsAt)
	require.Equal(t, int64(1), a.requests)
}

func TestTableStartIsNeverAhead(t *testing.T) {
	for name, first := range map[string]time.Time{
		"a clock ahead": epoch.Add(time.Hour),
		"year 2262":     time.Unix(0, 0).Add(1<<63 - 1),
		"1970":          time.Unix(0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			c := newClockedTable(t, nil)
			f := read(t, violation{})
			f.first, f.last = first.UnixNano(), first.UnixNano()
			c.apply(f, c.now)
			require.Equal(t, epoch, c.only().startsAt)
			require.Equal(t, epoch.UnixNano(), c.only().first)
			require.Equal(t, epoch.UnixNano(), c.only().last)
		})
	}
}

func TestTableCountsEachFindingOnce(t *testing.T) {
	c := newClockedTable(t, nil)
	require.Equal(t, raised, c.take(violation{id: numbered(1), revision: 2, requests: 5}))
	c.now = epoch.Add(time.Minute)
	require.Equal(t, ignored, c.take(violation{id: numbered(1), revision: 2, requests: 50}), "delivered twice")
	require.Equal(t, ignored, c.take(violation{id: numbered(1), revision: 1, requests: 1}), "delivered late")
	require.Equal(t, int64(5), c.only().requests)
	require.Equal(t, 1, c.only().sessions)
	c.now = epoch.Add(15 * time.Minute)
	require.Empty(t, c.live(c.now), "neither renewed it")

	require.Equal(t, raised, c.take(violation{id: numbered(1), revision: 3, requests: 8}))
	require.Equal(t, renewed, c.take(violation{id: numbered(2), requests: 3, session: "b"}))
	require.Equal(t, renewed, c.take(violation{id: numbered(3), requests: 1, session: "b"}))
	require.Equal(t, int64(12), c.only().requests)
	require.Equal(t, 2, c.only().sessions)
}

func TestTableIdentities(t *testing.T) {
	c := newClockedTable(t, nil)
	for i, v := range []violation{
		{},
		{severity: plog.SeverityNumberWarn},
		{policy: "default"},
		{kind: "ended"},
		{service: "ledger"},
	} {
		v.id = numbered(i)
		require.Equal(t, raised, c.take(v))
	}
	require.Equal(t, renewed, c.take(violation{id: numbered(9), session: "another"}), "a session is no identity")
	live := c.live(c.now)
	require.Len(t, live, 5)
	require.Equal(t, read(t, violation{}).identity, live[0], "oldest first")
	require.Equal(t, "ledger", live[4].Service)
}

func TestTableIgnores(t *testing.T) {
	c := newClockedTable(t, nil)
	require.Equal(t, ignored, c.take(violation{state: stateInconclusive}))
	require.Equal(t, ignored, c.take(violation{background: true, severity: plog.SeverityNumberInfo}))
	require.Empty(t, c.live(c.now))

	require.Equal(t, raised, c.take(violation{}))
	c.now = epoch.Add(10 * time.Minute)
	require.Equal(t, ignored, c.take(violation{revision: 2, state: stateInconclusive}))
	require.Equal(t, ignored, c.take(violation{id: numbered(2), state: stateInconclusive}))
	c.now = epoch.Add(15 * time.Minute)
	require.Empty(t, c.live(c.now), "inconclusive findings renew nothing")
}

func TestTableRetracts(t *testing.T) {
	c := newClockedTable(t, nil)
	c.take(violation{id: numbered(1), session: "a", requests: 2, overrun: 9, trace: pcommon.TraceID{1}})
	c.take(violation{id: numbered(2), session: "b", requests: 3, overrun: 4})
	c.now = epoch.Add(time.Minute)
	require.Equal(t, withdrawn, c.take(violation{id: numbered(1), revision: 2, state: stateRetracted}))
	a := c.only()
	require.Equal(t, int64(3), a.requests)
	require.Equal(t, []string{pseudonym("b")}, a.pseudonyms)
	require.InDelta(t, 4, a.overrun, 0)
	require.True(t, a.trace.IsEmpty())

	require.Equal(t, withdrawn, c.take(violation{id: numbered(2), revision: 2, state: stateRetracted}))
	require.Empty(t, c.live(c.now), "none is left to renew it")
	require.True(t, c.holds(a.identity), "it is left to run out")

	require.Equal(t, ignored, c.take(violation{id: numbered(2), revision: 1}), "an older revision that comes late")
	require.Empty(t, c.live(c.now))

	require.Equal(t, raised, c.take(violation{id: numbered(2), revision: 3, requests: 4}))
	require.Equal(t, int64(4), c.only().requests)
	require.Equal(t, a.startsAt, c.only().startsAt)
}

func TestTableRetractedDoesNotRenew(t *testing.T) {
	c := newClockedTable(t, nil)
	c.take(violation{id: numbered(1)})
	c.take(violation{id: numbered(2)})
	c.now = epoch.Add(10 * time.Minute)
	c.take(violation{id: numbered(1), revision: 2, state: stateRetracted})
	c.now = epoch.Add(15 * time.Minute)
	require.Empty(t, c.live(c.now))
}

func TestTableRetractedFirst(t *testing.T) {
	c := newClockedTable(t, nil)
	require.Equal(t, withdrawn, c.take(violation{revision: 2, state: stateRetracted}))
	require.Equal(t, ignored, c.take(violation{revision: 1}))
	require.Empty(t, c.live(c.now))
	c.now = epoch.Add(15 * time.Minute)
	c.prune(c.now)
	_, findings := c.occupancy(c.now)
	require.Zero(t, findings)
}

func TestTableMovesAFindingWhoseTypeChanged(t *testing.T) {
	c := newClockedTable(t, nil)
	c.take(violation{id: numbered(1), requests: 2})
	require.Equal(t, raised, c.take(violation{id: numbered(1), revision: 2, requests: 3, kind: "ended"}))
	a := c.only()
	require.Equal(t, "ended", a.identity.Violation)
	require.Equal(t, int64(3), a.requests)
	_, findings := c.occupancy(c.now)
	require.Equal(t, 1, findings)
}

func TestTableRefusesWhatHasNoRoom(t *testing.T) {
	c := newClockedTable(t, func(cfg *Config) { cfg.MaxAlerts = 2 })
	require.Equal(t, raised, c.take(violation{id: numbered(1), service: "a"}))
	require.Equal(t, raised, c.take(violation{id: numbered(2), service: "b"}))
	require.Equal(t, refused, c.take(violation{id: numbered(3), service: "c"}))
	require.Equal(t, renewed, c.take(violation{id: numbered(4), service: "b"}), "the ones that are held go on")
	alerts, findings := c.occupancy(c.now)
	require.Equal(t, 2, alerts)
	require.Equal(t, 3, findings)

	c.now = epoch.Add(time.Hour)
	require.Equal(t, raised, c.take(violation{id: numbered(3), service: "c"}), "what ran out makes room")
}

func TestTableBoundsFindings(t *testing.T) {
	c := newClockedTable(t, func(cfg *Config) { cfg.MaxFindings = 3 })
	for i := range 10 {
		c.take(violation{id: numbered(i), session: numbered(i)})
	}
	a := c.only()
	require.True(t, a.atLeast)
	require.Equal(t, 3, a.sessions)
	_, findings := c.occupancy(c.now)
	require.Equal(t, 3, findings)

	require.Equal(t, renewed, c.take(violation{id: numbered(1), revision: 2, requests: 5}), "a known one still grows")
	require.Equal(t, int64(7), c.only().requests)
	require.Equal(t, raised, c.take(violation{id: numbered(20), service: "ledger"}), "each alert holds one at least")
	require.Equal(t, ignored, c.take(violation{id: numbered(30), revision: 2, state: stateRetracted}))

	for i := range 3 {
		c.take(violation{id: numbered(i), revision: 9, state: stateRetracted})
	}
	require.Len(t, c.live(c.now), 2, "the findings that found no room may still hold")
}
