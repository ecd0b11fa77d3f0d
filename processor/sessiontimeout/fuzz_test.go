package sessiontimeout

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// FuzzTraces gives whatever bytes are OTLP to a processor that runs. Nothing
// may crash, and what goes in comes out, with no more than marks on it.
func FuzzTraces(f *testing.F) {
	marshaler := &ptrace.ProtoMarshaler{}
	for _, session := range []string{"s1", "", "null", "0000"} {
		td := requestSpan(session, time.Now())
		addRequest(td, session, time.Now().Add(-45*time.Minute))
		seed, err := marshaler.MarshalTraces(td)
		require.NoError(f, err)
		f.Add(seed)
	}
	// One span of everything that is looked at.
	td := requestSpan("s1", time.Now().Add(-time.Hour))
	rs := td.ResourceSpans().At(0)
	rs.Resource().Attributes().PutStr("service.namespace", "store")
	rs.Resource().Attributes().PutStr("service.instance.id", "1")
	rs.Resource().Attributes().PutStr("deployment.environment", "test")
	for i, change := range []func(ptrace.Span){
		func(s ptrace.Span) { s.SetKind(ptrace.SpanKindConsumer); s.Status().SetCode(ptrace.StatusCodeError) },
		func(s ptrace.Span) { s.SetKind(ptrace.SpanKindClient) },
		func(s ptrace.Span) {
			s.SetKind(ptrace.SpanKindConsumer)
			s.Attributes().PutStr("messaging.destination.name", "jobs")
		},
		func(s ptrace.Span) { s.TraceState().FromRaw("a=b,ot=th:c;rv:1") },
		func(s ptrace.Span) { s.Attributes().PutStr("rpc.response.status_code", "UNAUTHENTICATED") },
		func(s ptrace.Span) { s.Attributes().PutInt("rpc.grpc.status_code", 0) },
		func(s ptrace.Span) { s.Attributes().PutInt("http.response.status_code", 101) },
		func(s ptrace.Span) { s.Attributes().PutStr("url.path", "/Account/LOGIN/;a?b") },
		func(s ptrace.Span) { s.Attributes().PutStr("error.type", "timeout") },
		func(s ptrace.Span) { s.SetEndTimestamp(s.StartTimestamp() + 3_600_000_000_000) },
		func(s ptrace.Span) { s.SetStartTimestamp(0) },
		func(s ptrace.Span) { s.SetEndTimestamp(^pcommon.Timestamp(0)) },
		func(s ptrace.Span) {
			s.Attributes().PutInt("http.response.status_code", 302)
			s.Attributes().PutEmptySlice("http.response.header.location").AppendEmpty().SetStr("https://id.example/login?x")
		},
		func(s ptrace.Span) { s.Attributes().PutEmptySlice("session.id").AppendEmpty().SetInt(1) },
	} {
		addRequest(td, "s1", time.Now().Add(time.Duration(i)*time.Minute-time.Hour))
		spans := rs.ScopeSpans().At(0).Spans()
		change(spans.At(spans.Len() - 1))
		seed, err := marshaler.MarshalTraces(td)
		require.NoError(f, err)
		f.Add(seed)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, otlp []byte) {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(otlp)
		if err != nil {
			return
		}
		r := newRig(t, func(c *Config) { c.MaxSessions, c.MaxRecentRequests = 8, 8 })
		traces, logs := r.traces(), r.logs()
		start(t, traces, logs)
		spans := td.SpanCount()
		require.NoError(t, traces.ConsumeTraces(context.Background(), td))
		require.NoError(t, logs.ConsumeLogs(context.Background(), endRecord("s1", time.Now().Add(-time.Hour))))
		shutdown(t, logs, traces)
		require.Equal(t, spans, r.spans.SpanCount())
		checkFindings(t, r)
	})
}

// FuzzLogs does the same with log records.
func FuzzLogs(f *testing.F) {
	marshaler := &plog.ProtoMarshaler{}
	for _, name := range []string{"session.end", "session.start", "authn_login_success", "user.session.clear", ""} {
		ld := endRecord("s1", time.Now().Add(-time.Hour))
		record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		record.SetEventName(name)
		record.Attributes().PutStr("user.id", "user of s1")
		record.Attributes().PutStr("session.previous_id", "s0")
		record.Attributes().PutStr("http.request.method", "GET")
		record.Attributes().PutInt("http.response.status_code", 200)
		record.Attributes().PutDouble("http.server.request.duration", 0.2)
		seed, err := marshaler.MarshalLogs(ld)
		require.NoError(f, err)
		f.Add(seed)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, otlp []byte) {
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(otlp)
		if err != nil {
			return
		}
		r := newRig(t, func(c *Config) { c.MaxSessions, c.MaxRecentRequests = 8, 8 })
		traces, logs := r.traces(), r.logs()
		start(t, traces, logs)
		records := ld.LogRecordCount()
		require.NoError(t, logs.ConsumeLogs(context.Background(), ld))
		require.NoError(t, traces.ConsumeTraces(context.Background(), requestSpan("s1", time.Now())))
		require.Equal(t, records, r.records.LogRecordCount())
		shutdown(t, traces, logs)
		checkFindings(t, r)
	})
}

// checkFindings: whatever came in, what comes out after the batch that passed
// is findings of the contract.
func checkFindings(t *testing.T, r *rig) {
	t.Helper()
	for _, ld := range r.records.AllLogs()[1:] {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				require.Equal(t, "github.com/otelcol-session/otelcol-session/processor/sessiontimeout", sl.Scope().Name())
				for _, f := range sl.LogRecords().All() {
					require.Equal(t, findinglog.Event, f.EventName())
					require.Regexp(t, `^[0-9a-f]{64}$`, attributeOf(f, "session_timeout.session"))
					require.Contains(t, []string{"confirmed", "retracted", "inconclusive"}, attributeOf(f, "session_timeout.state"))
					require.NotZero(t, f.Timestamp())
				}
			}
		}
	}
}
