package extract

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const cookieHeader = "http.request.header.cookie"

// jwt is a token with this payload.
func jwt(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode([]byte(payload)) + ".c2ln"
}

// sourced is an extractor with these sources of sessions.
func sourced(tb testing.TB, sources ...Source) *Extractor {
	tb.Helper()
	return newExtractor(tb, func(c *Config) { c.SessionID.Sources = sources })
}

// pickCase is an attribute and whom it names: want, else nobody for a reason, or
// whom the next source names where that is absent.
type pickCase struct {
	name  string
	value any
	want  string
	why   Reason
}

func requirePicks(t *testing.T, s Source, cases []pickCase) {
	t.Helper()
	x := sourced(t, s, Source{Attribute: "other"})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := ofTraces(x, oneSpan(t, attrs{s.Attribute: c.value, "other": "next", "http.response.status_code": 200}))
			refused := refusedIn(b)
			refused[SessionIDAmbiguous] = 0
			if c.want == "" && c.why != absent {
				require.Empty(t, b.Facts)
				var want [ReasonCount]int
				want[c.why] = 1
				require.Equal(t, want, refused)
				return
			}
			want := c.want
			if want == "" {
				want = "next"
			}
			require.Len(t, b.Facts, 1)
			require.Equal(t, sessionName(x, want), b.Facts[0].Session)
			require.Equal(t, c.want != "", b.Facts[0].Flags.Has(fact.Presented))
			require.Zero(t, refused)
		})
	}
}

// cookieCases are of the cookie SID.
var cookieCases = []pickCase{
	{name: "alone", value: "SID=one", want: "one"},
	{name: "among others", value: "a=b; SID=one; c=d", want: "one"},
	{name: "without blanks", value: "a=b;SID=one;c=d", want: "one"},
	{name: "in a list", value: []any{"a=b; SID=one"}, want: "one"},
	{name: "in crumbs", value: []any{"theme=dark", "SID=one"}, want: "one"},
	{name: "quoted", value: `SID="one"`, want: "one"},
	{name: "blanks", value: "a=b; \tSID = \" one \" ; c=d", want: "one"},
	{name: "encoded", value: "SID=s%3Aone%2F%2b", want: "s:one/+"},
	{name: "a percent sign that is none", value: "SID=100%", want: "100%"},
	{name: "a control character for a digit", value: "SID=%\x180", want: "%\x180"},
	{name: "some that are none", value: "SID=%41%4", want: "%41%4"},
	{name: "with an equals sign", value: "SID=one==", want: "one=="},
	{name: "unusable ones are passed over", value: "SID=; SID=deleted; SID=one", want: "one"},
	{name: "twice the same", value: "SID=one; SID=one", want: "one"},
	{name: "the first of two", value: "SID=one; SID=two", want: "one"},
	{name: "a list with an int", value: []any{7, "SID=one"}, want: "one"},
	{name: "binary", value: "\x00\xff=\xfe; SID=\xff\xfe", want: "\xff\xfe"},

	{name: "none", value: "a=b", why: absent},
	{name: "empty", value: "", why: absent},
	{name: "another case", value: "sid=one", why: absent},
	{name: "the end of a name", value: "XSID=one", why: absent},
	{name: "the beginning of a name", value: "SIDX=one", why: absent},
	{name: "without a value", value: "SID", why: absent},
	{name: "in another's value", value: "a=SID=one", why: absent},
	{name: "separators", value: ";;; ;=;=", why: absent},

	{name: "no value", value: "SID=", why: SessionIDEmpty},
	{name: "quotes", value: `SID=""`, why: SessionIDEmpty},
	{name: "placeholder", value: "SID=deleted", why: SessionIDPlaceholder},
	{name: "encoded placeholder", value: "SID=%2D", why: SessionIDPlaceholder},
	{name: "redacted", value: []any{"[REDACTED]"}, why: absent},
	{name: "long", value: "SID=" + strings.Repeat("x", 4097), why: SessionIDSize},
	{name: "10,000 of them", value: strings.Repeat("a=b; ", 10_000) + "SID=last", want: "last"},
	{name: "64 KiB", value: "SID=one; a=" + strings.Repeat("x", maxHeader-11), want: "one"},
	{name: "more than 64 KiB", value: "SID=one; a=" + strings.Repeat("x", maxHeader), why: SessionIDSize},
	{name: "a number", value: 7, why: SessionIDType},
	{name: "a map", value: map[string]any{"SID": "one"}, why: SessionIDType},
	{name: "an empty list", value: []any{}, why: SessionIDType},
}

func TestCookies(t *testing.T) {
	requirePicks(t, Source{Attribute: cookieHeader, Cookie: "SID"}, cookieCases)
}

