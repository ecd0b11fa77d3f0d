package extract

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

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
			b.Refused[SessionIDAmbiguous] = 0
			if c.want == "" && c.why != absent {
				require.Empty(t, b.Facts)
				var want [ReasonCount]int
				want[c.why] = 1
				require.Equal(t, want, b.Refused)
				return
			}
			want := c.want
			if want == "" {
				want = "next"
			}
			require.Len(t, b.Facts, 1)
			require.Equal(t, sessionName(x, want), b.Facts[0].Session)
			require.Equal(t, c.want != "", b.Facts[0].Flags.Has(fact.Presented))
			require.Zero(t, b.Refused)
		})
	}
}

func TestCookies(t *testing.T) {
	many := strings.Repeat("a=b; ", 10_000) + "SID=last"
	requirePicks(t, Source{Attribute: cookieHeader, Cookie: "SID"}, []pickCase{
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
		{name: "10,000 of them", value: many, want: "last"},
		{name: "64 KiB", value: "SID=one; a=" + strings.Repeat("x", maxHeader-11), want: "one"},
		{name: "more than 64 KiB", value: "SID=one; a=" + strings.Repeat("x", maxHeader), why: SessionIDSize},
		{name: "a number", value: 7, why: SessionIDType},
		{name: "a map", value: map[string]any{"SID": "one"}, why: SessionIDType},
		{name: "an empty list", value: []any{}, why: SessionIDType},
	})
}

