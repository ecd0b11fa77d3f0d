package sessiontimeout

import (
	"context"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// storing is a host with a real file_storage.
type storing struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h storing) GetExtensions() map[component.ID]component.Component { return h.extensions }

func hostWithStorage(t *testing.T, directory string) (storing, component.ID) {
	t.Helper()
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = directory
	id := component.NewID(f.Type())
	set := extensiontest.NewNopSettings(f.Type())
	set.ID = id
	e, err := f.Create(context.Background(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { _ = e.Shutdown(context.Background()) })
	return storing{componenttest.NewNopHost(), map[component.ID]component.Component{id: e}}, id
}

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
				require.NoError(t, first.keepAlive(context.Background(), time.Now().Add(-time.Minute), false))
				kept, err := first.kept.Get(context.Background(), aliveName)
				require.NoError(t, err)
				require.NoError(t, first.stop(context.Background()))
				client, err := host.extensions[id].(storage.Extension).GetClient(context.Background(), component.KindProcessor, r.set.ID, "")
				require.NoError(t, err)
				require.NoError(t, client.Set(context.Background(), aliveName, kept))
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
	w.mu.engine.Stats().Blind(func(reason string, ns int64) {
		if blind == nil {
			blind = map[string]int64{}
		}
		blind[reason] = ns
	})
	return blind
}
