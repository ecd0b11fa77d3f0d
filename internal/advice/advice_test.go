package advice

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// TestSentences: each is said where it should be, and alone.
func TestSentences(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     Config
		sources []extract.Source
		// placeholders replace the default lists.
		placeholders []string
		feed         func(r *rig)
		want         []string
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
		{name: "health checks with sessions", feed: func(r *rig) {
			for range 10 {
				r.spans(server("shop", attributes{"http.route": "/healthz", "session.id": "s1"}))
			}
		}, want: []string{"no_requests"}},
		{name: "the future", feed: func(r *rig) {
			r.spans(server("shop", attributes{"session.id": "s1"}))
			r.counts.RefusedTimes, r.counts.Facts = 20, 0
		}, want: []string{"times_refused"}},
		{name: "JSON", feed: func(r *rig) { r.logs(logRecord("id", `{"type":"LOGOUT"}`, nil)) }, want: []string{"body_json"}},
		{name: "text", feed: func(r *rig) { r.logs(logRecord("id", "user logged_out", nil)) }, want: []string{"body_text"}},
		{name: "a sentence", feed: func(r *rig) { r.logs(logRecord("id", "User logged out.", nil)) }, want: []string{"body_text"}},
		{name: "a map", feed: func(r *rig) { r.logs(logRecord("id", map[string]any{"a": map[string]any{"sessionId": "x"}}, nil)) }, want: []string{"body_map"}},
		{name: "beside what is understood", feed: func(r *rig) {
			withID(r)
			r.logs(logRecord("id", `{"type":"LOGIN_ERROR"}`, nil))
			r.logs(event("session.end", attributes{"session.id": "s0"}))
			r.counts.Ends = 1
		}},
		{name: "of nothing", feed: func(r *rig) { r.logs(logRecord("db", "checkpoint complete", nil)) }, want: []string{"no_requests"}},
		{name: "of nothing beside", feed: func(r *rig) { withID(r); r.logs(logRecord("db", "checkpoint complete", nil)) }},
		{name: "events alone", feed: func(r *rig) {
			r.logs(event("authn_login_success", attributes{"session.id": "s1"}))
			r.counts.Logins = 1
		}, want: []string{"no_requests"}},
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
		{name: "an attribute", feed: func(r *rig) {
			for i := range 25 {
				r.spans(server("shop", attributes{"app.sessionId": fmt.Sprintf("0a1b2c3d%d", i), "aws.session_count": i}))
			}
		}, want: []string{"attribute_unread:app.sessionId"}},
		{name: "an attribute of an event", feed: func(r *rig) {
			r.spans(server("id", nil))
			r.logs(event("session.end", attributes{"session.id": "s1", "app.session_id": "s1"}))
			r.counts.Ends = 1
		}, want: []string{"no_session"}},
		{name: "an attribute for nobody", feed: func(r *rig) {
			for range 25 {
				r.spans(server("shop", attributes{"app.sessionId": "-", "oidc.sid": ""}))
			}
		}, want: []string{"no_session"}},
		{name: "nowhere", feed: func(r *rig) {
			for range 5 {
				r.spans(server("shop", nil))
			}
		}, want: []string{"no_session"}},
		{name: "too few beside others", feed: func(r *rig) { withID(r); r.spans(server("other", nil)) }},
		{name: "few, and nothing else", feed: func(r *rig) { r.spans(server("shop", nil)) }, want: []string{"no_session"}},
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
		}, want: []string{"shared_id:letters and digits of 6"}},
		{name: "one id, two users in turn", feed: func(r *rig) {
			for i := range 5 {
				r.spans(server("shop", attributes{"session.id": "theme=dark", "user.id": fmt.Sprintf("u%d", i%2)}))
			}
		}, want: []string{"shared_id:texts of 10"}},
		{name: "one id, an administrator looks at another's", feed: func(r *rig) {
			for i := range 40 {
				r.spans(server("shop", attributes{"session.id": "s1", "user.id": fmt.Sprintf("u%d", i/4%2)}))
			}
		}},
		{name: "a guest becomes a customer", feed: func(r *rig) {
			for i := range 5 {
				r.spans(server("shop", attributes{"session.id": "s1", "user.id": fmt.Sprintf("u%d", i/3)}))
			}
		}},
		{name: "known words for nobody", placeholders: []string{"mine"}, feed: func(r *rig) {
			withID(r)
			for range 5 {
				r.spans(server("shop", attributes{"session.id": "[Redacted]", "user.id": "AnonymousUser"}))
			}
		}, want: []string{"placeholder_id", "placeholder_user"}},
		{name: "known words that are placeholders", feed: func(r *rig) {
			withID(r)
			for range 5 {
				r.spans(server("shop", attributes{"session.id": "[Redacted]", "user.id": "AnonymousUser"}))
			}
		}},
		{name: "one user, many ids", feed: func(r *rig) {
			for i := range 60 {
				r.spans(server("shop", attributes{"session.id": fmt.Sprintf("s%d", i%25), "user.id": "nobody"}))
			}
		}, want: []string{"shared_user"}},
		{name: "sampled", feed: func(r *rig) { sample(r, 64, 0.1, "") }, want: []string{"sampled"}},
		{name: "sampled, and said so", feed: func(r *rig) { sample(r, 64, 0.1, "ot=th:e") }},
		{name: "sampled, and known", cfg: Config{Sampled: true}, feed: func(r *rig) { sample(r, 64, 0.1, "") }},
		{name: "sampled, and said so, where silence counts", cfg: Config{Idle: true}, feed: func(r *rig) { sample(r, 64, 0.1, "ot=th:e") }, want: []string{"silence_sampled"}},
		{name: "all sampled, and known, where silence counts", cfg: Config{Idle: true, Sampled: true}, feed: func(r *rig) { sample(r, 64, 0.1, "ot=th:e") }},
		{name: "none dropped, where silence counts", cfg: Config{Idle: true}, feed: func(r *rig) { sample(r, 64, 0.9, "ot=th:0") }},
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
		{name: "no time of events", feed: func(r *rig) {
			withID(r)
			for range 10 {
				ld := event("authn_login_success", attributes{"session.id": "s1"})
				record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
				record.SetObservedTimestamp(record.Timestamp() + pcommon.Timestamp(r.counts.Logins)*pcommon.Timestamp(time.Hour))
				record.SetTimestamp(0)
				r.counts.Logins++
				r.logs(ld)
			}
		}, want: []string{"no_time"}},
		{name: "the time is the start", feed: func(r *rig) { late(r, 5, 30, 31) }, want: []string{"time_is_start"}},
		{name: "the time is the start, and that is known", cfg: Config{LogAtStart: true}, feed: func(r *rig) { late(r, 5, 30, 31) }},
		{name: "the time is the start, the length a text", feed: func(r *rig) { late(r, 5, "30.25", 31) }, want: []string{"time_is_start"}},
		{name: "the time is the end", feed: func(r *rig) { late(r, 5, 30, 1) }},
		{name: "the time is the end, read late", feed: func(r *rig) { late(r, 5, 30, 30); late(r, 6, 90, 30) }},
		{name: "the time is the start, by the time of arrival", feed: func(r *rig) {
			for range 5 {
				ld := logRecord("edge", nil, access(30))
				record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
				record.SetTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(-30 * time.Second)))
				record.SetObservedTimestamp(record.Timestamp())
				r.logs(ld)
			}
		}, want: []string{"time_is_start"}},
		{name: "a recording has no arrival", cfg: Config{Recording: true}, feed: func(r *rig) { late(r, 5, 30, 0) }},
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
		}, want: []string{"ends_unknown:ends: letters and digits of 8", "ends_unknown:requests: letters and digits of 2"}},
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
		{name: "events without a session", feed: func(r *rig) {
			withID(r)
			for range 5 {
				r.logs(event("session.end", attributes{"session": "x"}))
			}
		}, want: []string{"events_bare"}},
		{name: "events of no time", feed: func(r *rig) {
			withID(r)
			for range 5 {
				ld := event("session.end", attributes{"session.id": "s1"})
				ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetTimestamp(0)
				r.logs(ld)
				r.counts.RefusedTimes++
			}
		}, want: []string{"no_time"}},
		{name: "no login", cfg: Config{Absolute: true}, feed: withID, want: []string{"logins_none"}},
		{name: "logins of whom no request is known yet", cfg: Config{Absolute: true}, feed: func(r *rig) {
			withID(r)
			for i := range 10 {
				r.logs(event("authn_login_success", attributes{"session.id": fmt.Sprintf("to-come-%d", i)}))
			}
			r.counts.Logins = 10
		}},
		{name: "too many logins", feed: func(r *rig) {
			withID(r)
			for range 3 {
				r.logs(event("authn_login_success", attributes{"session.id": "s1"}))
			}
			r.counts.Logins = 3
		}, want: []string{"logins_often"}},
		{name: "a password, asked for again and again", feed: func(r *rig) {
			withID(r)
			for i := range 3 {
				ld := event("authn_login_success", attributes{"session.id": "s1"})
				ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_800_000_000+int64(i)*3600, 0)))
				r.logs(ld)
			}
			r.counts.Logins = 3
		}},
		{name: "one of many logs in often", feed: func(r *rig) {
			for i := range 40 {
				r.logs(event("authn_login_success", attributes{"session.id": fmt.Sprintf("s%d", max(i-20, 0))}))
			}
			withID(r)
			r.counts.Logins = 40
		}},
		{name: "unmapped", feed: func(r *rig) {
			withID(r)
			for range 20 {
				r.logs(event("keycloak.UPDATE_PASSWORD", nil))
			}
		}, want: []string{"event_unmapped:keycloak.UPDATE_PASSWORD"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tt.cfg, tt.sources...)
				if tt.placeholders != nil {
					r.replacePlaceholders(tt.placeholders)
				}
				tt.feed(r)
				require.Equal(t, tt.want, r.codes())
			})
		})
	}
}