func TestCookiesThatDiffer(t *testing.T) {
	for pick, want := range map[string]string{"": "one", pickFirst: "one", pickLast: "two"} {
		x := sourced(t, Source{Attribute: cookieHeader, Cookie: "SID", Pick: pick})
		for _, value := range []any{"SID=one; SID=; SID=two", []any{"SID=one", "SID=two; SID=null"}} {
			b := ofTraces(x, oneSpan(t, attrs{cookieHeader: value}))
			require.Equal(t, want, b.Facts[0].Session.Raw, "%s of %v", pick, value)
			require.Equal(t, 1, refusedIn(b)[SessionIDAmbiguous])
		}
		require.Zero(t, refusedIn(ofTraces(x, oneSpan(t, attrs{cookieHeader: "SID=one; SID=\"one\""}))))
	}
}

func TestWhatIsCutOff(t *testing.T) {
	requirePicks(t, Source{Attribute: cookieHeader, Cookie: "sid", StripPrefix: "s:", Until: ".-"}, []pickCase{
		{name: "express", value: "sid=s%3AXk3v.TDrj%2Bx", want: "Xk3v"},
		{name: "without the prefix", value: "sid=Xk3v.node1", want: "Xk3v"},
		{name: "the first of them", value: "sid=a-b.c", want: "a"},
		{name: "nothing left", value: "sid=s:.x", why: SessionIDEmpty},
		{name: "a placeholder is left", value: "sid=null.x", why: SessionIDPlaceholder},
	})
	requirePicks(t, Source{Attribute: cookieHeader, Cookie: "SESSION", Decode: "base64"}, []pickCase{
		{name: "spring", value: "SESSION=" + base64.StdEncoding.EncodeToString([]byte("0b0e-x")), want: "0b0e-x"},
		{name: "without padding", value: "SESSION=YWI", want: "ab"},
		{name: "with padding that is encoded", value: "SESSION=YWI%3D", want: "ab"},
		{name: "not encoded", value: "SESSION=a!b", why: SessionIDEncoding},
		{name: "the other alphabet", value: "SESSION=__-_", why: SessionIDEncoding},
		{name: "a placeholder", value: "SESSION=deleted", why: SessionIDPlaceholder},
		{name: "an encoded placeholder", value: "SESSION=bnVsbA==", why: SessionIDPlaceholder},
		{name: "long", value: "SESSION=" + strings.Repeat("YWJj", 2048), why: SessionIDSize},
	})
	requirePicks(t, Source{Attribute: "http.request.header.x-s", Decode: "base64url"}, []pickCase{
		{name: "base64url", value: []any{"__-_"}, want: "\xff\xff\xbf"},
	})
}

// parameterCases are of the parameter jsessionid.
var parameterCases = []pickCase{
	{name: "at the end", value: "/cart;jsessionid=one.node1", want: "one"},
	{name: "in between", value: "/cart;jsessionid=one/items?x", want: "one"},
	{name: "behind another", value: "/a;v=1;jsessionid=one;w=2", want: "one"},
	{name: "the first that is usable", value: "/a;jsessionid=/b;jsessionid=one/c;jsessionid=two", want: "one"},
	{name: "another case", value: "/cart;JSESSIONID=one", why: absent},
	{name: "in the query", value: "/cart?;jsessionid=one", why: absent},
	{name: "without a value", value: "/cart;jsessionid", why: absent},
	{name: "none", value: "/cart", why: absent},
	{name: "empty", value: "/cart;jsessionid=", why: SessionIDEmpty},
}

func TestPathParameters(t *testing.T) {
	requirePicks(t, Source{Attribute: "url.path", PathParameter: "jsessionid", Until: "."}, parameterCases)
	x := sourced(t, Source{Attribute: "url.path", PathParameter: "jsessionid"})
	f := spanFact(t, x, attrs{"url.path": "/cart/ABCDEFGHIJ;jsessionid=ABCDEFGHIJ", "http.response.status_code": 200})
	require.Equal(t, "/cart/_", f.Details.Path)
}

