package extract

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// checkBatch fails if what b says cannot be so, whatever the telemetry was.
func checkBatch(t require.TestingT, x *Extractor, b *Batch, records int) {
	require.Len(t, b.Refs, len(b.Facts))
	require.Len(t, b.Seen, len(b.Resources))
	require.LessOrEqual(t, len(b.Facts), 2*records, "a record is a request and an event at most")
	for i := range b.Facts {
		f := &b.Facts[i]
		require.NotNil(t, f.Resource)
		require.LessOrEqual(t, f.Start, f.End)
		require.Positive(t, f.End)
		require.True(t, f.At == f.Start || f.At == f.End)
		require.Less(t, f.Kind, fact.KindCount)
		require.True(t, f.Kind == fact.EndedUser || !f.Session.ID.IsZero())
		require.Equal(t, f.Kind == fact.Rotated, f.Previous != nil)
		require.True(t, f.Kind != fact.Rotated || f.Session.ID != f.Previous.ID)
		for _, n := range []*fact.Name{&f.Session, f.Previous, &f.User, f.Linked} {
			if n == nil {
				continue
			}
			require.Equal(t, n.ID.IsZero(), n.Raw == "")
			require.LessOrEqual(t, len(n.Raw), maxIDSize)
		}
		if f.Kind != fact.Request {
			require.Zero(t, f.Details)
			require.Zero(t, f.Outcome)
		}
		require.True(t, f.Policy == fact.NoPolicy || x.policies.all>>f.Policy&1 != 0)
		d := f.Details
		for _, s := range []string{d.Method, d.Route, d.Path, d.RPCMethod, d.Destination, f.Resource.ServiceName} {
			require.LessOrEqual(t, len(s), maxDetail)
		}
		for _, text := range textsOf(f.Resource) {
			require.Equal(t, fact.Clean(*text), *text)
		}
		require.NotContains(t, d.Path, ";")
		require.NotContains(t, d.Path, "?")
	}
	require.LessOrEqual(t, len(b.Callers), records)
	for i := range b.Callers {
		c := &b.Callers[i]
		require.NotNil(t, c.Resource)
		require.LessOrEqual(t, c.Start, c.End)
		require.Equal(t, c.Start == 0, c.End == 0)
	}
}

// fuzzExtractors have between them every kind of rule.
func fuzzExtractors(tb testing.TB) []*Extractor {
	tb.Helper()
	odd := newExtractor(tb, alreadyHashed, func(c *Config) {
		c.SessionID.Sources = attributes("http.request.header.x-session", "session.id", "user.id")
		c.Passive = []Rule{{Methods: []string{"HEAD"}}, {Routes: []string{"poll*", "/a/*", "/b"}}}
		c.Streams = routes("*")
		c.Events.Activity = eventNames("a:b")
		c.LogRequestSlack = 0
		c.Policies = []PolicyMatch{
			{Match: map[string][]string{"http.route": {"/x*"}, "service.name": {"shop"}}},
			{Match: map[string][]string{"n": {"1*"}, "b": {"true"}}},
		}
	})
	picking := newExtractor(tb, func(c *Config) {
		c.SessionID.Sources = Sources{
			{Attribute: "session.id", StripPrefix: "s", Until: "2"},
			{Attribute: "http.request.header.x-session", Cookie: "a"},
			{Attribute: "other", Claim: "a"},
			{Attribute: "url.path", PathParameter: "c"},
			{Attribute: "n", Decode: "base64"},
		}
		c.SessionID.Linked = Sources{{Attribute: "b"}}
		c.UserID.Sources = Sources{{Attribute: "user.id"}, {Attribute: "other", Claim: "b"}}
		c.Outcomes = Outcomes{Rejected: []Rule{{Match: map[string][]string{"n": {"-1"}}}}, Indeterminate: []Rule{{Match: map[string][]string{exceptionType: {"s*"}}}}}
		c.Foreground = []Rule{{Routes: []string{"poll"}}}
		read := &Rule{Match: map[string][]string{"http.request.method": {"GET", "s*"}}}
		c.Events = Events{
			Started: []Event{{Request: read}, {Name: "a", Match: map[string][]string{"b": {"true"}}}}, Ended: []Event{{Request: read, Session: Sources{{Attribute: "other"}}}},
			EndedUser: []Event{{Request: &Rule{Routes: []string{"*"}}, User: Sources{{Attribute: "enduser.id"}}}},
		}
		c.LogAtStart = true
	})
	return []*Extractor{newExtractor(tb), odd, picking}
}

