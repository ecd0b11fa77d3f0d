package sessiontimeout

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout/internal/metadatatest"
)

// rig is one component id with what surrounds it: as many instances as a test
// creates, what comes out of them, their log and their metrics.
type rig struct {
	t         *testing.T
	factory   processor.Factory
	cfg       component.Config
	set       processor.Settings
	telemetry *componenttest.Telemetry
	log       *observer.ObservedLogs
	spans     *consumertest.TracesSink
	records   *consumertest.LogsSink
}

const testHashKey = "thirty-two bytes are enough for it"

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.SessionID.HashKey = testHashKey
	cfg.MaxRecentRequests, cfg.MaxSessions = 1000, 1000
	cfg.IdleDecisionWait = cfg.DecisionWait // what is idle waits as long as the rest
	policy := PolicyConfig{
		Name: "default", IdleTimeout: 30 * time.Minute, Severity: "warning",
		Tolerance: 2 * time.Second, EndGrace: 5 * time.Second, RotationGrace: 30 * time.Second,
		Evidence: "success", Background: "observe", Coverage: "complete",
	}
	cfg.Policies = []PolicyConfig{policy}
	for _, c := range change {
		c(cfg)
	}
	require.NoError(t, cfg.Validate())
	core, log := observer.New(zap.DebugLevel)
	telemetry := componenttest.NewTelemetry()
	set := metadatatest.NewSettings(telemetry)
	set.Logger = zap.New(core)
	return &rig{
		t: t, factory: NewFactory(), cfg: cfg, set: set, telemetry: telemetry, log: log,
		spans: &consumertest.TracesSink{}, records: &consumertest.LogsSink{},
	}
}

// traces creates an instance for a traces pipeline.
func (r *rig) traces() processor.Traces {
	r.t.Helper()
	p, err := r.factory.CreateTraces(context.Background(), r.set, r.cfg, r.spans)
	require.NoError(r.t, err)
	return p
}

// logs creates an instance for a logs pipeline.
func (r *rig) logs() processor.Logs {
	r.t.Helper()
	p, err := r.factory.CreateLogs(context.Background(), r.set, r.cfg, r.records)
	require.NoError(r.t, err)
	return p
}

func start(t *testing.T, components ...component.Component) {
	t.Helper()
	for _, c := range components {
		require.NoError(t, c.Start(context.Background(), componenttest.NewNopHost()))
	}
}

func shutdown(t *testing.T, components ...component.Component) {
	t.Helper()
	for _, c := range components {
		require.NoError(t, c.Shutdown(context.Background()))
	}
}

// findings are those that came out so far.
func (r *rig) findings() (all []plog.LogRecord) {
	for _, ld := range r.records.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, record := range sl.LogRecords().All() {
					if record.EventName() == findinglog.Event {
						all = append(all, record)
					}
				}
			}
		}
	}
	return all
}

// attributeOf is the text of an attribute; empty if it is not there.
func attributeOf(r plog.LogRecord, name string) string {
	if v, ok := r.Attributes().Get(name); ok {
		return v.AsString()
	}
	return ""
}

// counts are the points of a counter or gauge, each with the values of its
// attributes but the component's id, in the order of their names.
func (r *rig) counts(name string) map[string]int64 {
	r.t.Helper()
	counts := map[string]int64{}
	metric, err := r.telemetry.GetMetric("otelcol_processor_session_timeout_" + name)
	if err != nil {
		return counts
	}
	seriesOf(r.t, metric)
	add := func(points []metricdata.DataPoint[int64]) {
		for _, p := range points {
			key := ""
			for _, kv := range p.Attributes.ToSlice() {
				if kv.Key == "processor" {
					require.Equal(r.t, "session_timeout", kv.Value.AsString())
					continue
				}
				if key != "" {
					key += " "
				}
				key += kv.Value.String()
			}
			if p.Value != 0 {
				counts[key] = p.Value
			}
		}
	}
	switch d := metric.Data.(type) {
	case metricdata.Sum[int64]:
		add(d.DataPoints)
	case metricdata.Gauge[int64]:
		add(d.DataPoints)
	default:
		require.Fail(r.t, "no counter", name)
	}
	return counts
}

// measured is how many values a histogram holds.
func (r *rig) measured(name string) (n int64) {
	r.t.Helper()
	metric, err := r.telemetry.GetMetric("otelcol_processor_session_timeout_" + name)
	if err != nil {
		return 0
	}
	seriesOf(r.t, metric)
	for _, p := range metric.Data.(metricdata.Histogram[float64]).DataPoints {
		n += int64(p.Count)
	}
	return n
}

// requestSpan is a batch of one request of a session, served now.
func requestSpan(session string, at time.Time) ptrace.Traces {
	td := ptrace.NewTraces()
	addRequest(td, session, at)
	return td
}

var lastSpan uint64

func addRequest(td ptrace.Traces, session string, at time.Time) {
	rs := td.ResourceSpans()
	if rs.Len() == 0 {
		rs.AppendEmpty().Resource().Attributes().PutStr("service.name", "shop")
		rs.At(0).ScopeSpans().AppendEmpty()
	}
	s := rs.At(0).ScopeSpans().At(0).Spans().AppendEmpty()
	s.SetName("GET /cart")
	s.SetKind(ptrace.SpanKindServer)
	lastSpan++
	n := lastSpan
	s.SetTraceID(pcommon.TraceID{1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	s.SetSpanID(pcommon.SpanID{1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(10 * time.Millisecond)))
	a := s.Attributes()
	a.PutStr("session.id", session)
	a.PutStr("user.id", "user of "+session)
	a.PutStr("http.request.method", "GET")
	a.PutStr("http.route", "/cart")
	a.PutStr("url.path", "/cart")
	a.PutInt("http.response.status_code", 200)
}

// endRecord is a batch of one end of a session.
func endRecord(session string, at time.Time) plog.Logs {
	return eventRecord("session.end", session, at)
}

// eventRecord is a batch of one event of a session.
func eventRecord(name, session string, at time.Time) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "auth")
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetEventName(name)
	r.SetTimestamp(pcommon.NewTimestampFromTime(at))
	r.Attributes().PutStr("session.id", session)
	return ld
}

// refusing is a next component that refuses what it is given with an error, as
// long as there is one.
type refusing struct {
	consumertest.LogsSink
	err atomic.Pointer[error]
}

func (r *refusing) with(err error) { r.err.Store(&err) }

func (r *refusing) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if err := r.err.Load(); err != nil && *err != nil {
		return *err
	}
	return r.LogsSink.ConsumeLogs(ctx, ld)
}

var errRefused = errors.New("the queue is full")

// messages of the log, with their levels.
func (r *rig) messages() (all []string) {
	for _, e := range r.log.All() {
		all = append(all, e.Level.String()+": "+e.Message)
	}
	slices.Sort(all)
	return all
}

func newTestShared(t *testing.T, r *rig) *shared {
	t.Helper()
	p, err := newShared(r.set, r.cfg.(*Config))
	require.NoError(t, err)
	return p
}

func blindOf(p *shared) map[string]int64 {
	var blind map[string]int64
	p.keeper.Snapshot().Blind(func(reason string, ns int64) {
		if blind == nil {
			blind = map[string]int64{}
		}
		blind[reason] = ns
	})
	return blind
}
