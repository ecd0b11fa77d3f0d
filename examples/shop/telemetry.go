package shop

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

const scopeName = "github.com/otelcol-session/otelcol-session/examples/shop"

// telemetry is one service's SDK: its own providers under its own resource, so
// that two services in one process stay two.
type telemetry struct {
	cfg    Config
	traces *sdktrace.TracerProvider
	logs   *sdklog.LoggerProvider
	access *slog.Logger
}

func newTelemetry(ctx context.Context, cfg Config, service string) (*telemetry, error) {
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		semconv.ServiceName(service),
		semconv.ServiceNamespace("shop"),
		semconv.ServiceInstanceID(service+"-1"),
		semconv.DeploymentEnvironmentNameKey.String("demo"),
	))
	if err != nil {
		return nil, err
	}
	traceOptions := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	logOptions := []sdklog.LoggerProviderOption{sdklog.WithResource(res)}
	if cfg.Collector != "" {
		base := strings.TrimRight(cfg.Collector, "/")
		spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base+"/v1/traces"))
		if err != nil {
			return nil, err
		}
		records, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(base+"/v1/logs"))
		if err != nil {
			return nil, err
		}
		traceOptions = append(traceOptions, sdktrace.WithBatcher(spans, sdktrace.WithBatchTimeout(cfg.BatchTimeout)))
		logOptions = append(logOptions, sdklog.WithProcessor(
			sdklog.NewBatchProcessor(records, sdklog.WithExportInterval(cfg.BatchTimeout))))
	}
	t := &telemetry{
		cfg:    cfg,
		traces: sdktrace.NewTracerProvider(traceOptions...),
		logs:   sdklog.NewLoggerProvider(logOptions...),
	}
	t.access = slog.New(otelslog.NewHandler(scopeName+"/access", otelslog.WithLoggerProvider(t.logs)))
	return t, nil
}

func (t *telemetry) events() events { return events{t.logs.Logger(scopeName)} }

func (t *telemetry) tracer() trace.Tracer { return t.traces.Tracer(scopeName) }

// handle serves a pattern under a span of its own. The span is begun behind the
// mux, where the pattern is known and becomes http.route.
func (t *telemetry) handle(mux *http.ServeMux, pattern string, h http.Handler) {
	mux.Handle(pattern, otelhttp.NewHandler(accessLog(t.access, t.cfg.AccessLogSessions, h), pattern, t.options()...))
}

// client calls other services in the name of a request, whose trace goes on.
func (t *telemetry) client() *http.Client {
	return &http.Client{Transport: otelhttp.NewTransport(&http.Transport{}, t.options()...)}
}

func (t *telemetry) options() []otelhttp.Option {
	return []otelhttp.Option{
		otelhttp.WithTracerProvider(t.traces),
		otelhttp.WithMeterProvider(metricnoop.NewMeterProvider()),
		otelhttp.WithPropagators(propagation.TraceContext{}),
	}
}

func (t *telemetry) flush(ctx context.Context) error {
	return errors.Join(t.traces.ForceFlush(ctx), t.logs.ForceFlush(ctx))
}

func (t *telemetry) shutdown(ctx context.Context) error {
	return errors.Join(t.traces.Shutdown(ctx), t.logs.Shutdown(ctx))
}
