package e2e

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// watch is a collector with something wrong about it, for the runbooks. Its processor has
// a name of its own, so that an alert says whose fault it is of.
type watch struct {
	t             *testing.T
	dir           string
	otlp, metrics string
	settings      watchSettings
	process       *process
}

// watchSettings are YAML.
type watchSettings struct {
	processor string // component id
	policies  string
	more      string // of the processor
	wait      string // decision_wait; 1s by default
	storage   string // of file_storage, beside its directory; none without
	alerts    string // of the alerts exporter; none without
	noLogs    bool   // findings have no way out
	suffixes  bool   // metrics have type and unit in their names
}

func startWatch(t *testing.T, s watchSettings) *watch {
	t.Helper()
	w := &watch{t: t, dir: t.TempDir(), otlp: freeAddress(t), metrics: freeAddress(t), settings: s}
	w.start()
	return w
}

// start starts it, or starts it again.
func (w *watch) start() {
	w.t.Helper()
	host, port, err := net.SplitHostPort(w.metrics)
	require.NoError(w.t, err)
	s := w.settings
	more, extensions, running, alerts, ways := s.more, "{}", "", "", "nop"
	if s.storage != "" {
		more += "\n    storage: file_storage"
		extensions, running = fmt.Sprintf("{file_storage: {directory: %q%s}}", w.dir, s.storage), "file_storage"
	}
	if s.alerts != "" {
		alerts, ways = fmt.Sprintf("alerts: {%s}", s.alerts), "alerts"
	}
	logs := fmt.Sprintf("logs: {receivers: [otlp], processors: [%s], exporters: [%s]}", s.processor, ways)
	if s.noLogs {
		logs = ""
	}
	config := filepath.Join(w.dir, "config.yaml")
	writeFile(w.t, config, fmt.Sprintf(`
extensions: %[1]s
receivers:
  otlp: {protocols: {http: {endpoint: %[2]q}}}
processors:
  %[3]s:
    session_id: {hash_key: %[4]q}
    policies: [%[5]s]
    decision_wait: %[13]s
    idle_decision_wait: %[13]s
    %[6]s
exporters:
  nop:
  %[7]s
service:
  extensions: [%[8]s]
  telemetry:
    metrics:
      level: normal
      readers:
        - pull: {exporter: {prometheus: {host: %[9]s, port: %[10]s, without_type_suffix: %[11]t, without_units: %[11]t}}}
  pipelines:
    traces: {receivers: [otlp], processors: [%[3]s], exporters: [nop]}
    %[12]s
`, extensions, w.otlp, s.processor, hashKey, s.policies, more, alerts, running, host, port, !s.suffixes, logs, cmp.Or(s.wait, "1s")))
	w.process = startProcess(w.t, "The collector of "+s.processor, collectorBinary(w.t), "--config", config)
	w.process.waitFor("http://" + w.metrics + "/metrics")
	eventually(w.t, patience, func() error {
		connection, err := net.Dial("tcp", w.otlp)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
}

// visit is a request of a session, ago before now; without a name of none.
func (w *watch) visit(service string, ago time.Duration, sessions ...string) {
	w.t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	at := time.Now().Add(-ago)
	for i, session := range sessions {
		s := spans.AppendEmpty()
		s.SetName("GET /cart")
		s.SetKind(ptrace.SpanKindServer)
		s.SetTraceID(pcommon.TraceID([]byte(fmt.Sprintf("%-16.16s", session))))
		s.SetSpanID(pcommon.SpanID([]byte(fmt.Sprintf("%08x", uint32(at.UnixNano())+uint32(i)))))
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Millisecond)))
		s.Attributes().PutStr("http.request.method", http.MethodGet)
		s.Attributes().PutInt("http.response.status_code", http.StatusOK)
		if session != "" {
			s.Attributes().PutStr("session.id", session)
		}
	}
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(w.t, err)
	w.post("/v1/traces", body)
}

// end says that sessions ended.
func (w *watch) end(ago time.Duration, sessions ...string) {
	w.t.Helper()
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, session := range sessions {
		r := records.AppendEmpty()
		r.SetEventName("session.end")
		r.SetTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(-ago)))
		r.Attributes().PutStr("session.id", session)
	}
	body, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(w.t, err)
	w.post("/v1/logs", body)
}

func (w *watch) post(path string, body []byte) {
	w.t.Helper()
	require.NoError(w.t, post(w.t.Context(), client, "http://"+w.otlp+path, body))
}

// names are so many sessions.
func names(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return all
}

// yesterday is a file of what Prometheus had scraped a day ago: a service that named
// sessions.
func yesterday(t *testing.T, service string) (path string) {
	t.Helper()
	var text strings.Builder
	for minutes := -26 * 60; minutes <= -22*60; minutes++ {
		at := time.Now().Add(time.Duration(minutes) * time.Minute).Unix()
		fmt.Fprintf(&text, "otelcol_processor_session_timeout_records{job=\"collector\",instance=\"gone\",processor=\"session_timeout/shop\",service_name=%q,seen=\"request_with_id\"} %d %d\n",
			service, 60*(minutes+26*60), at)
	}
	text.WriteString("# EOF\n")
	path = filepath.Join(t.TempDir(), "yesterday.txt")
	writeFile(t, path, text.String())
	return path
}
