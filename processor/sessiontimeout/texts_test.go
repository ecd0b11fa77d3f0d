package sessiontimeout

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// requirePlain fails unless text may leave, and is no longer than most bytes.
func requirePlain(t require.TestingT, what, text string, most int) {
	require.True(t, utf8.ValidString(text), "%s: %q", what, text)
	require.NotContains(t, strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return '!'
		}
		return ' '
	}, text), "!", "%s: %q", what, text)
	require.LessOrEqual(t, len(text), most, what)
}

func requirePlainMap(t require.TestingT, m pcommon.Map) {
	for name, v := range m.All() {
		requirePlain(t, name, v.AsString(), fact.MaxText)
	}
}

// requireOutputPlain looks at all that r let out: findings, marks, metrics.
func requireOutputPlain(t require.TestingT, r *rig) (findings, marks, points int) {
	for _, ld := range r.records.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
				if record.EventName() != findinglog.Event {
					continue
				}
				findings++
				requirePlainMap(t, rl.Resource().Attributes())
				requirePlainMap(t, record.Attributes())
				// One sentence around the names of a service and a policy.
				requirePlain(t, "body", record.Body().Str(), 2*fact.MaxText+300)
			}
		}
	}
	for _, td := range r.spans.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, span := range rs.ScopeSpans().At(0).Spans().All() {
				for name, v := range span.Attributes().All() {
					if strings.HasPrefix(name, "session_timeout.") {
						marks++
						requirePlain(t, name, v.AsString(), fact.MaxText)
					}
				}
			}
		}
	}
	eachSeries(t, r, func(_ string, attributes attribute.Set) {
		points++
		for _, kv := range attributes.ToSlice() {
			requirePlain(t, string(kv.Key), kv.Value.String(), fact.MaxText)
		}
	})
	return findings, marks, points
}

// eachSeries calls each with every series of every instrument.
func eachSeries(t require.TestingT, r *rig, each func(instrument string, attributes attribute.Set)) {
	var rm metricdata.ResourceMetrics
	require.NoError(t, r.telemetry.Reader.Collect(context.Background(), &rm))
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			for _, s := range seriesOf(t, m) {
				each(m.Name, s)
			}
		}
	}
}

// seriesOf are the attributes of each series, which are those that metadata.yaml declares.
func seriesOf(t require.TestingT, m metricdata.Metrics) (all []attribute.Set) {
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		all = sets(d.DataPoints)
	case metricdata.Sum[float64]:
		all = sets(d.DataPoints)
	case metricdata.Gauge[int64]:
		all = sets(d.DataPoints)
	case metricdata.Gauge[float64]:
		all = sets(d.DataPoints)
	case metricdata.Histogram[int64]:
		all = sets(d.DataPoints)
	case metricdata.Histogram[float64]:
		all = sets(d.DataPoints)
	default:
		require.Fail(t, "no known instrument", m.Name)
	}
	name, ours := strings.CutPrefix(m.Name, "otelcol_")
	if !ours || !strings.HasPrefix(name, "processor_session_timeout_") {
		return all
	}
	for _, s := range all {
		var names []string
		for _, kv := range s.ToSlice() {
			names = append(names, string(kv.Key))
		}
		require.ElementsMatch(t, declared()[name], names, name)
	}
	return all
}

// declared are the attributes of each instrument in metadata.yaml.
var declared = sync.OnceValue(func() map[string][]string {
	var metadata struct {
		Telemetry struct {
			Metrics map[string]struct {
				Attributes []string `yaml:"attributes"`
			} `yaml:"metrics"`
		} `yaml:"telemetry"`
	}
	text, err := os.ReadFile("metadata.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &metadata)
	}
	if err != nil {
		panic(err)
	}
	attributes := map[string][]string{}
	for name, m := range metadata.Telemetry.Metrics {
		attributes[name] = m.Attributes
	}
	return attributes
})

func sets[P metricdata.DataPoint[int64] | metricdata.DataPoint[float64] | metricdata.HistogramDataPoint[int64] | metricdata.HistogramDataPoint[float64]](points []P) (all []attribute.Set) {
	for _, p := range points {
		switch p := any(p).(type) {
		case metricdata.DataPoint[int64]:
			all = append(all, p.Attributes)
		case metricdata.DataPoint[float64]:
			all = append(all, p.Attributes)
		case metricdata.HistogramDataPoint[int64]:
			all = append(all, p.Attributes)
		case metricdata.HistogramDataPoint[float64]:
			all = append(all, p.Attributes)
		}
	}
	return all
}

// drawText is whatever bytes somebody may send.
func drawText(t *rapid.T, what string) string {
	return rapid.OneOf(
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 20), func(b []byte) string { return "t" + string(b) }),
		rapid.StringN(1, 20, -1),
		rapid.Map(rapid.SampledFrom([]string{"x", "\xff", "é", "\n", "\u202e", "\u0085"}), func(s string) string { return strings.Repeat(s, 1100) }),
		rapid.SampledFrom([]string{"bad\xff\xfesvc", "shop", "a\x1b[31m", "a\u2066b"}),
	).Draw(t, what)
}

// TestWhatLeavesIsPlain: whatever the bytes of a text that comes in, findings,
// marks and metrics are valid UTF-8 without control characters, and no longer than
// is said; after a restart, too.
func TestWhatLeavesIsPlain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Now()
		resource := func(m pcommon.Map) {
			for _, name := range []string{"service.name", "service.namespace", "service.instance.id", "deployment.environment.name"} {
				m.PutStr(name, drawText(rt, name))
			}
		}
		id := "s" + drawText(rt, "session.id") // alone it might be a placeholder
		request := func(at time.Time) ptrace.Traces {
			td := ptrace.NewTraces()
			rs := td.ResourceSpans().AppendEmpty()
			resource(rs.Resource().Attributes())
			span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
			span.SetKind(ptrace.SpanKindServer)
			span.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
			span.SetEndTimestamp(pcommon.NewTimestampFromTime(at))
			a := span.Attributes()
			a.PutStr("session.id", id)
			a.PutInt("http.response.status_code", 200)
			for _, name := range []string{"user.id", "http.request.method", "http.route", "url.path", "rpc.method", "messaging.destination.name"} {
				a.PutStr(name, drawText(rt, name))
			}
			return td
		}
		end := plog.NewLogs()
		rl := end.ResourceLogs().AppendEmpty()
		resource(rl.Resource().Attributes())
		record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.SetEventName("session.end")
		record.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Hour)))
		record.Attributes().PutStr("session.id", id)

		m, policy := newMemory(nil), drawText(rt, "policy")
		for range 2 { // lives
			r := newRig(t, stored, func(c *Config) { c.Policies[0].Name, c.DecisionWait, c.IdleDecisionWait = policy, 0, 0 })
			traces, logs := r.traces(), r.logs()
			ctx := context.Background()
			require.NoError(rt, traces.Start(ctx, m.host()))
			require.NoError(rt, logs.Start(ctx, m.host()))
			requireOutputPlain(rt, r) // what is restored
			require.NoError(rt, traces.ConsumeTraces(ctx, request(now.Add(-2*time.Hour))))
			require.NoError(rt, logs.ConsumeLogs(ctx, end))
			require.NoError(rt, traces.ConsumeTraces(ctx, request(now)))
			_, marks, points := requireOutputPlain(rt, r)
			require.NotZero(rt, points)
			require.NotZero(rt, marks)
			shutdown(t, traces, logs)
			findings, _, _ := requireOutputPlain(rt, r)
			require.NotZero(rt, findings)
		}
	})
}
