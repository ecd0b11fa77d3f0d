package extract

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// said is what facts say, and what was refused, in one line.
func said(b *Batch) string {
	var all []string
	for i := range b.Facts {
		f := &b.Facts[i]
		words := []string{f.Kind.String()}
		if f.Kind == fact.Request {
			words = append(words, [...]string{"served", "indeterminate", "rejected"}[f.Outcome])
		}
		for _, n := range []struct {
			key  string
			name *fact.Name
		}{
			{"of", &f.Session}, {"by", &f.User}, {"after", f.Previous}, {"in", f.Linked},
		} {
			if n.name != nil && n.name.Raw != "" {
				words = append(words, n.key, n.name.Raw)
			}
		}
		for _, flag := range []struct {
			flag fact.Flags
			word string
		}{
			{fact.Presented, "presented"},
			{fact.UserPresented, "by hearsay"},
			{fact.Exempt, "exempt"},
			{fact.Consumer, "background"},
			{fact.Stream, "stream"},
			{fact.Options, "options"},
		} {
			if f.Flags.Has(flag.flag) {
				words = append(words, flag.word)
			}
		}
		all = append(all, strings.Join(words, " "))
	}
	for reason, n := range refusedIn(b) {
		if n > 0 {
			all = append(all, fmt.Sprintf("%v %d", Reason(reason), n))
		}
	}
	return strings.Join(all, "; ")
}

func from(sources ...Source) func(*Config) { return func(c *Config) { c.SessionID.Sources = sources } }

// kindCase is a record as somebody's software writes it, and what it says.
type kindCase struct {
	name   string
	change func(*Config)
	record attrs
	want   string
}

const (
	authorization = "http.request.header.authorization"
	setCookie     = "http.response.header.set-cookie"
)

var (
	sidCookie = from(Source{Attribute: cookieHeader, Cookie: "SID"})
	ok200     = attrs{"http.request.method": "GET", "http.route": "/cart/{id}", "http.response.status_code": 200}
)

