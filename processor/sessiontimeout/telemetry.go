package sessiontimeout

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-session/otelcol-session/internal/keeper"
	"github.com/otelcol-session/otelcol-session/internal/session"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout/internal/metadata"
)

// telemetry reports what the engine counts.
type telemetry struct {
	shared       *shared
	builder      *metadata.TelemetryBuilder
	processor    attribute.KeyValue
	policyHash   string
	registration metric.Registration // of scrape, from the start on
}

func newTelemetry(s *shared) (*telemetry, error) {
	b, err := metadata.NewTelemetryBuilder(s.set)
	return &telemetry{shared: s, builder: b, processor: attribute.String("processor", s.id.String()), policyHash: s.cfg.policyHash()}, err
}

func (t *telemetry) shutdown() {
	if t.registration != nil {
		_ = t.registration.Unregister() // it cannot fail
	}
	t.builder.Shutdown()
}

func (t *telemetry) with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(attrs, t.processor)...))
}

// record measures what was decided since the last time.
func (t *telemetry) record(m session.Measured) {
	for policy, d := range m.Lifetimes {
		t.durations(t.builder.ProcessorSessionTimeoutSessionLifetime, d, t.policy(policy))
	}
	for rule, d := range m.Overruns {
		t.durations(t.builder.ProcessorSessionTimeoutOverrun, d, t.policy(rule.Policy), attribute.String("type", rule.Type.String()))
	}
	for service, d := range m.Propagations {
		t.durations(t.builder.ProcessorSessionTimeoutEndPropagation, d, attribute.String("service_name", service))
	}
}

func (t *telemetry) durations(h metric.Float64Histogram, d *session.Durations, attrs ...attribute.KeyValue) {
	with := t.with(attrs...)
	for seconds, n := range d.All() {
		for range n {
			h.Record(context.Background(), seconds, with)
		}
	}
}

var _ keeper.Telemetry = (*telemetry)(nil)

// CheckpointWritten counts a checkpoint and measures it.
func (t *telemetry) CheckpointWritten(took time.Duration, err error) {
	t.written(t.builder.ProcessorSessionTimeoutCheckpoints, err)
	t.builder.ProcessorSessionTimeoutCheckpointDuration.Record(context.Background(), took.Seconds(), t.with())
}

// JournalWritten counts a segment of the journal.
func (t *telemetry) JournalWritten(err error) {
	t.written(t.builder.ProcessorSessionTimeoutJournalWrites, err)
}

// StateLost counts what a start could not restore.
func (t *telemetry) StateLost(reason string, parts int64) {
	t.builder.ProcessorSessionTimeoutStateLost.Add(context.Background(), parts, t.with(attribute.String("reason", reason)))
}

// written counts what was written to the storage, by whether it took it.
func (t *telemetry) written(counter metric.Int64Counter, err error) {
	result := "stored"
	switch {
	case errors.Is(err, keeper.ErrJournalFull):
		result = "full"
	case err != nil:
		result = "failed"
	}
	counter.Add(context.Background(), 1, t.with(attribute.String("result", result)))
}

// policy is the attribute of a policy.
func (t *telemetry) policy(i int) attribute.KeyValue {
	return attribute.String("policy", t.shared.cfg.Policies[i].name())
}

// dropSignal takes the attributes that name one instance's pipeline off the
// telemetry that all instances share. The collector injects them and offers no
// other way out to components of other modules.
func dropSignal(set component.TelemetrySettings) component.TelemetrySettings {
	type dropper interface {
		DropInjectedAttributes(dropped ...string) metric.MeterProvider
	}
	if d, ok := set.MeterProvider.(dropper); ok {
		set.MeterProvider = d.DropInjectedAttributes("otelcol.signal", "otelcol.pipeline.id", "otelcol.component.id")
	}
	return set
}
