package sessionconsole

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/units"
)

const (
	defaultEndpoint = "localhost:8889"
	defaultHistory  = 1000
	// mostHistory bounds what all timelines may take: about 35 KiB each.
	mostHistory = 10_000
	// accepted is the only value of unauthenticated beside none.
	accepted = "i_accept_that_anybody_can_read_this"
)

// Config of the extension. The keys of confighttp's server stand beside it.
type Config struct {
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// History is how many findings are held with their timelines.
	History int `mapstructure:"history"`
	// Links lead from a finding elsewhere: templates by name.
	Links map[string]string `mapstructure:"links"`
	// Unauthenticated lets anybody who reaches a non-loopback endpoint read, where no auth
	// is configured.
	Unauthenticated string `mapstructure:"unauthenticated"`
}

var (
	_ component.Config    = (*Config)(nil)
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Validator   = (*Config)(nil)
)

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = defaultEndpoint
	server.MaxRequestBodySize = 1 << 10 // nothing is posted
	return &Config{ServerConfig: server, History: defaultHistory, Links: map[string]string{}}
}

// Unmarshal refuses durations without a unit.
func (c *Config) Unmarshal(conf *confmap.Conf) error { return units.Unmarshal(conf, c) }

// Validate checks what the parts of the configuration do not check themselves.
func (c *Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.History < 1 || c.History > mostHistory {
		fail("history: must be from 1 to %d (got %d)", mostHistory, c.History)
	}
	if c.Unauthenticated != "" && c.Unauthenticated != accepted {
		fail("unauthenticated: must be empty or %s (got %q)", accepted, c.Unauthenticated)
	}
	if c.ServerConfig.CORS.HasValue() {
		fail("cors: must not be set: pages of others have no business in this console")
	}
	host, _, err := net.SplitHostPort(c.ServerConfig.NetAddr.Endpoint)
	switch {
	case c.ServerConfig.NetAddr.Transport == "unix":
	case err != nil:
		fail("endpoint: must be a host and a port, such as %s (got %q)", defaultEndpoint, c.ServerConfig.NetAddr.Endpoint)
	case !isLoopback(host) && !c.ServerConfig.Auth.HasValue() && c.Unauthenticated != accepted:
		fail("endpoint: must be a loopback address, such as %s, unless `auth` names an authenticator or `unauthenticated` is %s (got %q)",
			defaultEndpoint, accepted, c.ServerConfig.NetAddr.Endpoint)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Links)) {
		if err := validateLink(name, c.Links[name]); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// isLoopback reports whether only this machine reaches host.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
