package alerts

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRevisionsThatBeginAgain: a processor that restarts without a storage, or that gave a finding up to
// stay within its bounds, reports the same ids from revision 1 on. The alert is renewed all the same.
func TestRevisionsThatBeginAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		first := epoch.Add(-time.Minute)
		h.consume(t, violation{id: numbered(1), revision: 3, requests: 64, first: first, observed: time.Now()})
		for range 80 { // forty minutes of the same session being served
			sleep(30 * time.Second)
			h.consume(t, violation{id: numbered(1), revision: 1, requests: 1, first: time.Now(), observed: time.Now()})
		}
		posts := h.am.take()
		require.Len(t, posts, 41)
		var ends time.Time
		for i, p := range posts {
			a := p.alerts[0]
			if i > 0 {
				require.GreaterOrEqual(t, ends.Sub(p.at), 3*time.Minute, "three renewals may be lost")
				require.Equal(t, first, time.Time(a.StartsAt).UTC())
			}
			if i > 1 {
				require.Equal(t, "at least 64", a.Annotations["requests"])
				require.Equal(t, "1", a.Annotations["sessions"])
			}
			ends = time.Time(a.EndsAt)
		}
		h.stop(t)
	})
}

func TestTableGoesOnFromWhatWasKnown(t *testing.T) {
	c := newClockedTable(t, nil)
	at := func(minutes int) time.Time { return epoch.Add(time.Duration(minutes) * time.Minute) }
	take := func(want outcome, v violation) alert {
		t.Helper()
		c.now = v.observed
		require.Equal(t, want, c.take(v))
		return c.only()
	}
	take(raised, violation{revision: 3, requests: 64, first: epoch, observed: at(1)})

	a := take(renewed, violation{revision: 1, requests: 1, first: at(2), observed: at(2)})
	require.Equal(t, int64(64), a.requests, "no fewer than there have been")
	require.True(t, a.more)
	require.False(t, a.atLeast, "sessions are counted all the same")
	require.Equal(t, epoch.UnixNano(), a.first)
	require.Equal(t, epoch, a.startsAt)
	require.Equal(t, at(2).UnixNano(), a.last, "what is newer comes from the newer one")

	a = take(renewed, violation{revision: 2, requests: 2, first: at(2), observed: at(3)})
	require.Equal(t, int64(64), a.requests)
	a = take(renewed, violation{revision: 3, requests: 70, first: at(2), observed: at(4)})
	require.Equal(t, int64(70), a.requests)
	require.True(t, a.more, "nobody knows which of them were among the 64")
	require.Equal(t, epoch.UnixNano(), a.first)

	a = take(ignored, violation{revision: 9, requests: 99, observed: at(3)})
	require.Equal(t, int64(70), a.requests, "what was decided earlier is older, whatever its revision")
	a = take(renewed, violation{revision: 4, requests: 60, first: at(3), observed: at(5)})
	require.Equal(t, int64(64), a.requests)

	c.now = at(6)
	require.Equal(t, withdrawn, c.take(violation{revision: 1, state: stateRetracted, observed: at(6)}), "a retraction, too")
	require.Empty(t, c.live(c.now))
	a = take(raised, violation{revision: 2, requests: 5, first: at(7), observed: at(7)})
	require.Equal(t, int64(5), a.requests, "what was withdrawn is no evidence")
	require.False(t, a.more)
}

// TestTableTakesOneRevisionAfterAnother: fewer requests in a higher revision are what evidence left of them.
func TestTableTakesOneRevisionAfterAnother(t *testing.T) {
	c := newClockedTable(t, nil)
	c.take(violation{revision: 1, requests: 64, observed: epoch.Add(-2)})
	c.take(violation{revision: 2, requests: 60, observed: epoch.Add(-1)})
	require.Equal(t, int64(60), c.only().requests)
	require.False(t, c.only().more)
}

// TestTableOrderDoesNotMatter: findings of a processor before and after its restart may come in any order
// and any number of times, and the one that was decided last says what the finding is.
func TestTableOrderDoesNotMatter(t *testing.T) {
	all := []violation{
		{revision: 1, requests: 10, observed: epoch.Add(-6)},
		{revision: 2, requests: 20, observed: epoch.Add(-5)},
		{revision: 2, state: stateRetracted, observed: epoch.Add(-4)},
		{revision: 3, requests: 30, observed: epoch.Add(-3)},
		{revision: 1, requests: 40, observed: epoch.Add(-2)},
		{revision: 2, requests: 50, observed: epoch.Add(-1)},
	}
	for range 200 {
		c := newClockedTable(t, nil)
		for _, i := range append(rand.Perm(len(all)), rand.Perm(len(all))...) {
			c.take(all[i])
		}
		require.Equal(t, int64(50), c.only().requests)
		for _, v := range all {
			require.Equal(t, ignored, c.take(v))
		}
	}
}
