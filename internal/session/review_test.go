package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

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
	require.Equal(t, 1, s.pending())
	s.tell("b authenticated at=3s\nadvance")
	require.Zero(t, s.pending())
}
