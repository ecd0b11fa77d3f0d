package alerts

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

func withStorage(cfg *Config) { cfg.QueueConfig.Get().StorageID = &storageID }

func TestStoreKeepsAlertsOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		am := newAlertmanager()
		h := newHarness(t, am, withStorage)
		h.start(t, host{storageID: d})
		h.consume(t, violation{id: numbered(1), first: epoch.Add(-time.Minute), requests: 3})
		sleep(5*time.Minute + time.Second)
		h.stop(t)
		require.Len(t, am.take(), 6)

		sleep(time.Minute)
		h = newHarness(t, am, withStorage)
		h.start(t, host{storageID: d})
		synctest.Wait()
		posts := am.take()
		require.Len(t, posts, 1, "at once")
		require.Equal(t, epoch.Add(-time.Minute), time.Time(posts[0].alerts[0].StartsAt).UTC())
		require.Equal(t, "3", posts[0].alerts[0].Annotations["requests"])

		h.consume(t, violation{id: numbered(1), revision: 1, requests: 3}, violation{id: numbered(2), session: "b"})
		sleep(time.Minute)
		require.Equal(t, "4", am.take()[0].alerts[0].Annotations["requests"], "what was known counts once")
		h.stop(t)

		sleep(time.Hour)
		h = newHarness(t, am, withStorage)
		am.take()
		h.start(t, host{storageID: d})
		sleep(5 * time.Minute)
		require.Empty(t, am.take(), "it has run out in the meantime")
		h.stop(t)
	})
}

func TestStoreSendsWhatNeverArrivedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return nil, errRefused })
		h := newHarness(t, am, func(cfg *Config) {
			withStorage(cfg)
			cfg.ClientConfig.Endpoint = ""
			cfg.Endpoints = []string{"http://am-1:9093", "http://am-2:9093"}
		})
		h.start(t, host{storageID: d})
		h.consume(t, violation{first: epoch.Add(-time.Minute)})
		sleep(2 * time.Minute)
		h.stop(t)

		am.answers(nil)
		h = newHarness(t, am, func(cfg *Config) { *cfg = *h.cfg })
		h.start(t, host{storageID: d})
		sleep(time.Second)
		hosts := map[string]int{}
		for _, post := range am.take() {
			hosts[post.host]++
			require.Equal(t, epoch.Add(-time.Minute), time.Time(post.alerts[0].StartsAt).UTC())
			require.True(t, time.Time(post.alerts[0].EndsAt).After(time.Now()))
		}
		require.Len(t, hosts, 2)
		require.Zero(t, h.counted(t, "exporter_alerts_dropped"))
		h.stop(t)
	})
}

func TestStoreSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return nil, errRefused })
		h := newHarness(t, am, withStorage)
		h.start(t, host{storageID: d})
		h.consume(t, violation{first: epoch.Add(-time.Minute)})
		synctest.Wait()
		left := d.clone() // what a crash leaves behind
		h.stop(t)

		am.answers(nil)
		h = newHarness(t, am, withStorage)
		h.start(t, host{storageID: left})
		sleep(time.Second)
		posts := am.take()
		require.NotEmpty(t, posts)
		require.Equal(t, epoch.Add(-time.Minute), time.Time(posts[0].alerts[0].StartsAt).UTC())
		h.stop(t)
	})
}

func TestStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		am := newAlertmanager()
		h := newHarness(t, am, withStorage)
		h.start(t, host{storageID: d})
		h.consume(t, violation{})
		synctest.Wait()
		am.take()

		d.breakDown(errors.New("disk full"))
		h.consume(t, violation{id: numbered(2), service: "ledger"})
		sleep(30 * time.Second)
		d.breakDown(nil)
		sleep(time.Minute)
		require.Len(t, am.take()[0].alerts, 2, "the renewal brings what the queue could not take")
		require.NoError(t, h.Shutdown(t.Context()))

		for _, file := range d.files {
			if file[storeKey] != nil {
				require.Contains(t, string(file[storeKey]), "ledger", "stored as soon as it can be")
				file[storeKey] = []byte("{")
			}
		}
		h = newHarness(t, am, withStorage)
		h.start(t, host{storageID: d})
		require.Empty(t, h.table.live(time.Now()), "it starts empty rather than not at all")
		h.stop(t)
	})
}

// TestStoreThatDoesNotOpen: a damaged file of leases keeps nobody from starting.
func TestStoreThatDoesNotOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.closed = storeName
		am := newAlertmanager()
		h := newHarness(t, am, withStorage)
		h.start(t, host{storageID: d})
		h.consume(t, violation{})
		synctest.Wait()
		require.Len(t, am.take()[0].alerts, 1)
		h.stop(t)
	})
}

func TestStoreThatIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), withStorage)
		require.EqualError(t, h.Start(t.Context(), host{}), `sending_queue::storage must name a storage extension that runs (got "file_storage")`)
		h.stop(t)
	})
}

