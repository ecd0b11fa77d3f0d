package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// claimCases are of the claim sid.
var claimCases = []pickCase{
	{name: "bearer", value: []any{"Bearer " + jwt(`{"sid":"one"}`)}, want: "one"},
	{name: "in any case", value: "bEARER  " + jwt(` { "iss" : "x" , "sid" : "one" } `), want: "one"},
	{name: "alone", value: jwt(`{"sid":"one","b":{"sid":"two"},"c":[{"sid":"x"}],"d":1.5e3,"e":null,"f":true}`), want: "one"},
	{name: "an int", value: jwt(`{"sid":-42}`), want: "-42"},
	{name: "escapes", value: jwt(`{"sid":"a\/b\u0041\n\ud83d\ude00\"\\"}`), want: "a/bA\n😀\"\\"},
	{name: "a name with escapes", value: jwt(`{"s\u0069d":"one"}`), want: "one"},
	{name: "padded", value: strings.Replace(jwt(`{"sid":"one!"}`), ".c2ln", "=.c2ln", 1), want: "one!"},
	{name: "the second of a list", value: []any{"Basic YTpi", "Bearer " + jwt(`{"sid":"one"}`)}, want: "one"},
	{name: "deep", value: jwt(`{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,"sid":"one"}`), want: "one"},
	{name: "without a signature", value: strings.TrimSuffix(jwt(`{"sid":"one"}`), "c2ln"), want: "one"},

	{name: "not in it", value: jwt(`{"sub":"x","b":{"sid":"two"}}`), why: absent},
	{name: "an empty object", value: jwt(`{ }`), why: absent},
	{name: "other credentials", value: "Basic YTpi", why: absent},
	{name: "an opaque token", value: "Bearer ya29.a0Af", why: absent},
	{name: "another", value: "Bearer 0123456789abcdef", why: absent},
	{name: "nothing", value: "", why: absent},

	{name: "two parts", value: "eyJhbGciOiJub25lIn0.eyJzaWQiOiJvbmUifQ", why: SessionIDToken},
	{name: "a JWE", value: "Bearer eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp.48V1_ALb6US0.5eym8TW_c8Su.XFBoMYUZodet", why: SessionIDToken},
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
}

func TestClaims(t *testing.T) {
	requirePicks(t, Source{Attribute: "http.request.header.authorization", Claim: "sid"}, claimCases)
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
