package extract

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestTheIndexSaysWhatConditionsSay asks each match by itself, too.
func TestTheIndexSaysWhatConditionsSay(tb *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "http.route"})
	values := rapid.SampledFrom([]string{"x", "y", "/pay", "/pay/*", "/pay/now", "/pay/now*", "7", "7.5", "true", "t*", "*", "/a/rather/long/route"})
	value := rapid.SampledFrom([]any{nil, "x", "", "X", "/pay", "/pay/now", "/pay/now/or/later", "/PAY/now", "/a/rather/long/route", 7, 7.5, true, []any{"z", "x"}, []any{7, "/pay/1"}, []any{}, map[string]any{"x": 1}})
	rapid.Check(tb, func(t *rapid.T) {
		keys := newKeyTable()
		var matches [][]condition
		for i := range rapid.IntRange(0, 70).Draw(t, "matches") {
			conditions, err := newConditions("k", rapid.MapOfN(names, rapid.SliceOfN(values, 1, 10), 0, 2).Draw(t, strconv.Itoa(i)), keys)
			require.NoError(t, err)
			matches = append(matches, conditions)
		}
		index := newMatchIndex(matches)
		var places [3]*found
		for i, place := range []string{"record", "scope", "resource"} {
			m := pcommon.NewMap()
			attrs(rapid.MapOfN(names, value, 0, 3).Draw(t, place)).put(tb, m)
			places[i] = &found{}
			keys.collect(m, places[i])
		}
		var s standing
		index.stand(&s, places[1], places[2])
		fits := index.fitting(&s, places[0])
		for i, conditions := range matches {
			if i >= lastBit && len(matches) > lastBit+1 {
				require.NotZero(t, fits>>lastBit, "what has no bit of its own is asked itself")
				continue
			}
			require.Equal(t, matchAll(conditions, places[:]), fits>>i&1 != 0, i)
		}
		require.Zero(t, fits&^index.all)
	})
}

// TestTheIndexLooksUpAlmostNothing: what no match lists is told by a few bytes.
func TestTheIndexLooksUpAlmostNothing(t *testing.T) {
	keys := newKeyTable()
	conditions, err := newConditions("k", map[string][]string{"http.route": {"/pay/*", "/refund", "/orders/{id}"}}, keys)
	require.NoError(t, err)
	x := newMatchIndex([][]condition{conditions}).slots[slotRoute]
	begins, listed := 0, 0
	const routes = 10_000
	for i := range routes {
		if route := fmt.Sprintf("/%d/orders", i); x.heads.passes(route) {
			begins++
		}
		if at := bucketOf(fmt.Sprintf("/orders/%d", i)); x.listed[at/64]>>(at%64)&1 != 0 {
			listed++
		}
	}
	require.Less(t, begins, routes/20)
	require.Less(t, listed, routes/20)
}

// TestMoreRulesThanBits: those that have no bit of their own are asked, too.
func TestMoreRulesThanBits(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Exempt, c.Passive = nil, nil
		for i := range 100 {
			c.Passive = append(c.Passive, Rule{Methods: []string{"GET"}, Match: map[string][]string{"app.n": {strconv.Itoa(i)}}})
			c.Streams = append(c.Streams, Rule{Routes: []string{fmt.Sprintf("stream-%d", i)}})
		}
	})
	for _, i := range []int{0, 62, 63, 64, 99} {
		f := spanFact(t, x, served.with(attrs{"app.n": i}))
		require.Equal(t, fact.Passive, f.Flags, i)
		f = spanFact(t, x, served.with(attrs{"http.route": fmt.Sprintf("/a/stream-%d", i)}))
		require.Equal(t, fact.Stream, f.Flags, i)
	}
	require.Zero(t, spanFact(t, x, served.with(attrs{"app.n": 100})).Flags)
	require.Zero(t, spanFact(t, x, served.with(attrs{"app.n": 1, "http.request.method": "POST"})).Flags)
}

func TestHeadFilter(t *testing.T) {
	begin := rapid.StringMatching(`/?[aA]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		var f headFilter
		begins := rapid.SliceOfN(begin, 0, 4).Draw(t, "begins")
		for _, b := range begins {
			f.add(lower(b))
		}
		text := begin.Draw(t, "text") + begin.Draw(t, "more")
		if slices.ContainsFunc(begins, func(b string) bool { return hasPrefixFold(text, lower(b)) }) && !f.passes(text) {
			t.Fatalf("%q begins like one of %q and does not pass", text, begins)
		}
	})
}
