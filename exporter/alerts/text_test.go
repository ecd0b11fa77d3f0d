package alerts

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"checkout":                        "checkout",
		"Straße, ДВА, 決済, 🛒, \u00a0":      "Straße, ДВА, 決済, 🛒, \u00a0",
		"\uFFFD":                          "\uFFFD",
		"bad\xff\xfesvc":                  "bad\uFFFD\uFFFDsvc",
		"\xe6\xb1":                        "\uFFFD\uFFFD", // half a character
		"a\nb\tc\x00d\x1be\x7f":           "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\uFFFD",
		"a\u0085b\u009b31m":               "a\uFFFDb\uFFFD31m",
		"\u202etuokcehc\u202c":            "\uFFFDtuokcehc\uFFFD",
		"\u2066a\u2069\u200e\u200f\u061c": "\uFFFDa\uFFFD\uFFFD\uFFFD\uFFFD",
	} {
		require.Equal(t, want, clean(in, maxLabelValue), "%q", in)
	}
	require.Equal(t, "abc", clean("abc", 3))
	require.Equal(t, "ab", clean("abc", 2))
	require.Equal(t, "a", clean("aä", 2), "no character is cut in two")
	require.Equal(t, "\uFFFD", clean("\xff\xfe", 3))
	require.Empty(t, clean("ä", 1))
	require.Len(t, labelValue(strings.Repeat("x", 1<<16)), maxLabelValue)
	require.Equal(t, strings.Repeat("ä", 128), labelValue("ä"+strings.Repeat("ä", 300)))
	require.Equal(t, "x"+strings.Repeat("ä", 127), labelValue("x"+strings.Repeat("ä", 300)))
}

func FuzzClean(f *testing.F) {
	f.Add("checkout", 8)
	f.Add("\xff\u202e\x00ä決🛒", 5)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = int(uint(limit) % 512)
		got := clean(s, limit)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), limit)
		require.Equal(t, got, clean(got, limit))
		require.NotRegexp(t, `[\x00-\x1f\x7f-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{200e}\x{200f}\x{61c}]`, got)
		for i, r := range s {
			if i+utf8.UTFMax > limit || r == utf8.RuneError || r < ' ' || r > '~' {
				break
			}
			require.Equal(t, byte(r), got[i], "what is fit stays as it is")
		}
	})
}
