package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestNobodyAnswers: with an Alertmanager that never answers, and an exporter
// without a queue whose server never answers, violations are found and counted,
// telemetry passes, and the collector stops in order when it is told to. What
// did not leave leaves after the next start.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	silent := startSilent(t)
	c := &silenced{t: t, dir: t.TempDir(), otlp: freeAddress(t), metrics: freeAddress(t)}
	c.start(fmt.Sprintf(`
  otlp_http: {endpoint: "http://%[1]s", compression: none, sending_queue: {enabled: false}}
  alerts: {endpoint: "http://%[1]s"}`, silent), "[otlp_http, alerts]")
	const rounds = 4
	for n := range rounds {
		c.violate(fmt.Sprint("session ", n))
		eventually(t, decisionWait+noise, func() error { return c.shows("violations", n+1) })
	}
	require.NoError(t, c.shows("findings_waiting", rounds), "none has left")
	require.NoError(t, c.shows("findings_undelivered", 0), "none is lost")
	require.NoError(t, c.process.stop())

	findings := filepath.Join(c.dir, "findings.json")
	c.start(fmt.Sprintf(`
  file: {path: %q, flush_interval: 1ms}`, findings), "[file]")
	eventually(t, noise, func() error {
		lines := 0
		for range completeLines(t, findings) {
			lines++
		}
		if lines == 0 {
			return errors.New("nothing has left")
		}
		return c.shows("findings_waiting", 0)
	})
	require.NoError(t, c.process.stop())
	ids := map[string]bool{}
	for line := range completeLines(t, findings) {
		for _, id := range regexp.MustCompile(`"session_timeout.id","value":\{"stringValue":"([0-9a-f]{16})"`).FindAllSubmatch(line, -1) {
			ids[string(id[1])] = true
		}
	}
	require.Len(t, ids, rounds)
}

// startSilent is a server that takes connections and what comes through them,
// and says nothing.
func startSilent(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
		}
	}()
	return listener.Addr().String()
}

// silenced is a collector whose findings leave as a test wants it.
type silenced struct {
	t             *testing.T
	dir           string
	otlp, metrics string
	process       *process
	runs          int
}

func (c *silenced) start(exporters, wayOut string) {
	c.t.Helper()
	host, port, err := net.SplitHostPort(c.metrics)
	require.NoError(c.t, err)
	c.runs++
	config := filepath.Join(c.dir, fmt.Sprintf("config-%d.yaml", c.runs))
	writeFile(c.t, config, fmt.Sprintf(`
extensions:
  file_storage: {directory: %q}
receivers:
  otlp: {protocols: {http: {endpoint: %q}}}
processors:
  session_timeout:
    session_id: {hash_key: %q}
    policies: [{name: default, idle_timeout: 30m}]
    decision_wait: 1s
    idle_decision_wait: 1s
    storage: file_storage
    durability: acknowledged
exporters:
  nop:%s
service:
  extensions: [file_storage]
  telemetry:
    metrics:
      readers:
        - pull: {exporter: {prometheus: {host: %s, port: %s, without_type_suffix: true, without_units: true}}}
  pipelines:
    traces: {receivers: [otlp], processors: [session_timeout], exporters: [nop]}
    logs: {receivers: [otlp], processors: [session_timeout], exporters: %s}
`, c.dir, c.otlp, hashKey, exporters, host, port, wayOut))
	c.process = startProcess(c.t, "The collector", collectorBinary(c.t), "--config", config)
	c.process.waitFor("http://" + c.metrics + "/metrics")
	eventually(c.t, callTimeout, func() error {
		connection, err := net.Dial("tcp", c.otlp)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
}

// violate serves a session that has been idle for too long.
func (c *silenced) violate(session string) {
	c.t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	now := time.Now()
	for i, at := range []time.Time{now.Add(-time.Hour), now} {
		s := spans.AppendEmpty()
		s.SetName("GET /cart")
		s.SetKind(ptrace.SpanKindServer)
		s.SetTraceID(pcommon.TraceID([]byte(fmt.Sprintf("%-16.16s", session))))
		s.SetSpanID(pcommon.SpanID{1, byte(i)})
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Millisecond)))
		s.Attributes().PutStr("session.id", session)
		s.Attributes().PutStr("http.request.method", http.MethodGet)
		s.Attributes().PutInt("http.response.status_code", http.StatusOK)
	}
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(c.t, err)
	require.NoError(c.t, post(c.t.Context(), client, "http://"+c.otlp+"/v1/traces", body))
}

// shows wants the value of a metric that has one series; none is 0.
func (c *silenced) shows(metric string, want int) error {
	text, err := get(c.t.Context(), "http://"+c.metrics+"/metrics")
	if err != nil {
		return err
	}
	got := 0
	for _, m := range regexp.MustCompile(`(?m)^otelcol_processor_session_timeout_`+metric+`\{[^}]*\} (\d+)$`).FindAllSubmatch(text, -1) {
		n, err := strconv.Atoi(string(m[1])) // of each type, from 0 on
		if err != nil {
			return err
		}
		got += n
	}
	if got != want {
		return fmt.Errorf("%s is %d, want %d", metric, got, want)
	}
	return nil
}