// FuzzTraces takes any bytes for OTLP.
func FuzzTraces(f *testing.F) {
	m, u := &ptrace.ProtoMarshaler{}, &ptrace.ProtoUnmarshaler{}
	for _, a := range []attrs{
		served,
		{"session.id": []any{}, "user.id": 1, "rpc.status_code": 1.5},
		{"http.target": "?", "http.status_code": "302"},
		served.with(attrs{"http.request.header.x_session": []any{"b=c", `a="s%3Aone"`}}), served.with(attrs{"other": []any{"Bearer " + jwt(`{"a":"x","b":7}`)}}),
		served.with(attrs{"url.path": "/x;c=one/y", "n": "b25l", "b": "larger"}),
		{"http.route": "/login", "session.id": "s1", "http.status_code": 401},
	} {
		raw, err := m.MarshalTraces(oneSpan(f, a))
		require.NoError(f, err)
		f.Add(raw)
	}
	extractors := fuzzExtractors(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		td, err := u.UnmarshalTraces(raw)
		if err != nil {
			return
		}
		before, err := m.MarshalTraces(td)
		require.NoError(t, err)
		td.MarkReadOnly()
		for _, x := range extractors {
			checkBatch(t, x, ofTraces(x, td), td.SpanCount())
		}
		after, err := m.MarshalTraces(td)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
}

// FuzzLogs takes any bytes for OTLP.
func FuzzLogs(f *testing.F) {
	m, u := &plog.ProtoMarshaler{}, &plog.ProtoUnmarshaler{}
	for _, a := range []attrs{served, {"session.id": "s1", "event.name": "session.start", "session.previous_id": "s0"}, {"user.id": 7, "event.name": "user.session.clear"}} {
		raw, err := m.MarshalLogs(oneLog(f, a))
		require.NoError(f, err)
		f.Add(raw)
	}
	extractors := fuzzExtractors(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		ld, err := u.UnmarshalLogs(raw)
		if err != nil {
			return
		}
		before, err := m.MarshalLogs(ld)
		require.NoError(t, err)
		ld.MarkReadOnly()
		for _, x := range extractors {
			checkBatch(t, x, ofLogs(x, ld), ld.LogRecordCount())
		}
		after, err := m.MarshalLogs(ld)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
}

// drawValue is any attribute value, most often one that means something.
func drawValue(t *rapid.T) any {
	return rapid.OneOf(
		rapid.SampledFrom([]any{
			"s1", "s2", "null", "", "0", "GET", "OPTIONS", "/login", "/x/poll?y", "/b;c", "200", "401", 200, 101, 401, 302, 16, 0, 1.5,
			"OK", "UNAUTHENTICATED", "webjs", "shop", "session.start", "user.session.clear", "a:b", true, nil, math.NaN(), -1,
			"text/event-stream", "a=b; a=c", jwt(`{"a":"x","b":7}`), "/p;c=1/x.y/poll",
			[]any{"https://x/login"},
			[]any{},
			[]any{7},
			[]byte{0},
			map[string]any{"a": "b"},
			[]any{[]any{}},
		}),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64(), func(d float64) any { return d }),
	).Draw(t, "value")
}

func drawAttributes(t *rapid.T, m pcommon.Map, extra ...string) {
	names := append(append(extra, builtinNames[:]...), "session.id", "session.id", "session.id", "http.request.header.x-session", "n", "b", "other")
	for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 12).Draw(t, "names") {
		if err := m.PutEmpty(name).FromRaw(drawValue(t)); err != nil {
			t.Fatal(err)
		}
	}
}

func drawTime(t *rapid.T) pcommon.Timestamp {
	return pcommon.Timestamp(rapid.OneOf(
		rapid.SampledFrom([]uint64{0, 1, 5, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}),
		rapid.Uint64Range(1.7e18, 1.9e18),
	).Draw(t, "time"))
}

func TestAnySpan(t *testing.T) {
	extractors := fuzzExtractors(t)
	rapid.Check(t, func(t *rapid.T) {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		drawAttributes(t, rs.Resource().Attributes(), "browser.x", "device.id")
		ss := rs.ScopeSpans().AppendEmpty()
		drawAttributes(t, ss.Scope().Attributes())
		for range rapid.IntRange(1, 4).Draw(t, "spans") {
			s := ss.Spans().AppendEmpty()
			s.SetKind(ptrace.SpanKind(rapid.SampledFrom([]int32{2, 2, 2, 5, 5, 0, 1, 3, 99}).Draw(t, "kind")))
			s.SetStartTimestamp(drawTime(t))
			s.SetEndTimestamp(drawTime(t))
			s.SetTraceID(pcommon.TraceID{rapid.ByteMax(1).Draw(t, "trace")})
			s.SetSpanID(pcommon.SpanID{rapid.ByteMax(1).Draw(t, "span")})
			s.Status().SetCode(ptrace.StatusCode(rapid.Int32Range(0, 3).Draw(t, "status")))
			s.TraceState().FromRaw(rapid.SampledFrom([]string{"", "ot=th:c", ",=;"}).Draw(t, "state"))
			drawAttributes(t, s.Attributes())
		}
		td.MarkReadOnly() // whoever writes panics
		for _, x := range extractors {
			checkBatch(t, x, ofTraces(x, td), td.SpanCount())
		}
	})
}

func TestAnyLogRecord(t *testing.T) {
	extractors := fuzzExtractors(t)
	rapid.Check(t, func(t *rapid.T) {
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		drawAttributes(t, rl.Resource().Attributes(), "browser.x", "device.id")
		sl := rl.ScopeLogs().AppendEmpty()
		drawAttributes(t, sl.Scope().Attributes())
		for range rapid.IntRange(1, 4).Draw(t, "records") {
			r := sl.LogRecords().AppendEmpty()
			r.SetTimestamp(drawTime(t))
			r.SetObservedTimestamp(drawTime(t))
			r.SetTraceID(pcommon.TraceID{rapid.ByteMax(1).Draw(t, "trace")})
			r.SetSpanID(pcommon.SpanID{rapid.ByteMax(1).Draw(t, "span")})
			r.SetEventName(rapid.SampledFrom([]string{"", "", "session.start", "session.end", "user.session.clear", ":"}).Draw(t, "event"))
			drawAttributes(t, r.Attributes())
		}
		ld.MarkReadOnly()
		for _, x := range extractors {
			checkBatch(t, x, ofLogs(x, ld), ld.LogRecordCount())
		}
	})
}
