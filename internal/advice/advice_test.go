package advice

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// rig is an advisor behind an extractor, as in the processor.
type rig struct {
	t         *testing.T
	advisor   *Advisor
	extractor *extract.Extractor
	counts    Counts
}

func newRig(t *testing.T, cfg Config, sources ...extract.Source) *rig {
	t.Helper()
	c := extract.DefaultConfig()
	c.SessionID.HashKey = []byte(strings.Repeat("k", 32))
	c.SessionID.Sources = append(c.SessionID.Sources, sources...)
	c.Policies = []extract.PolicyMatch{{}}
	x, err := extract.New(c)
	require.NoError(t, err)
	cfg.EventNames = map[string]bool{"session.end": true, "authn_login_success": true}
	return &rig{t: t, advisor: New(cfg), extractor: x, counts: Counts{Services: map[string]ServiceCounts{}}}
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

// TestSentences: each is said where it should be, and alone.
func TestSentences(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     Config
		sources []extract.Source
		feed    func(r *rig)
		want    []string
	}{
		{name: "nothing", feed: func(*rig) {}, want: []string{"nothing_arrived"}},
		{name: "browsers", feed: func(r *rig) {
			td := server("shop", attributes{"session.id": "s"})
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("browser.platform", "x")
			r.spans(td)
		}, want: []string{"only_browsers"}},
		{name: "health checks", feed: func(r *rig) {
			for range 10 {
				r.spans(server("shop", attributes{"http.route": "/healthz"}))
			}
		}, want: []string{"no_requests"}},
		{name: "the future", feed: func(r *rig) { r.spans(server("shop", nil)); r.counts.RefusedTimes, r.counts.Facts = 20, 0 }, want: []string{"times_refused"}},
		{name: "JSON", feed: func(r *rig) { r.logs(logRecord("id", `{"type":"LOGOUT"}`, nil)) }, want: []string{"body_json"}},
		{name: "text", feed: func(r *rig) { r.logs(logRecord("id", "user logged_out", nil)) }, want: []string{"body_text"}},
		{name: "a sentence", feed: func(r *rig) { r.logs(logRecord("id", "User logged out.", nil)) }, want: []string{"body_text"}},
		{name: "a map", feed: func(r *rig) { r.logs(logRecord("id", map[string]any{"a": map[string]any{"sessionId": "x"}}, nil)) }, want: []string{"body_map"}},
		{name: "beside what is understood", feed: func(r *rig) {
			r.logs(logRecord("id", `{"type":"LOGIN_ERROR"}`, nil))
			r.logs(event("session.end", attributes{"session.id": "s0"}))
			r.counts.Ends = 1
		}},
		{name: "of nothing", feed: func(r *rig) { r.logs(logRecord("db", "checkpoint complete", nil)) }},
		{name: "a session beside", feed: func(r *rig) {
			withID(r)
			r.logs(logRecord("shop", "user_logged_out", attributes{"session_key": "x"}))
			r.logs(logRecord("shop", "user logged_in again", nil))
		}, want: []string{"body_text"}},
		{name: "on INTERNAL spans", feed: func(r *rig) {
			for range 5 {
				r.spans(server("shop", nil))
				td := server("shop", attributes{"session.id": "s"})
				first(td).SetKind(ptrace.SpanKindInternal)
				r.spans(td)
			}
		}, want: []string{"session_elsewhere"}},
		{name: "a cookie of few", feed: func(r *rig) {
			for i := range 19 {
				r.spans(server("shop", attributes{"http.request.header.cookie": []any{fmt.Sprintf("sid=%d; theme=dark", i)}}))
			}
		}, want: []string{"cookie_unread"}},
		{name: "a cookie of many", feed: func(r *rig) {
			for i := range 20 {
				r.spans(server("shop", attributes{"http.request.header.cookie": fmt.Sprintf("a=b; theme=dark; sid=%d", i)}))
			}
		}, want: []string{"cookie_unread:sid"}},
		{name: "sanitised", feed: func(r *rig) {
			for i := range 20 {
				r.spans(server("shop", attributes{"http.request.header.cookie": []any{[]string{"[REDACTED]", "****"}[i%2]}}))
			}
		}, want: []string{"header_sanitised"}},
		{name: "no header", feed: func(r *rig) {
			for range 20 {
				r.spans(server("shop", attributes{"http.request.header.cookie": "-"}))
			}
		}, want: []string{"no_session"}},
		{name: "a token", feed: func(r *rig) {
			for i := range 25 {
				r.spans(server("shop", attributes{"http.request.header.authorization": []any{token(i)}}))
			}
		}, want: []string{"token_unread:sid"}},
		{name: "nowhere", feed: func(r *rig) {
			for range 5 {
				r.spans(server("shop", nil))
			}
		}, want: []string{"no_session"}},
		{name: "too few", feed: func(r *rig) { r.spans(server("shop", nil)) }},
		{name: "enough for a recording", cfg: Config{Recording: true}, feed: func(r *rig) { r.spans(server("shop", nil)) }, want: []string{"no_session"}},
		{name: "an id for each request", cfg: Config{Recording: true}, feed: func(r *rig) { sessions(r, 20) }, want: []string{"id_per_request"}},
		{name: "an id for each request, for long", feed: func(r *rig) {
			sessions(r, 200)
			r.counts.For, r.counts.Requests, r.counts.Sessions = time.Hour, 200, 200
		}, want: []string{"id_per_request"}},
		{name: "everybody once, in a minute", feed: func(r *rig) {
			sessions(r, 200)
			r.counts.For, r.counts.Requests, r.counts.Sessions = time.Minute, 200, 200
		}},
		{name: "a service without sessions beside others", feed: func(r *rig) {
			withID(r)
			for range 20 {
				r.spans(server("static", nil))
				r.spans(server("internal", attributes{"http.request.header.authorization": "Bearer e30.eyJzdWIiOiJ4In0.c2ln"}))
			}
		}},
		{name: "unproven", sources: []extract.Source{cookie}, feed: func(r *rig) {
			for i := range 20 {
				r.spans(server("shop", attributes{"http.request.header.cookie": fmt.Sprintf("sid=%d", i%4)}))
			}
			decide(r, "shop", 20)
		}, want: []string{"unproven"}},
		{name: "proven", sources: []extract.Source{cookie}, feed: func(r *rig) {
			for i := range 20 {
				r.spans(server("shop", attributes{"http.request.header.cookie": fmt.Sprintf("sid=%d", i%4), "user.id": fmt.Sprintf("u%d", i%4)}))
			}
			decide(r, "shop", 10)
		}},
		{name: "of browsers", feed: func(r *rig) {
			td := server("page", attributes{"session.id": "s1"})
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("telemetry.sdk.language", "webjs")
			r.spans(td)
			withID(r)
		}, want: []string{"browser_ids"}},
		{name: "one id, many users", feed: func(r *rig) {
			for i := range 20 {
				r.spans(server("shop", attributes{"session.id": "shared", "user.id": fmt.Sprintf("u%d", i%3)}))
			}
		}, want: []string{"shared_id"}},
		{name: "one user, many ids", feed: func(r *rig) {
			for i := range 60 {
				r.spans(server("shop", attributes{"session.id": fmt.Sprintf("s%d", i%25), "user.id": "nobody"}))
			}
		}, want: []string{"shared_user"}},
		{name: "sampled", feed: func(r *rig) { sample(r, 64, 0.1, "") }, want: []string{"sampled"}},
		{name: "sampled, and said so", feed: func(r *rig) { sample(r, 64, 0.1, "ot=th:e") }},
		{name: "sampled, and known", cfg: Config{Sampled: true}, feed: func(r *rig) { sample(r, 64, 0.1, "") }},
		{name: "ids of 63 bits", feed: func(r *rig) { sample(r, 300, 0.5, "") }},
		{name: "hardly sampled", feed: func(r *rig) { sample(r, 64, 0.9, "") }},
		{name: "too few to be sure", feed: func(r *rig) { sample(r, 8, 0.1, "") }},
		{name: "parents", feed: func(r *rig) {
			for i := range 20 {
				caller := server("edge", attributes{"session.id": "s1"})
				td := server("shop", attributes{"session.id": "s1"})
				first(td).SetParentSpanID(first(caller).SpanID())
				if i%2 == 0 {
					r.spans(caller)
				}
				r.spans(td)
			}
			time.Sleep(2 * time.Minute)
			withID(r)
		}, want: []string{"parents_missing"}},
		{name: "parents that are still to come", feed: func(r *rig) {
			for i := range 20 {
				td := server("shop", attributes{"session.id": "s1"})
				first(td).SetParentSpanID([8]byte{byte(i), 1})
				r.spans(td)
				r.spans(server("shop", attributes{"session.id": "s1"}))
			}
		}},
		{name: "callers of others", feed: func(r *rig) {
			for range 20 {
				td := server("shop", attributes{"session.id": "s1"})
				first(td).SetParentSpanID([8]byte{1})
				r.spans(td)
			}
		}},
		{name: "no time", feed: func(r *rig) {
			for range 10 {
				ld := logRecord("edge", nil, access(1))
				ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetTimestamp(0)
				r.logs(ld)
			}
		}, want: []string{"no_time"}},
		{name: "the time is the start", feed: func(r *rig) {
			for range 5 {
				ld := logRecord("edge", nil, access(30))
				ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_800_000_031, 0)))
				r.logs(ld)
			}
		}, want: []string{"time_is_start"}},
		{name: "a login page", feed: func(r *rig) {
			for range 5 {
				r.spans(server("shop", attributes{"session.id": "s1", "http.route": "/oauth2/start"}))
			}
		}, want: []string{"login_judged"}},
		{name: "a logout", feed: func(r *rig) { withID(r); r.spans(logout("302")) }, want: []string{"logout_request"}},
		{name: "a logout that failed", feed: func(r *rig) { withID(r); r.spans(logout("403")) }},
		{name: "a logout that is an end", feed: func(r *rig) { withID(r); r.spans(logout("302")); r.counts.Ends = 1 }},
		{name: "ends of others", feed: func(r *rig) {
			withID(r)
			time.Sleep(11 * time.Minute)
			for i := range 5 {
				r.logs(event("session.end", attributes{"session.id": fmt.Sprintf("theirs-%d", i)}))
			}
			r.counts.Ends = 5
		}, want: []string{"ends_unknown"}},
		{name: "ends of the busy", feed: func(r *rig) {
			withID(r)
			for i := range 5 {
				r.logs(event("session.end", attributes{"session.id": fmt.Sprintf("earlier-%d", i)}))
			}
			r.counts.Ends = 5
		}},
		{name: "ends of ours", feed: func(r *rig) {
			withID(r)
			for i := range 5 {
				r.logs(event("session.end", attributes{"session.id": fmt.Sprintf("s%d", i)}))
			}
			r.counts.Ends = 5
		}},
		{name: "no login", cfg: Config{Absolute: true}, feed: withID, want: []string{"logins_none"}},
		{name: "too many logins", feed: func(r *rig) {
			for range 4 {
				r.logs(event("authn_login_success", attributes{"session.id": "s1"}))
			}
			r.counts.Logins = 4
		}, want: []string{"logins_often"}},
		{name: "unmapped", feed: func(r *rig) {
			for range 20 {
				r.logs(event("keycloak.UPDATE_PASSWORD", nil))
			}
		}, want: []string{"event_unmapped:keycloak.UPDATE_PASSWORD"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tt.cfg, tt.sources...)
				tt.feed(r)
				require.Equal(t, tt.want, r.codes())
			})
		})
	}
}

// TestRound: what was mended is not said for ever, and what was not is said all the
// time.
func TestRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		shared := func(users int) {
			for i := range firstOnes {
				r.spans(server("shop", attributes{"session.id": "s", "user.id": fmt.Sprintf("u%d", i%users)}))
			}
		}
		shared(3)
		require.Equal(t, []string{"shared_id"}, r.codes())
		time.Sleep(round + time.Second)
		require.Equal(t, []string{"shared_id"}, r.codes(), "a new round has seen nothing yet")
		shared(1)
		require.Empty(t, r.codes())
	})
}

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

func access(seconds float64) attributes {
	return attributes{"http.request.method": "GET", "http.response.status_code": 200, "session.id": "s1", "http.server.request.duration": seconds}
}
