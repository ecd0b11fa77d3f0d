package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/exporter/alerts/internal/metadata"
	"github.com/otelcol-session/otelcol-session/exporter/alerts/internal/metadatatest"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// The states of a finding, as a record has them.
const (
	stateConfirmed    = "confirmed"
	stateRetracted    = "retracted"
	stateInconclusive = "inconclusive"
)

// violation is a finding as a test writes it. Its zero values are the ones of an ordinary finding.
type violation struct {
	id         string
	revision   int64
	observed   time.Time
	state      string
	kind       string
	policy     string
	service    string
	session    string
	severity   plog.SeverityNumber
	background bool
	requests   int64
	first      time.Time
	last       time.Time
	overrun    float64
	trace      pcommon.TraceID
}

// epoch is when the bubbles of synctest begin.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (v violation) withDefaults() violation {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&v.id, "00000000000000a1")
	set(&v.state, stateConfirmed)
	set(&v.kind, "idle_timeout")
	set(&v.policy, "payments")
	set(&v.service, "checkout")
	set(&v.session, "anybody")
	if v.severity == 0 {
		v.severity = plog.SeverityNumberError
	}
	v.revision, v.requests = max(v.revision, 1), max(v.requests, 1)
	if v.first.IsZero() {
		v.first = epoch.Add(-time.Minute)
	}
	if v.last.IsZero() {
		v.last = v.first
	}
	return v
}

// pseudonym is that of a session which a test calls by a short name. It sorts as the name does, among
// names of one length.
func pseudonym(name string) string {
	return fmt.Sprintf("%x", name) + strings.Repeat("0", 64-2*len(name))
}

// logs makes the log record of each violation, in a resource of its own, as the processor does.
func logs(violations ...violation) plog.Logs {
	all := plog.NewLogs()
	for _, v := range violations {
		v = v.withDefaults()
		resource := all.ResourceLogs().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", v.service)
		resource.Resource().Attributes().PutStr("service.namespace", "shop")
		resource.Resource().Attributes().PutStr("service.instance.id", "checkout-7")
		resource.Resource().Attributes().PutStr("deployment.environment.name", "prod")
		scope := resource.ScopeLogs().AppendEmpty()
		scope.Scope().SetName(findinglog.Scope)
		record := scope.LogRecords().AppendEmpty()
		record.SetEventName(findinglog.Event)
		record.SetSeverityNumber(v.severity)
		record.SetTimestamp(pcommon.NewTimestampFromTime(v.first))
		if !v.observed.IsZero() {
			record.SetObservedTimestamp(pcommon.NewTimestampFromTime(v.observed))
		}
		record.SetTraceID(v.trace)
		record.Body().SetStr("checkout served a request 5m after the session had expired.")
		attrs := record.Attributes()
		attrs.PutStr("session_timeout.session", pseudonym(v.session))
		attrs.PutStr("session_timeout.user", strings.Repeat("05", 32))
		attrs.PutStr("session_timeout.id", v.id)
		attrs.PutInt("session_timeout.revision", v.revision)
		attrs.PutStr("session_timeout.type", v.kind)
		attrs.PutStr("session_timeout.state", v.state)
		attrs.PutDouble("session_timeout.overrun", v.overrun)
		attrs.PutStr("session_timeout.expired_at", v.first.Add(-time.Minute).Format(time.RFC3339Nano))
		attrs.PutInt("session_timeout.requests", v.requests)
		attrs.PutStr("session_timeout.first_at", v.first.Format(time.RFC3339Nano))
		attrs.PutStr("session_timeout.last_at", v.last.Format(time.RFC3339Nano))
		attrs.PutStr("session_timeout.started_at", v.first.Add(-time.Hour).Format(time.RFC3339Nano))
		attrs.PutBool("session_timeout.start_known", true)
		if v.kind == "idle_timeout" {
			attrs.PutStr("session_timeout.last_activity_at", v.first.Add(-6*time.Minute).Format(time.RFC3339Nano))
		}
		attrs.PutStr("session_timeout.policy", v.policy)
		attrs.PutDouble("session_timeout.limit", 300)
		attrs.PutStr("session_timeout.evidence", "success")
		attrs.PutBool("session_timeout.background", v.background)
		attrs.PutStr("http.request.method", "GET")
		attrs.PutStr("http.route", "/account/{id}")
		attrs.PutStr("url.path", "/account/4711")
		attrs.PutInt("http.response.status_code", 200)
	}
	return all
}

// read makes the finding of a violation.
func read(tb testing.TB, v violation) finding {
	tb.Helper()
	resource := logs(v).ResourceLogs().At(0)
	f, wrong := readFinding(resource.Resource().Attributes(), resource.ScopeLogs().At(0).LogRecords().At(0))
	require.Equal(tb, findinglog.Flawless, wrong)
	return f
}

