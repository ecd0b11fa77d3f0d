package alerts

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestAlertNamesTheMostRecentSessions(t *testing.T) {
	c := newClockedTable(t, nil)
	c.now = epoch.Add(time.Hour)
	for i := range 9 {
		at := epoch.Add(time.Duration(i) * time.Second)
		c.take(violation{id: numbered(i), session: numbered(i), first: at, trace: pcommon.TraceID{byte(i + 1)}})
	}
	// An older session again, with a later request.
	c.take(violation{id: numbered(20), session: numbered(2), first: epoch, last: epoch.Add(7500 * time.Millisecond)})
	c.take(violation{id: numbered(21), session: numbered(8), first: epoch})

	a := c.only()
	require.Equal(t, []string{pseudonym(numbered(8)), pseudonym(numbered(2)), pseudonym(numbered(7)), pseudonym(numbered(6)), pseudonym(numbered(5))}, a.pseudonyms)
	require.Equal(t, 9, a.sessions)
	require.Equal(t, int64(11), a.requests)
	require.Equal(t, pcommon.TraceID{9}, a.trace)
	require.Equal(t, read(t, violation{id: numbered(8)}).id, a.finding)
	require.Equal(t, epoch.UnixNano(), a.first)
	require.Equal(t, epoch.Add(8*time.Second).UnixNano(), a.last)
}

func TestAlertIsTheSameEachTime(t *testing.T) {
	c := newClockedTable(t, nil)
	for i := range 50 {
		c.take(violation{id: numbered(i), session: numbered(i), trace: pcommon.TraceID{byte(i + 1)}})
	}
	want := c.only()
	for range 20 {
		require.Equal(t, want, c.only())
	}
	require.Equal(t, pseudonym(numbered(0)), want.pseudonyms[0])
	require.Equal(t, pcommon.TraceID{1}, want.trace)
	first := read(t, violation{id: numbered(0)})
	require.Equal(t, want.finding, first.id)
}

func TestAlertCountsSessionsWithoutPseudonym(t *testing.T) {
	c := newClockedTable(t, nil)
	for i := range 2 {
		f := read(t, violation{id: numbered(i)})
		f.session = ""
		c.apply(f, c.now)
	}
	require.Equal(t, 2, c.only().sessions)
	require.Empty(t, c.only().pseudonyms)
}
