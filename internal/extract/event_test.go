package extract

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestEventsWithConditions(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Events = Events{
			Authenticated: []Event{{Name: "LOGIN", Match: map[string][]string{"outcome": {"SUCCESS"}}}, {Name: "3002", Match: map[string][]string{"activity_id": {"1"}}}},
			Started:       []Event{{Name: "LOGIN", Match: map[string][]string{"prompt": {"none"}}}, {Name: "born"}},
			Ended:         []Event{{Name: "3002", Match: map[string][]string{"activity_id": {"2"}, "status_id": {"1"}}}, {Name: "LOGIN:x"}},
			Activity:      []Event{{Name: "LOGIN"}},
		}
	})
	both := attrs{"session.id": "s1", "user.id": "ann"}
	for _, c := range []struct {
		name string
		a    attrs
		want fact.Kind
	}{
		{"LOGIN", attrs{"outcome": "SUCCESS"}, fact.Authenticated},
		{"LOGIN", attrs{"outcome": "SUCCESS", "prompt": "none"}, fact.Authenticated}, // the first of the kinds
		{"LOGIN", attrs{"outcome": "FAILURE", "prompt": "none"}, fact.Started},
		{"LOGIN", attrs{"outcome": "FAILURE"}, fact.Activity},
		{"LOGIN:x", attrs{"outcome": "SUCCESS"}, fact.Ended},
		{"LOGIN:y", attrs{"outcome": "SUCCESS"}, fact.Authenticated},
		{"3002", attrs{"activity_id": 1}, fact.Authenticated},
		{"3002", attrs{"activity_id": 2.0, "status_id": 1}, fact.Ended},
	} {
		require.Equal(t, c.want, logFact(t, x, both.with(c.a), eventNamed(c.name)).Kind, "%s %v", c.name, c.a)
	}
	b := ofLogs(x, oneLog(t, both.with(attrs{"activity_id": 2}), eventNamed("3002")))
	require.Empty(t, b.Facts)
	require.Equal(t, []Seen{{LogNotUnderstood: 1}}, b.Seen)
	// What is no event after all may be an access log.
	require.Equal(t, fact.Request, logFact(t, x, served.with(attrs{"activity_id": 3}), eventNamed("3002")).Kind)
	f := logFact(t, x, both.with(attrs{"event.name": "born"}), eventNamed("LOGIN"))
	require.Equal(t, fact.Activity, f.Kind, "EventName wins")
}

// Who acts is not always whom it befalls.
func TestEventsWithSourcesOfTheirOwn(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Events.EndedUser = []Event{{Name: "clear", User: Sources{{Attribute: "target.id"}, {Attribute: "user.id"}}}}
		c.Events.Ended = []Event{{Name: "end", Session: Sources{{Attribute: "body.sid"}, {Attribute: cookieHeader, Cookie: "SID"}}}}
	})
	f := logFact(t, x, attrs{"user.id": "admin", "target.id": "victim", "session.id": "s1"}, eventNamed("clear"))
	require.Equal(t, userName(x, "victim"), f.User)
	require.EqualValues(t, 3, f.UserSource)
	f = logFact(t, x, attrs{"user.id": "ann"}, eventNamed("clear"))
	require.Equal(t, userName(x, "ann"), f.User)
	require.EqualValues(t, 0, f.UserSource, "the same source has the same number")
	require.Empty(t, ofLogs(x, oneLog(t, attrs{"user.id": "admin", "target.id": "-"}, eventNamed("clear"))).Facts, "one that is there and nobody")

	f = logFact(t, x, attrs{"session.id": "s1", "body.sid": 42}, eventNamed("end"))
	require.Equal(t, sessionName(x, "42"), f.Session)
	f = logFact(t, x, attrs{"session.id": "s1", cookieHeader: "a=b; SID=s2"}, eventNamed("end"))
	require.Equal(t, sessionName(x, "s2"), f.Session)
	require.Zero(t, f.Flags)
	require.Empty(t, ofLogs(x, oneLog(t, attrs{"session.id": "s1"}, eventNamed("end"))).Facts)
	ld := oneLog(t, nil, eventNamed("end"))
	ld.ResourceLogs().At(0).Resource().Attributes().PutStr("body.sid", "s3")
	require.Equal(t, sessionName(x, "s3"), ofLogs(x, ld).Facts[0].Session, "on the resource")
}

