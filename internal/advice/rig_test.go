package advice

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// rig is an advisor behind an extractor, as in the processor.
type rig struct {
	t         *testing.T
	advisor   *Advisor
	extractor *extract.Extractor
	counts    Counts
	cfg       extract.Config
}

func newRig(t *testing.T, cfg Config, sources ...extract.Source) *rig {
	t.Helper()
	c := extract.DefaultConfig()
	c.SessionID.HashKey = []byte(strings.Repeat("k", 32))
	c.SessionID.Sources = append(c.SessionID.Sources, sources...)
	c.SessionID.Linked = extract.Sources{{Attribute: "oidc.sid"}}
	c.Policies = []extract.PolicyMatch{{}}
	x, err := extract.New(c)
	require.NoError(t, err)
	cfg.EventNames = map[string]bool{"session.start": true, "session.end": true, "authn_login_success": true}
	cfg.Linked = true
	advisor := New(cfg)
	advisor.SetPseudonym(x.Pseudonym)
	return &rig{t: t, advisor: advisor, extractor: x, cfg: c, counts: Counts{Services: map[string]ServiceCounts{}}}
}

// replacePlaceholders sets the lists of sessions and users.
func (r *rig) replacePlaceholders(words []string) {
	r.cfg.SessionID.Placeholders, r.cfg.UserID.Placeholders = words, words
	x, err := extract.New(r.cfg)
	require.NoError(r.t, err)
	r.extractor = x
}

// count counts as the processor does.
func (r *rig) count(b *extract.Batch) {
	for i, seen := range b.Seen {
		c := r.counts.Services[b.Resources[i].ServiceName]
		c.RequestWithID += int64(seen.RequestWithID)
		c.RequestWithoutID += int64(seen.RequestWithoutID)
		c.OtherWithID += int64(seen.OtherWithID)
		c.LogNotUnderstood += int64(seen.LogNotUnderstood)
		if seen != (extract.Seen{}) {
			r.counts.Services[b.Resources[i].ServiceName] = c
		}
	}
	r.counts.Facts += int64(len(b.Facts))
	for i := range b.Facts {
		if b.Facts[i].Kind == fact.Request {
			r.counts.Requests++
		}
	}
}

func (r *rig) spans(td ptrace.Traces) {
	var b extract.Batch
	r.extractor.Traces(td, &b)
	r.advisor.Traces(td, &b)
	r.count(&b)
}

func (r *rig) logs(ld plog.Logs) {
	var b extract.Batch
	r.extractor.Logs(ld, &b)
	r.advisor.Logs(ld, &b)
	r.count(&b)
}

// codes are what is said, with names behind a colon.
func (r *rig) codes() (said []string) {
	for _, a := range r.advisor.Advise(&r.counts) {
		text := a.Code.String()
		if a.Name != "" {
			text += ":" + a.Name
		}
		said = append(said, text)
	}
	return said
}

var random = rand.New(rand.NewPCG(1, 2))

type attributes = map[string]any

// server is a batch of one SERVER span.
func server(service string, attrs attributes) ptrace.Traces {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	span := resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindServer)
	var trace [16]byte
	binary.BigEndian.PutUint64(trace[:], random.Uint64())
	binary.BigEndian.PutUint64(trace[8:], random.Uint64())
	span.SetTraceID(trace)
	span.SetSpanID([8]byte(trace[8:]))
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_800_000_000, 0)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_800_000_001, 0)))
	_ = span.Attributes().FromRaw(attrs)
	span.Attributes().PutStr("http.request.method", "GET")
	span.Attributes().PutInt("http.response.status_code", 200)
	return td
}

func first(td ptrace.Traces) ptrace.Span {
	return td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
}

func logRecord(service string, body any, attrs attributes) plog.Logs {
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	record := resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_800_000_000, 0)))
	_ = record.Body().FromRaw(body)
	_ = record.Attributes().FromRaw(attrs)
	return ld
}

var cookie = extract.Source{Attribute: "http.request.header.cookie", Cookie: "sid"}

// withID are requests of a service that is well.
func withID(r *rig) {
	for i := range 20 {
		r.spans(server("shop", attributes{"session.id": fmt.Sprintf("s%d", i%2), "user.id": fmt.Sprintf("u%d", i%2)}))
	}
}

// sessions are as many, with a request each.
func sessions(r *rig, n int) {
	for i := range n {
		r.spans(server("shop", attributes{"session.id": fmt.Sprintf("session-%d", i)}))
	}
}

func decide(r *rig, service string, indeterminate int64) {
	c := r.counts.Services[service]
	c.Decided, c.Indeterminate = 20, indeterminate
	r.counts.Services[service] = c
}

// sample feeds traces that a sampler would have kept.
func sample(r *rig, n int, ratio float64, state string) {
	for i := range n {
		td := server("shop", attributes{"session.id": fmt.Sprintf("s%d", i%4), "user.id": fmt.Sprintf("u%d", i%4)})
		trace := first(td).TraceID()
		binary.BigEndian.PutUint64(trace[8:], uint64(ratio*random.Float64()*(1<<63))<<1)
		first(td).SetTraceID(trace)
		first(td).TraceState().FromRaw(state)
		r.spans(td)
	}
}

func logout(status string) ptrace.Traces {
	td := server("shop", attributes{"session.id": "s1", "http.route": "/logout"})
	first(td).Attributes().PutStr("http.request.method", "POST")
	first(td).Attributes().PutStr("http.response.status_code", status)
	return td
}

func event(name string, attrs attributes) plog.Logs {
	ld := logRecord("id", nil, attrs)
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetEventName(name)
	return ld
}

func access(seconds any) attributes {
	return attributes{"http.request.method": "GET", "http.response.status_code": 200, "session.id": "s1", "http.server.request.duration": seconds}
}

// late are access logs of requests that took so many seconds, and came so many later.
func late(r *rig, n int, took any, seconds int64) {
	for range n {
		ld := logRecord("edge", nil, access(took))
		ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_800_000_000+seconds, 0)))
		r.logs(ld)
	}
}