func TestCookiesThatDiffer(t *testing.T) {
	for pick, want := range map[string]string{"": "one", pickFirst: "one", pickLast: "two"} {
		x := sourced(t, Source{Attribute: cookieHeader, Cookie: "SID", Pick: pick})
		for _, value := range []any{"SID=one; SID=; SID=two", []any{"SID=one", "SID=two; SID=null"}} {
			b := ofTraces(x, oneSpan(t, attrs{cookieHeader: value}))
			require.Equal(t, want, b.Facts[0].Session.Raw, "%s of %v", pick, value)
			require.Equal(t, 1, b.Refused[SessionIDAmbiguous])
		}
		require.Zero(t, ofTraces(x, oneSpan(t, attrs{cookieHeader: "SID=one; SID=\"one\""})).Refused)
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

func TestPathParameters(t *testing.T) {
	requirePicks(t, Source{Attribute: "url.path", PathParameter: "jsessionid", Until: "."}, []pickCase{
		{name: "at the end", value: "/cart;jsessionid=one.node1", want: "one"},
		{name: "in between", value: "/cart;jsessionid=one/items?x", want: "one"},
		{name: "behind another", value: "/a;v=1;jsessionid=one;w=2", want: "one"},
		{name: "the first that is usable", value: "/a;jsessionid=/b;jsessionid=one/c;jsessionid=two", want: "one"},
		{name: "another case", value: "/cart;JSESSIONID=one", why: absent},
		{name: "in the query", value: "/cart?;jsessionid=one", why: absent},
		{name: "without a value", value: "/cart;jsessionid", why: absent},
		{name: "none", value: "/cart", why: absent},
		{name: "empty", value: "/cart;jsessionid=", why: SessionIDEmpty},
	})
	x := sourced(t, Source{Attribute: "url.path", PathParameter: "jsessionid"})
	f := spanFact(t, x, attrs{"url.path": "/cart/ABCDEFGHIJ;jsessionid=ABCDEFGHIJ", "http.response.status_code": 200})
	require.Equal(t, "/cart/_", f.Details.Path)
}

func TestClaims(t *testing.T) {
	deep := `{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,"sid":"one"}`
	requirePicks(t, Source{Attribute: "http.request.header.authorization", Claim: "sid"}, []pickCase{
		{name: "bearer", value: []any{"Bearer " + jwt(`{"sid":"one"}`)}, want: "one"},
		{name: "in any case", value: "bEARER  " + jwt(` { "iss" : "x" , "sid" : "one" } `), want: "one"},
		{name: "alone", value: jwt(`{"sid":"one","b":{"sid":"two"},"c":[{"sid":"x"}],"d":1.5e3,"e":null,"f":true}`), want: "one"},
		{name: "an int", value: jwt(`{"sid":-42}`), want: "-42"},
		{name: "escapes", value: jwt(`{"sid":"a\/b\u0041\n\ud83d\ude00\"\\"}`), want: "a/bA\n😀\"\\"},
		{name: "a name with escapes", value: jwt(`{"s\u0069d":"one"}`), want: "one"},
		{name: "padded", value: strings.Replace(jwt(`{"sid":"one!"}`), ".c2ln", "=.c2ln", 1), want: "one!"},
		{name: "the second of a list", value: []any{"Basic YTpi", "Bearer " + jwt(`{"sid":"one"}`)}, want: "one"},
		{name: "deep", value: jwt(deep), want: "one"},
		{name: "without a signature", value: strings.TrimSuffix(jwt(`{"sid":"one"}`), "c2ln"), want: "one"},

		{name: "not in it", value: jwt(`{"sub":"x","b":{"sid":"two"}}`), why: absent},
		{name: "an empty object", value: jwt(`{ }`), why: absent},
		{name: "other credentials", value: "Basic YTpi", why: absent},
		{name: "an opaque token", value: "Bearer ya29.a0Af", why: absent},
		{name: "another", value: "Bearer 0123456789abcdef", why: absent},
		{name: "nothing", value: "", why: absent},

		{name: "two parts", value: "eyJhbGciOiJub25lIn0.eyJzaWQiOiJvbmUifQ", why: SessionIDToken},
		{name: "five parts", value: jwt(`{"sid":"one"}`) + ".a.b", why: SessionIDToken},
		{name: "four parts", value: jwt(`{"sid":"one"}`) + ".a", why: SessionIDToken},
		{name: "no base64", value: "eyJ.!!!!.x", why: SessionIDToken},
		{name: "no JSON", value: jwt(`sid=one`), why: SessionIDToken},
		{name: "half of it", value: jwt(`{"sid":"one"`), why: SessionIDToken},
		{name: "more than it", value: jwt(`{"sid":"one"}{}`), why: SessionIDToken},
		{name: "NUL behind it", value: jwt("{\"sid\":\"one\"}\x00x"), why: SessionIDToken},
		{name: "twice", value: jwt(`{"sid":"one","sid":"two"}`), why: SessionIDToken},
		{name: "twice, one in disguise", value: jwt(`{"sid":"one","\u0073id":"two"}`), why: SessionIDToken},
		{name: "invalid UTF-8", value: jwt("{\"a\":\"\xff\",\"sid\":\"one\"}"), why: SessionIDToken},
		{name: "half a character", value: jwt(`{"sid":"\ud83d"}`), why: SessionIDToken},
		{name: "no escape", value: jwt(`{"sid":"\x"}`), why: SessionIDToken},
		{name: "depth 2,000, not closed", value: jwt(`{"a":` + strings.Repeat(`[`, 2000)), why: SessionIDToken},
		{name: "more than 8 KiB", value: jwt(`{"sid":"one","a":"` + strings.Repeat("x", 8<<10) + `"}`), why: SessionIDSize},
		{name: "depth 10,000", value: jwt(`{"sid":"one","a":` + strings.Repeat("[", 10_000)), why: SessionIDSize},
		{name: "1 MiB", value: "Bearer " + jwt(`{"sid":"one","a":"`+strings.Repeat("x", 1<<20)+`"}`), why: SessionIDSize},
		{name: "empty", value: jwt(`{"sid":""}`), why: SessionIDEmpty},
		{name: "placeholder", value: jwt(`{"sid":"null"}`), why: SessionIDPlaceholder},
		{name: "a map", value: jwt(`{"sid":{"a":"b"}}`), why: SessionIDType},
		{name: "a list", value: jwt(`{"sid":["one"]}`), why: SessionIDType},
		{name: "null", value: jwt(`{"sid":null}`), why: SessionIDType},
		{name: "a bool", value: jwt(`{"sid":true}`), why: SessionIDType},
		{name: "a fraction", value: jwt(`{"sid":1.5}`), why: SessionIDType},
		{name: "an exponent", value: jwt(`{"sid":1e3}`), why: SessionIDType},
	})
}

// A token leaves nothing behind in the batch, and what was picked stays as long as
// the batch does.
func TestNothingOfAHeaderOutlivesTheCall(t *testing.T) {
	x := sourced(t, Source{Attribute: "t", Claim: "sid"}, Source{Attribute: cookieHeader, Cookie: "c"})
	b := &Batch{}
	x.Traces(oneSpan(t, attrs{"t": jwt(`{"secret":"hidden-payload","sid":"picked-id"}`)}), b)
	x.Traces(oneSpan(t, attrs{cookieHeader: "c=%70icked-too"}), b)
	for i := range 50 {
		x.Traces(oneSpan(t, attrs{cookieHeader: fmt.Sprintf("c=%%70%d", i)}), b)
	}
	require.NotContains(t, string(b.token[:cap(b.token)]), "hidden")
	require.Equal(t, "picked-id", b.Facts[0].Session.Raw)
	require.Equal(t, "picked-too", b.Facts[1].Session.Raw)
	text := b.text[:cap(b.text)]
	b.Reset()
	require.NotContains(t, string(text), "p4")
	x.Traces(oneSpan(t, attrs{"t": jwt(`{"secret":"hidden-payload","sid":"x"}`)[:60] + "!!.x"}), b)
	require.NotContains(t, string(b.token[:cap(b.token)]), "hidden")
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
	f = spanFact(t, x, served.with(attrs{"http.request.header.x_user": []any{"ann"}, "user.id": "bob"}))
	require.Equal(t, userName(x, "ann"), f.User)
	require.True(t, f.Flags.Has(fact.UserPresented))
	f = spanFact(t, x, served.with(attrs{"user.id": "bob"}))
	require.EqualValues(t, 2, f.UserSource)
	require.Zero(t, f.Flags)
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
		require.Equal(t, sessionName(x, "larger"), spanFact(t, x, a.with(attrs{"oidc.sid": "larger"})).Linked)
		require.Zero(t, spanFact(t, x, a.with(attrs{"oidc.sid": "s1"})).Linked, "not onto itself")
		require.Zero(t, spanFact(t, x, a.with(attrs{"oidc.sid": "null"})).Linked)
	}
	f := logFact(t, x, attrs{"session.id": "s1", "oidc.sid": "larger"}, eventNamed("authn_login_success"))
	require.Equal(t, sessionName(x, "larger"), f.Linked)
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

// fuzzPicker takes any text for what holds an id: what is picked is a part of it,
// or of what decode makes of it, and nothing else.
func fuzzPicker(f *testing.F, s Source, seeds []string, decode func(string) []string) {
	f.Helper()
	for _, seed := range seeds {
		f.Add(seed)
	}
	p := newPicker(&s)
	rules := newIDRules(true, DefaultConfig().SessionID.Placeholders)
	b := &Batch{}
	f.Fuzz(func(t *testing.T, text string) {
		b.Reset()
		before := strings.Clone(text)
		v := pcommon.NewValueStr(text)
		raw, reason := p.pick(v, &rules, b)
		require.Equal(t, before, text)
		if reason != usable {
			require.Empty(t, raw)
			return
		}
		require.NotEmpty(t, raw)
		require.LessOrEqual(t, len(raw), maxIDSize)
		for _, whole := range append(decode(text), text) {
			if strings.Contains(whole, raw) {
				return
			}
		}
		t.Fatalf("%q is not in %q", raw, text)
	})
}

func FuzzCookie(f *testing.F) {
	fuzzPicker(f, Source{Attribute: "a", Cookie: "SID", StripPrefix: "s:", Until: "."},
		[]string{"SID=one", `a=b; SID="s%3Aone.x"`, "SID=%zz;SID=;;=", "SID"},
		func(text string) (decoded []string) {
			for part := range strings.SplitSeq(text, ";") {
				if d, err := url.PathUnescape(part); err == nil {
					decoded = append(decoded, d)
				}
				if _, value, ok := strings.Cut(part, "="); ok {
					if d, err := url.PathUnescape(strings.Trim(value, "\" \t")); err == nil {
						decoded = append(decoded, d)
					}
				}
			}
			return decoded
		})
}

func FuzzPathParameter(f *testing.F) {
	fuzzPicker(f, Source{Attribute: "a", PathParameter: "sid"}, []string{"/a;sid=one/b", ";;sid=;sid", "/?;sid=x"},
		func(string) []string { return nil })
}

func FuzzDecoded(f *testing.F) {
	fuzzPicker(f, Source{Attribute: "a", Decode: "base64"}, []string{"YWI=", "YWJj", "!", "===="}, func(text string) []string {
		d, _ := base64.RawStdEncoding.DecodeString(strings.TrimSuffix(strings.TrimSuffix(text, "="), "="))
		return []string{string(d)}
	})
}

func FuzzClaim(f *testing.F) {
	fuzzPicker(f, Source{Attribute: "a", Claim: "sid"},
		[]string{jwt(`{"sid":"one"}`), "Bearer " + jwt(`{"a":[{}],"sid":-1}`), "eyJ.e30.x", "a.b.c.d.e"},
		func(text string) (decoded []string) {
			for part := range strings.SplitSeq(text, ".") {
				d, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
				decoded = append(decoded, string(d))
				var a arena
				for piece := range strings.SplitSeq(string(d), `"`) { // without escaped quotes
					a.unescape([]byte(piece))
				}
				decoded = append(decoded, string(a.text))
				a = arena{}
				a.unescape(d)
				decoded = append(decoded, string(a.text))
			}
			return decoded
		})
}

// FuzzJSONObject: whatever the text, a name is found where it is or not at all.
func FuzzJSONObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"sid":1}`, `{"a":{"sid":[`, `{"sid":"\u00`, "{\"\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := jsonObject{json: []byte(text)}
		value, found, ok := o.find("sid")
		if found && ok {
			require.NotEmpty(t, value)
			require.Contains(t, text, string(value))
		}
	})
}
