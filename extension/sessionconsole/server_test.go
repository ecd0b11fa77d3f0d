package sessionconsole

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// What is asked in another way than a page of this console would, is refused.
func TestGuard(t *testing.T) {
	r := newRig(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		for _, path := range []string{"/", "/api/v1/state", "/nowhere"} {
			response := r.request(method, path)
			require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode, method)
			require.Equal(t, "GET, HEAD", response.Header.Get("Allow"))
		}
	}
	for name, want := range map[string]int{
		"evil.example": 403, "evil.example:8889": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "127.0.0.1.nip.io": 403, "evil.example.": 403,
		"localhost": 200, "localhost:8889": 200, "LOCALHOST": 200, "localhost.": 200, "127.0.0.1:1": 200, "[::1]:1": 200, "[::1]": 200,
	} {
		require.Equal(t, want, r.request("GET", "/api/v1/state", "Host", name).StatusCode, name)
	}
	require.Equal(t, 403, r.request("GET", "/api/v1/state", "Sec-Fetch-Site", "cross-site").StatusCode)
	require.Equal(t, 200, r.request("GET", "/api/v1/state", "Sec-Fetch-Site", "same-origin").StatusCode)
	require.Equal(t, 200, r.request("GET", "/", "Sec-Fetch-Site", "cross-site").StatusCode, "a link leads here")
	require.Equal(t, 404, r.request("GET", "/api/v1/report").StatusCode)
	require.Equal(t, 404, r.request("GET", "/api/v1/findings/0000000000000001").StatusCode)
	require.Equal(t, 400, r.request("GET", "/api/v1/findings/x").StatusCode)
	for _, path := range []string{"/", "/app.js", "/app.css", "/api/v1/state", "/nowhere"} {
		for _, method := range []string{"GET", "HEAD"} {
			h := r.request(method, path).Header
			policy := h.Get("Content-Security-Policy")
			require.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "+
				"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'", policy)
			require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
			require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
			require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"))
			require.Empty(t, h.Get("Access-Control-Allow-Origin"))
			if strings.HasPrefix(path, "/api") {
				require.Equal(t, "no-store", h.Get("Cache-Control"))
			}
		}
	}
}

// Beyond this machine names are the network's business.
func TestHostElsewhere(t *testing.T) {
	r := bare(t, func(c *Config) { c.ServerConfig.NetAddr.Endpoint, c.Unauthenticated = "0.0.0.0:0", accepted })
	r.base = "http://127.0.0.1:" + strings.TrimPrefix(r.base[strings.LastIndex(r.base, ":"):], ":")
	require.Equal(t, 200, r.request("GET", "/api/v1/state", "Host", "collector.example").StatusCode)
}

// A page is sent once.
func TestNotModified(t *testing.T) {
	r := newRig(t)
	tag := r.request("GET", "/app.js").Header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, http.StatusNotModified, r.request("GET", "/app.js", "If-None-Match", tag).StatusCode)
	require.Equal(t, http.StatusOK, r.request("GET", "/app.css", "If-None-Match", tag).StatusCode)
}

// door lets in whoever has the password.
type door struct{ component.Component }

func (door) Authenticate(ctx context.Context, sources map[string][]string) (context.Context, error) {
	if h := sources["Authorization"]; len(h) == 1 && h[0] == "Basic "+base64.StdEncoding.EncodeToString([]byte("a:b")) {
		return ctx, nil
	}
	return ctx, errors.New("the password of a is b")
}

// Whoever is refused is told how to authenticate, and nothing else.
func TestAuth(t *testing.T) {
	for kind, want := range map[string]string{"basicauth": `Basic realm="otelcol-session", charset="UTF-8"`, "bearertokenauth": "Bearer"} {
		id := component.NewID(component.MustNewType(kind))
		r := bareWith(t, map[component.ID]component.Component{id: door{}}, func(c *Config) {
			c.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: id}})
		})
		for _, path := range []string{"/", "/api/v1/state", "/api/v1/events"} {
			refused := r.request("GET", path)
			require.Equal(t, 401, refused.StatusCode)
			require.Equal(t, want, refused.Header.Get("WWW-Authenticate"))
			require.NotEmpty(t, refused.Header.Get("Content-Security-Policy"))
			body := make([]byte, 100)
			n, _ := refused.Body.Read(body)
			require.JSONEq(t, `{"error":"unauthorized"}`, string(body[:n]))
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+path, nil)
			require.NoError(t, err)
			request.SetBasicAuth("a", "b")
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			response.Body.Close()
			require.Equal(t, 200, response.StatusCode, path)
		}
	}
}

// An address that is taken is an error of the start, and a console that never started stops.
func TestStartFails(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = l.Addr().String()
	x, err := newExtension(newRig(t).set, cfg)
	require.NoError(t, err)
	require.Error(t, x.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, x.Shutdown(t.Context()))
}

// Several engines are sources of one page; one that has stopped is still what it counted.
func TestEngines(t *testing.T) {
	r := bare(t)
	var s console.State
	r.get("/api/v1/state", &s)
	require.Equal(t, moodNone, s.Mood)
	require.Equal(t, "No session_timeout processor runs in this collector, so nothing is judged.", s.Sentence)
	require.Empty(t, s.Engines)

	id := func(name string) component.ID {
		return component.NewIDWithName(component.MustNewType("session_timeout"), name)
	}
	one, two := &fakeEngine{}, &fakeEngine{replay: true}
	one.set(console.Counts{Sessions: 1, Judged: []console.Judged{{Service: "cart", InTime: 5}}})
	two.set(console.Counts{Sessions: 2, Judged: []console.Judged{{Service: "cart", InTime: 7}}})
	r.Register(id("b"), two)
	sink := r.Register(id("a"), one)
	r.get("/api/v1/state", &s)
	require.Len(t, s.Engines, 2)
	require.Equal(t, "session_timeout/a", s.Engines[0].ID)
	require.Equal(t, 1, s.Engines[0].Sessions)
	require.True(t, s.Engines[1].Replay)
	sink.End()
	one.set(console.Counts{Sessions: 100})
	r.get("/api/v1/state", &s)
	require.Equal(t, 1, s.Engines[0].Sessions, "it is not asked any more")
	require.False(t, s.Engines[0].Running)
	r.Register(id("a"), one)
	r.get("/api/v1/state", &s)
	require.Len(t, s.Engines, 2)
	require.Equal(t, 100, s.Engines[0].Sessions)
	var services console.Services
	r.get("/api/v1/services", &services)
	require.Len(t, services.Services, 1)
	require.Equal(t, "session_timeout/b", services.Services[0].Engine)
	var policies console.Policies
	r.get("/api/v1/policies", &policies)
	require.Len(t, policies.Policies, 4)
}

// An engine is asked once a second at most, however many look.
func TestCountsAreKept(t *testing.T) {
	x, err := newExtension(newRig(t).set, createDefaultConfig().(*Config))
	require.NoError(t, err)
	asked := &fakeEngine{}
	e := x.Register(component.NewID(component.MustNewType("session_timeout")), asked).(*engine)
	now := time.Now().Add(countsAge)
	for _, after := range []time.Duration{0, 1, countsAge - 1, countsAge, countsAge + 1} {
		e.counts(now.Add(after))
	}
	require.Equal(t, 3, asked.asked, "as it was registered, and twice")
}
