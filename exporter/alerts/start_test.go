package alerts

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStartIsThatOfTheFirstViolation: it is, in whatever order the findings arrive.
func TestStartIsThatOfTheFirstViolation(t *testing.T) {
	violations := make([]violation, 10)
	for i := range violations {
		violations[i] = violation{id: numbered(i), session: numbered(i), first: epoch.Add(time.Duration(2*i-20) * time.Second)}
	}
	for range 50 {
		rand.Shuffle(len(violations), func(i, j int) { violations[i], violations[j] = violations[j], violations[i] })
		c := newClockedTable(t, nil)
		for _, v := range violations {
			c.take(v)
		}
		a := c.only()
		require.Equal(t, epoch.Add(-20*time.Second), a.startsAt)
		require.Equal(t, a.startsAt.UnixNano(), a.first)
	}
}

// TestStartMovesBackOnly: once it is sent, it changes only when an earlier violation becomes known.
func TestStartMovesBackOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), func(cfg *Config) { cfg.MaxFindings = 3 })
		h.start(t, nil)
		start := func() time.Duration {
			sleep(time.Minute)
			posts := h.am.take()
			require.NotEmpty(t, posts)
			return time.Time(posts[len(posts)-1].alerts[0].StartsAt).Sub(epoch)
		}
		h.consume(t, violation{id: numbered(1), first: epoch.Add(-10 * time.Second)}, violation{id: numbered(2), first: epoch.Add(-20 * time.Second)})
		require.Equal(t, -20*time.Second, start())
		h.consume(t, violation{id: numbered(2), revision: 2, state: stateRetracted})
		require.Equal(t, -20*time.Second, start())
		h.consume(t, violation{id: numbered(1), revision: 2, first: epoch.Add(-5 * time.Second)})
		require.Equal(t, -20*time.Second, start())
		h.consume(t, violation{id: numbered(3), first: epoch.Add(-time.Hour)})
		require.Equal(t, -time.Hour, start())
		h.consume(t, violation{id: numbered(4), first: epoch.Add(-2 * time.Hour)}) // no room to hold it
		require.Equal(t, -2*time.Hour, start())
		h.stop(t)
	})
}
