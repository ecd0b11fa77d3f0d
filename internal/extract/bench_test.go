package extract

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Run with
//
//	go test -run '^$' -bench . -benchmem ./internal/extract
//
// BesideWalk compares the extraction with a bare walk over the same spans.

const benchSpans = 1024

// benchTraces is a batch of SERVER spans of eleven attributes as today's HTTP
// instrumentation writes them, of sessions of which each has a span in turn.
func benchTraces(sessions int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	rs.Resource().Attributes().PutStr("service.instance.id", "checkout-0")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp")
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range benchSpans {
		s := ss.Spans().AppendEmpty()
		s.SetKind(ptrace.SpanKindServer)
		s.SetName("GET /cart/{id}")
		s.SetTraceID(pcommon.TraceID{1, 2, 3, byte(i >> 8), byte(i)})
		s.SetSpanID(pcommon.SpanID{4, 5, byte(i >> 8), byte(i)})
		at := start.Add(time.Duration(i) * time.Millisecond)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(8 * time.Millisecond)))
		a := s.Attributes()
		a.PutStr("http.request.method", "GET")
		a.PutStr("url.scheme", "https")
		a.PutStr("server.address", "shop.example.com")
		a.PutInt("server.port", 443)
		a.PutStr("url.path", fmt.Sprintf("/cart/%d", i))
		a.PutStr("http.route", "/cart/{id}")
		a.PutInt("http.response.status_code", 200)
		a.PutStr("network.protocol.version", "1.1")
		a.PutStr("client.address", "192.0.2.17")
		a.PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")
		a.PutStr("session.id", fmt.Sprintf("0b0e5a3c-6f7b-4d51-9f0e-%012x", i%sessions))
	}
	return overTheWire(td)
}

// overTheWire gives every string memory of its own, as a receiver does.
func overTheWire(td ptrace.Traces) ptrace.Traces {
	b, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
	if err != nil {
		panic(err)
	}
	td, err = new(ptrace.ProtoUnmarshaler).UnmarshalTraces(b)
	if err != nil {
		panic(err)
	}
	return td
}

func benchLogs() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "checkout")
	sl := rl.ScopeLogs().AppendEmpty()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range benchSpans {
		r := sl.LogRecords().AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Duration(i) * time.Millisecond)))
		a := r.Attributes()
		a.PutStr("session.id", fmt.Sprintf("0b0e5a3c-6f7b-4d51-9f0e-%012x", i))
		a.PutStr("http.request.method", "GET")
		a.PutStr("url.path", fmt.Sprintf("/cart/%d", i))
		a.PutInt("http.response.status_code", 200)
		a.PutDouble("http.server.request.duration", 0.012)
	}
	return ld
}

func benchExtractor(tb testing.TB, policies ...PolicyMatch) *Extractor {
	tb.Helper()
	cfg := testConfig()
	cfg.Policies = append(policies, PolicyMatch{})
	x, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func perSpan(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSpans, "ns/span")
}

// bareWalk looks at all that there is of each span and does nothing: what the
// benchmarks of the whole processor measure it by.
func bareWalk(td ptrace.Traces) (sum int64) {
	for i := range td.ResourceSpans().Len() {
		rs := td.ResourceSpans().At(i)
		for j := range rs.ScopeSpans().Len() {
			spans := rs.ScopeSpans().At(j).Spans()
			for k := range spans.Len() {
				s := spans.At(k)
				trace, span := s.TraceID(), s.SpanID()
				sum += int64(s.Kind()) + int64(trace[0]) + int64(span[0]) + int64(s.EndTimestamp()-s.StartTimestamp())
				for name, v := range s.Attributes().All() {
					sum += int64(len(name))
					switch v.Type() {
					case pcommon.ValueTypeStr:
						sum += int64(len(v.Str()))
					case pcommon.ValueTypeInt:
						sum += v.Int()
					}
				}
			}
		}
	}
	return sum
}

// BenchmarkBesideWalk takes turns between a bare walk and the extraction, so
// that whatever else the machine does meets both, and reports the first deciles,
// which it meets least, and their ratio: on batches that are in no cache any
// more, and on a few that are.
func BenchmarkBesideWalk(b *testing.B) {
	for _, c := range []struct {
		name    string
		batches int
	}{{"from=memory", 96}, {"from=cache", 8}} {
		b.Run(c.name, func(b *testing.B) {
			x, batch := benchExtractor(b), &Batch{}
			var batches []ptrace.Traces
			for range c.batches {
				batches = append(batches, benchTraces(benchSpans))
			}
			var walk, traces []float64
			sum, next := int64(0), 0
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				sum += bareWalk(batches[next])
				walk = append(walk, float64(time.Since(start))/benchSpans)
				next = (next + c.batches/2 + 1) % c.batches // one that was not there just now

				start = time.Now()
				x.Traces(batches[next], batch)
				batch.Reset()
				traces = append(traces, float64(time.Since(start))/benchSpans)
				next = (next + c.batches/2) % c.batches
			}
			slices.Sort(walk)
			slices.Sort(traces)
			w, t := walk[len(walk)/10], traces[len(traces)/10]
			b.ReportMetric(w, "ns/span-walk")
			b.ReportMetric(t, "ns/span-traces")
			b.ReportMetric(t/w, "x-walk")
			b.ReportMetric(0, "ns/op")
			if sum == 0 || cap(batch.Facts) < benchSpans {
				b.Fatalf("room for %d facts", cap(batch.Facts))
			}
		})
	}
}

