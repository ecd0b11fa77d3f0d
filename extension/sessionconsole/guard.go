package sessionconsole

import (
	"net"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/config/confighttp"
)

// contentSecurityPolicy: nothing but what this server sends, and no text becomes markup or
// script.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// guard lets through what may be asked.
type guard struct {
	next http.Handler
	// loopback: only this machine reaches the endpoint. A page from elsewhere whose name
	// resolves to this machine could read it, if the name were not looked at.
	loopback bool
}

func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "this console is read only")
	case g.loopback && !isLoopback(hostOf(r.Host)):
		problem(w, http.StatusForbidden, "this console listens on this machine alone, and answers to its names alone: localhost, 127.0.0.1 and [::1]")
	case r.Header.Get("Sec-Fetch-Site") == "cross-site" && strings.HasPrefix(r.URL.Path, "/api/"):
		problem(w, http.StatusForbidden, "pages of others may not ask")
	default:
		g.next.ServeHTTP(w, r)
	}
}

// hostOf is the host of a Host header, without the port.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.Trim(header, "[]")
}

// unauthorized answers whom the authenticator refuses. Neither confighttp nor basicauth say
// how to authenticate, without which no browser asks for a password.
func unauthorized(cfg *Config) confighttp.ToServerOption {
	scheme := "Bearer"
	if cfg.ServerConfig.Auth.HasValue() && cfg.ServerConfig.Auth.Get().AuthenticatorID.Type().String() == "basicauth" {
		scheme = `Basic realm="otelcol-session", charset="UTF-8"`
	}
	return confighttp.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, _ string, status int) {
		setHeaders(w.Header())
		text := http.StatusText(status)
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", scheme)
		}
		problem(w, status, strings.ToLower(text))
	})
}
