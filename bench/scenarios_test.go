package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestScenarios runs the scenarios in small: each checks itself that the engine
// holds what it should. That of the storage waits for checkpoints as they come,
// and is left out.
func TestScenarios(t *testing.T) {
	for _, s := range scenarios {
		if s.name == "storage" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			of, err := s.run(scale{sessions: 400_000, flood: 100 * time.Millisecond})
			require.NoError(t, err)
			for _, f := range aloneFigures {
				if value, ok := of[f.unit]; ok && !f.stated {
					require.False(t, value < -10 || value > 1e4, "%s %v", f.unit, value)
				}
			}
			if s.name == "flood" {
				require.InDelta(t, 100, of["flood-found-%"], 0, "of the sessions that were over, every one")
				require.Greater(t, of["flood-survivors-%"], 90.)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	epoch := time.Unix(1000, 0)
	at := func(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }
	var batches []taken
	for i := range 100 {
		batches = append(batches, taken{at(10 * i), time.Duration(i+1) * time.Millisecond})
	}
	all := []checkpointed{{at(105), at(115)}, {at(500), at(520)}}
	with, without := split(batches, all)
	require.Len(t, without, 100-len(with))
	var when []int
	for _, b := range with {
		when = append(when, int(b.at.Sub(epoch).Milliseconds()))
	}
	// Those that ran into a checkpoint are beside it.
	require.Equal(t, []int{100, 110, 460, 470, 480, 490, 500, 510}, when)
	require.InDelta(t, 52, p99(with), 0)
	require.InDelta(t, 100, p99(without), 0)
	require.Zero(t, p99(nil))
}
