package advice

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// token is one of a session of its own.
func token(i int) string {
	payload := fmt.Sprintf(`{"sid":"0a1b2c3d4e5f%d","jti":"t%d","iat":%d,"azp":"web","realm_access":{"roles":["x"]}}`, i, i, i)
	return "Bearer eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestIsName(t *testing.T) {
	for _, name := range []string{"JSESSIONID", "connect.sid", "_shop_session", "__Host-sid", "sid", "wordpress_logged_in", "user.email", "keycloak.UPDATE_PASSWORD", "PHPSESSID", "p2"} {
		require.True(t, isName(name), name)
	}
	for _, name := range []string{
		"", strings.Repeat("a", 41), "a=b", "a\nb", "a\x1b[31m", "ü", "sess_5F2B8E0C9A7D4413B6E1A0C2D3F4E5A6", "wordpress_logged_in_37d007a56d816107ce5b52c10342db37",
		"7b1c9a52-6a3e-4b0f-9c61-1f2e3d4c5b6a", "Xk3v9q1ZyLr0pB7nM2", "20261120", "<script>", "alice@example.com", "%2e",
	} {
		require.False(t, isName(name), name)
	}
}

// TestMillionNames: names that a client invents take no more room than they are
// given, and do not push out one that many sessions have.
func TestMillionNames(t *testing.T) {
	var s names
	h := newHasher()
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	for i := range n {
		s.add(fmt.Sprintf("name-%c%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26, 'a'+i/17576%26), h.of("v"))
		if i%100 == 0 {
			s.add("sid", h.of(strconv.Itoa(i)))
		}
		require.LessOrEqual(t, len(s.all), 64)
	}
	require.Equal(t, []string{"sid"}, s.shown())
}

// TestServicesThatComeAndGo: those that are counted are looked at, as far as there
// is room; what is said of all is bounded.
func TestServicesThatComeAndGo(t *testing.T) {
	r := newRig(t, Config{Recording: true})
	for i := range 5000 {
		r.spans(server(fmt.Sprintf("service-%d", i), attributes{"http.request.header.cookie": "sid=x"}))
	}
	require.LessOrEqual(t, len(r.advisor.evidence.services), mostServices)
	require.Len(t, r.codes(), mostSeries)
}

// TestNoSecrets: what a client sends is in nothing that is said of it, be it ever so
// often the name of something.
func TestNoSecrets(t *testing.T) {
	r := newRig(t, Config{Recording: true, Absolute: true})
	const secret = "5F2B8E0C9A7D4413B6E1A0C2D3F4E5A6"
	for i := range 50 {
		r.spans(server("shop", attributes{
			"http.request.header.cookie":        fmt.Sprintf("%s=%d; sid=%s%d; _ga=\x1b[31m%d", secret, i, secret, i, i),
			"http.request.header.authorization": token(i), secret: "x", "user.email": fmt.Sprintf("%s-%d", secret, i),
		}))
		r.spans(server("of "+secret, attributes{"session.id": secret}))
		r.logs(event(secret, attributes{"session.id": secret}))
		r.logs(logRecord("id", "logout of "+secret, nil))
	}
	all := r.advisor.Advise(&r.counts)
	require.NotEmpty(t, all)
	said := fmt.Sprint(all, Sentences(all))
	for _, hidden := range []string{secret, secret[:12], "0a1b2c3d4e5f", "\x1b", "eyJ"} {
		require.NotContains(t, said, hidden)
	}
	require.True(t, slices.ContainsFunc(all, func(a Advice) bool { return a.Name == "sid" }))
}

// TestOneInSoMany: after the first ones few records are looked at, and all that
// matters is bounded.
func TestOneInSoMany(t *testing.T) {
	a := New(Config{})
	looked := 0
	for range 100_000 {
		switch all, one := a.chosen(7); {
		case all:
			looked += 7
		case one >= 0:
			require.Less(t, one, 7)
			looked++
		}
	}
	require.InDelta(t, firstOnes+(700_000-firstOnes)/everyOne, looked, 8)
}

// TestChosen: the one record that is chosen is looked at, wherever it stands in its batch.
func TestChosen(t *testing.T) {
	for _, sizes := range [][]int{{1024}, {1, 1023}, {512, 500, 12}, {1023, 1}} {
		td := ptrace.NewTraces()
		n := 0
		for _, size := range sizes {
			resource := td.ResourceSpans().AppendEmpty()
			resource.Resource().Attributes().PutStr("service.name", "shop")
			spans := resource.ScopeSpans().AppendEmpty().Spans()
			for range size {
				n++
				first(server("shop", attributes{"http.request.header.cookie": fmt.Sprintf("c%d=1", n)})).CopyTo(spans.AppendEmpty())
			}
		}
		for _, skipped := range []uint64{0, 1, 700, 1023} {
			a := New(Config{})
			a.seen.Store(firstOnes + skipped)
			a.Traces(td, &extract.Batch{})
			s := a.evidence.services["shop"]
			require.Equal(t, 1, s.servers)
			require.Equal(t, fmt.Sprintf("c%d", 1024-skipped), s.cookies.all[0].name)
		}
	}
}

// TestForms: each kind has a name of its own, a group and a sentence that names a
// key or a thing to do, without a brace left.
func TestForms(t *testing.T) {
	names := map[string]bool{}
	for c := range CodeCount {
		names[c.String()] = true
		parsed, ok := ParseCode(c.String())
		require.True(t, ok)
		require.Equal(t, c, parsed)
		sentence := Sentences([]Advice{{Code: c, Service: "shop", N: 3, Of: 4}})[0]
		said := sentence.Text
		require.Equal(t, c.Group(), sentence.Group)
		require.Contains(t, said, sentence.Key[strings.LastIndex(sentence.Key, ":")+1:], "%s names the key to set", c)
		require.NotEmpty(t, said)
		require.NotContains(t, strings.NewReplacer("{attribute: http.request.header", "", "{request: {methods", "").Replace(said), "{", c)
	}
	require.Len(t, names, int(CodeCount))
	require.Equal(t, "none of 3 requests of shop names a session, and their Cookie header is captured (sid, SESSION): add "+
		"{attribute: http.request.header.cookie, cookie: NAME} to session_id::sources.",
		Sentences([]Advice{{CookieUnread, "shop", "sid", 3, 0}, {CookieUnread, "shop", "SESSION", 3, 0}})[0].Text)
}

// TestInventedNames: a client that names a million cookies, services that name as many
// attributes and events: what is kept is bounded, and what many sessions have is said.
func TestInventedNames(t *testing.T) {
	r := newRig(t, Config{Recording: true})
	letters := func(i int) string {
		return fmt.Sprintf("%c%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26, 'a'+i/17576%26)
	}
	n := 40_000
	if testing.Short() {
		n = 5_000
	}
	for i := range n / 25 {
		var cookies strings.Builder
		attrs := attributes{}
		for j := range 25 {
			fmt.Fprintf(&cookies, "made-%s=1; ", letters(i*25+j))
			attrs["up."+letters(i*25+j)+".session_id"] = i
		}
		attrs["http.request.header.cookie"] = cookies.String() + fmt.Sprintf("sid=0a1b%d", i)
		attrs["app.session_id"] = fmt.Sprintf("0a1b%d", i)
		r.spans(server("shop", attrs))
		r.logs(event("made."+letters(i), nil))
	}
	for _, s := range r.advisor.evidence.services {
		require.LessOrEqual(t, len(s.cookies.all)+len(s.sessionLike.all)+len(s.events.all), 3*mostNames)
	}
	require.Equal(t, []string{"cookie_unread:sid", "attribute_unread:app.session_id", "event_unmapped"}, r.codes())
}

// TestControlCharacters: names with those, and with marks that turn text around, are
// shown without, or not at all.
func TestControlCharacters(t *testing.T) {
	r := newRig(t, Config{Recording: true, Absolute: true})
	const bad = "a\x1b[2J\x00\r\n\u202eb"
	for i := range 50 {
		r.spans(server("sh"+bad, attributes{"http.request.header.cookie": fmt.Sprintf("%s=%d; %ssid=%d", bad, i, bad, i), bad + ".session_id": i, bad: "x"}))
		r.logs(event(bad, attributes{"session.id": "s"}))
		r.logs(logRecord("log"+bad, "logout "+bad, nil))
	}
	all := r.advisor.Advise(&r.counts)
	require.NotEmpty(t, all)
	for _, s := range Sentences(all) {
		for _, c := range s.String() {
			require.True(t, unicode.IsPrint(c), "%q in %q", c, s)
		}
	}
}
