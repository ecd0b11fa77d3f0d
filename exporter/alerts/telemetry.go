package alerts

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-session/otelcol-session/exporter/alerts/internal/metadata"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// The reasons for which an alert is dropped.
const (
	reasonInvalid  = "invalid"
	reasonLimit    = "limit"
	reasonExpired  = "expired"
	reasonRejected = "rejected"
	reasonShutdown = "shutdown"
)

// The results of writing to the storage.
const (
	savedStored = "stored"
	savedFailed = "failed"
)

// telemetry counts what the exporter does.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	self    attribute.KeyValue
	options map[string]metric.AddOption // by reason, state, flaw and what became of a write
}

func newTelemetry(set exporter.Settings, cfg *Config, t *table) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	m := &telemetry{builder: builder, self: attribute.String("exporter", set.ID.String()), options: map[string]metric.AddOption{}}
	for state := range fact.StateCount {
		m.options[state.String()] = m.with(attribute.String("state", state.String()))
	}
	for wrong := findinglog.Flawless + 1; wrong < findinglog.FlawCount; wrong++ {
		m.options["flaw "+wrong.String()] = m.with(attribute.String("reason", wrong.String()))
		m.invalid(context.Background(), wrong, 0)
	}
	for _, result := range []string{savedStored, savedFailed} {
		m.options[result] = m.with(attribute.String("result", result))
	}
	for _, reason := range []string{reasonInvalid, reasonLimit, reasonExpired, reasonRejected, reasonShutdown} {
		m.options[reason] = m.with(attribute.String("reason", reason))
		m.dropped(context.Background(), reason, 0) // so that a rate is seen from the first one on
	}

	self := metric.WithAttributeSet(attribute.NewSet(m.self))
	gauge := func(value func() int) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(value()), self)
			return nil
		}
	}
	for _, register := range []func() error{
		func() error {
			return builder.RegisterExporterAlertsActiveCallback(gauge(func() int { n, _ := t.occupancy(time.Now()); return n }))
		},
		func() error {
			return builder.RegisterExporterAlertsFindingsTrackedCallback(gauge(func() int { _, n := t.occupancy(time.Now()); return n }))
		},
		func() error {
			return builder.RegisterExporterAlertsLimitCallback(gauge(func() int { return cfg.MaxAlerts }))
		},
		func() error {
			return builder.RegisterExporterAlertsFindingsLimitCallback(gauge(func() int { return cfg.MaxFindings }))
		},
	} {
		if err := register(); err != nil {
			builder.Shutdown()
			return nil, err
		}
	}
	return m, nil
}

func (m *telemetry) with(attrs ...attribute.KeyValue) metric.AddOption {
	return metric.WithAttributeSet(attribute.NewSet(append(attrs, m.self)...))
}

func (m *telemetry) seen(ctx context.Context, state fact.State, n int64) {
	m.builder.ExporterAlertsFindings.Add(ctx, n, m.options[state.String()])
}

func (m *telemetry) invalid(ctx context.Context, wrong findinglog.Flaw, n int64) {
	m.builder.ExporterAlertsFindingsInvalid.Add(ctx, n, m.options["flaw "+wrong.String()])
}

func (m *telemetry) saved(ctx context.Context, err error) {
	result := savedStored
	if err != nil {
		result = savedFailed
	}
	m.builder.ExporterAlertsSaves.Add(ctx, 1, m.options[result])
}

func (m *telemetry) dropped(ctx context.Context, reason string, n int64) {
	m.builder.ExporterAlertsDropped.Add(ctx, n, m.options[reason])
}

func (m *telemetry) sent(ctx context.Context, endpoint string, r result) {
	m.builder.ExporterAlertsSends.Add(ctx, 1,
		m.with(attribute.String("endpoint", endpoint), attribute.String("result", string(r))))
}

func (m *telemetry) shutdown() { m.builder.Shutdown() }
