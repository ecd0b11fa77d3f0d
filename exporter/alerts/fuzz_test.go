package alerts

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/clean"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// FuzzConsumeLogs gives whatever arrives to an exporter that runs, and looks at what Alertmanager gets.
func FuzzConsumeLogs(f *testing.F) {
	var marshaler plog.ProtoMarshaler
	for _, seed := range []plog.Logs{
		logs(violation{}),
		logs(violation{}, violation{revision: 2, requests: 9, kind: "ended"}, violation{revision: 3, state: stateRetracted}),
		logs(violation{state: stateInconclusive}, violation{id: "x"}, violation{service: "\xff", session: "\xfe"}),
		otherLogs(2),
	} {
		data, err := marshaler.MarshalLogs(seed)
		require.NoError(f, err)
		f.Add(data)
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(data)
		if err != nil {
			return
		}
		// Most of what a fuzzer makes is of no scope that counts.
		for _, resource := range in.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				scope.Scope().SetName(findinglog.Scope)
				for _, record := range scope.LogRecords().All() {
					record.SetEventName(findinglog.Event)
				}
			}
		}
		run(t, in)
	})
}

// FuzzFinding varies what a finding says.
func FuzzFinding(f *testing.F) {
	f.Add("00000000000000a1", "confirmed", "idle_timeout", "payments", "checkout", pseudonym("a"), "2000-01-01T00:00:00Z", int64(1), int64(1), 1.5, int32(17), uint64(0))
	f.Add("00000000000000a1", "confirmed", "ended", "\u202epay\x00", "check\r\nout", pseudonym("a"), "1999-12-31T23:59:59Z", int64(1), int64(1<<62), 0.0, int32(13), uint64(0))
	f.Add("00000000000000a1", "retracted", "ended", "", "\xff", "", "", int64(-1), int64(1<<62), -1.0, int32(0), uint64(1<<63))
	f.Fuzz(func(t *testing.T, id, state, kind, policy, service, session, first string, revision, requests int64, overrun float64, severity int32, at uint64) {
		in := logs(violation{})
		resource := in.ResourceLogs().At(0)
		resource.Resource().Attributes().PutStr("service.name", service)
		record := resource.ScopeLogs().At(0).LogRecords().At(0)
		record.SetSeverityNumber(plog.SeverityNumber(severity))
		record.SetTimestamp(pcommon.Timestamp(at))
		attrs := record.Attributes()
		attrs.PutStr("session_timeout.id", id)
		attrs.PutStr("session_timeout.state", state)
		attrs.PutStr("session_timeout.type", kind)
		attrs.PutStr("session_timeout.policy", policy)
		attrs.PutStr("session_timeout.session", session)
		attrs.PutStr("session_timeout.first_at", first)
		attrs.PutStr("session_timeout.last_at", first)
		attrs.PutInt("session_timeout.revision", revision)
		attrs.PutInt("session_timeout.requests", requests)
		attrs.PutDouble("session_timeout.overrun", overrun)
		run(t, in)
	})
}

// run starts an exporter, gives it the logs twice, stops it and checks what it sent.
func run(t *testing.T, in plog.Logs) {
	t.Helper()
	am := newAlertmanager()
	cfg := createDefaultConfig().(*Config)
	cfg.QueueConfig = noQueue()
	cfg.RetryConfig.Enabled = false
	cfg.MaxAlerts, cfg.MaxFindings = 4, 8
	e := newNopExporter(t, cfg)
	e.targets[0].newClient = func(context.Context, component.Host) (*http.Client, error) {
		return &http.Client{Transport: am}, nil
	}
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	in.MarkReadOnly()
	require.NoError(t, e.ConsumeLogs(t.Context(), in))
	require.NoError(t, e.ConsumeLogs(t.Context(), in))
	require.NoError(t, e.Shutdown(context.Background()))

	alerts, findings := e.table.occupancy(time.Now())
	require.LessOrEqual(t, alerts, 4)
	require.LessOrEqual(t, findings, 8+4)
	for _, post := range am.take() {
		require.NoError(t, post.alerts.Validate(strfmt.Default))
		for _, alert := range post.alerts {
			requireAcceptable(t, alert)
		}
	}
}

// requireAcceptable checks what Alertmanager would answer 400 to.
func requireAcceptable(t *testing.T, alert *models.PostableAlert) {
	t.Helper()
	require.False(t, time.Time(alert.StartsAt).IsZero())
	require.False(t, time.Time(alert.StartsAt).After(time.Now()))
	require.True(t, time.Time(alert.EndsAt).After(time.Now()))
	for _, set := range []models.LabelSet{alert.Labels, alert.Annotations} {
		for name, value := range set {
			require.True(t, labelName.MatchString(name), name)
			require.NotEmpty(t, value)
			require.Equal(t, clean.Text(value, maxAnnotationValue), value)
		}
	}
	data, err := json.Marshal(alert)
	require.NoError(t, err)
	require.True(t, utf8.Valid(data))
}
