package extract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestExemptByDefault(t *testing.T) {
	x := newExtractor(t)
	for _, name := range []string{
		"login", "logout", "signin", "signout", "log-in", "log-out", "sign-in", "sign-out", "callback",
		"health", "healthz", "livez", "readyz", "metrics", "ping", "favicon.ico",
	} {
		for _, path := range []string{
			name, "/" + name, "/" + strings.ToUpper(name), "/a/b/" + name, "/" + name + "/", "/" + name + "//",
			"/" + name + "?next=/cart", "/" + name + ";jsessionid=1/cart", "/" + name + "/?x",
		} {
			for _, attribute := range []string{"http.route", "url.path", "http.target"} {
				a := attrs{"session.id": "s1", "http.response.status_code": 200, attribute: path}
				require.Equal(t, fact.Exempt, spanFact(t, x, a).Kind, "%s %s", attribute, path)
			}
		}
		for _, path := range []string{
			"", "/", "//", "/" + name + "/x", "/" + name + "x", "/x" + name, "/?" + name, "/;" + name, "/cart?next=/" + name,
		} {
			a := attrs{"session.id": "s1", "http.response.status_code": 200, "http.route": path, "url.path": path}
			require.Equal(t, fact.Request, spanFact(t, x, a).Kind, path)
		}
	}
	for method, want := range map[string]fact.Kind{"OPTIONS": fact.Exempt, "options": fact.Exempt, "GET": fact.Request, "": fact.Request} {
		require.Equal(t, want, spanFact(t, x, served.with(attrs{"http.request.method": method})).Kind)
	}
	require.Equal(t, fact.Exempt, spanFact(t, x, attrs{"session.id": "s1", "http.method": "OPTIONS"}).Kind)
}

func TestRouteAndPathAreBothLookedAt(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		route, path string
		want        fact.Kind
	}{
		{"/", "/account/login", fact.Exempt},
		{"/account/login", "/", fact.Exempt},
		{"/{page}", "/login", fact.Exempt},
		{"/", "/cart", fact.Request},
	} {
		f := spanFact(t, x, served.with(attrs{"http.route": c.route, "url.path": c.path}))
		require.Equal(t, c.want, f.Kind, "%s %s", c.route, c.path)
	}
}

func TestExemptRequestsAreOnlyAnExtent(t *testing.T) {
	x := newExtractor(t)
	login := served.with(attrs{"http.route": "/login", "user.id": "ann"})
	f := spanFact(t, x, login)
	require.Equal(t, fact.Fact{
		Kind: fact.Exempt, Session: sessionName(x, "s1"), Trace: testTrace, Span: testSpan,
		Start: testStart.UnixNano(), End: testEnd.UnixNano(), At: testStart.UnixNano(), Resource: f.Resource,
	}, *f)
	for name, td := range map[string]ptrace.Traces{
		"no session":   oneSpan(t, attrs{"http.route": "/login"}),
		"no id":        oneSpan(t, login.with(attrs{"session.id": "null"})),
		"no trace":     oneSpan(t, login, func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) }),
		"no span":      oneSpan(t, login, func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) }),
		"no timestamp": oneSpan(t, login, func(s ptrace.Span) { s.SetStartTimestamp(0) }),
	} {
		b := ofTraces(x, td)
		require.Empty(t, b.Facts, name)
		require.Zero(t, b.Refused, name)
		require.Equal(t, []Seen{{}}, b.Seen, name)
	}
}

func TestExemptIsConfigured(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Exempt = RequestMatch{Methods: []string{"HEAD"}, Routes: []string{"Status", "/admin/probe/", "/assets/*", "img-*", "/"}}
	})
	for path, want := range map[string]bool{
		"/status": true, "/a/STATUS/": true, "/status/x": false,
		"/admin/probe": true, "/Admin/Probe/": true, "/x/admin/probe": false, "/admin/probe/x": false, "/probe": false,
		"/assets/": true, "/assets/a/b.css": true, "/ASSETS/x": true, "/assets": false, "/x/assets/y": false,
		"/a/img-7": true, "/img-": true, "/img": false,
		"/": true, "": false, "//": true,
		"/login": false, // the list replaces the default
	} {
		f := spanFact(t, x, served.with(attrs{"http.route": "", "url.path": path}))
		require.Equal(t, want, f.Kind == fact.Exempt, path)
	}
	require.Equal(t, fact.Request, spanFact(t, x, served.with(attrs{"http.request.method": "OPTIONS"})).Kind)
	require.Equal(t, fact.Exempt, spanFact(t, x, served.with(attrs{"http.request.method": "HEAD"})).Kind)
}

func TestLongSegments(t *testing.T) {
	long := strings.Repeat("s", 100)
	r, err := newRouteSet("k", []string{long, "ssss"})
	require.NoError(t, err)
	for n := range 200 {
		p := newRouteParts("/" + strings.Repeat("S", n))
		require.Equal(t, n == 4 || n == 100, r.match(&p), n)
	}
}

func FuzzRoute(f *testing.F) {
	for _, s := range []string{"", "/", "//", "/login/", "/a;b?c", "https://x/login", "?", ";;"} {
		f.Add(s)
	}
	x := newExtractor(f, func(c *Config) { c.Exempt.Routes = append(c.Exempt.Routes, "/under/*", "/whole/", "begin*") })
	f.Fuzz(func(t *testing.T, s string) {
		p := newRouteParts(s)
		if !strings.HasPrefix(s, p.full) || strings.ContainsAny(p.full, ";?") || strings.Contains(p.segment, "/") || !strings.Contains(p.full, p.segment) {
			t.Fatalf("%q is cut to %q with the last segment %q", s, p.full, p.segment)
		}
		slashed := newRouteParts(p.full + "/")
		if p.segment != "" && slashed.segment != p.segment {
			t.Fatalf("a slash after %q makes %q of %q", p.full, slashed.segment, p.segment)
		}
		if x.exempt.routes.match(&p) && !x.tails.passes(p.full) {
			t.Fatalf("%q is in the set and does not pass", p.full)
		}
		x.logins.matchLocation(s)
	})
}
