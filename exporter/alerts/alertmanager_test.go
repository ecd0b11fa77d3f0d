package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
)

// realAlertmanager is the Alertmanager that Debian packages.
type realAlertmanager struct {
	t      *testing.T
	dir    string
	binary string
	addr   string
	output bytes.Buffer
	cmd    *exec.Cmd
}

func newRealAlertmanager(t *testing.T) *realAlertmanager {
	t.Helper()
	binary, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		const missing = "prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	am := &realAlertmanager{t: t, dir: t.TempDir(), binary: binary}
	config := "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
	require.NoError(t, os.WriteFile(filepath.Join(am.dir, "alertmanager.yml"), []byte(config), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	am.addr = listener.Addr().String()
	require.NoError(t, listener.Close())
	return am
}

func (am *realAlertmanager) url() string { return "http://" + am.addr + "/am" }

func (am *realAlertmanager) start() {
	am.t.Helper()
	am.cmd = exec.Command(am.binary,
		"--config.file="+filepath.Join(am.dir, "alertmanager.yml"),
		"--storage.path="+filepath.Join(am.dir, "data"),
		"--web.listen-address="+am.addr,
		"--web.external-url="+am.url(),
		"--cluster.listen-address=",
	)
	am.cmd.Stdout, am.cmd.Stderr = &am.output, &am.output
	require.NoError(am.t, am.cmd.Start())
	am.t.Cleanup(am.stop)
	require.Eventually(am.t, func() bool {
		resp, err := http.Get(am.url() + "/-/ready")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond)
}

func (am *realAlertmanager) stop() {
	if am.cmd == nil {
		return
	}
	_ = am.cmd.Process.Kill()
	_ = am.cmd.Wait()
	am.cmd = nil
	http.DefaultClient.CloseIdleConnections()
	if am.t.Failed() {
		am.t.Logf("Alertmanager said:\n%s", am.output.String())
	}
}

// alerts returns what Alertmanager shows as active.
func (am *realAlertmanager) alerts() models.GettableAlerts {
	am.t.Helper()
	resp, err := http.Get(am.url() + "/api/v2/alerts?active=true&silenced=false&inhibited=false")
	require.NoError(am.t, err)
	defer resp.Body.Close()
	var alerts models.GettableAlerts
	require.NoError(am.t, json.NewDecoder(resp.Body).Decode(&alerts))
	return alerts
}

func (am *realAlertmanager) waitFor(n int) models.GettableAlerts {
	am.t.Helper()
	var alerts models.GettableAlerts
	require.Eventually(am.t, func() bool {
		alerts = am.alerts()
		return len(alerts) == n
	}, 30*time.Second, 20*time.Millisecond, "waiting for %d alerts", n)
	return alerts
}

func TestWithAlertmanager(t *testing.T) {
	am := newRealAlertmanager(t)
	am.start()

	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.Endpoint = am.url()
	cfg.ClientConfig.Timeout = 2 * time.Second
	cfg.RetryConfig.InitialInterval = 100 * time.Millisecond
	cfg.RetryConfig.MaxInterval = 200 * time.Millisecond
	cfg.ResendInterval = 500 * time.Millisecond
	cfg.ResolveAfter = 8 * time.Second
	cfg.Labels = map[string]string{"team": "identity"}
	cfg.RunbookURL = "https://runbooks.example/session-timeout"
	cfg.TraceURL = "https://grafana.example/explore?trace={{trace_id}}"
	e := newNopExporter(t, cfg)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, e.Shutdown(context.Background())) }()

	first := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	revision := int64(0)
	serve := func() {
		revision++
		require.NoError(t, e.ConsumeLogs(t.Context(), logs(
			violation{id: numbered(1), revision: revision, requests: revision, first: first, trace: [16]byte{15: 7}},
			violation{id: numbered(2), revision: revision, first: first, kind: "ended", service: strings.Repeat("ü", 1000), policy: "a \"quoted\"\n\xff policy"},
		)))
	}

	serve()
	alerts := am.waitFor(2)
	got := alerts[0]
	if got.Labels["violation"] != "idle_timeout" {
		got = alerts[1]
	}
	require.Equal(t, models.LabelSet{
		"alertname": "SessionServedAfterExpiry", "severity": "critical", "policy": "payments", "violation": "idle_timeout",
		"service_name": "checkout", "service_namespace": "shop", "deployment_environment_name": "prod", "team": "identity",
	}, got.Labels)
	require.True(t, first.Equal(time.Time(*got.StartsAt)), "%s and %s", first, got.StartsAt)
	require.True(t, time.Time(*got.EndsAt).After(time.Now()))
	require.Equal(t, "1", got.Annotations["sessions"])
	require.Equal(t, pseudonym("anybody"), got.Annotations["pseudonyms"])
	require.Equal(t, "https://grafana.example/explore?trace=00000000000000000000000000000007", string(got.GeneratorURL))

	// While it goes on, the end stays ahead and the numbers grow.
	for range 3 {
		serve()
		require.Eventually(t, func() bool {
			for _, alert := range am.alerts() {
				if alert.Labels["violation"] == "idle_timeout" {
					return alert.Annotations["requests"] == strconv.FormatInt(revision, 10) && time.Time(*alert.EndsAt).After(time.Now())
				}
			}
			return false
		}, 10*time.Second, 20*time.Millisecond)
	}

	// An Alertmanager that was down and has lost all is told when it is back, without another finding.
	am.stop()
	serve()
	require.NoError(t, os.RemoveAll(filepath.Join(am.dir, "data")))
	am.start()
	for _, alert := range am.waitFor(2) {
		require.True(t, first.Equal(time.Time(*alert.StartsAt)))
		require.True(t, time.Time(*alert.EndsAt).After(time.Now()))
	}

	// Without findings it resolves by itself.
	am.waitFor(0)
}