func TestEventsByRequest(t *testing.T) {
	const exempt = fact.KindCount // a request that is
	x := newExtractor(t, func(c *Config) {
		c.SessionID.Sources = Sources{{Attribute: "session.id"}, {Attribute: cookieHeader, Cookie: "SID"}}
		c.UserID.Sources = Sources{{Attribute: "user.id"}, {Attribute: "http.request.header.x-user"}}
		c.Outcomes.Indeterminate = []Rule{{Match: map[string][]string{"app.failed": {"true"}}}}
		c.Events.Ended = []Event{
			{Request: &Rule{Methods: []string{"POST"}, Routes: []string{"logout"}}},
			{Request: &Rule{Routes: []string{"login"}, Match: map[string][]string{"switch": {"true"}}}},
		}
		c.Events.Authenticated = []Event{{
			Request: &Rule{Methods: []string{"POST"}, Routes: []string{"login"}}, Match: map[string][]string{"realm": {"a"}},
			Session: Sources{{Attribute: "http.response.header.set-cookie", Cookie: "SID"}},
		}}
		c.Events.Started = []Event{{Request: &Rule{Routes: []string{"/begin"}}}}
		c.Events.EndedUser = []Event{{Request: &Rule{Routes: []string{"/password"}}}}
	})
	logout := attrs{"session.id": "s1", "http.request.method": "POST", "http.route": "/logout", "http.response.status_code": 302, "http.response.header.location": []any{"/login?logout"}}
	login := attrs{
		"http.request.method": "POST", "http.route": "/login", "http.response.status_code": 200, "user.id": "ann", "realm": "a",
		"http.response.header.set-cookie": []any{"theme=dark; Path=/", "SID=new; Path=/; HttpOnly"},
	}
	begin := served.with(attrs{"http.route": "/begin", "user.id": "ann"})
	password := served.with(attrs{"http.route": "/password", "user.id": "ann"})
	for _, c := range []struct {
		name string
		a    attrs
		want []fact.Kind
	}{
		{"a logout, which stays exempt", logout, []fact.Kind{fact.Ended, exempt}},
		{"2xx", logout.with(attrs{"http.response.status_code": 204}), []fact.Kind{fact.Ended, exempt}},
		{"another method", logout.with(attrs{"http.request.method": "GET"}), []fact.Kind{exempt}},
		{"failed", logout.with(attrs{"http.response.status_code": 403}), []fact.Kind{exempt}},
		{"not modified", logout.with(attrs{"http.response.status_code": 304}), []fact.Kind{exempt}},
		{"switching protocols", logout.with(attrs{"http.response.status_code": 101}), []fact.Kind{exempt}},
		{"an error", logout.with(attrs{"error.type": "timeout"}), []fact.Kind{exempt}},
		{"a rule that fits", logout.with(attrs{"app.failed": true}), []fact.Kind{exempt}},
		{"gRPC", logout.with(attrs{"rpc.grpc.status_code": 0}), []fact.Kind{fact.Ended, exempt}},
		{"gRPC beats HTTP", logout.with(attrs{"rpc.grpc.status_code": 7}), []fact.Kind{exempt}},
		{"nobody", logout.with(attrs{"session.id": "-"}), nil},

		{"a login that names the new session", login, []fact.Kind{fact.Authenticated}},
		{"beside the old one", login.with(attrs{"session.id": "old"}), []fact.Kind{fact.Authenticated, exempt}},
		{"a login without a user", login.with(attrs{"user.id": ""}), nil},
		{"with one that is presented", login.with(attrs{"user.id": nil, "http.request.header.x-user": "ann"}), nil},
		{"back to the form", login.with(attrs{"http.response.status_code": 302, "http.response.header.location": "/login?error"}), nil},
		{"on to the page", login.with(attrs{"http.response.status_code": 302, "http.response.header.location": "/"}), []fact.Kind{fact.Authenticated}},
		{"of several the first that names somebody", login.with(attrs{"session.id": "old", "switch": true, "http.response.header.set-cookie": "theme=dark"}), []fact.Kind{fact.Ended, exempt}},
		{"another realm", login.with(attrs{"realm": "b"}), nil},

		{"a start", begin, []fact.Kind{fact.Started, fact.Request}},
		{"a rotation", begin.with(attrs{"session.previous_id": "s0"}), []fact.Kind{fact.Rotated, fact.Request}},
		{"a change of password", password, []fact.Kind{fact.EndedUser, fact.Request}},
		{"of whom nobody knows", password.with(attrs{"user.id": nil, "http.request.header.x-user": "ann"}), []fact.Kind{fact.Request}},
	} {
		if c.a["user.id"] == nil {
			delete(c.a, "user.id")
		}
		b := ofTraces(x, oneSpan(t, c.a))
		var got []fact.Kind
		for i := range b.Facts {
			f := &b.Facts[i]
			if got = append(got, f.Kind); f.Flags.Has(fact.Exempt) {
				got[i] = exempt
			}
			require.EqualValues(t, testTrace, f.Trace, c.name)
			require.EqualValues(t, testSpan, f.Span, c.name)
			if f.Kind != fact.Request {
				end := testEnd.UnixNano()
				require.Equal(t, []int64{end, end, end}, []int64{f.Start, f.End, f.At}, c.name)
				require.True(t, f.Flags.Has(fact.FromRequest))
				require.Zero(t, f.Policy)
			}
		}
		require.Equal(t, c.want, got, c.name)
		require.Len(t, b.Refs, len(got))
	}
	b := ofTraces(x, oneSpan(t, login))
	require.Equal(t, sessionName(x, "new"), b.Facts[0].Session)
	require.Equal(t, fact.FromRequest, b.Facts[0].Flags, "what the service sets is no presented id")

	presented := logout.with(attrs{cookieHeader: "SID=s1"})
	delete(presented, "session.id")
	b = ofTraces(x, oneSpan(t, presented))
	require.Equal(t, fact.FromRequest|fact.Presented, b.Facts[0].Flags, "the engine asks for more")

	// An access log says it, too.
	b = ofLogs(x, oneLog(t, logout))
	require.Equal(t, fact.Ended, b.Facts[0].Kind)
	require.Equal(t, testEnd.UnixNano(), b.Facts[0].At)
}
