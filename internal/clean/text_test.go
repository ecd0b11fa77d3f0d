package clean

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const most = 64

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"shop":                            "shop",
		"Straße, ДВА, 決済, 🛒, \u00a0":      "Straße, ДВА, 決済, 🛒, \u00a0",
		"bad\xff\xfesvc":                  "bad\uFFFD\uFFFDsvc",
		"\xe6\xb1":                        "\uFFFD\uFFFD",       // half a character
		"\xed\xa0\x80":                    "\uFFFD\uFFFD\uFFFD", // half of a surrogate pair
		"\xc0\xaf":                        "\uFFFD\uFFFD",       // longer than need be
		"\uFFFD":                          "\uFFFD",
		"a\nb\tc\x00d\x1be\x7f":           "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\uFFFD",
		"a\u0085b\u009b31m":               "a\uFFFDb\uFFFD31m",
		"\u202etuokcehc\u202c":            "\uFFFDtuokcehc\uFFFD",
		"\u2066a\u2069\u200e\u200f\u061c": "\uFFFDa\uFFFD\uFFFD\uFFFD\uFFFD",
		"a\u200fb\u2028c\u2029":           "a\uFFFDb\uFFFDc\uFFFD",
	} {
		require.Equal(t, want, Text(in, most), "%q", in)
	}
	full := strings.Repeat("x", most)
	require.Equal(t, full, Text(full, most))
	require.Equal(t, full, Text(full+"x", most))
	require.Equal(t, full[1:], Text(full[1:]+"é", most), "between characters")
	require.Equal(t, full[2:]+"é", Text(full[2:]+"é", most))
	require.Empty(t, Text("é", 1))
	require.Zero(t, testing.AllocsPerRun(100, func() { Text(full[1:], most); Text("Käse", most) }))
}

// isPlain says of what leaves whether it may: a reading of the rule that shares
// nothing with Text.
func isPlain(s string, limit int) bool {
	return utf8.ValidString(s) && len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}

func TestTextIsPlain(t *testing.T) {
	text := rapid.OneOf(
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), most-5, most+5), func(b []byte) string { return string(b) }),
		rapid.String(),
		rapid.StringOf(rapid.SampledFrom([]rune("ab\u061c\u200d\u200e\u200f\u2027\u2028\u2029\u202a\u202e\u202f\u2065\u2066\u2069\u206a\u009f\u00a0\x7f~\x1f"))),
	)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		c := Text(s, most)
		if !isPlain(c, most) {
			t.Fatalf("%q is %q", s, c)
		}
		if isPlain(s, most) && c != s {
			t.Fatalf("%q was plain and is %q", s, c)
		}
		if Text(c, most) != c {
			t.Fatalf("%q is %q and %q then", s, c, Text(c, most))
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("checkout", 8)
	f.Add("\xff\u202e\x00ä決🛒", 5)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = int(uint(limit) % 512)
		got := Text(s, limit)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), limit)
		require.Equal(t, got, Text(got, limit))
		require.True(t, isPlain(got, limit))
		for i, r := range s {
			if i+utf8.UTFMax > limit || r == utf8.RuneError || r < ' ' || r > '~' {
				break
			}
			require.Equal(t, byte(r), got[i], "what is fit stays as it is")
		}
	})
}
