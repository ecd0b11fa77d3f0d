package sessionconsole

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-session/otelcol-session/extension/sessionconsole/internal/metadata"
)

// telemetry is what the console says of itself.
type telemetry struct {
	builder      *metadata.TelemetryBuilder
	registration metric.Registration
}

func newTelemetry(x *consoleExtension) (*telemetry, error) {
	b, err := metadata.NewTelemetryBuilder(x.set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	t := &telemetry{builder: b}
	own := metric.WithAttributes(attribute.String("extension", x.set.ID.String()))
	dropped := metric.WithAttributes(attribute.String("extension", x.set.ID.String()), attribute.String("reason", "history"))
	t.registration, err = metadata.Meter(x.set.TelemetrySettings).RegisterCallback(func(_ context.Context, o metric.Observer) error {
		held, displaced := x.ring.size()
		open, refused, lost := x.streams.counters()
		o.ObserveInt64(b.ExtensionSessionConsoleFindings, int64(held), own)
		o.ObserveInt64(b.ExtensionSessionConsoleFindingsDisplaced, displaced, own)
		o.ObserveInt64(b.ExtensionSessionConsoleStreams, open, own)
		o.ObserveInt64(b.ExtensionSessionConsoleStreamsRefused, refused, own)
		o.ObserveInt64(b.ExtensionSessionConsoleDropped, lost, dropped)
		return nil
	}, b.ExtensionSessionConsoleFindings, b.ExtensionSessionConsoleFindingsDisplaced,
		b.ExtensionSessionConsoleStreams, b.ExtensionSessionConsoleStreamsRefused, b.ExtensionSessionConsoleDropped)
	return t, err
}

func (t *telemetry) shutdown() {
	_ = t.registration.Unregister() // it never fails
	t.builder.Shutdown()
}
