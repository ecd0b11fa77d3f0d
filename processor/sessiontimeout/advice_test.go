package sessiontimeout

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestSaysWhyNothing: a minute after the start the log says what keeps findings from
// being found, once, and only that.
func TestSaysWhyNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		traces, logs := r.traces(), r.logs()
		start(t, traces, logs)
		for range 20 {
			td := requestSpan("", time.Now())
			attributes := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
			attributes.Remove("session.id")
			attributes.PutStr("http.request.header.cookie", "sid=0a1b2c3d4e5f6a7b")
			require.NoError(t, traces.ConsumeTraces(t.Context(), td))
			time.Sleep(time.Second)
		}
		require.Empty(t, r.messages())
		time.Sleep(time.Hour)
		require.Equal(t, []string{"warn: Nothing can be found because none of 20 requests of shop names a session, and their Cookie header is captured: " +
			"add {attribute: http.request.header.cookie, cookie: NAME} to session_id::sources."}, r.messages())
		require.Equal(t, map[string]int64{"cookie_unread  shop": 1}, r.counts("advice"))
		shutdown(t, traces, logs)
	})
}

// TestAdviceOfBadTelemetry: of telemetry that can be no evidence the log and the metrics
// say why, a minute after the start.
func TestAdviceOfBadTelemetry(t *testing.T) {
	resource := func(name, value string) func(ptrace.Traces) {
		return func(td ptrace.Traces) { td.ResourceSpans().At(0).Resource().Attributes().PutStr(name, value) }
	}
	span := func(change func(ptrace.Span)) func(ptrace.Traces) {
		return func(td ptrace.Traces) { change(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)) }
	}
	shift := func(by time.Duration) func(ptrace.Traces) {
		return span(func(s ptrace.Span) {
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(s.StartTimestamp().AsTime().Add(by)))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(s.EndTimestamp().AsTime().Add(by)))
		})
	}
	for _, tt := range []struct {
		name   string
		change func(ptrace.Traces)
		advice map[string]int64
		says   string
	}{
		{"browsers", resource("telemetry.sdk.language", "webjs"), map[string]int64{"only_browsers  ": 1}, "30 records are of browsers or devices"},
		{"devices", resource("device.id", "x"), map[string]int64{"only_browsers  ": 1}, "30 records are of browsers or devices"},
		{"health checks", span(func(s ptrace.Span) { s.Attributes().PutStr("http.route", "/healthz") }), map[string]int64{"no_requests  ": 1}, "among 30 records is none that could be judged"},
		{"clients", span(func(s ptrace.Span) { s.SetKind(ptrace.SpanKindClient) }), map[string]int64{"no_requests  ": 1}, "SERVER and CONSUMER spans are"},
		{"the future", shift(time.Hour), map[string]int64{"times_refused  ": 1}, "30 of 30 facts have times that are no evidence: mend the clock, or set max_ahead and max_age"},
		{"long ago", shift(-48 * time.Hour), map[string]int64{"times_refused  ": 1}, "set max_ahead and max_age (0 for a recording)"},
		{"sampled", span(func(s ptrace.Span) { s.TraceState().FromRaw("ot=th:e") }), map[string]int64{"silence_sampled  shop": 1}, ""},
		{"well", func(ptrace.Traces) {}, map[string]int64{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				traces, logs := r.traces(), r.logs()
				start(t, traces, logs)
				for i := range 30 {
					td := requestSpan(fmt.Sprintf("s%d", i%3), time.Now())
					tt.change(td)
					require.NoError(t, traces.ConsumeTraces(t.Context(), td))
					time.Sleep(time.Second)
				}
				time.Sleep(2 * time.Minute)
				require.Equal(t, tt.advice, r.counts("advice"))
				if tt.says == "" {
					require.Empty(t, r.messages())
				} else {
					require.Len(t, r.messages(), 1)
					require.Contains(t, r.messages()[0], "warn: Nothing can be found because ")
					require.Contains(t, r.messages()[0], tt.says)
				}
				shutdown(t, traces, logs)
			})
		})
	}
}
