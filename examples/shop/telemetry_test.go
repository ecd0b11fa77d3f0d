package shop_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/examples/shop"
	"github.com/otelcol-session/otelcol-session/examples/shop/sink"
)

// visitor is a browser that shows one session id, which the test chooses.
type visitor struct {
	t    *testing.T
	shop *shop.Shop
}

func (v visitor) ask(method, address, session string) (status int, cookie string) {
	r, err := http.NewRequestWithContext(v.t.Context(), method, address, http.NoBody)
	require.NoError(v.t, err)
	if session != "" {
		r.AddCookie(&http.Cookie{Name: shop.CookieName, Value: session})
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(v.t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(v.t, err)
	require.NoError(v.t, response.Body.Close())
	for _, c := range response.Cookies() {
		cookie = c.Value
	}
	return response.StatusCode, cookie
}

func start(t *testing.T, cfg shop.Config) (visitor, *sink.Sink) {
	t.Helper()
	received, err := sink.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = received.Close() })
	cfg.Collector, cfg.Idle, cfg.Lifetime = received.URL, time.Minute, time.Hour
	s, err := shop.Start(t.Context(), cfg)
	require.NoError(t, err)
	return visitor{t, s}, received
}

func (v visitor) closeShop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(v.t, v.shop.Close(ctx))
}

func TestTelemetry(t *testing.T) {
	v, received := start(t, shop.Config{})
	front, back := v.shop.StorefrontURL, v.shop.LedgerURL
	v.ask("GET", front+"/assets/style.css", "ignored")
	_, anonymous := v.ask("GET", front+"/", "")
	_, first := v.ask("POST", front+"/login?user=somebody", anonymous)
	v.ask("POST", back+"/exports?delay=1ms", first)
	_, second := v.ask("POST", front+"/renew", first)
	v.ask("POST", front+"/checkout", second)
	v.ask("POST", front+"/account/password", second)
	v.ask("POST", front+"/logout", second)
	status, _ := v.ask("GET", back+"/orders", second)
	require.Equal(t, http.StatusUnauthorized, status)
	v.closeShop()

	require.Equal(t, []map[string]any{
		{"event": "session.start", "session.id": anonymous},
		{"event": "session.start", "session.id": first, "session.previous_id": anonymous},
		{"event": "authn_login_success", "session.id": first, "user.id": "somebody"},
		{"event": "session.start", "session.id": second, "session.previous_id": first},
		{"event": "user.session.clear", "session.id": second, "user.id": "somebody"},
		{"event": "session.end", "session.id": second},
	}, events(received))

	spans := spansByName(received)
	require.Subset(t, spans["GET /orders"], map[string]any{
		"service.name": "ledger", "kind": "Server", "http.route": "/orders", "http.request.method": "GET",
		"http.response.status_code": int64(401), "session.id": second,
	}, "the dead id that was presented")
	require.NotContains(t, spans["GET /orders"], "user.id")
	require.Subset(t, spans["POST /payments"], map[string]any{
		"service.name": "ledger", "service.namespace": "shop", "session.id": second, "user.id": "somebody",
		"http.response.status_code": int64(200),
	})
	require.Equal(t, spans["POST /checkout"]["trace"], spans["POST /payments"]["trace"])
	require.Subset(t, spans["GET /{$}"], map[string]any{"service.name": "storefront", "session.id": anonymous})
	require.NotContains(t, spans["GET /{$}"], "user.id")
	require.NotContains(t, spans["GET /assets/{file}"], "session.id")
	require.Subset(t, spans["process exports"], map[string]any{"kind": "Consumer", "session.id": first, "user.id": "somebody"})
}

// TestCloseWaits: what the shop has begun it ends as it closes, and tells of it: a
// job whose time has not come, a request that takes long, a stream.
func TestCloseWaits(t *testing.T) {
	v, received := start(t, shop.Config{BatchTimeout: time.Hour})
	_, id := v.ask("POST", v.shop.StorefrontURL+"/login?user=somebody", "")
	status, _ := v.ask("POST", v.shop.LedgerURL+"/exports?delay=1h", id)
	require.Equal(t, http.StatusAccepted, status)

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.shop.LedgerURL+"/feed", http.NoBody)
	require.NoError(t, err)
	r.AddCookie(&http.Cookie{Name: shop.CookieName, Value: id})
	stream, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer stream.Body.Close()
	_, err = io.ReadFull(stream.Body, make([]byte, 1))
	require.NoError(t, err, "it is open")

	v.closeShop()
	spans := spansByName(received)
	require.Subset(t, spans["process exports"], map[string]any{"kind": "Consumer", "session.id": id, "user.id": "somebody"})
	require.NotContains(t, spans["process exports"], "error.type", "the session was there")
	require.Subset(t, spans["GET /feed"], map[string]any{"session.id": id})
	require.Equal(t, spans["POST /exports"]["trace"], spans["send exports"]["trace"])
	require.Len(t, events(received), 2)
}

func TestAccessLogSessions(t *testing.T) {
	for _, on := range []bool{false, true} {
		v, received := start(t, shop.Config{AccessLogSessions: on})
		_, id := v.ask("POST", v.shop.StorefrontURL+"/login?user=somebody", "")
		v.ask("GET", v.shop.StorefrontURL+"/cart", id)
		v.closeShop()

		var cart map[string]any
		for _, r := range records(received) {
			if r["url.path"] == "/cart" {
				cart = r
			}
		}
		require.Subset(t, cart, map[string]any{"http.request.method": "GET", "http.response.status_code": int64(200)})
		require.Positive(t, cart["http.server.request.duration"])
		require.Equal(t, spansByName(received)["GET /cart"]["span"], cart["span"])
		if on {
			require.Subset(t, cart, map[string]any{"session.id": id, "user.id": "somebody"})
		} else {
			require.NotContains(t, cart, "session.id")
		}
	}
}

// events are the log records that have an event's name, in order.
func events(s *sink.Sink) []map[string]any {
	var found []map[string]any
	for _, r := range records(s) {
		if r["event"] != "" {
			delete(r, "span")
			found = append(found, r)
		}
	}
	return found
}

func records(s *sink.Sink) []map[string]any {
	var found []map[string]any
	for _, ld := range s.Logs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					m := r.Attributes().AsRaw()
					m["event"], m["span"] = r.EventName(), r.SpanID()
					found = append(found, m)
				}
			}
		}
	}
	return found
}

func spansByName(s *sink.Sink) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, td := range s.Traces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					all := pcommon.NewMap()
					rs.Resource().Attributes().CopyTo(all)
					m := all.AsRaw()
					maps.Copy(m, span.Attributes().AsRaw())
					m["kind"], m["span"], m["trace"] = span.Kind().String(), span.SpanID(), span.TraceID()
					found[span.Name()] = m
				}
			}
		}
	}
	return found
}