func BenchmarkTraces(b *testing.B) {
	for _, c := range []struct {
		name     string
		policies []PolicyMatch
	}{
		{"one policy", nil},
		{"by service", []PolicyMatch{{Match: map[string][]string{"service.name": {"ledger"}}}}},
		{"by route", []PolicyMatch{{Match: map[string][]string{"service.name": {"checkout"}, "http.route": {"/pay/*"}}}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			x, td, batch := benchExtractor(b, c.policies...), benchTraces(benchSpans), &Batch{}
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				x.Traces(td, batch)
			}
			perSpan(b)
			if len(batch.Facts) != benchSpans {
				b.Fatalf("%d facts", len(batch.Facts))
			}
		})
	}
}

// BenchmarkTracesOfUsers has what most spans have beside the least: a user, and
// paths and names of instances as long as ids.
func BenchmarkTracesOfUsers(b *testing.B) {
	x, td, batch := benchExtractor(b), benchTraces(benchSpans), &Batch{}
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09")
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for k := range spans.Len() {
		a := spans.At(k).Attributes()
		a.PutStr("user.id", strconv.Itoa(1000+k))
		a.PutStr("url.path", fmt.Sprintf("/api/v1/customers/%d/carts/current/items/%d", 7*k, k))
	}
	td = overTheWire(td)
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		x.Traces(td, batch)
	}
	perSpan(b)
}

func BenchmarkOtherSpans(b *testing.B) {
	x, td, batch := benchExtractor(b), benchTraces(benchSpans), &Batch{}
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for k := range spans.Len() {
		spans.At(k).SetKind(ptrace.SpanKindInternal)
	}
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		x.Traces(td, batch)
	}
	perSpan(b)
}

// BenchmarkClientSpans has what most CLIENT spans have, which is no session.
func BenchmarkClientSpans(b *testing.B) {
	x, td, batch := benchExtractor(b), benchTraces(benchSpans), &Batch{}
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for k := range spans.Len() {
		s := spans.At(k)
		s.SetKind(ptrace.SpanKindClient)
		s.Attributes().RemoveIf(func(name string, _ pcommon.Value) bool {
			return name == "session.id" || name == "http.route" || name == "client.address" || name == "user_agent.original"
		})
	}
	td = overTheWire(td)
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		x.Traces(td, batch)
	}
	perSpan(b)
	if len(batch.Callers) != benchSpans {
		b.Fatalf("%d callers", len(batch.Callers))
	}
}

func BenchmarkLogs(b *testing.B) {
	x, ld, batch := benchExtractor(b), benchLogs(), &Batch{}
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		x.Logs(ld, batch)
	}
	perSpan(b)
	if len(batch.Facts) != benchSpans {
		b.Fatalf("%d facts", len(batch.Facts))
	}
}

// BenchmarkSources has the id as text, in a cookie among others and in a claim: what
// a picker costs a span more.
func BenchmarkSources(b *testing.B) {
	token := "Bearer " + jwt(`{"exp":1795168800,"iat":1795168500,"auth_time":1795168200,"jti":"t0","iss":"https://id.example/realms/shop",`+
		`"sub":"u-1001","typ":"Bearer","azp":"web","sid":"7b1c9a52-6a3e-4b0f-9c61-1f2e3d4c5b6a"}`)
	header := "theme=dark; _ga_X1=GS1.1.170.0.1; SID=7b1c9a52-6a3e-4b0f-9c61-1f2e3d4c5b6a.node1; consent=YmFzZQ=="
	for _, c := range []struct {
		name   string
		source Source
		value  any
	}{
		{"text", Source{Attribute: "http.request.header.x-session"}, "7b1c9a52-6a3e-4b0f-9c61-1f2e3d4c5b6a"},
		{"list", Source{Attribute: "http.request.header.x-session"}, []any{"7b1c9a52-6a3e-4b0f-9c61-1f2e3d4c5b6a"}},
		{"cookie", Source{Attribute: cookieHeader, Cookie: "SID", Until: "."}, header},
		{"cookie in a list", Source{Attribute: cookieHeader, Cookie: "SID", Until: "."}, []any{header}},
		{"claim", Source{Attribute: "http.request.header.authorization", Claim: "sid"}, token},
		{"claim in a list", Source{Attribute: "http.request.header.authorization", Claim: "sid"}, []any{token}},
	} {
		b.Run(c.name, func(b *testing.B) {
			x, td, batch := sourced(b, c.source), benchTraces(benchSpans), &Batch{}
			spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
			for k := range spans.Len() {
				a := spans.At(k).Attributes()
				a.Remove("session.id")
				attrs{c.source.Attribute: c.value}.put(b, a)
			}
			td = overTheWire(td)
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				x.Traces(td, batch)
			}
			perSpan(b)
		})
	}
}
