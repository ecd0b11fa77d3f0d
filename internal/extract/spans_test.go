package extract

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

func TestSpanIsARequest(t *testing.T) {
	x := newExtractor(t)
	td := oneSpan(t, served.with(attrs{
		"user.id": "ann", "rpc.method": "Get", "messaging.destination.name": "orders", "url.path": "/cart/7;jsessionid=s1",
	}))
	res := td.ResourceSpans().At(0).Resource().Attributes()
	res.PutStr("service.namespace", "eu")
	res.PutStr("service.instance.id", "shop-1")
	res.PutStr("deployment.environment.name", "prod")
	b := ofTraces(x, td)
	require.Len(t, b.Facts, 1)
	resource := fact.Resource{ServiceName: "shop", ServiceNamespace: "eu", ServiceInstance: "shop-1", Environment: "prod"}
	require.Equal(t, fact.Fact{
		Kind: fact.Request, Outcome: fact.Served,
		Session: sessionName(x, "s1"), User: userName(x, "ann"),
		Start: testStart.UnixNano(), End: testEnd.UnixNano(), At: testStart.UnixNano(),
		Trace: testTrace, Span: testSpan,
		Resource: &resource,
		Details: fact.Details{
			Method: "GET", Route: "/cart/{id}", Path: "/cart/7", Status: 200, RPCMethod: "Get", Destination: "orders",
		},
	}, b.Facts[0])
	require.Equal(t, []fact.Resource{resource}, b.Resources)
	require.Same(t, &b.Resources[0], b.Facts[0].Resource)
	require.Equal(t, []Seen{{RequestWithID: 1}}, b.Seen)
	require.Equal(t, []Ref{{}}, b.Refs)
	require.Zero(t, refusedIn(b))
}

func TestSpanInLegacyNames(t *testing.T) {
	x := newExtractor(t)
	td := oneSpan(t, attrs{
		"session.id": "s1", "http.method": "POST", "http.target": "/cart?id=7", "http.status_code": 201, "enduser.id": "ann",
	})
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("deployment.environment", "prod")
	f := ofTraces(x, td).Facts[0]
	require.Equal(t, fact.Details{Method: "POST", Path: "/cart", Status: 201}, f.Details)
	require.Equal(t, fact.Served, f.Outcome)
	require.Equal(t, userName(x, "ann"), f.User)
	require.Equal(t, "prod", f.Resource.Environment)
}

func TestOnlyServerAndConsumerSpansAreRequests(t *testing.T) {
	x := newExtractor(t)
	for kind, want := range map[ptrace.SpanKind]Seen{
		ptrace.SpanKindServer:      {RequestWithID: 1},
		ptrace.SpanKindConsumer:    {RequestWithID: 1},
		ptrace.SpanKindClient:      {OtherWithID: 1},
		ptrace.SpanKindProducer:    {OtherWithID: 1},
		ptrace.SpanKindInternal:    {OtherWithID: 1},
		ptrace.SpanKindUnspecified: {OtherWithID: 1},
		ptrace.SpanKind(77):        {OtherWithID: 1},
	} {
		b := ofTraces(x, oneSpan(t, served, func(s ptrace.Span) { s.SetKind(kind) }))
		require.Equal(t, []Seen{want}, b.Seen, kind)
		require.Len(t, b.Facts, want.RequestWithID, kind)
		if want.RequestWithID > 0 {
			require.Equal(t, kind == ptrace.SpanKindConsumer, b.Facts[0].Flags.Has(fact.Consumer))
		}
	}
}

