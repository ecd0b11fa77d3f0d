// Package traffic makes the telemetry that the benchmarks run on: batches of
// HTTP server spans as today's instrumentation writes them, every span on one
// of a given number of sessions.
//
// A span must not come twice, since a component that joins what it hears would
// do nothing for the second. So a batch is made once and renewed before each
// use: sessions, trace and span ids and times are overwritten in place, which
// costs little and allocates nothing. Even the bytes of the session ids are, so
// what consumes a batch must not keep its strings, as no component may that
// holds sessions by the million.
package traffic

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Attributes is how many attributes every span has.
const Attributes = 11

// Source makes and renews batches. Not safe for concurrent use, but two sources
// may work side by side.
type Source struct {
	sessions uint64
	next     uint64 // the next session, as long as not every one has come
	spans    uint64 // made so far, of which trace and span ids are made
	random   uint64
	clock    int64
}

// NewSource returns a source of spans on this many sessions. Sources with
// different seeds never make the same span, but share their sessions.
func NewSource(sessions int, seed uint64) *Source {
	return &Source{sessions: uint64(sessions), spans: seed << 40, random: seed}
}

// Batch is one batch of spans.
type Batch struct {
	Traces ptrace.Traces
	spans  []ptrace.Span
	ids    [][]byte // what the session ids' strings lie in
}

// Len is how many spans the batch has.
func (b *Batch) Len() int { return len(b.spans) }

// Batch returns the n-th batch, of one service's spans, not yet renewed.
func (s *Source) Batch(n, spans int) *Batch {
	b := &Batch{Traces: overTheWire(newTraces(n, spans))}
	list := b.Traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for i := range list.Len() {
		span := list.At(i)
		id := []byte(placeholder)
		v, _ := span.Attributes().Get("session.id")
		v.SetStr(unsafe.String(&id[0], len(id)))
		b.spans, b.ids = append(b.spans, span), append(b.ids, id)
	}
	return b
}

// Renew makes b a batch of spans that were never there before, which ended just
// now. The first to be renewed go through all sessions in turn; from then on
// every span is on a random one.
func (s *Source) Renew(b *Batch) {
	s.clock = max(s.clock, time.Now().UnixNano())
	for i, span := range b.spans {
		session := s.next
		if session < s.sessions {
			s.next++
		} else {
			session = s.draw() % s.sessions
		}
		writeID(b.ids[i], session)

		s.spans++
		var trace pcommon.TraceID
		binary.BigEndian.PutUint64(trace[:8], mix(s.spans))
		binary.BigEndian.PutUint64(trace[8:], s.spans)
		span.SetTraceID(trace)
		span.SetSpanID(pcommon.SpanID(trace[8:]))

		// Spans come in the order in which they end, and not in that in which
		// they start.
		s.clock += 250
		length := int64(time.Millisecond) << (s.draw() % 7)
		span.SetStartTimestamp(pcommon.Timestamp(s.clock - length))
		span.SetEndTimestamp(pcommon.Timestamp(s.clock))
	}
}

func (s *Source) draw() uint64 {
	s.random += 0x9e3779b97f4a7c15
	return mix(s.random)
}

// mix is the finaliser of splitmix64, a bijection.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// placeholder has the length and the shape of a session id, a UUID.
const placeholder = "00000000-0000-4000-8000-000000000000"

// writeID writes the id of a session in place.
func writeID(to []byte, session uint64) {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], mix(session+1))
	binary.BigEndian.PutUint64(raw[8:], mix(^session))
	hex.Encode(to[0:8], raw[0:4])
	hex.Encode(to[9:13], raw[4:6])
	hex.Encode(to[14:18], raw[6:8])
	hex.Encode(to[19:23], raw[8:10])
	hex.Encode(to[24:36], raw[10:16])
}

var (
	services = [...]string{"frontend", "checkout", "catalog", "ledger"}
	agents   = [...]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
	}
	endpoints = [...]struct {
		method, route, path string
		status              int64
	}{
		{"GET", "/", "/", 200},
		{"GET", "/products/{id}", "/products/%d", 200},
		{"GET", "/products", "/products", 200},
		{"GET", "/api/cart", "/api/cart", 200},
		{"POST", "/api/cart/items", "/api/cart/items", 201},
		{"DELETE", "/api/cart/items/{id}", "/api/cart/items/%d", 204},
		{"GET", "/api/recommendations", "/api/recommendations", 200},
		{"GET", "/orders/{id}", "/orders/%d", 200},
		{"POST", "/api/orders", "/api/orders", 201},
		{"GET", "/account/addresses", "/account/addresses", 200},
		{"PUT", "/account/addresses/{id}", "/account/addresses/%d", 200},
		{"GET", "/api/search", "/api/search", 200},
	}
)

// newTraces makes the n-th batch. Attributes are in the order in which they are
// set: first what is known as a request begins, then what the session layer
// adds, at last what is known when it ends.
func newTraces(n, spans int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	service := services[n%len(services)]
	r := rs.Resource().Attributes()
	r.PutStr("service.name", service)
	r.PutStr("service.namespace", "shop")
	r.PutStr("service.instance.id", fmt.Sprintf("%s-%d", service, n/len(services)))
	r.PutStr("deployment.environment.name", "production")
	r.PutStr("telemetry.sdk.name", "opentelemetry")
	r.PutStr("telemetry.sdk.language", "go")
	r.PutStr("telemetry.sdk.version", "1.45.0")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp")
	ss.Scope().SetVersion("0.69.0")
	ss.Spans().EnsureCapacity(spans)
	for i := range spans {
		e := &endpoints[mix(uint64(n*spans+i))%uint64(len(endpoints))]
		path := e.path
		if path != e.route {
			path = fmt.Sprintf(path, 1000+i)
		}
		s := ss.Spans().AppendEmpty()
		s.SetName(e.method + " " + e.route)
		s.SetKind(ptrace.SpanKindServer)
		s.SetFlags(0x101)
		a := s.Attributes()
		a.PutStr("http.request.method", e.method)
		a.PutStr("url.scheme", "https")
		a.PutStr("url.path", path)
		a.PutStr("server.address", "shop.example.com")
		a.PutInt("server.port", 443)
		a.PutStr("client.address", fmt.Sprintf("192.0.2.%d", i%250))
		a.PutStr("user_agent.original", agents[i%len(agents)])
		a.PutStr("network.protocol.version", "1.1")
		a.PutStr("session.id", placeholder)
		a.PutStr("http.route", e.route)
		a.PutInt("http.response.status_code", e.status)
	}
	return td
}

// overTheWire lays td out in memory as a receiver does, every string by itself.
func overTheWire(td ptrace.Traces) ptrace.Traces {
	b, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		panic(err) // what it marshals is made above
	}
	td, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(b)
	if err != nil {
		panic(err)
	}
	return td
}
