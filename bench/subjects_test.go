package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcol-session/otelcol-session/bench/internal/traffic"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout"
)

// subject is what is measured.
type subject struct {
	name string
	// warm is how many spans it must at least have seen before it costs what
	// it costs. Every batch comes once in any case.
	warm    int
	consume func(context.Context, ptrace.Traces) error
	// verify stops the subject and says whether it did its work on exactly so
	// many spans.
	verify func(spans int) error
	// metrics are what it says about itself, where it says anything.
	metrics func() (selfMetrics, error)
	// stop stops one that has a storage to keep in it what is not decided.
	stop func() error
}

// The subjects, in the order of the table.
const (
	ofWalk           = "walk"
	ofSpanMetrics    = "spanmetrics"
	ofSessionTimeout = "session_timeout"
)

var subjects = []struct {
	name  string
	start func(load) (*subject, error)
}{
	{ofWalk, startWalk},
	{ofSpanMetrics, startSpanMetrics},
	{ofSessionTimeout, startSessionTimeout},
}

// startWalk starts what does nothing but look once at all there is: the least
// that a component can cost which depends on every span.
func startWalk(load) (*subject, error) {
	var attributes, sum atomic.Int64
	return &subject{
		name: ofWalk, warm: 1,
		consume: func(_ context.Context, td ptrace.Traces) error {
			n, s := walk(td)
			attributes.Add(n)
			sum.Add(s)
			return nil
		},
		verify: func(spans int) error {
			return expect("attributes seen", attributes.Load(), int64(spans*traffic.Attributes))
		},
	}, nil
}

// walk looks at the kind, ids and times of each span and at the name, the type
// and the value of each attribute.
func walk(td ptrace.Traces) (attributes, sum int64) {
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		for j := range rs.ScopeSpans().Len() {
			spans := rs.ScopeSpans().At(j).Spans()
			for k := range spans.Len() {
				s := spans.At(k)
				trace, span := s.TraceID(), s.SpanID()
				sum += int64(s.Kind()) + int64(trace[0]) + int64(span[0]) + int64(s.EndTimestamp()-s.StartTimestamp())
				for name, v := range s.Attributes().All() {
					attributes++
					sum += int64(len(name))
					switch v.Type() {
					case pcommon.ValueTypeStr:
						sum += int64(len(v.Str()))
					case pcommon.ValueTypeInt:
						sum += v.Int()
					}
				}
			}
		}
	}
	return attributes, sum
}

// startSpanMetrics starts contrib's connector as it comes. Only its interval
// is shortened, so that what it counted can be seen; it has some dozens of
// series to write once in it.
func startSpanMetrics(load) (*subject, error) {
	const interval = time.Second
	ctx := context.Background()
	factory := spanmetricsconnector.NewFactory()
	cfg := factory.CreateDefaultConfig().(*spanmetricsconnector.Config)
	cfg.MetricsFlushInterval = interval
	if err := confmap.Validate(cfg); err != nil {
		return nil, err
	}
	var counted atomic.Int64
	sink, err := consumer.NewMetrics(func(_ context.Context, md pmetric.Metrics) error {
		counted.Store(calls(md))
		return nil
	})
	if err != nil {
		return nil, err
	}
	c, err := factory.CreateTracesToMetrics(ctx, connectortest.NewNopSettings(factory.Type()), cfg, sink)
	if err != nil {
		return nil, err
	}
	if err := c.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, err
	}
	return &subject{
		name: ofSpanMetrics, warm: 1,
		consume: c.ConsumeTraces,
		verify: func(spans int) error {
			for end := time.Now().Add(10 * interval); counted.Load() != int64(spans) && time.Now().Before(end); {
				time.Sleep(interval / 20)
			}
			return errors.Join(c.Shutdown(ctx), expect("calls counted", counted.Load(), int64(spans)))
		},
	}, nil
}

func calls(md pmetric.Metrics) (n int64) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Name() != "traces.span.metrics.calls" {
					continue
				}
				for _, p := range m.Sum().DataPoints().All() {
					n += p.IntValue()
				}
			}
		}
	}
	return n
}