func TestRecordsAreCountedByWhatCanBeJudged(t *testing.T) {
	x := newExtractor(t)
	client := func(s ptrace.Span) { s.SetKind(ptrace.SpanKindClient) }
	for _, c := range []struct {
		name string
		td   ptrace.Traces
		want Seen
	}{
		{"with id", oneSpan(t, served), Seen{RequestWithID: 1}},
		{"without id", oneSpan(t, attrs{"http.request.method": "GET"}), Seen{RequestWithoutID: 1}},
		{"an id that is none", oneSpan(t, attrs{"session.id": "null"}), Seen{RequestWithoutID: 1}},
		{"an id and no time", oneSpan(t, served, func(s ptrace.Span) { s.SetEndTimestamp(0) }), Seen{RequestWithID: 1}},
		{"other without id", oneSpan(t, attrs{"http.request.method": "GET"}, client), Seen{}},
		{"other with an id that is none", oneSpan(t, attrs{"session.id": ""}, client), Seen{}},
		{"exempt", oneSpan(t, served.with(attrs{"http.route": "/login"})), Seen{}},
	} {
		require.Equal(t, []Seen{c.want}, ofTraces(x, c.td).Seen, c.name)
	}
}

func TestBrowsersAndDevicesAreNotBelieved(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		name, value string
		believed    bool
	}{
		{"telemetry.sdk.language", "webjs", false},
		{"telemetry.sdk.language", "nodejs", true},
		{"browser.platform", "Linux", false},
		{"browser.mobile", "", false},
		{"device.id", "x", false},
		{"device.model.name", "x", false},
		{"devices", "x", true},
		{"browser", "x", true},
	} {
		td := oneSpan(t, served)
		td.ResourceSpans().At(0).Resource().Attributes().PutStr(c.name, c.value)
		b := ofTraces(x, td)
		require.Equal(t, c.believed, len(b.Facts) == 1, c.name)
		require.Equal(t, c.believed, len(b.Resources) == 1, c.name)
	}
	// What a service says of the browser that it answers is its own word.
	require.Len(t, ofTraces(x, oneSpan(t, served.with(attrs{"browser.platform": "Linux"}))).Facts, 1)
}

func TestOwnFindingsAreNotBelieved(t *testing.T) {
	x := newExtractor(t)
	td := oneSpan(t, served)
	td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetName(findinglog.Scope)
	require.Empty(t, ofTraces(x, td).Facts)
	ld := oneLog(t, served)
	ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().SetName(findinglog.Scope)
	require.Empty(t, ofLogs(x, ld).Facts)
}

func TestSpanTimes(t *testing.T) {
	x := newExtractor(t)
	const last = math.MaxInt64 // in 2262
	year2554 := uint64(math.MaxUint64)
	for _, c := range []struct {
		name       string
		start, end uint64
		want       Reason
	}{
		{"an instant", 5, 5, usable},
		{"the last", last, last, usable},
		{"no start", 0, 5, TimestampZero},
		{"no end", 5, 0, TimestampZero},
		{"neither", 0, 0, TimestampZero},
		{"reversed", 6, 5, TimestampReversed},
		{"past the last", 5, last + 1, TimestampRange},
		{"2554", year2554, year2554, TimestampRange},
		{"2554 to now", year2554, 5, TimestampRange},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := ofTraces(x, oneSpan(t, served, func(s ptrace.Span) {
				s.SetStartTimestamp(pcommon.Timestamp(c.start))
				s.SetEndTimestamp(pcommon.Timestamp(c.end))
			}))
			if c.want == usable {
				require.Len(t, b.Facts, 1)
				require.Equal(t, int64(c.start), b.Facts[0].Start)
				require.Equal(t, int64(c.end), b.Facts[0].End)
				return
			}
			require.Empty(t, b.Facts)
			var want [ReasonCount]int
			want[c.want] = 1
			require.Equal(t, want, refusedIn(b))
		})
	}
}

// One id alone does not identify a request; it is kept, since a trace id still
// leads a person to the trace.
func TestWithoutBothIDsARequestIsItsOwn(t *testing.T) {
	x := newExtractor(t)
	f := spanFact(t, x, served, func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) })
	require.Zero(t, f.Trace)
	require.NotZero(t, f.Span)
	f = spanFact(t, x, served, func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) })
	require.NotZero(t, f.Trace)
	require.Zero(t, f.Span)
}

