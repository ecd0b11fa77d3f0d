package extract

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func policies(all ...map[string][]string) func(*Config) {
	return func(c *Config) {
		c.Policies = nil
		for _, m := range all {
			c.Policies = append(c.Policies, PolicyMatch{Match: m})
		}
	}
}

func TestPolicyIsTheFirstThatMatches(t *testing.T) {
	x := newExtractor(t, policies(
		map[string][]string{"http.route": {"/pay/*", "/refund"}, "service.name": {"shop"}},
		map[string][]string{"service.name": {"ledger", "sh*"}},
		map[string][]string{"service.name": {"shop"}},
		map[string][]string{"tier": {"gold"}},
	))
	for _, c := range []struct {
		name                    string
		record, scope, resource attrs
		want                    uint8
	}{
		{"both of two", attrs{"http.route": "/pay/now"}, nil, nil, 0},
		{"another of its values", attrs{"http.route": "/refund"}, nil, nil, 0},
		{"values are exact", attrs{"http.route": "/refunds"}, nil, nil, 1},
		{"values are of one case", attrs{"http.route": "/REFUND"}, nil, nil, 1},
		{"one of two", nil, nil, nil, 1},
		{"the other of two", attrs{"http.route": "/pay/now"}, nil, attrs{"service.name": "till"}, fact.NoPolicy},
		{"the record's before the resource's", attrs{"service.name": "till"}, nil, nil, fact.NoPolicy},
		{"the scope's before the resource's", nil, attrs{"service.name": "ledger"}, attrs{"service.name": "till"}, 1},
		{"the record's before the scope's", attrs{"service.name": "till"}, attrs{"service.name": "ledger"}, nil, fact.NoPolicy},
		{"spread over places", attrs{"http.route": "/pay/now"}, attrs{"service.name": "shop"}, attrs{"service.name": "till"}, 0},
		{"on the resource", nil, nil, attrs{"service.name": "till", "tier": "gold"}, 3},
		{"no value", nil, nil, attrs{"service.name": nil, "tier": "gold"}, 3},
		{"another type", nil, nil, attrs{"service.name": []any{"shop"}, "tier": 7.0}, 1}, // of a list one is enough
		{"a map", nil, nil, attrs{"service.name": map[string]any{"shop": 1}, "tier": 7.0}, fact.NoPolicy},
	} {
		b := ofTraces(x, placed(t, c.record.with(attrs{"session.id": "s1"}), c.scope, c.resource))
		require.Equal(t, c.want, b.Facts[0].Policy, c.name)
	}
}

func TestNumbersAndBoolsMatchAsText(t *testing.T) {
	x := newExtractor(t, policies(
		map[string][]string{"server.port": {"443", "80*"}},
		map[string][]string{"internal": {"true"}},
	))
	for _, c := range []struct {
		a    attrs
		want uint8
	}{
		{attrs{"server.port": 443}, 0},
		{attrs{"server.port": "443"}, 0},
		{attrs{"server.port": 8080}, 0},
		{attrs{"server.port": 8}, fact.NoPolicy},
		{attrs{"server.port": -443}, fact.NoPolicy},
		{attrs{"internal": true}, 1},
		{attrs{"internal": false}, fact.NoPolicy},
	} {
		require.Equal(t, c.want, spanFact(t, x, c.a.with(attrs{"session.id": "s1"})).Policy, "%v", c.a)
	}
}

func TestEmptyMatchMatchesEverything(t *testing.T) {
	x := newExtractor(t, policies(map[string][]string{"service.name": {"ledger"}}, nil, nil))
	require.EqualValues(t, 1, spanFact(t, x, served).Policy)
}

func TestAStarAloneMatchesWhateverIsThere(t *testing.T) {
	x := newExtractor(t, policies(map[string][]string{"tenant": {"*"}}))
	require.EqualValues(t, 0, spanFact(t, x, served.with(attrs{"tenant": ""})).Policy)
	require.EqualValues(t, fact.NoPolicy, spanFact(t, x, served).Policy)
}

func TestNoPolicyAtAll(t *testing.T) {
	require.EqualValues(t, fact.NoPolicy, spanFact(t, newExtractor(t, policies()), served).Policy)
}

func TestAccessLogsHavePoliciesToo(t *testing.T) {
	x := newExtractor(t, policies(map[string][]string{"http.route": {"/cart/*"}}))
	require.EqualValues(t, 0, logFact(t, x, served).Policy)
	require.EqualValues(t, fact.NoPolicy, logFact(t, x, served.with(attrs{"http.route": "/"})).Policy)
}
