package session

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		"shop":              "shop",
		"Käse 店 \U0001f6d2": "Käse 店 \U0001f6d2",
		"bad\xff\xfesvc":    "bad\uFFFD\uFFFDsvc",
		"a\nb\tc\x00d\x1b":  "a\uFFFDb\uFFFDc\uFFFDd\uFFFD",
		"a\x7fb\u0085c":     "a\uFFFDb\uFFFDc",
		"a\u202eb\u2066c":   "a\uFFFDb\uFFFDc",
		"a\u200fb\u2028c":   "a\uFFFDb\uFFFDc",
		"\uFFFD":            "\uFFFD",
		"\xed\xa0\x80":      "\uFFFD\uFFFD\uFFFD", // half of a surrogate pair
		"\xc0\xaf":          "\uFFFD\uFFFD",       // longer than need be
	} {
		require.Equal(t, want, Clean(in), "%q", in)
	}
	full := strings.Repeat("x", MaxText)
	require.Equal(t, full, Clean(full))
	require.Equal(t, full, Clean(full+"x"))
	require.Equal(t, full[1:], Clean(full[1:]+"é"), "between characters")
	require.Equal(t, full[2:]+"é", Clean(full[2:]+"é"))
	require.Zero(t, testing.AllocsPerRun(100, func() { Clean(full[1:]); Clean("Käse") }))
}

// isPlain says of what leaves whether it may: a reading of the rule that shares
// nothing with Clean but the length.
func isPlain(s string) bool {
	return utf8.ValidString(s) && len(s) <= MaxText && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}

func TestCleanIsPlain(t *testing.T) {
	text := rapid.OneOf(
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), MaxText-5, MaxText+5), func(b []byte) string { return string(b) }),
		rapid.String(),
		rapid.StringOf(rapid.SampledFrom([]rune("ab\u061c\u200d\u200e\u200f\u2027\u2028\u2029\u202a\u202e\u202f\u2065\u2066\u2069\u206a\u009f\u00a0\x7f~\x1f"))),
	)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		c := Clean(s)
		if !isPlain(c) {
			t.Fatalf("%q is %q", s, c)
		}
		if isPlain(s) && c != s {
			t.Fatalf("%q was plain and is %q", s, c)
		}
		if Clean(c) != c {
			t.Fatalf("%q is %q and %q then", s, c, Clean(c))
		}
	})
}

// A store of an older version holds what came.
func TestWhatIsRestoredIsClean(t *testing.T) {
	dirty := "bad\xff\nsvc" + strings.Repeat("x", MaxText)
	r := Resource{dirty, dirty, dirty, dirty}
	d := decoder{left: appendResource(nil, &r)}
	want := Clean(dirty)
	require.Equal(t, Resource{want, want, want, want}, d.resource())
	require.NoError(t, d.err)

	s := newServices(9)
	require.Equal(t, uint32(1), s.name(dirty))
	require.Equal(t, uint32(1), s.name(want), "one name, one service")
	require.Equal(t, []string{OtherService, want}, s.names)
}
