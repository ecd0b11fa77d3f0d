package alerts

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func loadConfig(t *testing.T, id string) (*Config, error) {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub(id)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg, confmap.Validate(cfg)
}

func TestConfigDefault(t *testing.T) {
	cfg, err := loadConfig(t, "alerts")
	require.NoError(t, err)
	require.Equal(t, createDefaultConfig(), cfg)

	require.Equal(t, "http://localhost:9093", cfg.ClientConfig.Endpoint)
	require.Equal(t, 10*time.Second, cfg.ClientConfig.Timeout)
	require.True(t, cfg.ClientConfig.DisableKeepAlives)
	require.Equal(t, 15*time.Minute, cfg.ResolveAfter)
	require.Equal(t, time.Minute, cfg.ResendInterval)
	require.True(t, cfg.QueueConfig.HasValue())
	require.True(t, cfg.RetryConfig.Enabled)
	require.Equal(t, 1000, cfg.MaxAlerts)
	require.Equal(t, 100_000, cfg.MaxFindings)
}

func TestConfigFull(t *testing.T) {
	cfg, err := loadConfig(t, "alerts/full")
	require.NoError(t, err)
	require.Empty(t, cfg.ClientConfig.Endpoint, "endpoints take the default endpoint's place")
	require.True(t, cfg.ClientConfig.TLS.InsecureSkipVerify)
	header, _ := cfg.ClientConfig.Headers.Get("X-Scope-OrgID")
	require.Equal(t, configopaque.String("ops"), header)
	require.Equal(t, 3*time.Second, cfg.ClientConfig.Timeout)
	require.True(t, cfg.ClientConfig.Compression.IsCompressed())
	require.Equal(t, 10*time.Minute, cfg.ResolveAfter)
	require.Equal(t, 30*time.Second, cfg.ResendInterval)
	require.Equal(t, map[string]string{"team": "identity", "Region": "eu"}, cfg.Labels)
	require.Equal(t, int64(7), cfg.QueueConfig.Get().QueueSize)
	require.Equal(t, time.Minute, cfg.RetryConfig.MaxElapsedTime)

	endpoints, err := cfg.endpoints()
	require.NoError(t, err)
	require.Equal(t, []endpoint{
		{url: "https://am-1.example:9093/base/api/v2/alerts", name: "am-1.example:9093/base"},
		{url: "https://am-2.example:9093/api/v2/alerts", name: "am-2.example:9093"},
	}, endpoints)
}

func TestConfigDirect(t *testing.T) {
	cfg, err := loadConfig(t, "alerts/direct")
	require.NoError(t, err)
	require.False(t, cfg.QueueConfig.HasValue())
	require.False(t, cfg.RetryConfig.Enabled)
}

func TestConfigBothForms(t *testing.T) {
	_, err := loadConfig(t, "alerts/both")
	require.EqualError(t, err, `endpoint and endpoints exclude each other (got "http://localhost:9093" and ["http://am.example:9093"])`)
}

// TestConfigUnits: a duration needs its unit, also in what the exporter takes over from others.
func TestConfigUnits(t *testing.T) {
	for key, value := range map[string]any{
		"resolve_after": 900, "resend_interval": 60.5, "timeout": 10, "idle_conn_timeout": 90,
		"retry_on_failure::initial_interval": 5, "retry_on_failure::max_elapsed_time": 300,
		"sending_queue::batch::flush_timeout": 1,
	} {
		require.ErrorContains(t, nested(key, value).Unmarshal(createDefaultConfig().(*Config)),
			fmt.Sprintf("%s: must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got %v)", key, value))
	}
	require.NoError(t, nested("retry_on_failure::max_elapsed_time", 0).Unmarshal(createDefaultConfig().(*Config)), "0 needs none")
}

// nested is a configuration with one value under a key that may be a path.
func nested(key string, value any) *confmap.Conf {
	parts := strings.Split(key, "::")
	for i := len(parts) - 1; i > 0; i-- {
		value = map[string]any{parts[i]: value}
	}
	return confmap.NewFromStringMap(map[string]any{parts[0]: value})
}