func TestPickersAllocateNothing(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.SessionID.Sources = Sources{
			{Attribute: cookieHeader, Cookie: "SESSION", StripPrefix: "s:", Until: ".", Decode: "base64"},
			{Attribute: "http.request.header.authorization", Claim: "sid"},
		}
		c.UserID.Sources = Sources{{Attribute: "http.request.header.authorization", Claim: "sub"}}
		c.SessionID.Linked = Sources{{Attribute: "oidc.sid"}}
		c.Outcomes.Rejected = []Rule{{Match: map[string][]string{"exception.type": {"Access*"}, "n": {"7"}}}}
		c.Events.Ended = []Event{{Request: &Rule{Methods: []string{"POST"}, Routes: []string{"logout"}}}}
	})
	td := benchTraces(100)
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for i := range spans.Len() {
		a := attrs{
			"http.request.header.authorization": []any{"Bearer " + jwt(`{"iss":"x","sub":"u\u0041","sid":"s1"}`)}, "oidc.sid": "larger",
			"rpc.service": "a.B", "rpc.method": "logout", "http.request.method": "POST", "n": 7,
		}
		if i%2 == 0 {
			a[cookieHeader] = []any{"a=b", "SESSION=s%3AYWJjZA==.sig"}
		}
		a.put(t, spans.At(i).Attributes())
	}
	b := &Batch{}
	run := func() { b.Reset(); x.Traces(td, b) }
	run()
	require.Len(t, b.Facts, 2*benchSpans)
	require.Zero(t, testing.AllocsPerRun(20, run))
}

func TestPresented(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		s    Source
		want bool
	}{
		{Source{Attribute: "a"}, false},
		{Source{Attribute: "a", Presented: &yes}, true},
		{Source{Attribute: "a", Cookie: "c"}, true},
		{Source{Attribute: "a", Cookie: "c", Presented: &no}, false},
		{Source{Attribute: "http.response.header.set-cookie", Cookie: "c"}, false},
		{Source{Attribute: "http.response.header.x-s"}, false},
		{Source{Attribute: "http.response.header.x-s", Claim: "c"}, true},
		{Source{Attribute: "a", PathParameter: "c"}, true},
		{Source{Attribute: "http.request.header.x"}, true},
		{Source{Attribute: "http.request.header.x", Presented: &no}, false},
		{Source{Attribute: "messaging.header.x"}, true},
	} {
		require.Equal(t, c.want, c.s.IsPresented(), "%+v", c.s)
	}
	// A claim is never an identity, whatever is said of it.
	x := newExtractor(t, func(c *Config) {
		c.UserID.Sources = Sources{{Attribute: "t", Claim: "sub", Presented: &no}, {Attribute: "http.request.header.x-user"}, {Attribute: "user.id"}}
	})
	f := spanFact(t, x, served.with(attrs{"t": jwt(`{"sub":"ann"}`)}))
	require.Equal(t, userName(x, "ann"), f.User)
	require.True(t, f.Flags.Has(fact.UserPresented))
	require.EqualValues(t, 0, f.UserSource)
	for range 2 { // the finding names it, though nothing of the token is kept
		ann := x.Pseudonym("ann")
		require.Equal(t, string(ann[:]), f.Details.User)
		f = spanFact(t, x, served.with(attrs{"t": jwt(`{"sub":"ann"}`)}))
	}
	f = spanFact(t, x, served.with(attrs{"http.request.header.x_user": []any{"ann"}, "user.id": "bob"}))
	require.Equal(t, userName(x, "ann"), f.User)
	require.True(t, f.Flags.Has(fact.UserPresented))
	f = spanFact(t, x, served.with(attrs{"user.id": "bob"}))
	require.EqualValues(t, 2, f.UserSource)
	require.Zero(t, f.Flags)
	require.Empty(t, f.Details.User)
}

func TestHyphensAndUnderscoresOfHeaders(t *testing.T) {
	for _, configured := range []string{"http.request.header.x-session-id", "http.request.header.x_session_id", "http.request.header.x-session_id"} {
		x := sourced(t, Source{Attribute: configured})
		for _, sent := range []string{"http.request.header.x-session-id", "http.request.header.x_session_id", "http.request.header.x-session_id"} {
			require.Equal(t, "one", spanFact(t, x, attrs{sent: []any{"one"}}).Session.Raw, "%s %s", configured, sent)
		}
		require.Empty(t, ofTraces(x, oneSpan(t, attrs{"http-request.header.x-session-id": "one"})).Facts)
	}
	// Of names with many signs those are known that have one throughout.
	x := sourced(t, Source{Attribute: "http.request.header.a-b-c-d-e-f"})
	for _, sent := range []string{"a-b-c-d-e-f", "a_b_c_d_e_f"} {
		require.Len(t, ofTraces(x, oneSpan(t, attrs{"http.request.header." + sent: "one"})).Facts, 1, sent)
	}
	// Elsewhere they differ.
	require.Empty(t, ofTraces(sourced(t, Source{Attribute: "app.session-id"}), oneSpan(t, attrs{"app.session_id": "one"})).Facts)
}

