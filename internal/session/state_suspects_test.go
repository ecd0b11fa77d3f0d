package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is suspected of a request that was logged is found by its span.
func TestSpanOfOldLog(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 4 })
	s.tell("a started at=0s\na request at=20s id=1/1 log")
	for i := range 8 {
		s.served(1, 20*time.Second+time.Duration(i), 0)
	}
	require.Equal(t, 1, s.pending())
	s.tell("a request at=20s id=1/1 rejected\nadvance")
	require.Zero(t, s.pending())
}

// Who waits longer waits behind the others, also the first.
func TestReschedule(t *testing.T) {
	a, b := &suspect{due: 1}, &suspect{due: 2}
	var p pending
	for _, s := range []*suspect{a, b} {
		p.add(s)
	}
	require.Same(t, a, p.first())
	p.reschedule(a, 3)
	require.Same(t, b, p.first())
	p.reschedule(a, 1)
	require.Same(t, a, p.first())
}
