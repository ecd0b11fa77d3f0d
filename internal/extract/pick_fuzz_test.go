package extract

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// fuzzPicker takes any text for what holds an id: what is picked is a part of it,
// or of what decode makes of it, and nothing else.
func fuzzPicker(f *testing.F, s Source, seeds []pickCase, decode func(string) []string) {
	f.Helper()
	for _, seed := range seeds {
		list, _ := seed.value.([]any)
		for _, value := range append(list, seed.value) {
			if text, ok := value.(string); ok {
				f.Add(text)
			}
		}
	}
	p := newPicker(&s)
	rules := newIDRules(true, DefaultConfig().SessionID.Placeholders)
	b := &Batch{}
	f.Fuzz(func(t *testing.T, text string) {
		b.Reset()
		b.add(fact.Resource{})
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
		append(cookieCases, pickCase{value: `a=b; SID="s%3Aone.x"`}, pickCase{value: "SID=%zz;SID=;;="}),
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
	fuzzPicker(f, Source{Attribute: "a", PathParameter: "jsessionid"}, append(parameterCases, pickCase{value: ";;jsessionid=;jsessionid"}),
		func(string) []string { return nil })
}

func FuzzDecoded(f *testing.F) {
	fuzzPicker(f, Source{Attribute: "a", Decode: "base64"}, []pickCase{{value: "YWI="}, {value: "YWJj"}, {value: "!"}, {value: "===="}, {value: "__-_"}, {value: "bnVsbA=="}}, func(text string) []string {
		d, _ := base64.RawStdEncoding.DecodeString(strings.TrimSuffix(strings.TrimSuffix(text, "="), "="))
		return []string{string(d)}
	})
}

func FuzzClaim(f *testing.F) {
	fuzzPicker(f, Source{Attribute: "a", Claim: "sid"},
		append(claimCases, pickCase{value: "Bearer " + jwt(`{"a":[{}],"sid":-1}`)}, pickCase{value: "eyJ.e30.x"}, pickCase{value: "a.b.c.d.e"}),
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
	for _, c := range claimCases {
		token, _ := c.value.(string)
		if _, payload, ok := strings.Cut(token, "."); ok {
			payload, _, _ = strings.Cut(payload, ".")
			if decoded, err := base64.RawURLEncoding.DecodeString(payload); err == nil {
				f.Add(string(decoded))
			}
		}
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
