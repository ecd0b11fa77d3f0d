package extract

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newSecrets(ids ...string) *secrets {
	s := &secrets{}
	s.reset()
	for _, id := range ids {
		s.add(id)
	}
	return s
}

func TestHide(t *testing.T) {
	const session, user = "0123456789abcdef", "42"
	hidden, none := newSecrets(session, user), newSecrets()
	for text, want := range map[string]string{
		"":                                 "",
		"/cart":                            "/cart",
		"/sessions/" + session:             "/sessions/_",
		"/sessions/" + session + "x/items": "/sessions/_x/items",
		"replies." + session:               "replies._",
		"/users/42/orders/142":             "/users/_/orders/142",
		"/42/42":                           "/_/_",
		"/a42/42b":                         "/a42/42b",
		"42":                               "_",
		"/users%2F42%2Forders/1%342":       "/users%2F_%2Forders/1%342",
		"/users/%34%32/x":                  "/users/_/x",
		"/sessions/0123456789ABCDEF":       "/sessions/_",
		"/sessions/012345678%39abcde%66/x": "/sessions/_/x",
		"/MDEyMzQ1Njc4OWFiY2RlZg==":        "/_==",
	} {
		require.Equal(t, want, hidden.quote(text), text)
	}
	require.Equal(t, "/x", none.quote("/x"))
	alone := newSecrets(session)
	require.Equal(t, "/users/42/_", alone.quote("/users/42/"+session))
	require.Equal(t, "_", alone.quote(session))
	long := strings.Repeat("s", maxDetail)
	require.Equal(t, long, none.quote(long))
	require.Equal(t, long, none.quote(long+"s"))
	require.Equal(t, long, alone.quote(long+session), "what is hidden first is cut then")
	require.Equal(t, long[1:]+"_", alone.quote(long[1:]+session))
	for _, text := range []string{"/cart/items", "/a%20long/path/that/has/some%2Fescapes", "/another/long/path/without/any"} {
		if allocs := testing.AllocsPerRun(100, func() { hidden.quote(text) }); !raceEnabled {
			require.Zero(t, allocs, text)
		}
	}
}

// A path is percent-encoded where an id is not, or the other way round.
func TestHideEscaped(t *testing.T) {
	s := newSecrets("q8Z/v+77aXk0pQ3mBw==", "ann@example.com", "Ann Smith the 1st")
	for text, want := range map[string]string{
		"/s/q8Z%2Fv%2B77aXk0pQ3mBw%3D%3D/cart":         "/s/_/cart",
		"/s/q8z%2fv%2b77axk0pq3mbw==":                  "/s/_",
		"/s/q8Z%252Fv%252B77aXk0pQ3mBw%253D%253D/cart": "/s/_/cart",
		"/s/q8Z/v 77aXk0pQ3mBw==":                      "/s/_",
		"/u/ann%40example.com":                         "/u/_",
		"/u/%61nn%2540EXAMPLE.com/x":                   "/u/_/x",
		"/u/%25%36%31nn@example.com":                   "/u/_",
		"/u/ann+smith%20the+1st/x":                     "/u/_/x",
		"/u/ann%":                                      "/u/ann%",
		"/u/ann%4":                                     "/u/ann%4",
		"%/u/%zz/ann@example.com%4":                    "%/u/%zz/_%4",
	} {
		require.Equal(t, want, s.quote(text), text)
	}
	encoded := newSecrets("s%3Aq8Zv77aXk0pQ3mBw.sig%2Bature")
	for _, text := range []string{
		"/s%3aq8Zv77aXk0pQ3mBw.sig%2bature", "/s:q8Zv77aXk0pQ3mBw.sig+ature", "/s%253Aq8Zv77aXk0pQ3mBw.sig%252Bature",
	} {
		require.Equal(t, "/_", encoded.quote(text), text)
	}
}

