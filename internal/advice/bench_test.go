package advice

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// BenchmarkTraces is what the closer look costs a span, of batches of a hundred
// with twelve attributes each.
func BenchmarkTraces(b *testing.B) {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range 100 {
		server("shop", attributes{
			"url.path": "/cart", "url.scheme": "https", "server.address": "shop.example", "server.port": 443, "user_agent.original": "Mozilla/5.0",
			"network.protocol.version": "2", "http.route": "/cart", "client.address": "203.0.113.9", "session.id": fmt.Sprintf("s%d", i), "user.id": "u",
			"http.request.header.cookie": []any{"theme=dark; _ga=GA1.2.3; sid=0a1b2c3d4e5f; consent=YmFzZQ=="},
		}).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).CopyTo(spans.AppendEmpty())
	}
	a := New(Config{})
	a.seen.Store(firstOnes)
	c := extract.DefaultConfig()
	c.SessionID.HashKey, c.Policies = []byte(strings.Repeat("k", 32)), []extract.PolicyMatch{{}}
	x, err := extract.New(c)
	if err != nil {
		b.Fatal(err)
	}
	var batch extract.Batch
	x.Traces(td, &batch)
	b.ReportAllocs()
	for b.Loop() {
		a.Traces(td, &batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/span")
}
