package extract

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

var testKey = bytes.Repeat([]byte("k"), 32)

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.SessionID.HashKey = testKey
	cfg.Policies = []PolicyMatch{{}}
	return cfg
}

// newExtractor is one with the test configuration, changed.
func newExtractor(tb testing.TB, change ...func(*Config)) *Extractor {
	tb.Helper()
	cfg := testConfig()
	for _, c := range change {
		c(&cfg)
	}
	x, err := New(cfg)
	require.NoError(tb, err)
	return x
}

var (
	testTrace = pcommon.TraceID{1, 2, 3}
	testSpan  = pcommon.SpanID{4, 5}
	testStart = time.Date(2026, 3, 29, 0, 59, 59, 999, time.UTC)
	testEnd   = testStart.Add(1500 * time.Millisecond)
)

type attrs map[string]any

func (a attrs) put(tb testing.TB, m pcommon.Map) {
	tb.Helper()
	for name, v := range a {
		require.NoError(tb, m.PutEmpty(name).FromRaw(v))
	}
}

// with is a and b, of which b's values hold.
func (a attrs) with(b attrs) attrs {
	both := attrs{}
	maps.Copy(both, a)
	maps.Copy(both, b)
	return both
}

// served are the attributes of a request that was.
var served = attrs{
	"session.id": "s1", "http.request.method": "GET", "http.route": "/cart/{id}", "url.path": "/cart/7",
	"http.response.status_code": 200,
}

// oneSpan is a batch of one SERVER span.
func oneSpan(tb testing.TB, a attrs, change ...func(ptrace.Span)) ptrace.Traces {
	tb.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetKind(ptrace.SpanKindServer)
	s.SetTraceID(testTrace)
	s.SetSpanID(testSpan)
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(testStart))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(testEnd))
	a.put(tb, s.Attributes())
	for _, c := range change {
		c(s)
	}
	return td
}

// oneLog is a batch of one log record.
func oneLog(tb testing.TB, a attrs, change ...func(plog.LogRecord)) plog.Logs {
	tb.Helper()
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "shop")
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetTimestamp(pcommon.NewTimestampFromTime(testEnd))
	a.put(tb, r.Attributes())
	for _, c := range change {
		c(r)
	}
	return ld
}

// attributes are sources that are these, whole.
func attributes(names ...string) (sources Sources) {
	for _, name := range names {
		sources = append(sources, Source{Attribute: name})
	}
	return sources
}

// routes are a list of one rule.
func routes(entries ...string) []Rule { return []Rule{{Routes: entries}} }

func eventNames(names ...string) (list []Event) {
	for _, name := range names {
		list = append(list, Event{Name: name})
	}
	return list
}

// refusedIn are the facts of a batch that were none.
func refusedIn(b *Batch) (all [ReasonCount]int) {
	for _, counts := range b.Refused {
		for why, n := range counts {
			all[why] += n
		}
	}
	return all
}

func ofTraces(x *Extractor, td ptrace.Traces) *Batch {
	b := &Batch{}
	x.Traces(td, b)
	return b
}

func ofLogs(x *Extractor, ld plog.Logs) *Batch {
	b := &Batch{}
	x.Logs(ld, b)
	return b
}

// spanFact is the only fact of a span with attributes a.
func spanFact(tb testing.TB, x *Extractor, a attrs, change ...func(ptrace.Span)) *fact.Fact {
	tb.Helper()
	b := ofTraces(x, oneSpan(tb, a, change...))
	require.Len(tb, b.Facts, 1)
	return &b.Facts[0]
}

// logFact is the only fact of a log record with attributes a.
func logFact(tb testing.TB, x *Extractor, a attrs, change ...func(plog.LogRecord)) *fact.Fact {
	tb.Helper()
	b := ofLogs(x, oneLog(tb, a, change...))
	require.Len(tb, b.Facts, 1)
	return &b.Facts[0]
}

func sessionName(x *Extractor, raw string) fact.Name { return x.sessionName(raw) }

func userName(x *Extractor, raw string) fact.Name {
	return fact.Name{ID: x.hash.user.id(raw), Raw: raw}
}

func TestDefaultConfigNeedsOnlyAKey(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SessionID.HashKey = testKey
	_, err := New(cfg)
	require.NoError(t, err)
}

func TestNewRefuses(t *testing.T) {
	names := map[string][]string{}
	for i := range maxSlots {
		names["a"+strings.Repeat("x", i)] = []string{"v"}
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no source", func(c *Config) { c.SessionID.Sources = nil }, `session_id::sources: must have at least one source (got 0)`},
		{"empty attribute", func(c *Config) { c.SessionID.Sources = attributes("a", "") }, `session_id::sources::1::attribute: must not be empty (got "")`},
		{"attribute twice", func(c *Config) { c.SessionID.Sources = attributes("a", "b", "a") }, `session_id::sources::2: must not come twice, since where session_id::sources::0 is there no other is asked (got "a")`},
		{"short key", func(c *Config) { c.SessionID.HashKey = []byte("secret") }, `session_id::hash_key: must have at least 32 bytes (got 6)`},
		{"too many policies", func(c *Config) { c.Policies = make([]PolicyMatch, 65) }, `policies: must be no more than 64 (got 65)`},
		{"empty name", func(c *Config) { c.Policies = []PolicyMatch{{}, {Match: map[string][]string{"": {"v"}}}} }, `policies::1::match::: an attribute's name must not be empty (got "")`},
		{"no values", func(c *Config) { c.Policies = []PolicyMatch{{Match: map[string][]string{"a": nil}}} }, `policies::0::match::a: must list at least one value (got [])`},
		{"empty value", func(c *Config) { c.Policies = []PolicyMatch{{Match: map[string][]string{"a": {"v", ""}}}} }, `policies::0::match::a::1: must not be empty (got "")`},
		{"asterisk within", func(c *Config) { c.Policies = []PolicyMatch{{Match: map[string][]string{"a": {"v*w"}}}} }, `policies::0::match::a::0: may have a * at its end only (got "v*w")`},
		{"too many names", func(c *Config) { c.Policies = []PolicyMatch{{Match: names}} }, `may name 36 attributes beside the ones that are always read (got "a`},
		{"empty event", func(c *Config) { c.Events.Started = eventNames("") }, `events::started::0: must have either a name or a request (got name "")`},
		{"event of two kinds", func(c *Config) { c.Events.Activity = eventNames("tick", "session.end") }, `events::activity::1: one name says one thing, but it is under events::ended::0, too (got "session.end")`},
		{"empty method", func(c *Config) { c.Exempt = []Rule{{Methods: []string{""}}} }, `exempt::0::methods::0: must not be empty (got "")`},
		{"empty route", func(c *Config) { c.Passive = routes("a", "") }, `passive::0::routes::1: must not be empty (got "")`},
		{"asterisk in a route", func(c *Config) { c.Streams = routes("/a/*/b") }, `streams::0::routes::0: may have a * at its end only (got "/a/*/b")`},
		{"asterisk in a location", func(c *Config) { c.LoginLocations = []string{"*login"} }, `login_locations::0: may have a * at its end only (got "*login")`},
		{"negative slack", func(c *Config) { c.LogRequestSlack = -time.Second }, `log_request_slack: must not be negative (got -1s)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig()
			c.change(&cfg)
			_, err := New(cfg)
			require.Error(t, err)
			require.Contains(t, err.Error(), c.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	_, err := New(Config{LogRequestSlack: -1})
	require.Error(t, err)
	for _, key := range []string{"session_id::sources", "session_id::hash_key", "log_request_slack"} {
		require.Contains(t, err.Error(), key)
	}
}
