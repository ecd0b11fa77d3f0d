package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One fact lets so many sessions be reviewed and no more: rotations can fork at
// every step.
func TestLineIsBounded(t *testing.T) {
	s := newStage(t, "policy p0 absolute=1h", func(c *Config) { c.MaxSessions, c.MaxRecentRequests = 2*maxLine, 4*maxLine })
	sessions := 1
	rotate := func(from int) {
		s.now += int64(time.Millisecond)
		s.Observe(&Fact{
			Kind: Rotated, Previous: sessionName(from), Session: sessionName(sessions),
			Start: s.now, End: s.now, At: s.now, Resource: resources["web"],
		}, s.now)
		sessions++
	}
	s.tell("a started at=0s")
	for from := range maxLine / maxInstants {
		for range maxInstants {
			rotate(from)
		}
	}
	s.wait(0)
	require.Zero(t, s.Stats().Truncated())
	rotate(maxLine / maxInstants)
	s.tell("a authenticated at=0s")
	s.wait(0)
	require.Positive(t, s.Stats().Truncated())
}

// A loop is cut where it closes, and what else was rotated from there is reviewed.
func TestLoopIsReviewed(t *testing.T) {
	s := newStage(t, "policy p0 absolute=60s tolerance=1s")
	s.tell(`
		a started at=0s
		b rotated from=a at=2s
		a rotated from=b at=3s
		c rotated from=a at=4s
		c request at=63.5s
		advance`)
	require.Equal(t, 1, s.Pending())
	s.tell("b authenticated at=3s\nadvance")
	require.Zero(t, s.Pending())
}