func TestStreams(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.Streams = routes("/events/*", "updates") })
	for _, c := range []struct {
		name string
		a    attrs
		want bool
	}{
		{"plain", attrs{}, false},
		{"switching protocols", attrs{"http.response.status_code": 101}, true},
		{"header", attrs{"http.response.header.content-type": []any{"text/event-stream"}}, true},
		{"header as text", attrs{"http.response.header.content-type": "text/event-stream"}, true},
		{"header with parameters", attrs{"http.response.header.content-type": []any{"Text/Event-Stream; charset=utf-8"}}, true},
		{"header in its old name", attrs{"http.response.header.content_type": []any{"text/event-stream"}}, true},
		{"another type", attrs{"http.response.header.content-type": []any{"text/event-streams"}}, false},
		{"no type", attrs{"http.response.header.content-type": []any{}}, false},
		{"route", attrs{"http.route": "/events/{id}"}, true},
		{"path", attrs{"http.route": "", "url.path": "/v1/updates?since=3"}, true},
		{"path beside a route", attrs{"url.path": "/v1/updates"}, false},
	} {
		require.Equal(t, c.want, spanFact(t, x, served.with(c.a)).Flags.Has(fact.Stream), c.name)
	}
}

func TestPassive(t *testing.T) {
	require.Zero(t, spanFact(t, newExtractor(t), served.with(attrs{"http.route": "/poll"})).Flags, "none by default")
	x := newExtractor(t, func(c *Config) {
		c.Passive = []Rule{{Methods: []string{"head"}}, {Routes: []string{"/ocs/v2.php/*", "poll"}}}
	})
	for _, c := range []struct {
		name string
		a    attrs
		want bool
	}{
		{"plain", attrs{}, false},
		{"method", attrs{"http.request.method": "HEAD"}, true},
		{"route", attrs{"http.route": "/inbox/poll"}, true},
		{"path under the route of all", attrs{"http.route": "/", "url.path": "/ocs/v2.php/apps/notifications"}, true},
	} {
		f := spanFact(t, x, served.with(c.a))
		require.Equal(t, c.want, f.Flags.Has(fact.Passive), c.name)
		require.Equal(t, fact.Request, f.Kind)
	}
}

func TestSampledIsReadFromTheTraceState(t *testing.T) {
	x := newExtractor(t)
	for state, want := range map[string]bool{"": false, "ot=th:c": true, "ot=th:0": false} {
		f := spanFact(t, x, served, func(s ptrace.Span) { s.TraceState().FromRaw(state) })
		require.Equal(t, want, f.Flags.Has(fact.Sampled), state)
	}
}

func TestDetailsAreClipped(t *testing.T) {
	x := newExtractor(t)
	f := spanFact(t, x, served.with(attrs{"url.path": "/" + strings.Repeat("é", 1000), "http.route": strings.Repeat("r", 1024)}))
	require.Len(t, f.Details.Path, 1023, "between characters")
	require.Len(t, f.Details.Route, 1024)
}

func TestRefsLeadToTheRecord(t *testing.T) {
	x := newExtractor(t)
	td := ptrace.NewTraces()
	add := func(ss ptrace.ScopeSpans, kind ptrace.SpanKind) {
		oneSpan(t, served, func(s ptrace.Span) { s.SetKind(kind) }).ResourceSpans().At(0).ScopeSpans().At(0).Spans().MoveAndAppendTo(ss.Spans())
	}
	browser := td.ResourceSpans().AppendEmpty()
	browser.Resource().Attributes().PutStr("telemetry.sdk.language", "webjs")
	add(browser.ScopeSpans().AppendEmpty(), ptrace.SpanKindServer)
	shop := td.ResourceSpans().AppendEmpty()
	add(shop.ScopeSpans().AppendEmpty(), ptrace.SpanKindClient)
	second := shop.ScopeSpans().AppendEmpty()
	add(second, ptrace.SpanKindClient)
	add(second, ptrace.SpanKindServer)
	add(second, ptrace.SpanKindServer)
	add(td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty(), ptrace.SpanKindServer)
	b := ofTraces(x, td)
	require.Equal(t, []Ref{{1, 1, 1}, {1, 1, 2}, {2, 0, 0}}, b.Refs)
	require.Len(t, b.Facts, 3)
	require.Equal(t, []Seen{{RequestWithID: 2, OtherWithID: 2}, {RequestWithID: 1}}, b.Seen)
}

