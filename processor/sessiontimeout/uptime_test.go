package sessiontimeout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

func TestUptime(t *testing.T) {
	for _, c := range []struct {
		name, downtime string
		clean          bool
		want           string // the reason of a blind interval
	}{
		{"stopped, senders resend", downtimeResent, true, ""},
		{"crashed, senders resend", downtimeResent, false, reasonCrash},
		{"stopped, nobody resends", downtimeLost, true, reasonDowntime},
		{"crashed, nobody resends", downtimeLost, false, reasonDowntime},
	} {
		t.Run(c.name, func(t *testing.T) {
			host, id := hostWithStorage(t, t.TempDir())
			r := newRig(t, func(cfg *Config) {
				cfg.Storage, cfg.Downtime, cfg.SessionID.HashKey = &id, c.downtime, ""
			})
			first := newTestWatch(t, r)
			require.NoError(t, first.start(context.Background(), host))
			require.Zero(t, blindOf(first), "nothing is known of a time before the first start")
			key := first.extractor.Pseudonym("s")
			if !c.clean {
				// As after a crash: the last thing that was written stands.
				first.mu.journal.undurable = time.Now().Add(-2 * time.Minute).UnixNano()
				require.NoError(t, first.keepAlive(context.Background(), false))
				value, err := first.kept.Get(context.Background(), aliveName)
				require.NoError(t, err)
				require.NoError(t, first.stop(context.Background()))
				client, err := host.extensions[id].(storage.Extension).GetClient(context.Background(), component.KindProcessor, r.set.ID, "")
				require.NoError(t, err)
				require.NoError(t, client.Set(context.Background(), aliveName, value))
				require.NoError(t, client.Close(context.Background()))
			} else {
				require.NoError(t, first.stop(context.Background()))
			}

			second := newTestWatch(t, r)
			require.NoError(t, second.start(context.Background(), host))
			blind := blindOf(second)
			if c.want == "" {
				require.Empty(t, blind)
			} else {
				require.Len(t, blind, 1)
				require.Positive(t, blind[c.want])
			}
			require.Equal(t, key, second.extractor.Pseudonym("s"), "the generated key is kept")
			require.NoError(t, second.stop(context.Background()))
			require.NoError(t, second.stop(context.Background()), "safe twice")
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

// TestAliveOnce: a storage that fails is said once, not every second.
func TestAliveOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		r := newRig(t, stored)
		w := newTestWatch(t, r)
		require.NoError(t, w.start(context.Background(), m.host()))
		for range 2 {
			m.setFault(writesFail("", errDisk))
			time.Sleep(time.Minute)
			m.setFault(nil)
			time.Sleep(time.Minute)
		}
		require.Len(t, r.log.FilterMessageSnippet("takes nothing").All(), 2)
		require.NoError(t, w.stop(context.Background()))
	})
}

func newTestWatch(t *testing.T, r *rig) *watch {
	t.Helper()
	w, err := newWatch(r.set, r.cfg.(*Config))
	require.NoError(t, err)
	return w
}

func blindOf(w *watch) map[string]int64 {
	var blind map[string]int64
	w.mu.Lock()
	defer w.mu.Unlock()
	w.engine.Snapshot().Blind(func(reason string, ns int64) {
		if blind == nil {
			blind = map[string]int64{}
		}
		blind[reason] = ns
	})
	return blind
}
