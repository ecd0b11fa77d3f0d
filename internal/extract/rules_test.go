package extract

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// threw lets a span have an exception event.
func threw(kind string) func(ptrace.Span) {
	return func(s ptrace.Span) {
		e := s.Events().AppendEmpty()
		e.SetName("exception")
		e.Attributes().PutStr(exceptionType, kind)
	}
}

// TestARuleFitsIfAllThatItNamesDoes, and a list if one of its rules does.
func TestARuleFitsIfAllThatItNamesDoes(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Passive = []Rule{
			{Methods: []string{"get", "HEAD"}, Routes: []string{"poll"}, Match: map[string][]string{"tenant": {"a*"}, "n": {"7", "true", "1.5"}}},
			{Match: map[string][]string{"service.name": {"poller"}}},
		}
	})
	all := attrs{"http.request.method": "GET", "http.route": "/x/poll", "tenant": "ab", "n": 7}
	for _, c := range []struct {
		name string
		a    attrs
		want bool
	}{
		{"all", all, true},
		{"another method", all.with(attrs{"http.request.method": "head"}), true},
		{"no such method", all.with(attrs{"http.request.method": "POST"}), false},
		{"no such route", all.with(attrs{"http.route": "/poll/x"}), false},
		{"no such value", all.with(attrs{"tenant": "b"}), false},
		{"no attribute", all.with(attrs{"tenant": nil}), false},
		{"a text for a number", all.with(attrs{"n": "7"}), true},
		{"a bool", all.with(attrs{"n": true}), true},
		{"a double", all.with(attrs{"n": 1.5}), true},
		{"a whole double", all.with(attrs{"n": 7.0}), true},
		{"another number", all.with(attrs{"n": 77}), false},
		{"one of a list", all.with(attrs{"n": []any{1, 7}}), true},
		{"the other rule", attrs{"service.name": "poller"}, true},
	} {
		f := spanFact(t, x, served.with(c.a))
		require.Equal(t, c.want, f.Flags.Has(fact.Passive), c.name)
		require.Equal(t, c.want, logFact(t, x, served.with(c.a)).Flags.Has(fact.Passive), c.name)
	}
	b := ofTraces(x, placed(t, served, nil, attrs{"service.name": "poller"}))
	require.True(t, b.Facts[0].Flags.Has(fact.Passive), "on the resource")
	b = ofTraces(x, placed(t, served, attrs{"service.name": "poller"}, nil))
	require.True(t, b.Facts[0].Flags.Has(fact.Passive), "on the scope")
}

func TestRulesOfRPCs(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Exempt = []Rule{{Routes: []string{"Check", "/shop.v1.Cart/Get", "/shop.v1.Admin/*", "/Ping"}}}
	})
	for _, c := range []struct {
		service, method string
		want            bool
	}{
		{"grpc.health.v1.Health", "Check", true},
		{"", "grpc.health.v1.Health/Check", true},
		{"", "/grpc.health.v1.Health/check", true},
		{"shop.v1.Cart", "Get", true},
		{"", "shop.v1.Cart/Get", true},
		{"shop.v1.Order", "Get", false},
		{"shop.v1.Admin", "Drop", true},
		{"shop.v1.Cart", "Checkout", false},
		{"", "Ping", true},
		{"a", "Ping", false},
	} {
		a := attrs{"session.id": "s1", "rpc.method": c.method, "rpc.response.status_code": "OK"}
		if c.service != "" {
			a["rpc.service"] = c.service
		}
		require.Equal(t, c.want, spanFact(t, x, a).Flags.Has(fact.Exempt), "%s %s", c.service, c.method)
	}
}

func TestOutcomeRules(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Outcomes = Outcomes{
			Rejected:      []Rule{{Match: map[string][]string{"app.code": {"7"}}}, {Match: map[string][]string{exceptionType: {"AccessDenied*"}}}},
			Indeterminate: []Rule{{Routes: []string{"public"}}, {Match: map[string][]string{"app.code": {"7", "8"}}}},
		}
	})
	for _, c := range []struct {
		name   string
		a      attrs
		change func(ptrace.Span)
		want   fact.Outcome
	}{
		{"none fits", attrs{}, nil, yes},
		{"a rule beats a status", attrs{"app.code": 7}, nil, no},
		{"rejected beats indeterminate", attrs{"app.code": "7", "http.route": "/public"}, nil, no},
		{"indeterminate beats a status", attrs{"app.code": 8}, nil, none},
		{"whichever", attrs{"http.route": "/public", "http.response.status_code": 401}, nil, none},
		{"an exception of the span", attrs{}, threw("AccessDeniedException"), no},
		{"another exception", attrs{}, threw("IOException"), yes},
		{"an attribute", attrs{exceptionType: "AccessDenied"}, nil, no},
		{"an exception beside an attribute", attrs{exceptionType: "IOException"}, threw("AccessDenied"), no},
	} {
		change := []func(ptrace.Span){}
		if c.change != nil {
			change = append(change, c.change)
		}
		require.Equal(t, c.want, spanFact(t, x, served.with(c.a), change...).Outcome, c.name)
	}
	consumer := func(s ptrace.Span) { s.SetKind(ptrace.SpanKindConsumer) }
	require.Equal(t, no, spanFact(t, x, served.with(attrs{"app.code": 7}), consumer).Outcome)
}