func TestNoResourceIsAResourceWithoutAName(t *testing.T) {
	x := newExtractor(t)
	td := oneSpan(t, served)
	td.ResourceSpans().At(0).Resource().Attributes().Clear()
	b := ofTraces(x, td)
	require.Len(t, b.Facts, 1)
	require.Equal(t, &fact.Resource{}, b.Facts[0].Resource)
	require.Empty(t, ofTraces(x, ptrace.NewTraces()).Facts)
}

func TestBatchTakesSeveralAndStartsAnew(t *testing.T) {
	x := newExtractor(t)
	b := &Batch{}
	for range 3 {
		x.Traces(oneSpan(t, served.with(attrs{"user.id": 7})), b)
		x.Logs(oneLog(t, served.with(attrs{"session.id": ""})), b)
	}
	require.Len(t, b.Facts, 3)
	require.Len(t, b.Resources, 6)
	require.Equal(t, 3, refusedIn(b)[SessionIDEmpty])
	for _, f := range b.Facts {
		require.Equal(t, "shop", f.Resource.ServiceName)
		require.Equal(t, "7", f.User.Raw)
	}
	b.Reset()
	require.Empty(t, b.Facts)
	require.Empty(t, b.Refs)
	require.Empty(t, b.Resources)
	require.Empty(t, b.Seen)
	require.Zero(t, refusedIn(b))
	for _, f := range b.Facts[:cap(b.Facts)] {
		require.Zero(t, f, "nothing of the telemetry is held")
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Policies = []PolicyMatch{{Match: map[string][]string{"http.route": {"/pay/*"}, "server.port": {"443"}}}, {}}
		c.Passive = routes("/poll/*")
	})
	td := benchTraces(100)
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for i, a := range []attrs{
		{"user.id": 1 << 40},
		{"user.id": "ann"},
		{"session.id": "null"},
		{"session.id": 7},
		{"http.route": "/login"},
		{"http.response.status_code": "302", "http.response.header.location": []any{"https://idp/authorize?x=y"}},
		{"rpc.response.status_code": "UNAUTHENTICATED"},
		{"http.route": "/pay/now"},
	} {
		a.put(t, spans.At(i).Attributes())
		spans.At(i).TraceState().FromRaw("a=b,ot=rv:0;th:c")
	}
	spans.At(20).SetKind(ptrace.SpanKindClient)
	ld := benchLogs()
	records := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	records.At(0).SetEventName("session.start")
	attrs{"session.previous_id": "old"}.put(t, records.At(0).Attributes())
	records.At(1).SetEventName("user.session.clear")
	attrs{"http.server.request.duration": "0.25"}.put(t, records.At(2).Attributes())
	td.MarkReadOnly()
	ld.MarkReadOnly()
	b := &Batch{}
	run := func() {
		b.Reset()
		x.Traces(td, b)
		x.Logs(ld, b)
	}
	run()
	require.Greater(t, len(b.Facts), 2000)
	require.Zero(t, testing.AllocsPerRun(100, run))
}

func TestTimesAreInstants(t *testing.T) {
	// The night in which Berlin's clocks go forward: a second is a second.
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	start := time.Date(2026, 3, 29, 1, 59, 59, 0, berlin)
	end := time.Date(2026, 3, 29, 3, 0, 1, 0, berlin)
	f := spanFact(t, newExtractor(t), served, func(s ptrace.Span) {
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
	})
	require.Equal(t, 2*time.Second, time.Duration(f.End-f.Start))
}
