package alerts

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/otelcol-session/otelcol-session/internal/units"
)

const (
	defaultEndpoint = "http://localhost:9093"
	minResend       = 100 * time.Millisecond
)

// Config of the exporter. The keys of confighttp's client stand beside it, as they do for otlp_http.
type Config struct {
	ClientConfig confighttp.ClientConfig                                  `mapstructure:",squash"`
	QueueConfig  configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	RetryConfig  configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`

	// Endpoints are several Alertmanagers, each of which gets every alert. They stand in place of `endpoint`.
	Endpoints []string `mapstructure:"endpoints"`

	// ResolveAfter is how long after its last finding arrived an alert is still renewed.
	ResolveAfter time.Duration `mapstructure:"resolve_after"`
	// ResendInterval is how often an alert is renewed.
	ResendInterval time.Duration `mapstructure:"resend_interval"`

	// Labels are put on every alert, beside those that identify it.
	Labels map[string]string `mapstructure:"labels"`
	// RunbookURL is put on every alert as an annotation.
	RunbookURL string `mapstructure:"runbook_url"`
	// TraceURL leads to a trace; {{trace_id}} in it stands for the trace's id.
	TraceURL string `mapstructure:"trace_url"`
	// ConsoleURL is where the session console is; an alert links to a finding in it.
	ConsoleURL string `mapstructure:"console_url"`
	// GeneratorURL is what Alertmanager links as an alert's source; without it, the link to the trace.
	GeneratorURL string `mapstructure:"generator_url"`

	// MaxAlerts is how many alerts are held. What would be one more is dropped and counted.
	MaxAlerts int `mapstructure:"max_alerts"`
	// MaxFindings is how many findings are held, so that each counts once.
	MaxFindings int `mapstructure:"max_findings"`
}

var (
	_ component.Config    = (*Config)(nil)
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Validator   = (*Config)(nil)
)

func createDefaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Endpoint = defaultEndpoint
	client.Timeout = 10 * time.Second
	// Requests are a minute apart, and one on a connection that has been cut in the meantime would fail.
	client.DisableKeepAlives = true
	return &Config{
		ClientConfig:   client,
		QueueConfig:    configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		RetryConfig:    configretry.NewDefaultBackOffConfig(),
		ResolveAfter:   15 * time.Minute,
		ResendInterval: time.Minute,
		MaxAlerts:      1000,
		MaxFindings:    100_000,
	}
}

// Unmarshal lets `endpoints` take the place of the default `endpoint`, but not of one that was written, and refuses
// durations without a unit.
func (cfg *Config) Unmarshal(conf *confmap.Conf) error {
	if conf.IsSet("endpoints") && !conf.IsSet("endpoint") {
		cfg.ClientConfig.Endpoint = ""
	}
	return units.Unmarshal(conf, cfg)
}

// Validate checks what the parts of the configuration do not check themselves.
func (cfg *Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	errs = append(errs, validateEndpoints(cfg.ClientConfig.Endpoint, cfg.Endpoints))
	if cfg.ClientConfig.Timeout < 0 {
		fail("timeout must not be negative (got %s)", cfg.ClientConfig.Timeout)
	}
	if cfg.ResendInterval < minResend {
		fail("resend_interval must be at least %s (got %s)", minResend, cfg.ResendInterval)
	}
	if cfg.ResolveAfter < cfg.ResendInterval || cfg.ResolveAfter <= 0 {
		fail("resolve_after must be positive and no shorter than resend_interval (got %s, resend_interval is %s)",
			cfg.ResolveAfter, cfg.ResendInterval)
	}
	if cfg.MaxAlerts <= 0 {
		fail("max_alerts must be positive (got %d)", cfg.MaxAlerts)
	}
	if cfg.MaxFindings <= 0 {
		fail("max_findings must be positive (got %d)", cfg.MaxFindings)
	}
	errs = append(errs,
		validateLabels(cfg.Labels),
		validateLink("runbook_url", cfg.RunbookURL),
		validateTraceURL(cfg.TraceURL),
		validateConsoleURL(cfg.ConsoleURL),
		validateLink("generator_url", cfg.GeneratorURL),
	)
	return errors.Join(errs...)
}

// endpoints lists where alerts go.
func (cfg *Config) endpoints() ([]endpoint, error) {
	if len(cfg.Endpoints) == 0 {
		e, err := parseEndpoint("endpoint", cfg.ClientConfig.Endpoint)
		return []endpoint{e}, err
	}
	var list []endpoint
	for i, raw := range cfg.Endpoints {
		e, err := parseEndpoint(fmt.Sprintf("endpoints[%d]", i), raw)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}
