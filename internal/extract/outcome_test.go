package extract

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const (
	yes  = fact.Served
	none = fact.Indeterminate
	no   = fact.Rejected
)

func TestOutcomeByHTTPStatus(t *testing.T) {
	x := newExtractor(t)
	for status, want := range map[any]fact.Outcome{
		100: none, 101: yes, 102: none, 199: none,
		200: yes, 202: yes, 204: yes, 206: yes, 299: yes, 300: none,
		302: none, 304: none,
		400: none, 401: no, 402: none, 403: none, 404: none, 418: none, 419: no, 420: none, 429: none, 439: none, 440: no, 441: none,
		500: none, 503: none, 0: none, -1: none, 1000: none, 4_294_967_496: none, // 200 in 32 bits
		"200": yes, "401": no, "": none, "OK": none, "200 OK": none, " 200": none, "+200": none, "0200": yes,
		200.0: yes, 401.0: no, 200.5: none, math.Inf(1): none,
		true: none,
	} {
		for _, name := range []string{"http.response.status_code", "http.status_code"} {
			f := spanFact(t, x, attrs{"session.id": "s1", name: status})
			require.Equal(t, want, f.Outcome, "%s %v", name, status)
		}
	}
	require.Equal(t, none, spanFact(t, x, attrs{"session.id": "s1"}).Outcome, "no status")
	both := spanFact(t, x, attrs{"session.id": "s1", "http.response.status_code": 401, "http.status_code": 200})
	require.Equal(t, no, both.Outcome, "the stable name holds")
	require.EqualValues(t, 401, both.Details.Status)
}

func TestOutcomeByRPCStatus(t *testing.T) {
	x := newExtractor(t)
	for status, want := range map[any]fact.Outcome{
		0: yes, 16: no, 1: none, 7: none, 13: none, 14: none, -1: none,
		0.0: yes, 16.0: no, math.NaN(): none,
		"0": yes, "16": no, "7": none, "-32602": none,
		"OK": yes, "ok": yes, "Ok": yes, "UNAUTHENTICATED": no, "Unauthenticated": no, "unauthenticated": no,
		"PERMISSION_DENIED": none, "UNAVAILABLE": none, "whatever": none,
		true: none,
	} {
		for _, name := range []string{"rpc.response.status_code", "rpc.status_code", "rpc.grpc.status_code"} {
			require.Equal(t, want, spanFact(t, x, attrs{"session.id": "s1", name: status}).Outcome, "%s %v", name, status)
		}
	}
}

func TestRPCStatusBeatsHTTPStatus(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		a    attrs
		want fact.Outcome
	}{
		{attrs{"http.response.status_code": 200, "rpc.grpc.status_code": 16}, no},
		{attrs{"http.response.status_code": 200, "rpc.grpc.status_code": 7}, none},
		{attrs{"http.response.status_code": 401, "rpc.response.status_code": "OK"}, yes},
		{attrs{"http.response.status_code": 200, "rpc.response.status_code": ""}, yes},
		{attrs{"http.response.status_code": 200, "rpc.response.status_code": "", "rpc.status_code": "UNAUTHENTICATED"}, no},
		{attrs{"rpc.response.status_code": "OK", "rpc.grpc.status_code": 16}, yes}, // the stable name holds
	} {
		require.Equal(t, c.want, spanFact(t, x, c.a.with(attrs{"session.id": "s1"})).Outcome, "%v", c.a)
	}
}

func TestErrorTypeTaintsSuccessOnly(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		a    attrs
		want fact.Outcome
	}{
		{attrs{"http.response.status_code": 200, "error.type": "timeout"}, none},
		{attrs{"http.response.status_code": 101, "error.type": "_OTHER"}, none},
		{attrs{"rpc.grpc.status_code": 0, "error.type": "cancelled"}, none},
		{attrs{"http.response.status_code": 200, "error.type": 7}, none},
		{attrs{"http.response.status_code": 200, "error.type": ""}, yes},
		{attrs{"http.response.status_code": 401, "error.type": "401"}, no},
		{attrs{"rpc.grpc.status_code": 16, "error.type": "16"}, no},
	} {
		require.Equal(t, c.want, spanFact(t, x, c.a.with(attrs{"session.id": "s1"})).Outcome, "%v", c.a)
	}
}

func TestSpanStatusOfAServerSaysNothing(t *testing.T) {
	x := newExtractor(t)
	for _, code := range []ptrace.StatusCode{ptrace.StatusCodeUnset, ptrace.StatusCodeOk, ptrace.StatusCodeError} {
		status := func(s ptrace.Span) { s.Status().SetCode(code) }
		require.Equal(t, yes, spanFact(t, x, served, status).Outcome)
		require.Equal(t, no, spanFact(t, x, served.with(attrs{"http.response.status_code": 401}), status).Outcome)
		require.Equal(t, none, spanFact(t, x, attrs{"session.id": "s1"}, status).Outcome)
	}
}

