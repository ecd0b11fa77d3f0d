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
		"log_in", "log_out", "sign_in", "sign_out", "logon", "logoff",
		"health", "healthz", "livez", "readyz", "metrics", "ping", "favicon.ico",
	} {
		for _, path := range []string{
			name, "/" + name, "/" + strings.ToUpper(name), "/a/b/" + name, "/" + name + "/", "/" + name + "//",
			"/" + name + "?next=/cart", "/" + name + ";jsessionid=1/cart", "/" + name + "/?x",
		} {
			for _, attribute := range []string{"http.route", "url.path", "http.target"} {
				a := attrs{"session.id": "s1", "http.response.status_code": 200, attribute: path}
				require.Equal(t, fact.Exempt, spanFact(t, x, a).Flags, "%s %s", attribute, path)
			}
		}
		for _, path := range []string{
			"", "/", "//", "/" + name + "/x", "/" + name + "x", "/x" + name, "/?" + name, "/;" + name, "/cart?next=/" + name,
		} {
			a := attrs{"session.id": "s1", "http.response.status_code": 200, "http.route": path, "url.path": path}
			require.Equal(t, fact.Request, spanFact(t, x, a).Kind, path)
		}
	}
	for method, want := range map[string]fact.Flags{"OPTIONS": fact.Options, "options": fact.Options, "GET": 0, "": 0} {
		f := spanFact(t, x, served.with(attrs{"http.request.method": method}))
		require.Equal(t, fact.Request, f.Kind, method)
		require.Equal(t, want, f.Flags, method)
	}
	require.Equal(t, fact.Options, spanFact(t, x, attrs{"session.id": "s1", "http.method": "OPTIONS"}).Flags)
}

func TestThePathIsLookedAtWhereNoRouteSaysAnything(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		route, path string
		want        fact.Flags
	}{
		{"/", "/account/login", fact.Exempt},
		{"/account/login", "/", fact.Exempt},
		{"/", "/cart", 0},
		{"", "/login", fact.Exempt},
		{"/{page}", "/login", 0}, // what it is called is the client's choice
		{"/orders/{id}", "/orders/login", 0},
		{"/*", "/login", fact.Exempt},
		{"*", "/login", fact.Exempt},
		{"/**", "/login", fact.Exempt},
		{"/{*path}", "/login", fact.Exempt},
		{"/:path*", "/login", fact.Exempt},
		{"/[...slug]", "/login", fact.Exempt},
		{"/{path...}", "/login", fact.Exempt},
		{"/{path:.*}", "/login", fact.Exempt},
		{"/<path:rest>", "/login", fact.Exempt},
		{"^(?P<path>.*)$", "/login", fact.Exempt},
		{"/(.*)", "/login", fact.Exempt},
		{"/*any", "/login", fact.Exempt},
		{"/{proxy+}", "/login", fact.Exempt},
		{"/account*", "/login", 0},
		{"/api/*", "/api/login", 0},
		{"^account.*$", "/login", 0},

		{"/login(.:format)", "/", fact.Exempt},
		{"/login.php", "/", fact.Exempt},
		{"/login.webmanifest", "/", 0},
		{"/login.v1-x", "/", 0},
		{"/login.", "/", 0},
		{"/.login", "/", 0},
		{"", "/LOGIN.PHP/", fact.Exempt},
		{"", "/login.php?x", fact.Exempt},
		{"", "/favicon.ico", fact.Exempt},
		{"", "/favicon", 0},
		{"", "/account.php/login", 0},
		{"/", "/account.php/login", 0},
		{"/account.php", "/account.php/login", 0},
		{"/account.php/{rest}", "/account.php/login", 0},
		{"", "/a/account.php/b/login/", 0},
		{"", "/login.php/account", fact.Exempt},
		{"", "/v1.2/login", fact.Exempt},
		{"", "/.well-known/login", fact.Exempt},
		{"", "/account.php//", 0},
	} {
		f := spanFact(t, x, served.with(attrs{"http.route": c.route, "url.path": c.path}))
		require.Equal(t, c.want, f.Flags, "%s %s", c.route, c.path)
	}
}

