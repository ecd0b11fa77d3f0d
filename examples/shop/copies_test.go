package shop

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCopies kills a session in every way, under every fault: a copy outlives
// it by its own fault only.
func TestCopies(t *testing.T) {
	const idle, lifetime = time.Minute, 10 * time.Minute
	deaths := map[Fault]func(*store, *copies){
		IdleCache:     func(*store, *copies) { time.Sleep(idle + 1) },
		IgnoreLogout:  func(s *store, _ *copies) { s.retire("id", ended) },
		KeepRotated:   func(s *store, _ *copies) { s.retire("id", rotated) },
		IgnoreClear:   func(s *store, _ *copies) { s.retire("id", cleared) },
		RearmAbsolute: func(_ *store, c *copies) { stayUntil(c, lifetime+1, idle) },
	}
	for _, fault := range append([]Fault{""}, Faults...) {
		for outlived, die := range deaths {
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				c := newCopies(Config{Idle: idle, Lifetime: lifetime, Faults: []Fault{fault}}, s)
				c.saw("id", "somebody", time.Now().Add(lifetime))
				require.Equal(t, "somebody", c.honours("id"))
				require.Empty(t, c.honours("unknown"))
				die(s, c)
				want := ""
				if fault == outlived {
					want = "somebody"
				}
				require.Equal(t, want, c.honours("id"), "%q with the death of %s", fault, outlived)
			})
		}
	}
}

// stayUntil uses a session until so long from now.
func stayUntil(c *copies, d, idle time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(idle, time.Until(end)))
		if time.Now().Before(end) {
			c.honours("id")
		}
	}
}
