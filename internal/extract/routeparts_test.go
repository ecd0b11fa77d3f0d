package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawRoute is of a few letters, so that much is nearly in a set.
func drawRoute(t *rapid.T, name string) string {
	return rapid.OneOf(
		rapid.StringMatching(`[/aA]{0,12}[;?]?[/aA;?:>]{0,12}`),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"/", "login", "Login", "xlogin", "ping", ";", "?", "a", "{id}"}), 0, 8),
			func(s []string) string { return strings.Join(s, "") }),
		rapid.String(),
	).Draw(t, name)
}

func TestParametersAreCut(t *testing.T) {
	for n := range 40 {
		plain := strings.Repeat("/", n)
		require.Equal(t, plain, cutParameters(plain))
		for _, sign := range []string{";", "?", ";?", "?;"} {
			require.Equal(t, plain, cutParameters(plain+sign+"x"), "%d bytes, then %s", n, sign)
			require.Equal(t, plain, cutParameters(plain+sign+strings.Repeat("x", 20)), "%d bytes, then %s", n, sign)
		}
	}
	for c := range 256 {
		s := strings.Repeat(string([]byte{byte(c)}), 8)
		require.Equal(t, c == ';' || c == '?', cutParameters(s) == "", "%q", s)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawRoute(t, "route")
		want := s
		if i := strings.IndexAny(s, ";?"); i >= 0 {
			want = s[:i]
		}
		require.Equal(t, want, cutParameters(s))
	})
}

// TestTheFilterPassesWhatIsInASet compares with sets that are asked in any case.
func TestTheFilterPassesWhatIsInASet(t *testing.T) {
	entry := rapid.StringMatching(`/?[aA]{1,6}(/[aA]{0,3})?\*?`)
	rapid.Check(t, func(t *rapid.T) {
		r, err := newRouteSet("k", rapid.SliceOfN(entry, 0, 3).Draw(t, "entries"))
		require.NoError(t, err)
		var f routeFilter
		f.add(r)
		p := newRouteParts(drawRoute(t, "route"))
		if r.match(&p) && !f.passes(p.full) {
			t.Fatalf("%q is in the set and does not pass", p.full)
		}
	})
}

func TestTheFilterHoldsBackAlmostEverything(t *testing.T) {
	x := newExtractor(t)
	passed := 0
	const routes = 10_000
	for i := range routes {
		if x.rules.routes.passes(fmt.Sprintf("/orders/%d", i)) {
			passed++
		}
	}
	require.Less(t, passed, routes/20)
	require.False(t, x.rules.routes.passes("/"))
	require.False(t, x.rules.routes.passes(""))
}

func TestTheFilterPassesShortEntries(t *testing.T) {
	for entry, route := range map[string]string{
		"w": "/live/w", "ws": "/live/ws", "api": "/live/api", "/ws": "/ws", "a/b": "a/b", "/": "/", "poll": "/live/POLL", "/a/": "/a",
		"live*": "/a/live-2", "/live*": "/live/b",
	} {
		r, err := newRouteSet("k", []string{entry})
		require.NoError(t, err)
		long, err := newRouteSet("k", []string{"notifications"})
		require.NoError(t, err)
		var f routeFilter
		f.add(r)
		f.add(long)
		require.True(t, f.passes(route), "%s of %s", route, entry)
		require.True(t, f.passes("/a/Notifications"), entry)
		require.False(t, f.passes("/a/orders"), entry)
	}
}