// sessionTimeoutConfig is what the processor is measured with: two policies
// and the defaults.
const sessionTimeoutConfig = `
session_id:
  hash_key: 0123456789abcdef0123456789abcdef
policies:
  - name: payments
    match: {service.name: [checkout, ledger]}
    idle_timeout: 5m
    absolute_timeout: 1h
    severity: critical
  - name: default
    idle_timeout: 30m
    absolute_timeout: 12h
`

func startSessionTimeout(l load) (*subject, error) { return startWith(l, sessionTimeoutConfig) }

// startWith starts the processor with a configuration over the defaults.
func startWith(l load, config string) (*subject, error) {
	ctx, host := context.Background(), componenttest.NewNopHost()
	factory := sessiontimeout.NewFactory()
	cfg := factory.CreateDefaultConfig().(*sessiontimeout.Config)
	if l.recent > 0 {
		cfg.MaxRecentRequests = l.recent
	}
	cfg.MaxSessions = max(cfg.MaxSessions, l.sessions)
	if l.storage != nil {
		host, cfg.Storage = l.storage, &l.storage.id
	}
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(config))
	if err != nil {
		return nil, err
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return nil, err
	}
	if err := conf.Unmarshal(cfg); err != nil {
		return nil, err
	}
	if err := confmap.Validate(cfg); err != nil {
		return nil, err
	}

	reader := sdkmetric.NewManualReader()
	settings := processortest.NewNopSettings(factory.Type())
	settings.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	var spans, findings atomic.Int64
	traceSink, err := consumer.NewTraces(func(_ context.Context, td ptrace.Traces) error {
		spans.Add(int64(td.SpanCount()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	logSink, err := consumer.NewLogs(func(_ context.Context, ld plog.Logs) error {
		findings.Add(int64(ld.LogRecordCount()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	traces, err := factory.CreateTraces(ctx, settings, cfg, traceSink)
	if err != nil {
		return nil, err
	}
	logs, err := factory.CreateLogs(ctx, settings, cfg, logSink)
	if err != nil {
		return nil, err
	}
	for _, c := range []component.Component{logs, traces} {
		if err := c.Start(ctx, host); err != nil {
			return nil, err
		}
	}
	return &subject{
		name: ofSessionTimeout, warm: l.sessions + cfg.MaxRecentRequests,
		consume: traces.ConsumeTraces,
		metrics: func() (selfMetrics, error) { return collect(reader) },
		stop:    func() error { return errors.Join(logs.Shutdown(ctx), traces.Shutdown(ctx)) },
		verify: func(n int) error {
			return errors.Join(
				verifySessionTimeout(reader, logs, l.sessions, n),
				expect("spans passed on", spans.Load(), int64(n)),
				expect("findings", findings.Load(), 0),
				traces.Shutdown(ctx))
		},
	}, nil
}

// verifySessionTimeout asks the processor's own metrics whether it judged every
// one of so many requests and found all of them in time. As its logs pipeline
// stops, what still waits is decided.
func verifySessionTimeout(reader sdkmetric.Reader, logs processor.Logs, sessions, spans int) error {
	if err := logs.Shutdown(context.Background()); err != nil {
		return err
	}
	m, err := collect(reader)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range []struct {
		what      string
		got, want int64
	}{
		{"requests in time", m.sum("requests", "verdict", "in_time"), int64(spans)},
		{"requests", m.sum("requests"), int64(spans)},
		{"facts", m.sum("facts"), int64(spans)},
		{"facts of requests", m.sum("facts", "kind", "request"), int64(spans)},
		{"facts too late", m.sum("facts_late"), 0},
		{"facts refused", m.sum("facts_refused"), 0},
		{"records", m.sum("records"), int64(spans)},
		{"records that name a session", m.sum("records", "seen", "request_with_id"), int64(spans)},
		{"sessions", m.sum("sessions"), int64(min(sessions, spans))},
		{"sessions forgotten", m.sum("sessions_evicted"), 0},
		{"findings", m.sum("findings"), 0},
		{"findings that wait", m.sum("findings_pending"), 0},
	} {
		errs = append(errs, expect(e.what, e.got, e.want))
	}
	return errors.Join(errs...)
}

func expect(what string, got, want int64) error {
	if got != want {
		return fmt.Errorf("%s: want %d, got %d", what, want, got)
	}
	return nil
}