// spanKinds are SERVER spans.
var spanKinds = []kindCase{
	{"servlets: the version of RFC 2109", sidCookie, ok200.with(attrs{cookieHeader: `$Version="1"; SID="one"; $Path="/"`}), "request served of one presented"},
	{
		"ASP.NET: a dot and an underscore in the name", from(Source{Attribute: cookieHeader, Cookie: "ASP.NET_SessionId"}),
		ok200.with(attrs{cookieHeader: []any{".AspNetCore.Antiforgery=x", "ASP.NET_SessionId=fjq3sm; b=c"}}), "request served of fjq3sm presented",
	},
	{
		"Fastify: signed", from(Source{Attribute: cookieHeader, Cookie: "sessionId", Until: "."}),
		ok200.with(attrs{cookieHeader: []any{"sessionId=Xk3v-_9q.TDrj%2BOw; theme=dark"}}), "request served of Xk3v-_9q presented",
	},
	{"scs", from(Source{Attribute: cookieHeader, Cookie: "session"}), ok200.with(attrs{cookieHeader: "session=u7Yx-_Q0"}), "request served of u7Yx-_Q0 presented"},
	{"PHP: commas are a part of ids", from(Source{Attribute: cookieHeader, Cookie: "PHPSESSID"}), ok200.with(attrs{cookieHeader: "PHPSESSID=a,b-c"}), "request served of a,b-c presented"},
	{"browsers: a prefix makes another name", sidCookie, ok200.with(attrs{cookieHeader: "__Host-SID=zero; SID=one"}), "request served of one presented"},
	{
		"express: escapes in small letters", from(Source{Attribute: cookieHeader, Cookie: "connect.sid", StripPrefix: "s:", Until: "."}),
		ok200.with(attrs{cookieHeader: []any{"connect.sid=s%3aXk3v.TDrj%2bx%2f"}}), "request served of Xk3v presented",
	},
	{
		"express: not signed", from(Source{Attribute: cookieHeader, Cookie: "connect.sid", StripPrefix: "s:", Until: "."}),
		ok200.with(attrs{cookieHeader: "connect.sid=Xk3v"}), "request served of Xk3v presented",
	},
	{
		"Spring Session: padding and slashes escaped", from(Source{Attribute: cookieHeader, Cookie: "SESSION", Decode: "base64"}),
		ok200.with(attrs{cookieHeader: "SESSION=" + strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte("0b0e?>x")), "=", "%3D")}), "request served of 0b0e?>x presented",
	},
	{"RFC 6265: of two paths the narrower comes first", sidCookie, ok200.with(attrs{cookieHeader: "SID=of-app; SID=of-root"}), "request served of of-app presented; session_id_ambiguous 1"},
	{"an old domain's cookie that was deleted comes first", sidCookie, ok200.with(attrs{cookieHeader: []any{"SID=deleted", "SID=one"}}), "request served of one presented"},
	{
		"Python: a header of the answer, with underscores", from(Source{Attribute: setCookie, Cookie: "SID"}),
		ok200.with(attrs{"http.response.header.set_cookie": []any{"theme=dark; Path=/", "SID=new; Path=/; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT"}}), "request served of new",
	},
	{
		"a cookie that the service deletes", from(Source{Attribute: setCookie, Cookie: "SID"}),
		ok200.with(attrs{setCookie: []any{"SID=; Max-Age=0; Path=/"}}), "session_id_empty 1",
	},
	{
		"PHP: a cookie that the service deletes", from(Source{Attribute: setCookie, Cookie: "SID"}),
		ok200.with(attrs{setCookie: "SID=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0"}), "session_id_placeholder 1",
	},
	{
		"gRPC: cookies in metadata", from(Source{Attribute: "rpc.grpc.request.metadata.cookie", Cookie: "SID"}),
		attrs{"rpc.system": "grpc", "rpc.service": "a.B", "rpc.method": "Get", "rpc.grpc.status_code": 0, "rpc.grpc.request.metadata.cookie": []any{"a=b; SID=one"}},
		"request served of one presented",
	},
	{
		"a header of one's own, with underscores", from(Source{Attribute: "http.request.header.x-session-id"}),
		ok200.with(attrs{"http.request.header.x_session_id": []any{"", "one"}}), "request served of one presented",
	},
	{
		"a proxy's cookie under a name of its own", from(Source{Attribute: "request_Cookie", Cookie: "SID"}),
		attrs{"http.method": "GET", "http.status_code": "200", "request_Cookie": "SID=one"},
		"request served of one presented",
	},

	{
		"OIDC: sid, else session_state", from(Source{Attribute: authorization, Claim: "sid"}, Source{Attribute: authorization, Claim: "session_state"}),
		ok200.with(attrs{authorization: []any{"bearer " + jwt(`{"session_state":"one"}`)}}), "request served of one presented",
	},
	{
		"AWS load balancers: padded parts, in a header of theirs", from(Source{Attribute: "http.request.header.x-amzn-oidc-data", Claim: "sid"}),
		ok200.with(attrs{"http.request.header.x-amzn-oidc-data": base64.URLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." + base64.URLEncoding.EncodeToString([]byte(`{"sid":"one!"}`)) + ".c2ln=="}),
		"request served of one! presented",
	},
	{
		"tokens that were indented", from(Source{Attribute: authorization, Claim: "sid"}),
		ok200.with(attrs{authorization: "Bearer " + base64.RawURLEncoding.EncodeToString([]byte("{\r\n \"alg\":\"RS256\"}")) + "." + base64.RawURLEncoding.EncodeToString([]byte("{\r\n\t\"sid\" : \"one\"\r\n}")) + ".x"}),
		"request served of one presented",
	},
	{"Auth0: a claim with a namespace, a user with a bar", func(c *Config) {
		c.SessionID.Sources = Sources{{Attribute: authorization, Claim: "https://shop.example/sid"}}
		c.UserID.Sources = Sources{{Attribute: "user.id"}, {Attribute: authorization, Claim: "sub"}}
	}, ok200.with(attrs{authorization: "Bearer " + jwt(`{"https://shop.example/sid":"one","sub":"auth0|7"}`)}), "request served of one by auth0|7 presented by hearsay"},
	{
		"a number that fits no int", from(Source{Attribute: authorization, Claim: "sid"}),
		ok200.with(attrs{authorization: jwt(`{"sid":123456789012345678901234567890}`)}), "request served of 123456789012345678901234567890 presented",
	},
	{
		"a claim that is a list is not passed over", from(Source{Attribute: authorization, Claim: "sid"}, Source{Attribute: "session.id"}),
		ok200.with(attrs{authorization: jwt(`{"sid":["one"]}`), "session.id": "two"}), "session_id_type 1",
	},
	{
		"other credentials beside", from(Source{Attribute: authorization, Claim: "sid"}, Source{Attribute: "session.id"}),
		ok200.with(attrs{authorization: []any{"Basic YTpi", "DPoP x.y.z"}, "session.id": "two"}), "request served of two",
	},

	{
		"a parameter in the old name of a path", from(Source{Attribute: "http.target", PathParameter: "jsessionid", Until: ".!"}),
		attrs{"http.method": "GET", "http.status_code": 200, "http.target": "/shop/cart;jsessionid=5F2B.node1?x=1;jsessionid=2"},
		"request served of 5F2B presented",
	},
	{
		"a parameter in a URL", from(Source{Attribute: "http.url", PathParameter: "jsessionid"}),
		attrs{"http.method": "GET", "http.status_code": 200, "http.url": "https://shop/cart/;v=1;jsessionid=5F2B#top"},
		"request served of 5F2B presented",
	},

	{"an int", nil, ok200.with(attrs{"session.id": 42, "enduser.id": 1001}), "request served of 42 by 1001"},
	{"what JSON makes of an int", nil, ok200.with(attrs{"session.id": 42.0, "user.id": 1e6}), "request served of 42 by 1000000"},
	{"the least int", nil, ok200.with(attrs{"session.id": -1 << 63}), "request served of -9223372036854775808"},
	{"bytes", nil, ok200.with(attrs{"session.id": []byte("one")}), "session_id_type 1"},
	{"a map", nil, ok200.with(attrs{"session.id": map[string]any{"id": "one"}}), "session_id_type 1"},
	{"a list in a list", nil, ok200.with(attrs{"session.id": []any{[]any{"one"}, "two"}}), "request served of two"},
	{"a list of users", nil, ok200.with(attrs{"session.id": "one", "user.id": []any{"anonymous", "", "ann"}}), "request served of one by ann"},

	{"Python: None", nil, ok200.with(attrs{"session.id": "None", "user.id": "ann"}), "session_id_placeholder 1"},
	{"Django: AnonymousUser", nil, ok200.with(attrs{"session.id": "one", "enduser.id": "AnonymousUser"}), "request served of one"},
	{"a proxy's hyphens", nil, ok200.with(attrs{"session.id": "-", "user.id": "-"}), "session_id_placeholder 1"},
	{"zeros with hyphens", nil, ok200.with(attrs{"session.id": "-0-0", "user.id": "00000000-0000-0000-0000-000000000000"}), "session_id_placeholder 1"},
	{"a user may be zero", nil, ok200.with(attrs{"session.id": "one", "user.id": 0}), "request served of one by 0"},
	{"nobody is not whom the next source names", nil, ok200.with(attrs{"session.id": "one", "user.id": "guest", "enduser.id": "ann"}), "request served of one"},
	{
		"a pseudonymous user", func(c *Config) { c.UserID.Sources = attributes("enduser.pseudo.id") },
		ok200.with(attrs{"session.id": "one", "enduser.pseudo.id": "QdH5CAWJgqVT4rOr0qtumf", "enduser.id": "ann"}), "request served of one by QdH5CAWJgqVT4rOr0qtumf",
	},

	{"Connect: refused in a stream's last message", nil, attrs{"session.id": "one", "rpc.system": "connect_rpc", "http.response.status_code": 200, "rpc.connect_rpc.error_code": "unauthenticated"}, "request rejected of one"},
	{"Connect: any other error", nil, attrs{"session.id": "one", "rpc.system": "connect_rpc", "http.response.status_code": 200, "rpc.connect_rpc.error_code": "not_found"}, "request indeterminate of one"},
	{"Connect: the new name", nil, attrs{"session.id": "one", "rpc.system.name": "connectrpc", "rpc.response.status_code": "unauthenticated"}, "request rejected of one"},
	{"Connect: no code, no status", nil, attrs{"session.id": "one", "rpc.system": "connect_rpc"}, "request indeterminate of one"},
	{"gRPC: the code as text", nil, attrs{"session.id": "one", "rpc.grpc.status_code": "16"}, "request rejected of one"},
	{"gRPC: no code", nil, attrs{"session.id": "one", "rpc.system": "grpc"}, "request indeterminate of one"},
	{"JSON-RPC: an error beside 200", nil, attrs{"session.id": "one", "rpc.system": "jsonrpc", "http.status_code": 200, "rpc.jsonrpc.error_code": -32001}, "request indeterminate of one"},
	{"Dubbo: done", nil, attrs{"session.id": "one", "rpc.system": "apache_dubbo", "rpc.service": "S", "rpc.method": "m"}, "request served of one"},
	{"FaaS: behind a gateway", nil, attrs{"session.id": "one", "faas.trigger": "http", "http.request.method": "GET", "http.route": "/cart", "http.response.status_code": 200}, "request served of one"},
	{"FaaS: a timer", nil, attrs{"session.id": "one", "faas.trigger": "timer"}, "request indeterminate of one"},
	{"both generations of names: the new one holds", nil, attrs{"session.id": "one", "http.response.status_code": 401, "http.status_code": 200}, "request rejected of one"},
	{"a URL and no path", nil, attrs{"session.id": "one", "http.method": "POST", "http.status_code": 200, "http.url": "https://shop.example/users/sign_in?x=/y"}, "request served of one exempt"},
	{"a URL of a host alone", nil, attrs{"session.id": "one", "http.status_code": 200, "url.full": "https://login"}, "request served of one"},
	{
		"a script with a long rest", func(c *Config) { c.Exempt = routes("account") },
		attrs{"session.id": "one", "http.status_code": 200, "url.path": "/shop/2026/account.php/with/a/long/path/behind"},
		"request served of one exempt",
	},
	{"a path beats a URL", nil, attrs{"session.id": "one", "http.status_code": 200, "url.path": "/cart", "url.full": "https://shop.example/login"}, "request served of one"},
	{"IIS: the session is over", nil, attrs{"session.id": "one", "http.response.status_code": 440}, "request rejected of one"},
	{"a redirect to the login, in a list", nil, attrs{"session.id": "one", "http.response.status_code": 303, "http.response.header.location": []any{"https://id.example/oauth2/authorize?x"}}, "request rejected of one"},
	{"server-sent events, in Python", nil, ok200.with(attrs{"session.id": "one", "http.response.header.content_type": []any{"text/event-stream; charset=utf-8"}}), "request served of one stream"},
	{"a preflight", nil, ok200.with(attrs{"session.id": "one", "http.request.method": "OPTIONS"}), "request served of one options"},
	{"matched by a header with underscores", func(c *Config) {
		c.Outcomes.Rejected = []Rule{{Match: map[string][]string{"http.response.header.x-auth-state": {"expired"}}}}
	}, ok200.with(attrs{"session.id": "one", "http.response.header.x_auth_state": []any{"expired"}}), "request rejected of one"},
}

// logKinds are log records, of which the event's name is in "EventName".
var logKinds = []kindCase{
	{"a name with parameters", nil, attrs{"event.name": "session_expired:ann,idle", "session.id": "one"}, "ended of one"},
	{"the new field", nil, attrs{"EventName": "session.end", "session.id": 42}, "ended of 42"},
	{"the field wins", nil, attrs{"EventName": "session.start", "event.name": "session.end", "session.id": "one", "session.previous_id": "zero"}, "rotated of one after zero"},
	{"one that is no event, beside one that is", nil, attrs{"EventName": "http.access", "event.name": "session.end", "session.id": "one"}, ""},
	{"a name in capitals is another", nil, attrs{"EventName": "Session.End", "session.id": "one"}, ""},
	{"OCSF: numbers", func(c *Config) {
		c.Events.Ended = []Event{{Name: "3002", Match: map[string][]string{"activity_id": {"2"}, "status_id": {"1"}}}}
	}, attrs{"EventName": "3002", "activity_id": 2.0, "status_id": "1", "session.id": "one"}, "ended of one"},
	{"CAEP: of a user, the session is spared", nil, attrs{"EventName": "user.session.clear", "user.id": "ann", "session.id": "one"}, "ended_user of one by ann"},
	{"a refused login is none", func(c *Config) {
		c.Events.Authenticated = []Event{{Name: "user.session.start", Match: map[string][]string{"outcome.result": {"SUCCESS"}}}}
	}, attrs{"EventName": "user.session.start", "outcome.result": "FAILURE", "session.id": "one"}, ""},
	{"the service has looked at what was presented", sidCookie, attrs{"EventName": "session.end", cookieHeader: "SID=one"}, "ended of one"},
	{"of a placeholder", nil, attrs{"EventName": "session.end", "session.id": "null"}, "session_id_placeholder 1"},
	{"a proxy's line, with texts for numbers", nil, attrs{"http.request.method": "GET", "url.path": "/cart", "http.response.status_code": "200", "http.server.request.duration": "0.012", "session.id": "one", "user.id": "-"}, "request served of one"},
	{"a proxy's line without a status", nil, attrs{"http.request.method": "GET", "http.response.status_code": "-", "session.id": "one"}, "request indeterminate of one"},
	{"a logout in an access log", func(c *Config) {
		c.Events.Ended = []Event{{Request: &Rule{Methods: []string{"delete"}, Routes: []string{"/users/sign_out"}}}}
	}, attrs{"http.request.method": "DELETE", "url.path": "/users/sign_out.json", "http.response.status_code": 204, "session.id": "one"}, "ended of one; request served of one exempt"},
	{"a stack trace", nil, attrs{"exception.type": "IOException", "session.id": "one"}, ""},
	{
		"the larger session is its own", func(c *Config) { c.SessionID.Linked = attributes("oidc.sid") },
		attrs{"EventName": "authn_login_success", "session.id": "one", "oidc.sid": "one"},
		"authenticated of one",
	},
	{
		"the larger session", func(c *Config) { c.SessionID.Linked = attributes("oidc.sid") },
		attrs{"EventName": "authn_login_success", "session.id": "one", "oidc.sid": []any{"-", "larger"}, "user.id": "ann"},
		"authenticated of one by ann in larger",
	},
}

// TestKinds: what instrumentations, frameworks, proxies and providers write, beside
// the shapes that have recipes.
func TestKinds(t *testing.T) {
	for _, c := range spanKinds {
		x := newExtractor(t)
		if c.change != nil {
			x = newExtractor(t, c.change)
		}
		require.Equal(t, c.want, said(ofTraces(x, oneSpan(t, c.record))), c.name)
	}
	for _, c := range logKinds {
		x := newExtractor(t)
		if c.change != nil {
			x = newExtractor(t, c.change)
		}
		name, _ := c.record["EventName"].(string)
		delete(c.record, "EventName")
		b := ofLogs(x, oneLog(t, c.record, eventNamed(name)))
		require.Equal(t, c.want, said(b), c.name)
		if c.want == "" {
			require.Equal(t, []Seen{{LogNotUnderstood: 1}}, b.Seen, c.name)
		}
	}
}

// TestConsumerKinds: work for a session, told by who asked for it.
func TestConsumerKinds(t *testing.T) {
	consumer := func(s ptrace.Span) { s.SetKind(ptrace.SpanKindConsumer) }
	x := newExtractor(t, from(Source{Attribute: "messaging.header.x-session"}, Source{Attribute: "session.id"}), func(c *Config) {
		c.Foreground = []Rule{{Match: map[string][]string{"messaging.destination.name": {"rpc-*"}}}}
	})
	for _, c := range []kindCase{
		{"Kafka", nil, attrs{"messaging.system": "kafka", "messaging.destination.name": "orders", "messaging.header.x-session": []any{"one"}}, "request served of one presented background"},
		{"in the foreground", nil, attrs{"messaging.destination.name": "rpc-orders", "session.id": "one"}, "request served of one"},
		{"that failed", nil, attrs{"messaging.destination.name": "orders", "session.id": "one", "error.type": "timeout"}, "request indeterminate of one background"},
		{"a function", nil, attrs{"faas.trigger": "pubsub", "session.id": "one"}, "request served of one background"},
	} {
		require.Equal(t, c.want, said(ofTraces(x, oneSpan(t, c.record, consumer))), c.name)
	}
}

// TestBodiesOfEvents: what a body holds is no attribute, be it a map, a text or JSON.
func TestBodiesOfEvents(t *testing.T) {
	for _, body := range []any{
		map[string]any{"event.name": "session.end", "session.id": "one"},
		`{"event.name":"session.end","session.id":"one"}`, "session.end", []byte("session.end"),
	} {
		b := ofLogs(newExtractor(t), oneLog(t, nil, func(r plog.LogRecord) { require.NoError(t, r.Body().FromRaw(body)) }))
		require.Empty(t, said(b))
		require.Equal(t, []Seen{{LogNotUnderstood: 1}}, b.Seen)
	}
}