func TestRPCsOfSystemsWithCodesForErrorsOnly(t *testing.T) {
	x := newExtractor(t)
	failed := func(s ptrace.Span) { s.Status().SetCode(ptrace.StatusCodeError) }
	for _, c := range []struct {
		name   string
		a      attrs
		failed bool
		want   fact.Outcome
	}{
		{"a hub's call", attrs{"rpc.system": "signalr"}, false, yes},
		{"today's name", attrs{"rpc.system.name": "jsonrpc"}, false, yes},
		{"gRPC", attrs{"rpc.system": "grpc"}, false, none},
		{"Connect", attrs{"rpc.system": "connect_rpc"}, false, none},
		{"Connect today", attrs{"rpc.system.name": "connectrpc"}, false, none},
		{"no system", attrs{"rpc.method": "a"}, false, none},
		{"ERROR", attrs{"rpc.system": "signalr"}, true, none},
		{"an error's type", attrs{"rpc.system": "signalr", "error.type": "x"}, false, none},
		{"a code", attrs{"rpc.system": "signalr", "rpc.response.status_code": "-32600"}, false, none},
		{"an error's code", attrs{"rpc.system": "jsonrpc", "rpc.jsonrpc.error_code": 16}, false, none},
		{"an HTTP status", attrs{"rpc.system": "jsonrpc", "http.response.status_code": 401}, false, no},
		{"an HTTP status that is a success", attrs{"rpc.system": "jsonrpc", "http.response.status_code": 200}, true, yes},
	} {
		change := func(ptrace.Span) {}
		if c.failed {
			change = failed
		}
		require.Equal(t, c.want, spanFact(t, x, c.a.with(attrs{"session.id": "s1"}), change).Outcome, c.name)
	}
}

func TestForeground(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Foreground = []Rule{{Match: map[string][]string{"messaging.destination.name": {"chat*"}}}}
	})
	for destination, want := range map[string]bool{"orders": true, "chat.1": false} {
		f := spanFact(t, x, attrs{"session.id": "s1", "messaging.destination.name": destination}, func(s ptrace.Span) { s.SetKind(ptrace.SpanKindConsumer) })
		require.Equal(t, want, f.Flags.Has(fact.Consumer), destination)
		require.Equal(t, yes, f.Outcome, "its outcome is a CONSUMER's all the same")
	}
}

func TestParents(t *testing.T) {
	x := newExtractor(t)
	parent := pcommon.SpanID{9}
	for _, c := range []struct {
		flags uint32
		local bool
	}{{0, false}, {0x100, true}, {0x300, false}, {0x200, false}, {0x101, true}} {
		f := spanFact(t, x, served, func(s ptrace.Span) { s.SetParentSpanID(parent); s.SetFlags(c.flags) })
		require.EqualValues(t, parent, f.Parent)
		require.Equal(t, c.local, f.Flags.Has(fact.ParentLocal), "%x", c.flags)
	}
	f := spanFact(t, x, served, func(s ptrace.Span) { s.SetFlags(0x100) })
	require.Zero(t, f.Flags, "a root has none")
	f = spanFact(t, x, served.with(attrs{"http.route": "/login"}), func(s ptrace.Span) { s.SetParentSpanID(parent) })
	require.EqualValues(t, parent, f.Parent, "of an exempt one, too")
}

func TestLogTimeIsTheStart(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.LogAtStart = true })
	at := testEnd.UnixNano()
	f := logFact(t, x, served)
	require.Equal(t, []int64{at, at, at}, []int64{f.Start, f.At, f.End}, "no length and no slack")
	f = logFact(t, x, served.with(attrs{"http.server.request.duration": 2.5}))
	require.Equal(t, []int64{at, at, at + 2.5e9}, []int64{f.Start, f.At, f.End})
	f = logFact(t, x, served.with(attrs{"http.server.request.duration": 1e18}))
	require.Equal(t, at, f.End)
}
