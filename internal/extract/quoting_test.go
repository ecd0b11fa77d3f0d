package extract

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Not only the session and the user whom a record names are taken out of what is
// quoted of it, but whatever it has in an attribute that may name one.
func TestNoIDOfTheRecordIsQuoted(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.SessionID.Sources = attributes("session.id", "sid", "cookies")
	})
	f := spanFact(t, x, attrs{
		"session.id": "session/+one", "sid": []any{"session-two", "session-three"},
		"cookies": []any{"cookie-one", "cookie=two", "cookie-three"},
		"user.id": "user@one", "enduser.id": 123456789, "session.previous_id": "session-zero",
		"http.request.method": "SESSION/+ONE", "http.route": "/session-two/{session-zero}",
		"url.path":                   "/a/session%2F%2Bone/session-three/cookie-one/cookie%3Dtwo/cookie-three/user%40one/123456789/x",
		"rpc.method":                 "Get/user@one",
		"messaging.destination.name": "replies.session-two",
		"http.response.status_code":  200,
	})
	require.Equal(t, fact.Details{
		Method: "_", Route: "/_/{_}", Path: "/a/_/_/_/_/_/_/_/x", Status: 200, RPCMethod: "Get/_", Destination: "replies._",
	}, f.Details)
	require.Equal(t, sessionName(x, "session/+one"), f.Session, "what is compared stays as it came")
	require.Equal(t, userName(x, "user@one"), f.User)

	f = spanFact(t, x, attrs{"session.id": "session-one", "user.id": "null", "enduser.id": "u", "url.path": "/null/u/undefined", "http.request.method": "GET"})
	require.Equal(t, "/null/_/undefined", f.Details.Path, "a placeholder names nobody")

	// From where a record inherits there may be ids, too.
	td := oneSpan(t, attrs{"session.id": "session-one", "url.path": "/scope-one/resource-one"})
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("sid", "resource-one")
	td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes().PutStr("session.id", "scope-one")
	require.Equal(t, "/_/_", ofTraces(x, td).Facts[0].Details.Path)
}

// A resource that is called like a session is not called so where its session is
// named; for others, it is who it is.
func TestNoIDIsQuotedOfAResource(t *testing.T) {
	x := newExtractor(t)
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	whole := fact.Resource{
		ServiceName: "web-SESSION/1", ServiceNamespace: "session%2f1", ServiceInstance: "i-1", Environment: "user-one.dev",
	}
	attrs{
		"service.name": whole.ServiceName, "service.namespace": whole.ServiceNamespace,
		"service.instance.id": whole.ServiceInstance, "deployment.environment": whole.Environment,
	}.put(t, rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	nameless, spaceless, envless := whole, whole, whole
	nameless.ServiceName, nameless.ServiceNamespace = "_", "_"
	spaceless.ServiceName, spaceless.ServiceNamespace, spaceless.Environment = "_", "_", "_"
	envless.Environment = "_"
	var want []fact.Resource
	for _, c := range []struct {
		session, user string
		want          fact.Resource
	}{
		{"session/1", "", nameless},
		{"other-session", "", whole},
		{"session/1", "user-one", spaceless},
		{"i-1", "", whole}, // too short to be taken for itself
		{"other-session", "user-one", envless},
		{"session/1", "1", nameless},
	} {
		a := served.with(attrs{"session.id": c.session})
		if c.user != "" {
			a["user.id"] = c.user
		}
		oneSpan(t, a).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).CopyTo(ss.Spans().AppendEmpty())
		want = append(want, c.want)
	}
	for kind, name := range map[ptrace.SpanKind]string{ptrace.SpanKindClient: "session/1", ptrace.SpanKindServer: ""} {
		s := ss.Spans().AppendEmpty()
		s.SetKind(kind)
		if name != "" {
			s.Attributes().PutStr("session.id", name)
		}
	}
	b := ofTraces(x, td)
	var got []fact.Resource
	for i := range b.Facts {
		got = append(got, *b.Facts[i].Resource)
	}
	require.Equal(t, want, got)
	require.Len(t, b.Resources, 4, "one for each that there is")
	seen := map[fact.Resource]Seen{}
	for i, r := range b.Resources {
		seen[r] = b.Seen[i]
	}
	require.Equal(t, map[fact.Resource]Seen{
		whole: {RequestWithID: 2, RequestWithoutID: 1}, nameless: {RequestWithID: 2, OtherWithID: 1},
		spaceless: {RequestWithID: 1}, envless: {RequestWithID: 1},
	}, seen)

	// Who reports an end is named in findings.
	ld := oneLog(t, attrs{"session.id": "session-new", "session.previous_id": "session-old"}, func(r plog.LogRecord) { r.SetEventName("session.start") })
	ld.ResourceLogs().At(0).Resource().Attributes().PutStr("service.name", "auth.session-old")
	require.Equal(t, fact.Resource{ServiceName: "_"}, *ofLogs(x, ld).Facts[0].Resource)
}

// TestNoSpellingLeaves: whatever the ids of a record are and wherever they stand in
// it, no text of a fact has one.
func TestNoSpellingLeaves(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.SessionID.Sources = attributes("session.id", "sid") })
	id := rapid.StringMatching(`[A-Za-z0-9/@. -]{8,24}`)
	places := []string{
		"http.request.method", "http.route", "url.path", "rpc.method", "messaging.destination.name",
		"service.name", "service.namespace", "service.instance.id", "deployment.environment.name",
	}
	rapid.Check(t, func(rt *rapid.T) {
		ids := map[string]string{}
		a, resource := attrs{"http.response.status_code": 200}, attrs{}
		for _, name := range []string{"session.id", "sid", "user.id", "enduser.id", "session.previous_id"} {
			if name == "session.id" || rapid.Bool().Draw(rt, "has "+name) {
				ids[name] = id.Draw(rt, name)
				a[name] = ids[name]
			}
		}
		for _, place := range places {
			parts := []string{rapid.StringMatching(`[/a-z]{0,30}`).Draw(rt, place)}
			for _, name := range slices.Sorted(maps.Keys(ids)) {
				if rapid.Bool().Draw(rt, name+" in "+place) {
					parts = append(parts, spell(rt, ids[name]))
				}
			}
			text := strings.Join(parts, "/")
			if strings.HasPrefix(place, "service.") || strings.HasPrefix(place, "deployment.") {
				resource[place] = text
			} else {
				a[place] = text
			}
		}
		td := oneSpan(t, a)
		resource.put(t, td.ResourceSpans().At(0).Resource().Attributes())
		for _, f := range ofTraces(x, td).Facts {
			d, r := &f.Details, f.Resource
			for _, text := range []string{
				d.Method, d.Route, d.Path, d.RPCMethod, d.Destination,
				r.ServiceName, r.ServiceNamespace, r.ServiceInstance, r.Environment,
			} {
				for range readings {
					for name, id := range ids {
						if !x.userRules.isPlaceholder(id) && strings.Contains(strings.ToLower(text), strings.ToLower(id)) {
							rt.Fatalf("%s %q in %q", name, id, text)
						}
					}
					if decoded, err := url.PathUnescape(text); err == nil {
						text = decoded
					}
				}
			}
		}
	})
}
