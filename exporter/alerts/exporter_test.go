package alerts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/exporter/alerts/internal/metadata"
)

// sleep lets time pass in a bubble, and what it brings about happen.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestExporterRaisesAtOnceAndRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		h.consume(t, violation{first: epoch.Add(-time.Minute)})
		synctest.Wait()

		posts := h.am.take()
		require.Len(t, posts, 1)
		require.Equal(t, "localhost:9093", posts[0].host)
		require.Equal(t, "/api/v2/alerts", posts[0].path)
		require.Len(t, posts[0].alerts, 1)
		first := posts[0].alerts[0]
		require.Equal(t, models.LabelSet{
			"alertname": "SessionServedAfterExpiry", "severity": "critical", "policy": "payments", "violation": "idle_timeout",
			"service_name": "checkout", "service_namespace": "shop", "deployment_environment_name": "prod",
		}, first.Labels)
		require.Equal(t, epoch.Add(-time.Minute), time.Time(first.StartsAt).UTC())
		require.Equal(t, epoch.Add(4*time.Minute), time.Time(first.EndsAt).UTC())

		// It is renewed each minute until 15 minutes after the last finding, and left to run out then.
		var renewals int
		for range 60 {
			sleep(time.Minute)
			for _, post := range h.am.take() {
				renewals++
				require.Len(t, post.alerts, 1)
				require.Equal(t, first.Labels, post.alerts[0].Labels)
				require.Equal(t, first.StartsAt, post.alerts[0].StartsAt)
				require.Equal(t, post.at.UTC().Add(4*time.Minute), time.Time(post.alerts[0].EndsAt).UTC())
				require.Less(t, post.at, epoch.Add(15*time.Minute))
			}
		}
		require.Equal(t, 14, renewals)
		require.Zero(t, h.counted(t, "exporter_alerts_active"))
		require.Zero(t, h.counted(t, "exporter_alerts_findings_tracked"))
		require.Zero(t, h.counted(t, "exporter_alerts_dropped"))
		require.Equal(t, int64(15), h.counted(t, "exporter_alerts_sends", "exporter", "alerts", "endpoint", "localhost:9093", "result", "accepted"))
		h.stop(t)
	})
}

func TestExporterSendsRepeatedFindingsWithTheRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		for i := range 100 {
			h.consume(t, violation{id: numbered(i % 10), revision: int64(i/10 + 1), requests: int64(i/10 + 1), session: numbered(i % 10)})
			synctest.Wait()
		}
		require.Len(t, h.am.take(), 1, "no request for each finding")
		sleep(time.Minute)
		posts := h.am.take()
		require.Len(t, posts, 1)
		require.Equal(t, "10", posts[0].alerts[0].Annotations["sessions"])
		require.Equal(t, "100", posts[0].alerts[0].Annotations["requests"])
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_active"))
		require.Equal(t, int64(10), h.counted(t, "exporter_alerts_findings_tracked"))
		require.Equal(t, int64(1000), h.counted(t, "exporter_alerts_limit"))
		require.Equal(t, int64(100_000), h.counted(t, "exporter_alerts_findings_limit"))
		require.Equal(t, int64(100), h.counted(t, "exporter_alerts_findings", "state", "confirmed"))
		h.stop(t)
	})
}

func TestExporterIgnoresWhatIsNoFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		require.NoError(t, h.ConsumeLogs(t.Context(), otherLogs(10)))

		sameScope := logs(violation{})
		sameScope.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetEventName("session_timeout.other")
		require.NoError(t, h.ConsumeLogs(t.Context(), sameScope))

		sameEvent := logs(violation{})
		sameEvent.ResourceLogs().At(0).ScopeLogs().At(0).Scope().SetName("github.com/example/shop")
		require.NoError(t, h.ConsumeLogs(t.Context(), sameEvent))

		h.consume(t,
			violation{id: numbered(1), state: stateInconclusive},
			violation{id: numbered(2), background: true, severity: plog.SeverityNumberInfo},
			violation{id: numbered(3), state: stateRetracted})
		h.consume(t, violation{id: "none"})
		sleep(5 * time.Minute)
		require.Empty(t, h.am.take())
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_findings", "state", "inconclusive"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_findings", "state", "retracted"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_findings", "state", "confirmed"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_dropped", "reason", "invalid"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_findings_invalid", "reason", "id"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_findings_invalid"))
		h.stop(t)
	})
}

func TestExporterLeavesARetractedAlertToRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		h.consume(t, violation{id: numbered(1)}, violation{id: numbered(2), session: "b"})
		sleep(time.Minute)
		h.consume(t, violation{id: numbered(1), revision: 2, state: stateRetracted})
		h.am.take()
		sleep(time.Minute)
		posts := h.am.take()
		require.Len(t, posts, 1, "one finding still holds")
		require.Equal(t, "1", posts[0].alerts[0].Annotations["sessions"])
		require.Equal(t, pseudonym("b"), posts[0].alerts[0].Annotations["pseudonyms"])

		h.consume(t, violation{id: numbered(2), revision: 2, state: stateRetracted})
		sleep(time.Hour)
		require.Empty(t, h.am.take(), "neither renewed nor ended")
		h.stop(t)
	})
}

func TestExporterRefusesBeyondMaxAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), func(cfg *Config) { cfg.MaxAlerts = 2 })
		h.start(t, nil)
		h.consume(t, violation{id: numbered(1), service: "a"}, violation{id: numbered(2), service: "b"}, violation{id: numbered(3), service: "c"})
		synctest.Wait()
		require.Len(t, h.am.take()[0].alerts, 2)
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_dropped", "reason", "limit"))
		h.stop(t)
	})
}

func TestExporterSendsSmallBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		var violations []violation
		for i := range 150 {
			violations = append(violations, violation{id: numbered(i), service: fmt.Sprintf("service-%d", i)})
		}
		h.consume(t, violations...)
		synctest.Wait()
		seen := map[string]bool{}
		for _, post := range h.am.take() {
			require.LessOrEqual(t, len(post.alerts), maxBatch)
			for _, alert := range post.alerts {
				require.False(t, seen[alert.Labels["service_name"]])
				seen[alert.Labels["service_name"]] = true
			}
		}
		require.Len(t, seen, 150)
		h.stop(t)
	})
}

func TestExporterSendsWhatIsDueBeforeItStops(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"queue": nil,
		"no queue": func(cfg *Config) {
			cfg.QueueConfig = noQueue()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, newAlertmanager(), change)
				h.start(t, nil)
				h.consume(t, violation{})
				h.stop(t)
				posts := h.am.take()
				require.NotEmpty(t, posts)
				require.Len(t, posts[0].alerts, 1)
			})
		})
	}
}

func TestExporterWithoutQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return nil, errors.New("connection refused") })
		h := newHarness(t, am, func(cfg *Config) { cfg.QueueConfig = noQueue() })
		h.start(t, nil)
		h.consume(t, violation{})
		h.consume(t, violation{id: numbered(2), service: "ledger"})
		sleep(12 * time.Minute)
		require.Greater(t, am.tried("localhost:9093"), 3)
		am.answers(nil)
		sleep(2 * time.Minute)
		seen := map[string]bool{}
		for _, post := range am.take() {
			for _, alert := range post.alerts {
				seen[alert.Labels["service_name"]] = true
			}
		}
		require.Len(t, seen, 2)
		h.stop(t)
	})
}

func TestExporterLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := newNopExporter(t, createDefaultConfig().(*Config))
		require.NoError(t, never.Shutdown(t.Context()), "without Start")
		require.NoError(t, never.Shutdown(t.Context()), "twice")

		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		require.NoError(t, h.Shutdown(t.Context()))
		require.NoError(t, h.Shutdown(t.Context()))
		require.ErrorIs(t, h.ConsumeLogs(t.Context(), logs(violation{})), errShutdown)
	})
}

func TestExporterThatCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), func(cfg *Config) {
			cfg.ClientConfig.Endpoint = ""
			cfg.Endpoints = []string{"http://am-1:9093", "http://am-2:9093"}
		})
		h.targets[1].newClient = func(context.Context, component.Host) (*http.Client, error) { return nil, errors.New("no such file") }
		require.ErrorContains(t, h.Start(t.Context(), host{}), "no such file")
		h.stop(t)
	})
}

func TestFactory(t *testing.T) {
	factory := NewFactory()
	cfg := factory.CreateDefaultConfig().(*Config)
	e, err := factory.CreateLogs(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.False(t, e.Capabilities().MutatesData)
	require.NoError(t, e.Shutdown(t.Context()))

	cfg.ClientConfig.Endpoint = "nowhere"
	_, err = factory.CreateLogs(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.ErrorContains(t, err, "endpoint must be")
}
