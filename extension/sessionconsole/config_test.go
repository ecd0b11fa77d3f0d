package sessionconsole

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

func load(t *testing.T, yaml string) (*Config, error) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	if err := conf.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestConfig(t *testing.T) {
	for yaml, want := range map[string]string{
		`{}`:                                 "",
		`{endpoint: "localhost:8889"}`:       "",
		`{endpoint: "127.0.0.2:1"}`:          "",
		`{endpoint: "[::1]:1"}`:              "",
		`{endpoint: "console.localhost:1"}`:  "",
		`{endpoint: "0.0.0.0:8889"}`:         `endpoint: must be a loopback address, such as localhost:8889, unless ` + "`auth`" + ` names an authenticator or ` + "`unauthenticated`" + ` is i_accept_that_anybody_can_read_this (got "0.0.0.0:8889")`,
		`{endpoint: ":8889"}`:                `endpoint: must be a loopback address`,
		`{endpoint: "[::]:8889"}`:            `endpoint: must be a loopback address`,
		`{endpoint: "localhost.evil.com:1"}`: `endpoint: must be a loopback address`,
		`{endpoint: "8889"}`:                 `endpoint: must be a host and a port, such as localhost:8889 (got "8889")`,
		`{endpoint: "0.0.0.0:1", unauthenticated: i_accept_that_anybody_can_read_this}`: "",
		`{endpoint: "0.0.0.0:1", unauthenticated: "true"}`:                              `unauthenticated: must be empty or i_accept_that_anybody_can_read_this (got "true")`,
		`{endpoint: "0.0.0.0:1", auth: {authenticator: basicauth}}`:                     "",
		`{history: 0}`:                             `history: must be from 1 to 10000 (got 0)`,
		`{history: 10001}`:                         `history: must be from 1 to 10000 (got 10001)`,
		`{cors: {allowed_origins: ["*"]}}`:         `cors: must not be set`,
		`{write_timeout: 30}`:                      `write_timeout: must have a unit`,
		`{links: {trace: "https://x/{trace_id}"}}`: "",
		`{links: {trace: "https://x/{trace}"}}`:    `links::trace: must have no placeholder but {id}, {service}, {session}, {span_id}, {trace_id} (got "{trace}")`,
		`{links: {trace: "javascript:alert(1)"}}`:  `links::trace: must be an absolute http or https URL (got "javascript:alert(1)")`,
		`{links: {trace: "/x"}}`:                   `links::trace: must be an absolute http or https URL`,
		`{link: {}}`:                               `link`,
	} {
		_, err := load(t, yaml)
		if want == "" {
			require.NoError(t, err, yaml)
		} else {
			require.ErrorContains(t, err, want, yaml)
		}
	}
}

// Links have values escaped: none changes where they lead.
func TestLinks(t *testing.T) {
	cfg := &Config{Links: map[string]string{
		"trace": "https://x/explore?trace={trace_id}", "logs": "https://x/{service}?s={session}", "finding": "https://x/{id}",
	}}
	require.Equal(t, []console.Link{
		{Name: "finding", URL: "https://x/00ff"},
		{Name: "logs", URL: "https://x/..%2F%3F%23%22%3E?s=ab"},
	}, cfg.links(&console.Finding{ID: "00ff", Service: `../?#">`, Session: "ab"}), "and none without a value")
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestREADME loads every configuration that the README shows; the first are the defaults.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := yamlBlock.FindAllSubmatch(readme, -1)
	require.Len(t, blocks, 2)
	for i, block := range blocks {
		retrieved, err := confmap.NewRetrievedFromYAML(block[1])
		require.NoError(t, err)
		conf, err := retrieved.AsConf()
		require.NoError(t, err)
		sub, err := conf.Sub("extensions::session_console")
		require.NoError(t, err)
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, sub.Unmarshal(cfg))
		require.NoError(t, confmap.Validate(cfg))
		if i == 0 {
			require.Equal(t, createDefaultConfig(), cfg, "the README shows other defaults")
		}
	}
}
