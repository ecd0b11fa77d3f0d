package sessiontimeout

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// TestNoRawIDs: nothing that we originate (findings, marks, metrics, the log
// down to debug) holds an id of a session or a user as it came.
func TestNoRawIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.SessionID.Sources = extract.Sources{{Attribute: "session.id"}, {Attribute: "http.request.header.x-session"}}
			c.Policies[0].AbsoluteTimeout = 2 * time.Hour
			c.MaxSessions = 12
		})
		traces, logs := r.traces(), r.logs()
		start(t, traces, logs)
		ctx := context.Background()
		const mark = "secret-" // in every id that is sent
		serve := func(sessions ...string) {
			for _, s := range sessions {
				td := requestSpan(mark+s, time.Now())
				if s != "" && len(s) < 5000 { // an id stands everywhere
					rs := td.ResourceSpans().At(0)
					rs.Resource().Attributes().PutStr("service.name", "of "+mark+s)
					rs.Resource().Attributes().PutStr("service.instance.id", mark+s)
					a := rs.ScopeSpans().At(0).Spans().At(0).Attributes()
					a.PutStr("url.path", "/of/"+strings.ReplaceAll(mark+s, "-", "%2D"))
					a.PutStr("http.route", "/of/"+strings.ToUpper(mark+s))
				}
				require.NoError(t, traces.ConsumeTraces(ctx, td))
			}
		}
		event := func(name, session string, attrs ...string) {
			ld := endRecord(mark+session, time.Now())
			record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
			record.SetEventName(name)
			for i := 0; i < len(attrs); i += 2 {
				record.Attributes().PutStr(attrs[i], mark+attrs[i+1])
			}
			require.NoError(t, logs.ConsumeLogs(ctx, ld))
		}
		serve("idle", "ended", "rotated", "revoked", "old")
		time.Sleep(time.Second)
		event("session.end", "ended", "user.id", "somebody")
		event("session.start", "rotated-to", "session.previous_id", "rotated")
		event("user.session.clear", "spared", "user.id", "revoked")
		event("authn_login_success", "old", "enduser.id", "old")
		// The identity that requests show is "user of " and the session's id.
		ld := endRecord("", time.Now())
		ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetEventName("user.session.clear")
		ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutStr("user.id", "user of "+mark+"revoked")
		require.NoError(t, logs.ConsumeLogs(ctx, ld))
		serve(strings.Repeat("x", 5000), "")
		time.Sleep(45 * time.Minute)
		serve("idle", "ended", "rotated", "revoked", "old")
		time.Sleep(90 * time.Minute)
		serve("old", "a", "b", "c", "d", "e", "f", "g", "h")
		time.Sleep(2 * time.Minute)
		event("authn_login_success", "idle")
		event("session.end", "h")
		time.Sleep(10 * time.Second)
		serve("h")
		time.Sleep(30 * time.Second)

		var rm metricdata.ResourceMetrics
		require.NoError(t, r.telemetry.Reader.Collect(ctx, &rm))
		var metrics strings.Builder
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				fmt.Fprintf(&metrics, "%s %+v\n", m.Name, m.Data)
			}
		}
		shutdown(t, logs, traces)

		types := map[string]bool{}
		for _, ld := range r.records.AllLogs() {
			for _, rl := range ld.ResourceLogs().All() {
				for name, v := range rl.Resource().Attributes().All() {
					require.NotContains(t, v.AsString(), mark, name)
				}
			}
		}
		for _, f := range r.findings() {
			types[attributeOf(f, "session_timeout.type")] = true
			types[attributeOf(f, "session_timeout.state")] = true
			only := plog.NewLogs()
			f.CopyTo(only.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty())
			text, err := (&plog.JSONMarshaler{}).MarshalLogs(only)
			require.NoError(t, err)
			for _, spelled := range []string{mark, strings.ToUpper(mark), "secret%2D", "user of"} {
				require.NotContains(t, string(text), spelled)
			}
		}
		for _, want := range []string{"idle_timeout", "ended", "rotated", "revoked", "confirmed", "inconclusive"} {
			require.True(t, types[want], "nothing to search in: no finding is %s", want)
		}
		require.Contains(t, metrics.String(), "service_name", "nothing to search in")
		require.NotContains(t, metrics.String(), mark)
		require.NotContains(t, metrics.String(), "user of")
		for _, td := range r.spans.AllTraces() {
			for name, v := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().All() {
				if strings.HasPrefix(name, "session_timeout.") {
					require.NotContains(t, v.AsString(), mark)
				}
			}
		}
		for _, e := range r.log.All() {
			text, err := json.Marshal(e.ContextMap())
			require.NoError(t, err)
			require.NotContains(t, e.Message+string(text), mark)
		}
	})
}
