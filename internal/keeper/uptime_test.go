package keeper

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestUptime: what a stop and what a crash leave blind, by what becomes of telemetry meanwhile.
func TestUptime(t *testing.T) {
	for _, c := range []struct {
		name        string
		lost, clean bool
		want        string // the reason of a blind interval
	}{
		{"stopped, senders resend", false, true, ""},
		{"crashed, senders resend", false, false, reasonCrash},
		{"stopped, nobody resends", true, true, reasonDowntime},
		{"crashed, nobody resends", true, false, reasonDowntime},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory(nil)
			config := func(cfg *Config) { cfg.Acknowledged, cfg.DowntimeLost = false, c.lost }
			first, _ := open(t, m, config)
			require.Empty(t, blind(first), "nothing is known of a time before the first start")
			first.mu.journal.undurable = time.Now().Add(-2 * time.Minute).UnixNano()
			require.NoError(t, first.beat(t.Context(), false))
			crashed := m.snapshot()[heartbeatKey]
			stop(t, first)
			if !c.clean { // the last thing that was written stands
				m.values[heartbeatKey] = crashed
			}

			second, counted := open(t, m, config)
			require.Empty(t, counted.lost)
			if c.want == "" {
				require.Empty(t, blind(second))
			} else {
				require.Len(t, blind(second), 1)
				require.Positive(t, blind(second)[c.want])
			}
			stop(t, second)
		})
	}
}

func TestUptimeValue(t *testing.T) {
	for _, u := range []uptime{{}, {1, never, 3, true}, {time.Now().UnixNano(), 5, 1 << 60, false}} {
		got, err := readUptime(u.sealed())
		require.NoError(t, err)
		require.Equal(t, u, got)
		for i := range u.sealed() {
			_, err := readUptime(u.sealed()[:i])
			require.Error(t, err)
			bad := u.sealed()
			bad[i] ^= 1
			_, err = readUptime(bad)
			require.Error(t, err)
		}
	}
}