func TestSourcesThatContradict(t *testing.T) {
	x := sourced(t, Source{Attribute: "session.id"}, Source{Attribute: cookieHeader, Cookie: "SID"})
	f := spanFact(t, x, attrs{"session.id": "loaded", cookieHeader: "SID=presented"})
	require.Equal(t, "loaded", f.Session.Raw, "the first that is there")
	require.Zero(t, f.Flags)
}

func TestLinked(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.SessionID.Linked = Sources{{Attribute: "oidc.sid"}} })
	for _, a := range []attrs{served, served.with(attrs{"http.route": "/login"})} {
		require.Equal(t, sessionName(x, "larger"), *spanFact(t, x, a.with(attrs{"oidc.sid": "larger"})).Linked)
		require.Zero(t, spanFact(t, x, a.with(attrs{"oidc.sid": "s1"})).Linked, "not onto itself")
		require.Zero(t, spanFact(t, x, a.with(attrs{"oidc.sid": "null"})).Linked)
	}
	f := logFact(t, x, attrs{"session.id": "s1", "oidc.sid": "larger"}, eventNamed("authn_login_success"))
	require.Equal(t, sessionName(x, "larger"), *f.Linked)
	f = spanFact(t, x, served.with(attrs{"oidc.sid": "larger-session", "url.path": "/a/larger-session"}))
	require.Equal(t, "/a/_", f.Details.Path)
}

// TestPickedIDsAreNotQuoted: in any spelling.
func TestPickedIDsAreNotQuoted(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.SessionID.Sources = Sources{{Attribute: cookieHeader, Cookie: "SID", StripPrefix: "s:", Until: "."}}
		c.UserID.Sources = Sources{{Attribute: "t", Claim: "sub"}}
	})
	f := spanFact(t, x, attrs{
		cookieHeader: "SID=s%3Acanary%2Fsession.sig", "t": jwt(`{"sub":"canary@user"}`), "http.response.status_code": 200,
		"url.path": "/a/canary%2Fsession/canary%40user/CANARY/SESSION", "rpc.method": "m/canary/session",
	})
	require.Equal(t, "/a/_/_/_", f.Details.Path)
	require.Equal(t, "m/_", f.Details.RPCMethod)
}

// Nor are those of a list that are not picked.
func TestIDsOfAListAreNotQuoted(t *testing.T) {
	x := newExtractor(t)
	ids := attrs{"session.id": []any{"first-session", "other-session"}, "user.id": []any{"first-user", "other-user"}, "http.response.status_code": 200}
	f := spanFact(t, x, ids.with(attrs{"url.path": "/a/other-session/other-user/first-session/first-user/b"}))
	require.Equal(t, "/a/_/_/_/_/b", f.Details.Path)
	f = spanFact(t, x, attrs{"session.id": []any{"first-session", "other-session"}, "url.path": "/a/other-session"})
	require.Equal(t, "/a/_", f.Details.Path)
}

// TestCanary: nothing of a header or a token is in what leaves, or in an error.
func TestCanary(t *testing.T) {
	const canary = "canary0123"
	x := newExtractor(t, func(c *Config) {
		c.SessionID.Sources = Sources{
			{Attribute: cookieHeader, Cookie: "SID", Decode: "base64"},
			{Attribute: "http.request.header.authorization", Claim: "sid"},
			{Attribute: "url.path", PathParameter: "sid"},
			{Attribute: "session.id"},
		}
		c.UserID.Sources = Sources{{Attribute: "http.request.header.authorization", Claim: "sub"}}
	})
	for _, a := range []attrs{
		{cookieHeader: "SID=" + base64.StdEncoding.EncodeToString([]byte(canary))},
		{cookieHeader: "SID=" + canary + "!"},
		{"http.request.header.authorization": "Bearer " + jwt(`{"sid":"`+canary+`","sub":"`+canary+`u"}`)},
		{"http.request.header.authorization": "Bearer " + jwt(`{"sid":["`+canary+`"]}`)},
		{"url.path": "/a/" + canary + ";sid=" + canary},
		{"session.id": canary},
	} {
		a = attrs{"http.route": "/r/" + canary, "url.path": "/a/" + url.PathEscape(canary), "rpc.method": canary, "http.response.status_code": 200}.with(a)
		td := oneSpan(t, a)
		td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.instance.id", canary)
		b := ofTraces(x, td)
		for _, f := range b.Facts {
			require.NotContains(t, fmt.Sprintf("%+v %+v", f.Details, *f.Resource), canary, "%v", a)
		}
	}
	_, err := New(Config{SessionID: SessionID{HashKey: []byte(canary)}})
	require.Error(t, err)
	require.NotContains(t, err.Error(), canary)
}