// TestExemptRequestsSayWhatOthersSay: they are activity, show users and name links, may
// have been rejected, and are in no trace where the record is in none.
func TestExemptRequestsSayWhatOthersSay(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.SessionID.Linked = Sources{{Attribute: "oidc.sid"}}
		c.Policies = []PolicyMatch{{Match: map[string][]string{"app.area": {"admin"}}}, {}}
		c.Passive = []Rule{{Match: map[string][]string{"app.poll": {"true"}}}}
	})
	login := served.with(attrs{"http.route": "/login"})
	var edits []func(ptrace.Span)
	for name, c := range map[string]struct {
		more attrs
		edit func(ptrace.Span)
	}{
		"served":       {nil, nil},
		"a user":       {attrs{"user.id": "ann"}, nil},
		"another user": {attrs{"enduser.id": "ann"}, nil},
		"a link":       {attrs{"oidc.sid": "larger"}, nil},
		"rejected":     {attrs{"http.response.status_code": 401}, nil},
		"failed":       {attrs{"http.response.status_code": 500}, nil},
		"a policy":     {attrs{"app.area": "admin"}, nil},
		"passive":      {attrs{"app.poll": true}, nil},
		"a stream":     {attrs{"http.response.status_code": 101}, nil},
		"OPTIONS":      {attrs{"http.request.method": "OPTIONS"}, nil},
		"background":   {nil, func(s ptrace.Span) { s.SetKind(ptrace.SpanKindConsumer) }},
		"a parent":     {nil, func(s ptrace.Span) { s.SetParentSpanID([8]byte{7}); s.SetFlags(parentKnown) }},
		"no trace":     {nil, func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) }},
		"no span":      {nil, func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) }},
	} {
		edits = edits[:0]
		if c.edit != nil {
			edits = append(edits, c.edit)
		}
		got := *spanFact(t, x, login.with(c.more), edits...)
		want := *spanFact(t, x, served.with(attrs{"http.route": "/logbook"}).with(c.more), edits...)
		require.Equal(t, fact.Request, want.Kind, name)
		require.Equal(t, "/login", got.Details.Route, name)
		want.Flags, want.Details.Route, want.Resource = want.Flags|fact.Exempt, "/login", got.Resource
		require.Equal(t, want, got, name)
	}

	for name, c := range map[string]struct {
		td      ptrace.Traces
		refused Reason
	}{
		"no session":   {oneSpan(t, attrs{"http.route": "/login"}), usable},
		"no id":        {oneSpan(t, login.with(attrs{"session.id": "null"})), SessionIDPlaceholder},
		"no timestamp": {oneSpan(t, login, func(s ptrace.Span) { s.SetStartTimestamp(0) }), TimestampZero},
	} {
		b := ofTraces(x, c.td)
		require.Empty(t, b.Facts, name)
		want := [ReasonCount]int{}
		if c.refused != usable {
			want[c.refused] = 1
		}
		require.Equal(t, want, refusedIn(b), name)
		require.Equal(t, []Seen{{}}, b.Seen, name)
	}
}

func TestExemptIsConfigured(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Exempt = []Rule{{Methods: []string{"HEAD"}}, {Routes: []string{"Status", "/admin/probe/", "/assets/*", "img-*", "/"}}}
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
		require.Equal(t, want, f.Flags.Has(fact.Exempt), path)
	}
	require.Equal(t, fact.Options, spanFact(t, x, served.with(attrs{"http.request.method": "OPTIONS"})).Flags)
	require.Equal(t, fact.Exempt, spanFact(t, x, served.with(attrs{"http.request.method": "HEAD"})).Flags)
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
	x := newExtractor(f, func(c *Config) { c.Exempt[0].Routes = append(c.Exempt[0].Routes, "/under/*", "/whole/", "begin*") })
	f.Fuzz(func(t *testing.T, s string) {
		p := newRouteParts(s)
		if !strings.HasPrefix(s, p.full) || strings.ContainsAny(p.full, ";?") || strings.Contains(p.segment, "/") || !strings.Contains(p.full, p.segment) {
			t.Fatalf("%q is cut to %q with the last segment %q", s, p.full, p.segment)
		}
		if p = newPathParts(s); x.rules.all[0].routes.match(&p) && !x.rules.routes.passes(p.full) && !strings.Contains(p.full, ".") {
			t.Fatalf("%q is in the set and does not pass", p.full)
		}
		p = newRouteParts(s)
		slashed := newRouteParts(p.full + "/")
		if p.segment != "" && slashed.segment != p.segment {
			t.Fatalf("a slash after %q makes %q of %q", p.full, slashed.segment, p.segment)
		}
		if x.rules.all[0].routes.match(&p) && !x.rules.routes.passes(p.full) {
			t.Fatalf("%q is in the set and does not pass", p.full)
		}
		x.logins.matchLocation(s)
	})
}