func otherLogs(n int) plog.Logs {
	all := plog.NewLogs()
	resource := all.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "checkout")
	scope := resource.ScopeLogs().AppendEmpty()
	scope.Scope().SetName("github.com/example/shop")
	for i := range n {
		record := scope.LogRecords().AppendEmpty()
		record.SetSeverityNumber(plog.SeverityNumberError)
		record.Body().SetStr(fmt.Sprintf("order %d failed", i))
	}
	return all
}

// alertmanager stands in for Alertmanagers without a network. Its answers may be changed at any time.
type alertmanager struct {
	mu     sync.Mutex
	answer func(host string) (*http.Response, error)
	tries  map[string]int // by host
	posts  []postedAlerts // that were accepted
}

type postedAlerts struct {
	at     time.Time
	host   string
	path   string
	alerts models.PostableAlerts
}

func newAlertmanager() *alertmanager { return &alertmanager{tries: map[string]int{}} }

func (am *alertmanager) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	am.mu.Lock()
	am.tries[req.URL.Host]++
	answer := am.answer
	am.mu.Unlock()
	resp := respond(http.StatusOK, "")
	if answer != nil {
		if resp, err = answer(req.URL.Host); err != nil {
			return nil, err
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		post := postedAlerts{at: time.Now(), host: req.URL.Host, path: req.URL.Path}
		if err := json.Unmarshal(body, &post.alerts); err != nil {
			return nil, err
		}
		am.mu.Lock()
		am.posts = append(am.posts, post)
		am.mu.Unlock()
	}
	return resp, nil
}

func (am *alertmanager) answers(answer func(host string) (*http.Response, error)) {
	am.mu.Lock()
	defer am.mu.Unlock()
	am.answer = answer
}

// take returns what was posted since it was last asked.
func (am *alertmanager) take() []postedAlerts {
	am.mu.Lock()
	defer am.mu.Unlock()
	posts := am.posts
	am.posts = nil
	return posts
}

func (am *alertmanager) tried(host string) int {
	am.mu.Lock()
	defer am.mu.Unlock()
	return am.tries[host]
}

func respond(status int, body string, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// host is a component.Host with extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// harness is an exporter before an alertmanager, and what it says of itself.
type harness struct {
	*alertsExporter
	am  *alertmanager
	tel *componenttest.Telemetry
}

// newHarness makes an exporter that is not started.
func newHarness(t *testing.T, am *alertmanager, change func(*Config)) *harness {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	tel := componenttest.NewTelemetry()
	set := metadatatest.NewSettings(tel)
	set.Logger = zap.NewNop()
	e, err := newExporter(set, cfg)
	require.NoError(t, err)
	for _, target := range e.targets {
		target.newClient = func(context.Context, component.Host) (*http.Client, error) {
			return &http.Client{Transport: am, Timeout: cfg.ClientConfig.Timeout}, nil
		}
	}
	return &harness{alertsExporter: e, am: am, tel: tel}
}

func (h *harness) start(t *testing.T, extensions host) {
	t.Helper()
	t.Cleanup(func() { _ = h.Shutdown(context.Background()) })
	require.NoError(t, h.Start(t.Context(), extensions))
}

func (h *harness) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, h.Shutdown(context.Background()))
	require.NoError(t, h.tel.Shutdown(context.Background()))
}

func (h *harness) consume(t *testing.T, violations ...violation) {
	t.Helper()
	require.NoError(t, h.ConsumeLogs(t.Context(), logs(violations...)))
}

// counted returns the sum of a counter's points that have all the attributes, given as name, value, ....
func (h *harness) counted(t *testing.T, metric string, attrs ...string) int64 {
	t.Helper()
	return counted(t, h.tel, metric, attrs...)
}

func newNopExporter(tb testing.TB, cfg *Config) *alertsExporter {
	tb.Helper()
	e, err := newExporter(exportertest.NewNopSettings(metadata.Type), cfg)
	require.NoError(tb, err)
	return e
}

func noQueue() configoptional.Optional[exporterhelper.QueueBatchConfig] {
	return configoptional.None[exporterhelper.QueueBatchConfig]()
}

func requestsOf(ids []identity) []sendRequest {
	requests := make([]sendRequest, len(ids))
	for i, id := range ids {
		requests[i] = sendRequest{identity: id, at: 1 << 62}
	}
	return requests
}

// remaining is how many alerts an error of push leaves to be tried again.
func remaining(t *testing.T, err error) int {
	t.Helper()
	var left consumererror.Logs
	require.ErrorAs(t, err, &left)
	return left.Data().LogRecordCount()
}
