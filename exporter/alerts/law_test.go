package alerts

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// silent accepts every request and never answers.
type silent struct{}

func (silent) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// neverAnswers has all Alertmanagers of the exporter accept requests and never answer.
func (h *harness) neverAnswers() {
	for _, target := range h.targets {
		target.newClient = func(context.Context, component.Host) (*http.Client, error) {
			return &http.Client{Transport: silent{}, Timeout: h.cfg.ClientConfig.Timeout}, nil
		}
	}
}

// hanging is a storage whose file of leases does not come back, and does not care for contexts.
func hanging() (d *disk, back func()) {
	d = newDisk()
	wait := make(chan struct{})
	d.hold(func(file string, _ ...*storage.Operation) error {
		if isLeases(file) {
			<-wait
		}
		return nil
	})
	return d, func() { close(wait) }
}

// requireBounded checks that nothing grows with what came.
func (h *harness) requireBounded(t *testing.T) {
	t.Helper()
	h.table.mu.Lock()
	leases, findings := len(h.table.mu.leases), len(h.table.mu.findings)
	h.table.mu.Unlock()
	require.LessOrEqual(t, leases, h.cfg.MaxAlerts)
	require.LessOrEqual(t, findings, h.cfg.MaxFindings+h.cfg.MaxAlerts)
	for _, target := range h.targets {
		target.mu.Lock()
		due, unsent, requested := len(target.mu.due), len(target.mu.unsent), len(target.mu.requested)
		target.mu.Unlock()
		require.LessOrEqual(t, due, h.cfg.MaxAlerts)
		require.LessOrEqual(t, unsent, h.cfg.MaxAlerts)
		require.LessOrEqual(t, requested, 2*h.cfg.MaxAlerts, "those that ran out since the last renewal among them")
	}
}

// TestNothingOutsideStopsIt: with a storage that hangs, an Alertmanager that accepts and never answers,
// and with both, whoever brings findings does not wait, memory is bounded, what is lost is counted, and a
// stop keeps its deadline and says that it lost something.
func TestNothingOutsideStopsIt(t *testing.T) {
	const deadline = 5 * time.Second
	small := func(cfg *Config) { cfg.MaxAlerts, cfg.MaxFindings = 20, 40 }
	for name, test := range map[string]struct {
		storage, alertmanager bool
		change                func(*Config)
	}{
		"storage":                       {storage: true},
		"alertmanager":                  {alertmanager: true},
		"alertmanager, without timeout": {alertmanager: true, change: func(cfg *Config) { cfg.ClientConfig.Timeout = 0 }},
		"alertmanager, tried for ever":  {alertmanager: true, change: func(cfg *Config) { cfg.RetryConfig.MaxElapsedTime = 0 }},
		"alertmanager, without a queue": {alertmanager: true, change: func(cfg *Config) {
			cfg.QueueConfig, cfg.ClientConfig.Timeout = noQueue(), 0
		}},
		"alertmanager, with a queue that blocks": {alertmanager: true, change: func(cfg *Config) {
			q := *cfg.QueueConfig.Get()
			q.QueueSize, q.NumConsumers, q.BlockOnOverflow = 1, 1, true
			cfg.QueueConfig, cfg.ClientConfig.Timeout = configoptional.Some(q), 0
		}},
		"both":                  {storage: true, alertmanager: true},
		"both, without timeout": {storage: true, alertmanager: true, change: func(cfg *Config) { cfg.ClientConfig.Timeout = 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, newAlertmanager(), func(cfg *Config) {
					small(cfg)
					if test.storage {
						withStorage(cfg)
					}
					if test.change != nil {
						test.change(cfg)
					}
				})
				extensions := host{}
				if test.storage {
					d, back := hanging()
					extensions[storageID] = d
					defer func() {
						back()
						synctest.Wait()
					}()
				}
				if test.alertmanager {
					h.neverAnswers()
				}
				begin := time.Now()
				h.start(t, extensions)
				require.LessOrEqual(t, time.Since(begin), time.Minute)

				// A new alert every ten seconds for three hours, each of which lives for a quarter of an hour.
				for i := range 3 * 360 {
					begin := time.Now()
					h.consume(t, violation{id: numbered(i), service: strconv.Itoa(i), first: time.Now()})
					require.Equal(t, begin, time.Now(), "nobody waits")
					h.requireBounded(t)
					sleep(10 * time.Second)
				}
				require.NotZero(t, h.counted(t, "exporter_alerts_dropped", "reason", "limit"))
				if test.storage {
					require.NotZero(t, h.counted(t, "exporter_alerts_saves", "result", "failed"))
					require.Zero(t, h.counted(t, "exporter_alerts_saves", "result", "stored"))
				}
				raised := int64(3*360) - h.counted(t, "exporter_alerts_dropped", "reason", "limit")

				begin = time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				err := h.Shutdown(ctx)
				require.LessOrEqual(t, time.Since(begin), deadline)
				if test.alertmanager {
					require.Empty(t, h.am.take())
					lost := h.counted(t, "exporter_alerts_dropped", "reason", "expired") + h.counted(t, "exporter_alerts_dropped", "reason", "shutdown")
					require.Equal(t, raised, lost, "each is counted once")
					require.NotZero(t, h.counted(t, "exporter_alerts_dropped", "reason", "shutdown"))
					require.ErrorIs(t, err, errUnsent)
				} else {
					require.NotEmpty(t, h.am.take())
					require.Error(t, err)
				}
			})
		})
	}
}

// TestNothingOutsideStopsItWithoutADeadline: a collector sets none.
func TestNothingOutsideStopsItWithoutADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), func(cfg *Config) {
			withStorage(cfg)
			cfg.ClientConfig.Timeout = 0
		})
		d, back := hanging()
		h.neverAnswers()
		h.start(t, host{storageID: d})
		h.consume(t, violation{})
		synctest.Wait()
		begin := time.Now()
		require.ErrorIs(t, h.Shutdown(context.Background()), errUnsent)
		require.LessOrEqual(t, time.Since(begin), stopTimeout)
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_dropped", "reason", "shutdown"))
		back()
		synctest.Wait()
	})
}

// TestTheWholeStorageHangs has the sending queue's own files hang, too, with nobody's lock in a bubble's way.
func TestTheWholeStorageHangs(t *testing.T) {
	d := newDisk()
	h := newHarness(t, newAlertmanager(), withStorage)
	h.neverAnswers()
	h.start(t, host{storageID: d})
	back := make(chan struct{})
	d.hold(func(string, ...*storage.Operation) error { <-back; return nil })
	done := make(chan error, 1)
	go func() {
		for i := range 100 {
			if err := h.ConsumeLogs(context.Background(), logs(violation{id: numbered(i), service: numbered(i)})); err != nil {
				done <- err
				return
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		done <- h.Shutdown(ctx)
	}()
	select {
	case err := <-done:
		require.Error(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it waits for the storage")
	}
	require.Equal(t, int64(100), h.counted(t, "exporter_alerts_dropped", "reason", "shutdown"))
	close(back)
}