// TestStoreInFiles uses the storage that people use.
func TestStoreInFiles(t *testing.T) {
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = t.TempDir()
	files, err := factory.Create(t.Context(), extension.Settings{
		ID: storageID, TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}, cfg)
	require.NoError(t, err)
	require.NoError(t, files.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, files.Shutdown(context.Background())) }()

	am := newAlertmanager()
	am.answers(func(string) (*http.Response, error) { return nil, errRefused })
	change := func(cfg *Config) {
		withStorage(cfg)
		cfg.ClientConfig.Endpoint = ""
		cfg.Endpoints = []string{"http://am-1:9093", "http://am-2:9093/prefix"}
	}
	h := newHarness(t, am, change)
	h.start(t, host{storageID: files})
	h.consume(t, violation{first: time.Now().Add(-time.Minute)})
	h.stop(t)

	arrived := make(chan string, 100)
	am.answers(func(host string) (*http.Response, error) {
		arrived <- host
		return respond(200, ""), nil
	})
	h = newHarness(t, am, change)
	h.start(t, host{storageID: files})
	hosts := map[string]bool{}
	for len(hosts) < 2 {
		select {
		case host := <-arrived:
			hosts[host] = true
		case <-time.After(10 * time.Second):
			t.Fatal("the alert did not arrive")
		}
	}
	h.stop(t)
}

// TestStorePanics: a storage that panics, as file_storage does on a damaged file, ends neither the
// collector nor the alerts.
func TestStorePanics(t *testing.T) {
	for name, which := range map[string]func(string) bool{
		"file of leases":     isLeases,
		"files of the queue": func(file string) bool { return !isLeases(file) },
		"all files":          func(string) bool { return true },
	} {
		for _, when := range []string{"from the start", "while it runs"} {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDisk()
					h := newHarness(t, newAlertmanager(), withStorage)
					panics := func(file string, _ ...*storage.Operation) error {
						if which(file) {
							panic("freepages: failed to get all reachable pages")
						}
						return nil
					}
					if when == "from the start" {
						d.hold(panics)
					}
					h.start(t, host{storageID: d})
					h.consume(t, violation{id: numbered(1)})
					sleep(time.Minute)
					d.hold(panics)
					h.consume(t, violation{id: numbered(2), service: "ledger"})
					sleep(5 * time.Minute)
					if which("|" + storeName) {
						require.NotZero(t, h.counted(t, "exporter_alerts_saves", "result", "failed"))
					}
					if !which("queue") {
						posts := h.am.take()
						require.Len(t, posts[len(posts)-1].alerts, 2)
					} else {
						require.Equal(t, int64(2), h.counted(t, "exporter_alerts_active"))
					}
					require.Equal(t, which("|"+storeName), h.Shutdown(context.Background()) != nil)
				})
			})
		}
	}
}

// TestStoreOfTheFirstVersion: what a collector of before stored is read, and stored as it is now.
func TestStoreOfTheFirstVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		golden, err := os.ReadFile(filepath.Join("testdata", "store", "leases.v1.json"))
		require.NoError(t, err)
		d := newDisk()
		file := map[string][]byte{firstStoreKey: golden}
		d.files["alerts|leases"] = file
		time.Sleep(2 * time.Minute) // it was written a minute after the epoch
		h := newHarness(t, newAlertmanager(), withStorage)
		h.start(t, host{storageID: d})
		synctest.Wait()
		posts := h.am.take()
		require.Len(t, posts, 1)
		require.Len(t, posts[0].alerts, 2)
		a := posts[0].alerts[0]
		require.Equal(t, "checkout", a.Labels["service_name"])
		require.Equal(t, epoch.Add(-time.Minute), time.Time(a.StartsAt).UTC())
		require.Equal(t, "12", a.Annotations["requests"])
		require.Equal(t, "2", a.Annotations["sessions"])
		require.Equal(t, pseudonym("b")+", "+pseudonym("a"), a.Annotations["pseudonyms"])

		h.consume(t, violation{id: numbered(1), revision: 2, requests: 7}, violation{id: numbered(3)})
		h.consume(t, violation{id: numbered(1), revision: 1, requests: 1, observed: time.Now(), session: "a"})
		sleep(time.Minute)
		require.Equal(t, "at least 13", h.am.take()[0].alerts[0].Annotations["requests"], "revisions begin again after the upgrade")
		h.stop(t)
		require.NotContains(t, file, firstStoreKey)

		h = newHarness(t, newAlertmanager(), withStorage)
		h.start(t, host{storageID: d})
		synctest.Wait()
		require.Equal(t, "at least 13", h.am.take()[0].alerts[0].Annotations["requests"])
		h.stop(t)
	})
}

// TestStoreThatCannotBeRead: it is said why, and the exporter starts without.
func TestStoreThatCannotBeRead(t *testing.T) {
	sealed := func(content string) []byte {
		value := append(wire.Begin(nil), content...)
		wire.Seal(value, storeKind, storeKey)
		return value
	}
	newer := sealed("{}")
	newer[len("OSES")]++ // its version
	damaged := sealed(`{"version":2}`)
	damaged[wire.Header+3]++
	for name, test := range map[string]struct {
		value []byte
		want  string
	}{
		"newer content":  {sealed(`{"version":3,"leases":[]}`), "a newer version has written them"},
		"newer envelope": {newer, "a newer version has written them"},
		"damaged":        {damaged, "corrupt"},
		"cut":            {damaged[:3], "truncated"},
		"no JSON":        {sealed("{"), "unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				d.files["alerts|leases"] = map[string][]byte{storeKey: test.value}
				h := newHarness(t, newAlertmanager(), withStorage)
				core, log := observer.New(zapcore.ErrorLevel)
				h.set.Logger = zap.New(core)
				h.start(t, host{storageID: d})
				require.Equal(t, 1, log.Len())
				require.Equal(t, test.want, log.All()[0].ContextMap()["error"])
				require.Empty(t, h.table.live(time.Now()))
				h.stop(t)
			})
		})
	}
}