// spellings of an id: what somebody may make of it who puts it in a path.
func spell(t *rapid.T, id string) string {
	switch rapid.IntRange(0, 6).Draw(t, "spelling") {
	case 0:
		return base64.StdEncoding.EncodeToString([]byte(id))
	case 1:
		return base64.RawURLEncoding.EncodeToString([]byte(id))
	case 2:
		return url.QueryEscape(url.PathEscape(id))
	}
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		switch rapid.IntRange(0, 5).Draw(t, "byte") {
		case 0:
			fmt.Fprintf(&b, "%%%02x", c)
		case 1:
			fmt.Fprintf(&b, "%%%02X", c)
		case 2:
			fmt.Fprintf(&b, "%%25%02x", c)
		case 3:
			if c >= 'a' && c <= 'z' {
				c &^= 0x20
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// TestNoSpellingIsQuoted: however an id stands in a text, what is quoted of the text
// is what stands around it, and ids that are not in it change nothing.
func TestNoSpellingIsQuoted(t *testing.T) {
	id := rapid.OneOf(
		rapid.StringMatching(`[0-9a-f]{8,40}`),
		rapid.StringMatching(`[A-Za-z0-9+/]{8,30}={0,2}`),
		rapid.StringMatching(`[a-z.+]{3,10}@[a-z]{3,8}\.com`),
		rapid.StringMatching(`[ -~]{8,20}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), minHidden, 20), func(b []byte) string { return string(b) }),
	)
	// Signs of which no spelling and no escape has any.
	around := rapid.StringMatching(`[/!]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		own, other := id.Draw(t, "id"), id.Draw(t, "other")
		switch {
		case strings.ContainsAny(own+other, "!") || strings.Contains(own, "//"):
			t.Skip("it may be found in what is around it")
		case strings.Count(own, "%") > 1:
			t.Skip("parts of it may be decoded more often than others")
		}
		spelled := spell(t, own)
		before, after := "!"+around.Draw(t, "before")+"!", "!"+around.Draw(t, "after")+"!"
		s := newSecrets(own)
		padding := regexp.MustCompile(`_(=|%3D|%253D)*!`)
		if got := padding.ReplaceAllString(s.quote(before+spelled+after), "_!"); got != before+"_"+after {
			t.Fatalf("%q in %q: %q", own, spelled, got)
		}
		if text := before + after; s.quote(text) != text {
			t.Fatalf("%q not in %q: %q", own, text, s.quote(text))
		}
		if !s.holds(before + spelled) {
			t.Fatalf("%q in %q", own, spelled)
		}
		if got := newSecrets(other, own).quote(before + spelled + after); strings.Contains(got, spelled) {
			t.Fatalf("%q, %q: %q", own, other, got)
		}
	})
}

// Whatever somebody sends, looking for ids takes time in proportion to its length:
// texts and ids that are alike but for their ends cost no more.
func TestHideBounds(t *testing.T) {
	id := strings.Repeat("a", maxIDSize)
	s := newSecrets(id)
	text := strings.Repeat("%61", maxIDSize)
	require.Equal(t, "/_", s.quote("/"+text))
	require.Equal(t, strings.Repeat("a", maxDetail), s.quote(strings.Repeat("a", maxIDSize-1)))

	// Of what is too long to be looked at whole, nothing is quoted that was not.
	many := strings.Repeat("/"+id, 40)
	require.Equal(t, strings.Repeat("/_", (maxLooked-notQuoted)/(maxIDSize+1)+1), s.quote(many))

	for i := range maxSecrets {
		s.add(fmt.Sprintf("another id %d", i))
	}
	require.Equal(t, "_", s.quote("/"), "too many ids to look for")
	require.Empty(t, s.quote(""))
	s.reset()
	s.add("0123456789")
	require.Equal(t, "/", s.quote("/"))
}

// An id that had to be escaped in a path is not quoted.
func TestEscapedID(t *testing.T) {
	s := newSecrets("q8Z/v+77aXk0pQ3mBw==", "ann@example.com")
	require.NotContains(t, s.quote("/s/q8Z%2Fv%2B77aXk0pQ3mBw%3D%3D/cart"), "77aXk0pQ3mBw")
}
