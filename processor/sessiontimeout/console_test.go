package sessiontimeout

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// fakeConsole keeps what it is told.
type fakeConsole struct {
	component.Component
	mu     sync.Mutex
	id     component.ID
	engine console.Engine
	found  []findinglog.Record
	ended  bool
}

func (f *fakeConsole) History() int { return 3 }

func (f *fakeConsole) Register(id component.ID, engine console.Engine) console.Sink {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id, f.engine = id, engine
	return f
}

func (f *fakeConsole) Found(records []findinglog.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found = append(f.found, records...)
}

func (f *fakeConsole) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

// startShown starts an engine that a console shows.
func (r *rig) startShown() (shown *fakeConsole, traces processor.Traces, logs processor.Logs) {
	r.t.Helper()
	shown = &fakeConsole{}
	host := storing{componenttest.NewNopHost(), map[component.ID]component.Component{component.MustNewID("session_console"): shown}}
	traces, logs = r.traces(), r.logs()
	for _, c := range []component.Component{traces, logs} {
		require.NoError(r.t, c.Start(r.t.Context(), host))
	}
	return shown, traces, logs
}

// A console is told what is decided, with the session's timeline, and may ask for counts;
// what leaves is what leaves without one.
func TestConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		shown, second := &fakeConsole{}, &fakeConsole{}
		extensions := map[component.ID]component.Component{
			component.MustNewID("session_console"):              shown,
			component.MustNewIDWithName("session_console", "2"): second,
			component.MustNewID("other"):                        nil,
		}
		traces, logs := r.traces(), r.logs()
		for _, c := range []component.Component{traces, logs} {
			require.NoError(t, c.Start(t.Context(), storing{componenttest.NewNopHost(), extensions}))
		}
		require.NoError(t, traces.ConsumeTraces(t.Context(), requestSpan("s1", time.Now())))
		time.Sleep(45 * time.Minute)
		require.NoError(t, traces.ConsumeTraces(t.Context(), requestSpan("s1", time.Now())))
		time.Sleep(2 * time.Minute)
		require.Len(t, r.findings(), 1)
		require.Len(t, shown.found, 1)
		require.Len(t, second.found, 1)
		f := shown.found[0]
		require.Equal(t, attributeOf(r.findings()[0], findinglog.AttrID), attributeOf(findinglog.Encode(shown.found).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0), findinglog.AttrID))
		require.Equal(t, "default", f.PolicyName)
		require.Len(t, f.Timeline.Requests, 2)
		require.True(t, f.Timeline.Requests[1].Late)
		require.Len(t, f.Timeline.Spells, 2)

		c := shown.engine.Counts()
		require.Len(t, c.Judged, 1)
		require.Equal(t, []int64{1, 1, 0, 0, 0}, []int64{c.Judged[0].InTime, c.Judged[0].Late, c.Judged[0].Refused, c.Judged[0].RefusedEarly, c.Judged[0].Indeterminate})
		require.Equal(t, map[string]int64{"idle_timeout": 1}, withoutZeros(c.Judged[0].Violations))
		require.Equal(t, 45*time.Minute, c.Judged[0].LongestServed.Round(time.Minute))
		require.Equal(t, 1, c.Sessions)
		require.Equal(t, int64(2), c.Seen[0].WithID)
		require.Equal(t, map[string]int64{"confirmed": 1, "retracted": 0, "inconclusive": 0}, c.Findings)

		d := shown.engine.Describe()
		require.Equal(t, "session_timeout", shown.id.String())
		require.Equal(t, "default", d.Policies[0].Name)
		require.Equal(t, 30*time.Minute, d.Policies[0].IdleTimeout)
		require.Equal(t, []string{"session.id"}, d.Sources)
		require.NotContains(t, d.KeyID, testHashKey)
		require.Len(t, d.KeyID, 12)
		require.False(t, d.Replay)
		require.False(t, shown.ended)
		shutdown(t, traces, logs)
		require.True(t, shown.ended)
		require.True(t, second.ended)
		require.NotPanics(t, func() { shown.engine.Counts() }, "whoever asks a moment too late")
	})
}

// A console is told what there is to mend, as the command `ready` says it.
func TestConsoleIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		shown, traces, logs := r.startShown()
		require.Equal(t, []console.Advice{{
			Group: console.AdviceNothing, Title: "Nothing can be found because", Code: console.NothingArrived, Sentence: "no telemetry has arrived.",
		}}, shown.engine.Counts().Advice)
		for range 5 {
			td := requestSpan("", time.Now())
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", "shop\u202e"+strings.Repeat("x", 1000))
			attributes := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
			attributes.Remove("session.id")
			attributes.PutStr("http.request.header.cookie", "sid=0a1b2c3d4e5f6a7b")
			require.NoError(t, traces.ConsumeTraces(t.Context(), td))
		}
		service := "shop\ufffd" + strings.Repeat("x", longestService-len("shop\ufffd"))
		all := shown.engine.Counts().Advice
		require.Equal(t, []console.Advice{{
			Group: console.AdviceNothing, Title: "Nothing can be found because", Code: "cookie_unread", Service: service,
			Sentence: "none of 5 requests of " + service + " names a session, and their Cookie header is captured: " +
				"add {attribute: http.request.header.cookie, cookie: NAME} to session_id::sources.",
		}}, all)
		require.NotContains(t, fmt.Sprint(all), "0a1b2c3d", "no value")
		shutdown(t, traces, logs)
	})
}

// Each group of advice has a name of its own.
func TestAdviceGroups(t *testing.T) {
	for i, name := range adviceGroups {
		require.NotEmpty(t, name)
		require.NotContains(t, adviceGroups[:i], name)
	}
}

func withoutZeros(m map[string]int64) map[string]int64 {
	for k, v := range m {
		if v == 0 {
			delete(m, k)
		}
	}
	return m
}

// Without a console nothing is copied.
func TestNoConsole(t *testing.T) {
	c := findConsoles(componenttest.NewNopHost())
	require.Zero(t, c.history())
	c.register(component.MustNewID("session_timeout"), nil)
	c.found(nil)
	c.end()
}

func TestDescribeSource(t *testing.T) {
	for want, s := range map[string]extract.Source{
		"session.id": {Attribute: "session.id"},
		"cookie JSESSIONID in http.request.header.cookie": {Attribute: "http.request.header.cookie", Cookie: "JSESSIONID"},
		"claim sid in authorization":                      {Attribute: "authorization", Claim: "sid"},
		"path parameter jsessionid in url.path":           {Attribute: "url.path", PathParameter: "jsessionid"},
	} {
		require.Equal(t, want, describeSource(&s))
	}
}
