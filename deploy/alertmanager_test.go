package deploy

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const alertmanagerConfig = "alertmanager/alertmanager.yml"

func TestAlertmanagerConfig(t *testing.T) {
	said, err := peer(t, "amtool", "check-config", alertmanagerConfig)
	require.NoError(t, err, said)
	require.Contains(t, said, "1 templates")
}

// TestRoutes: each alert comes to who its severity says, the watchdog to something that
// waits for it, and all else to where it went before.
func TestRoutes(t *testing.T) {
	receivers := map[string]string{"critical": "on-call", "warning": "tickets", "info": "digest", "none": "watchdog"}
	alerts, _ := rules(t)
	alerts["SessionServedAfterExpiry"] = rule{Labels: map[string]string{"severity": "critical"}} // the exporter's
	alerts["DiskFull"] = rule{Labels: map[string]string{"severity": "warning"}}
	for name, r := range alerts {
		said, err := peer(t, "amtool", "config", "routes", "test", "--config.file="+alertmanagerConfig, "--verify.receivers="+receivers[r.Labels["severity"]],
			"alertname="+name, "severity="+r.Labels["severity"])
		require.NoError(t, err, "%s: %s", name, said)
	}
}

// TestTemplate: how an alert reads, with all that it may have and with little.
func TestTemplate(t *testing.T) {
	render := func(text string) string {
		said, err := peer(t, "amtool", "template", "render", "--template.glob=alertmanager/templates/*.tmpl",
			"--template.data=alertmanager/testdata/alerts.json", "--template.text="+text)
		require.NoError(t, err, said)
		return strings.TrimSpace(said)
	}
	require.Equal(t, "1 SessionsServedPastExpiry default ledger", render(`{{ template "sessions.title" . }}`))
	require.Equal(t, strings.TrimSpace(read(t, "alertmanager", "testdata", "text.txt")), render(`{{ template "sessions.text" . }}`))
}

// TestInhibition: a real Alertmanager silences what another alert says better, and nothing
// else.
func TestInhibition(t *testing.T) {
	am := startAlertmanager(t)
	pairs := []struct{ source, target, equal, more string }{ // more: labels of the target alone
		{"SessionServedAfterExpiry", "SessionsServedPastExpiry", "policy=p service_name=ledger violation=ended", "type=ended"},
		{"SessionEnforcementBudgetBurnsFast", "SessionEnforcementBudgetBurnsSlowly", "policy=p", ""},
		{"SessionTelemetryMissing", "SessionServiceWentSilent", "", ""},
		{"SessionTelemetryMissing", "SessionCoverageLow", "", ""},
		{"SessionsEvicted", "SessionTableNearlyFull", "processor=s", ""},
		{"SessionCollectorBlind", "SessionVerdictsInconclusive", "processor=s", ""},
	}
	for _, p := range pairs {
		labels := strings.Fields(p.equal)
		am.add(t, slices.Concat([]string{"alertname=" + p.target}, labels, strings.Fields(p.more))...)
		if len(labels) > 0 { // of another policy, service or processor it says nothing
			am.add(t, append([]string{"alertname=" + p.target, "name=other"}, strings.Fields(strings.ReplaceAll(p.equal, "=", "=another-"))...)...)
		}
	}
	require.Empty(t, am.inhibited(t), "nothing is silenced before")
	want := map[string]bool{}
	for _, p := range pairs {
		am.add(t, append([]string{"alertname=" + p.source}, strings.Fields(p.equal)...)...)
		want[p.target] = true
	}
	for deadline := time.Now().Add(time.Minute); ; {
		got := am.inhibited(t)
		if maps.Equal(want, got) {
			break
		}
		require.True(t, time.Now().Before(deadline), "want %v, got %v", want, got)
		time.Sleep(20 * time.Millisecond)
	}
}

// alertmanager is a real one, with our configuration.
type alertmanager struct{ url string }

func startAlertmanager(t *testing.T) alertmanager {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	binary, err := exec.LookPath("prometheus-alertmanager")
	require.NoError(t, err, "it is not installed; scripts/peers installs it")
	c := exec.CommandContext(t.Context(), binary, "--config.file="+alertmanagerConfig, "--storage.path="+t.TempDir(),
		"--web.listen-address="+address, "--cluster.listen-address=", "--log.level=error")
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	am := alertmanager{"http://" + address}
	for deadline := time.Now().Add(time.Minute); ; {
		response, err := http.Get(am.url + "/-/ready") //nolint:noctx // it is waited for
		if err == nil {
			require.NoError(t, response.Body.Close())
			if response.StatusCode == http.StatusOK {
				return am
			}
		}
		require.True(t, time.Now().Before(deadline), "it does not start: %v", err)
		time.Sleep(20 * time.Millisecond)
	}
}

func (am alertmanager) add(t *testing.T, labels ...string) {
	t.Helper()
	said, err := peer(t, "amtool", append([]string{"alert", "add", "--alertmanager.url=" + am.url}, labels...)...)
	require.NoError(t, err, said)
}

// inhibited are the names of the alerts that another one silences; those of another
// policy, service or processor have that behind their names.
func (am alertmanager) inhibited(t *testing.T) map[string]bool {
	t.Helper()
	said, err := peer(t, "amtool", "alert", "query", "--inhibited", "--output=json", "--alertmanager.url="+am.url)
	require.NoError(t, err, said)
	var alerts []struct {
		Labels map[string]string `json:"labels"`
		Status struct {
			InhibitedBy []string `json:"inhibitedBy"`
		} `json:"status"`
	}
	require.NoError(t, json.Unmarshal([]byte(said), &alerts), said)
	names := map[string]bool{}
	for _, a := range alerts {
		if len(a.Status.InhibitedBy) > 0 {
			names[a.Labels["alertname"]+a.Labels["name"]] = true
		}
	}
	return names
}
