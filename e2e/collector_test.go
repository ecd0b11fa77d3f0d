package e2e

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hashKey is what the collectors make pseudonyms with.
const hashKey = "end-to-end tests have no secrets"

// What the collectors under test are told about time.
const (
	decisionWait   = 5 * time.Second
	resendInterval = time.Second
	leaseFor       = 4 * resendInterval // as the alerts exporter's README has it
)

// pseudonym is what the collector writes in place of an id, and what the
// redaction processor would write in the telemetry.
func pseudonym(id string) string {
	mac := hmac.New(sha256.New, []byte(hashKey))
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil))
}

// collector is bin/otelcol-session in line: it marks the traces as they pass and
// writes them to a file, and logs and findings to another one.
type collector struct {
	t       *testing.T
	process *process
	// url is where it takes telemetry, metricsAddress where it shows its own.
	url, metricsAddress  string
	tracesFile, logsFile string
	limits               limits
}

// collectorConfig is what differs between the tests.
type collectorConfig struct {
	policies     []string // YAML, what they say beside their limits
	limits       limits
	alertmanager string // URL
	resolveAfter time.Duration
	suffixes     bool // metrics have type and unit in their names
}

func startCollector(t *testing.T, cfg collectorConfig) *collector {
	t.Helper()
	binary := filepath.Join("..", "bin", "otelcol-session")
	if _, err := os.Stat(binary); err != nil {
		require.FailNow(t, "bin/otelcol-session is missing", "`make build` builds it: %v", err)
	}
	dir := t.TempDir()
	otlp := freeAddress(t)
	c := &collector{
		t: t, limits: cfg.limits, url: "http://" + otlp, metricsAddress: freeAddress(t),
		tracesFile: filepath.Join(dir, "traces.json"), logsFile: filepath.Join(dir, "logs.json"),
	}
	host, port, err := net.SplitHostPort(c.metricsAddress)
	require.NoError(t, err)
	var policies strings.Builder
	for _, p := range cfg.policies {
		fmt.Fprintf(&policies, "      - {%s, %s}\n", p, cfg.limits.yaml())
	}
	config := filepath.Join(dir, "config.yaml")
	writeFile(t, config, fmt.Sprintf(`
receivers:
  otlp: {protocols: {http: {endpoint: %[1]q}}}
processors:
  session_timeout:
    session_id: {hash_key: %[2]q}
    policies:
%[3]s
    passive: {routes: [/notifications]}
    decision_wait: %[4]v
    findings: {update_interval: 1s}
exporters:
  file/traces: {path: %[5]q, flush_interval: 100ms}
  file/logs: {path: %[6]q, flush_interval: 100ms}
  alerts:
    endpoint: %[7]q
    resolve_after: %[8]v
    resend_interval: %[9]v
    retry_on_failure: {initial_interval: 500ms, max_interval: 1s}
service:
  telemetry:
    logs: {level: debug}
    metrics:
      level: normal
      readers:
        - pull: {exporter: {prometheus: {host: %[10]s, port: %[11]s, without_type_suffix: %[12]t, without_units: %[12]t}}}
  pipelines:
    traces: {receivers: [otlp], processors: [session_timeout], exporters: [file/traces]}
    logs: {receivers: [otlp], processors: [session_timeout], exporters: [file/logs, alerts]}
`,
		otlp, hashKey, policies.String(), decisionWait, c.tracesFile, c.logsFile,
		cfg.alertmanager, cmp.Or(cfg.resolveAfter, time.Minute), resendInterval, host, port, !cfg.suffixes))
	c.process = startProcess(t, "The collector", binary, "--config", config)
	c.process.waitFor(c.metricsURL())
	return c
}

func (c *collector) metricsURL() string { return "http://" + c.metricsAddress + "/metrics" }

// metrics is what the collector shows of itself.
func (c *collector) metrics() []byte {
	c.t.Helper()
	text, err := get(c.t.Context(), c.metricsURL())
	require.NoError(c.t, err)
	return text
}

// stop stops the collector, which writes out what it holds.
func (c *collector) stop() {
	c.t.Helper()
	require.NoError(c.t, c.process.stop(), "the collector has to stop in order")
}