func TestOutcomeOfAConsumer(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		name   string
		a      attrs
		status ptrace.StatusCode
		want   fact.Outcome
	}{
		{"done", attrs{}, ptrace.StatusCodeUnset, yes},
		{"done and said so", attrs{}, ptrace.StatusCodeOk, yes},
		{"error status", attrs{}, ptrace.StatusCodeError, none},
		{"error type", attrs{"error.type": "timeout"}, ptrace.StatusCodeUnset, none},
		{"refused by code", attrs{"rpc.grpc.status_code": 16}, ptrace.StatusCodeError, no},
		{"any other code", attrs{"http.response.status_code": 500}, ptrace.StatusCodeUnset, yes},
	} {
		f := spanFact(t, x, c.a.with(attrs{"session.id": "s1", "messaging.destination.name": "orders"}), func(s ptrace.Span) {
			s.SetKind(ptrace.SpanKindConsumer)
			s.Status().SetCode(c.status)
		})
		require.Equal(t, c.want, f.Outcome, c.name)
		require.Equal(t, fact.Consumer, f.Flags)
		require.Equal(t, "orders", f.Details.Destination)
	}
}

func TestRedirects(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.LoginLocations = append(c.LoginLocations, "/self-service/login/*", "/oauth2/start") })
	for location, want := range map[string]fact.Outcome{
		"/login": no, "/Login": no, "/login/": no, "/login?next=%2Fcart": no, "/login#top": no, "/login;jsessionid=1": no,
		"login": no, "login.php?x=/y": no, "/account/login.aspx": no, "/users/sign_in": no, "/sign-in": no, "/api/auth/signin": no,
		"https://idp.example.com/oauth2/v2.0/authorize?client_id=a&redirect_uri=https%3A%2F%2Fx%2Fcart": no,
		"https://sso.example.com/realms/x/protocol/openid-connect/auth?next=/":                          no,
		"//idp.example.com/login": no, "/self-service/login/browser": no, "https://id.example.com/self-service/login/browser?x": no,
		"/oauth2/start?rd=/": no, "https://idp.example.com/a//b/login": no, "/a//b/login": no,
		"": none, "/": none, "/cart": none, "/cart?next=/login": none, "/cart#/login": none, "/login/help": none, "/logins": none,
		"https://login": none, "https://login/": none, "https://login?x=/login": none, "//login": none, "/.login": none,
		"/mylogin.php": none, "/welcome?to=https://idp/login": none,
	} {
		for _, value := range []any{location, []any{location}} {
			for _, status := range []int{301, 302, 303, 307, 308} {
				f := spanFact(t, x, attrs{"session.id": "s1", "http.response.status_code": status, "http.response.header.location": value})
				require.Equal(t, want, f.Outcome, "%d to %q", status, location)
			}
			for _, status := range []int{300, 304, 305, 306, 201, 400} {
				f := spanFact(t, x, attrs{"session.id": "s1", "http.response.status_code": status, "http.response.header.location": value})
				require.NotEqual(t, no, f.Outcome, "%d to %q is no redirect", status, location)
			}
		}
	}
	for _, value := range []any{7, []any{}, []any{7}, []any{"/cart", "/login"}} {
		f := spanFact(t, x, attrs{"session.id": "s1", "http.response.status_code": 302, "http.response.header.location": value})
		require.Equal(t, none, f.Outcome, "%v", value)
	}
}

func TestSeconds(t *testing.T) {
	const limit = int64(100e9)
	for _, c := range []struct {
		value any
		want  int64
		ok    bool
	}{
		{0.25, 250e6, true},
		{0, 0, true},
		{3, 3e9, true},
		{"0.25", 250e6, true},
		{".5", 500e6, true},
		{"1e-3", 1e6, true},
		{1e-9, 1, true},
		{99.999999999, limit - 1, true},
		{100, 0, false},
		{-0.1, 0, false},
		{math.NaN(), 0, false},
		{math.Inf(1), 0, false},
		{1e300, 0, false},
		{math.MaxInt64, 0, false},
		{"", 0, false},
		{"-", 0, false},
		{"NaN", 0, false},
		{"0.1, 0.2", 0, false},
		{true, 0, false},
		{[]any{1}, 0, false},
	} {
		v := pcommon.NewValueEmpty()
		require.NoError(t, v.FromRaw(c.value))
		got, ok := seconds(v, limit)
		require.Equal(t, c.ok, ok, "%v", c.value)
		require.Equal(t, c.want, got, "%v", c.value)
	}
}