func TestConfigErrors(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no endpoint": {
			func(c *Config) { c.ClientConfig.Endpoint = "" },
			"endpoint or endpoints must name an Alertmanager (got neither)",
		},
		"endpoint without scheme": {
			func(c *Config) { c.ClientConfig.Endpoint = "localhost:9093" },
			`endpoint must be an absolute http or https URL (got "localhost:9093")`,
		},
		"endpoint with a password that does not parse": {
			func(c *Config) { c.ClientConfig.Endpoint = "http://user:se%cret@host:9093" },
			`endpoint must be an absolute http or https URL (got "http://xxxxx@host:9093")`,
		},
		"endpoint with the API's path": {
			func(c *Config) { c.ClientConfig.Endpoint = "http://localhost:9093/api/v2/alerts/" },
			`endpoint must be the address in front of /api/v2/alerts (got "http://localhost:9093/api/v2/alerts/")`,
		},
		"endpoint with a query": {
			func(c *Config) { c.ClientConfig.Endpoint = "http://localhost:9093?a=b" },
			`endpoint must not have a query (got "http://localhost:9093?a=b")`,
		},
		"one of several endpoints": {
			func(c *Config) {
				c.ClientConfig.Endpoint, c.Endpoints = "", []string{"http://am-1:9093", "ftp://am-2:9093"}
			},
			`endpoints[1] must be an absolute http or https URL (got "ftp://am-2:9093")`,
		},
		"endpoints twice": {
			func(c *Config) {
				c.ClientConfig.Endpoint, c.Endpoints = "", []string{"http://am-1:9093", "https://am-1:9093/"}
			},
			`endpoints must not name one Alertmanager twice (got "am-1:9093" again)`,
		},
		"timeout": {
			func(c *Config) { c.ClientConfig.Timeout = -time.Second },
			"timeout must not be negative (got -1s)",
		},
		"resend_interval": {
			func(c *Config) { c.ResendInterval = 0 },
			"resend_interval must be at least 100ms (got 0s)",
		},
		"resolve_after": {
			func(c *Config) { c.ResolveAfter = 30 * time.Second },
			"resolve_after must be positive and no shorter than resend_interval (got 30s, resend_interval is 1m0s)",
		},
		"max_alerts": {
			func(c *Config) { c.MaxAlerts = 0 },
			"max_alerts must be positive (got 0)",
		},
		"max_findings": {
			func(c *Config) { c.MaxFindings = -1 },
			"max_findings must be positive (got -1)",
		},
		"reserved label": {
			func(c *Config) { c.Labels = map[string]string{"severity": "page"} },
			`labels must not set severity, which the exporter sets itself (got "page")`,
		},
		"alertname": {
			func(c *Config) { c.Labels = map[string]string{"alertname": "Mine"} },
			`labels must not set alertname, which the exporter sets itself (got "Mine")`,
		},
		"label name": {
			func(c *Config) { c.Labels = map[string]string{"team.name": "a"} },
			`labels must have names of letters, digits and underscores that begin with no digit and no double underscore (got "team.name")`,
		},
		"internal label name": {
			func(c *Config) { c.Labels = map[string]string{"__name__": "a"} },
			`labels must have names of letters, digits and underscores that begin with no digit and no double underscore (got "__name__")`,
		},
		"label value": {
			func(c *Config) { c.Labels = map[string]string{"team": "a\xff"} },
			`labels must have values of 1 to 256 bytes of UTF-8 without control characters (team has 2: "a` + "\uFFFD" + `")`,
		},
		"label value with a control character": {
			func(c *Config) { c.Labels = map[string]string{"team": "a\n"} },
			`labels must have values of 1 to 256 bytes of UTF-8 without control characters (team has 2: "a` + "\uFFFD" + `")`,
		},
		"empty label value": {
			func(c *Config) { c.Labels = map[string]string{"team": ""} },
			`labels must have values of 1 to 256 bytes of UTF-8 without control characters (team has 0: "")`,
		},
		"runbook_url": {
			func(c *Config) { c.RunbookURL = "wiki/sessions" },
			`runbook_url must be an absolute http or https URL (got "wiki/sessions")`,
		},
		"trace_url without placeholder": {
			func(c *Config) { c.TraceURL = "https://traces.example/{trace_id}" },
			`trace_url must contain {{trace_id}} (got "https://traces.example/{trace_id}")`,
		},
		"trace_url with another placeholder": {
			func(c *Config) { c.TraceURL = "https://traces.example/{{trace_id}}/{{span_id}}" },
			`trace_url must contain no placeholder but {{trace_id}} (got "https://traces.example/{{trace_id}}/{{span_id}}")`,
		},
		"trace_url no URL": {
			func(c *Config) { c.TraceURL = "{{trace_id}}" },
			`trace_url must be an absolute http or https URL (got "{{trace_id}}")`,
		},
		"console_url": {
			func(c *Config) { c.ConsoleURL = "localhost:8889" },
			`console_url must be an absolute http or https URL (got "localhost:8889")`,
		},
		"console_url with a fragment": {
			func(c *Config) { c.ConsoleURL = "http://localhost:8889/#/f/1" },
			`console_url must not have a fragment, which is the finding's (got "http://localhost:8889/#/f/1")`,
		},
		"generator_url": {
			func(c *Config) { c.GeneratorURL = "javascript:alert(1)" },
			`generator_url must be an absolute http or https URL (got "javascript:alert(1)")`,
		},
		"all at once": {
			func(c *Config) { c.MaxAlerts, c.MaxFindings = 0, 0 },
			"max_alerts must be positive (got 0)\nmax_findings must be positive (got 0)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			test.change(cfg)
			require.EqualError(t, cfg.Validate(), test.want)
		})
	}
}
