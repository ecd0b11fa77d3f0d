package e2e

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
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
// writes them to a file, and logs and findings to another one. With a storage it
// may be stopped, killed and started again; each run has files of its own, since
// one that was killed may leave half a line.
type collector struct {
	t       *testing.T
	cfg     collectorConfig
	dir     string
	otlp    string
	process *process
	runs    []*process
	// url is where it takes telemetry, metricsAddress where it shows its own.
	url, metricsAddress string
	console             string // where its session console listens
	limits              limits
}

// collectorConfig is what differs between the tests.
type collectorConfig struct {
	policies       []string // YAML, what they say beside their limits
	limits         limits
	decisionWait   time.Duration // decisionWait by default
	alertmanager   string        // URL; no alerts without
	resolveAfter   time.Duration
	resendInterval time.Duration // resendInterval by default
	suffixes       bool          // metrics have type and unit in their names
	durability     string        // YAML of the processor; no storage without
	storage        string        // YAML of the extension, beside its directory
}

func startCollector(t *testing.T, cfg collectorConfig) *collector {
	t.Helper()
	c := newCollector(t, cfg)
	c.start()
	return c
}

// newCollector is one that does not run yet.
func newCollector(t *testing.T, cfg collectorConfig) *collector {
	t.Helper()
	cfg.decisionWait = cmp.Or(cfg.decisionWait, decisionWait)
	cfg.resolveAfter = cmp.Or(cfg.resolveAfter, time.Minute)
	cfg.resendInterval = cmp.Or(cfg.resendInterval, resendInterval)
	c := &collector{t: t, cfg: cfg, dir: t.TempDir(), limits: cfg.limits, otlp: freeAddress(t), metricsAddress: freeAddress(t), console: freeAddress(t)}
	c.url = "http://" + c.otlp
	require.NoError(t, os.Mkdir(c.storage(), 0o700))
	return c
}

// collectorBinary is what is under test.
func collectorBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join("..", "bin", "otelcol-session")
	if _, err := os.Stat(binary); err != nil {
		require.FailNow(t, "bin/otelcol-session is missing", "`make build` builds it: %v", err)
	}
	return binary
}

// start starts the next run and waits until it works.
func (c *collector) start() {
	c.t.Helper()
	c.launch()
	c.ready()
}

// ready waits until the run works. Its metrics are there before it knows of
// signals.
func (c *collector) ready() {
	c.t.Helper()
	c.process.waitFor(c.metricsURL())
	eventually(c.t, patience, func() error {
		if !bytes.Contains(c.process.said(), []byte("Everything is ready")) {
			return errors.New("the collector is not ready")
		}
		return nil
	})
	c.process.waitFor(c.metricsURL())
}

// launch starts the next run.
func (c *collector) launch() {
	c.t.Helper()
	config := filepath.Join(c.dir, fmt.Sprintf("config-%d.yaml", len(c.runs)))
	writeFile(c.t, config, c.config())
	c.process = startProcess(c.t, "The collector", collectorBinary(c.t), "--config", config)
	c.runs = append(c.runs, c.process)
}

// config is the configuration of the next run.
func (c *collector) config() string {
	host, port, err := net.SplitHostPort(c.metricsAddress)
	require.NoError(c.t, err)
	var policies strings.Builder
	for _, p := range c.cfg.policies {
		fmt.Fprintf(&policies, "      - {%s, %s}\n", p, c.limits.yaml())
	}
	kept, queue, running := "", "", "session_console"
	extensions := fmt.Sprintf("extensions:\n  session_console: {endpoint: %q}\n", c.console)
	if c.cfg.durability != "" {
		kept = "storage: file_storage\n    " + c.cfg.durability
		queue = "sending_queue: {storage: file_storage}"
		extensions += fmt.Sprintf("  file_storage: {directory: %q, %s}\n", c.storage(), c.cfg.storage)
		running += ", file_storage"
	}
	alerts, exporters := "", "file/logs"
	if c.cfg.alertmanager != "" {
		exporters = "file/logs, alerts"
		alerts = fmt.Sprintf(`alerts:
    endpoint: %q
    resolve_after: %v
    resend_interval: %v
    retry_on_failure: {initial_interval: 500ms, max_interval: 1s}
    %s`, c.cfg.alertmanager, c.cfg.resolveAfter, c.cfg.resendInterval, queue)
	}
	run := len(c.runs)
	return fmt.Sprintf(`
receivers:
  otlp: {protocols: {http: {endpoint: %[1]q}}}
processors:
  session_timeout:
    session_id: {hash_key: %[2]q}
    policies:
%[3]s
    passive: [{routes: [/notifications]}]
    decision_wait: %[4]v
    idle_decision_wait: %[4]v
    findings: {update_interval: 1s}
    %[5]s
exporters:
  file/traces: {path: %[6]q, flush_interval: 100ms}
  file/logs: {path: %[7]q, flush_interval: 1ms}
  %[8]s
%[9]s
service:
  extensions: [%[10]s]
  telemetry:
    logs: {level: debug}
    metrics:
      level: normal
      readers:
        - pull: {exporter: {prometheus: {host: %[11]s, port: %[12]s, without_type_suffix: %[13]t, without_units: %[13]t}}}
  pipelines:
    traces: {receivers: [otlp], processors: [session_timeout], exporters: [file/traces]}
    logs: {receivers: [otlp], processors: [session_timeout], exporters: [%[14]s]}
`,
		c.otlp, hashKey, policies.String(), c.cfg.decisionWait, kept,
		c.file("traces", run), c.file("logs", run), alerts, extensions,
		running,
		host, port, !c.cfg.suffixes, exporters)
}

// storage is the directory of the file_storage extension.
func (c *collector) storage() string { return filepath.Join(c.dir, "storage") }

// file is where one run writes a signal to.
func (c *collector) file(signal string, run int) string {
	return filepath.Join(c.dir, fmt.Sprintf("%s-%d.json", signal, run))
}

// lines are the complete lines of a signal that all runs have written.
func (c *collector) lines(signal string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for run := range c.runs {
			for line := range completeLines(c.t, c.file(signal, run)) {
				if !yield(line) {
					return
				}
			}
		}
	}
}

func (c *collector) metricsURL() string { return "http://" + c.metricsAddress + "/metrics" }

// metrics is what the collector shows of itself.
func (c *collector) metrics() []byte {
	c.t.Helper()
	text, err := get(c.t.Context(), c.metricsURL())
	require.NoError(c.t, err)
	return text
}

// said is the log of all runs.
func (c *collector) said() []byte {
	c.t.Helper()
	var all []byte
	for _, run := range c.runs {
		all = append(all, run.said()...)
	}
	return all
}

// stop stops the collector, which writes out what it holds.
func (c *collector) stop() {
	c.t.Helper()
	require.NoError(c.t, c.process.stop(), "the collector has to stop in order")
}
