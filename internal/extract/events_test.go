package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func eventNamed(name string) func(plog.LogRecord) {
	return func(r plog.LogRecord) { r.SetEventName(name) }
}

func TestEventsByDefault(t *testing.T) {
	x := newExtractor(t)
	both := attrs{"session.id": "s1", "user.id": "ann"}
	for name, want := range map[string]fact.Kind{
		"session.start": fact.Started, "session_created": fact.Started,
		"session.end": fact.Ended, "session_expired": fact.Ended,
		"authn_login_success": fact.Authenticated,
		"user.session.clear":  fact.EndedUser,
	} {
		for _, f := range []*fact.Fact{
			logFact(t, x, both, eventNamed(name)),
			logFact(t, x, both.with(attrs{"event.name": name})),
			logFact(t, x, both.with(attrs{"event.name": name + ":ann,why"})),
		} {
			at := testEnd.UnixNano()
			require.Equal(t, fact.Fact{
				Kind: want, Session: sessionName(x, "s1"), User: userName(x, "ann"), Start: at, End: at, At: at,
				Resource: &fact.Resource{ServiceName: "shop"},
			}, *f, name)
		}
		for _, other := range []string{"x" + name, name + "s", strings.ToUpper(name), ":" + name} {
			require.Empty(t, ofLogs(x, oneLog(t, both, eventNamed(other))).Facts, other)
		}
	}
}

func TestEventNameBeatsTheAttribute(t *testing.T) {
	x := newExtractor(t)
	a := attrs{"session.id": "s1", "event.name": "session.end"}
	require.Equal(t, fact.Started, logFact(t, x, a, eventNamed("session.start")).Kind)
	require.Empty(t, ofLogs(x, oneLog(t, a, eventNamed("something.else"))).Facts)
}

func TestEventsAreConfigured(t *testing.T) {
	x := newExtractor(t, func(c *Config) {
		c.Events = Events{Started: eventNames("born"), Ended: eventNames("died"), Activity: eventNames("typed", "user:typed")}
	})
	a := attrs{"session.id": "s1"}
	require.Equal(t, fact.Started, logFact(t, x, a, eventNamed("born")).Kind)
	require.Equal(t, fact.Ended, logFact(t, x, a, eventNamed("died")).Kind)
	require.Equal(t, fact.Activity, logFact(t, x, a, eventNamed("typed")).Kind)
	require.Equal(t, fact.Activity, logFact(t, x, a, eventNamed("user:typed")).Kind, "a colon may be part of a name")
	require.Empty(t, ofLogs(x, oneLog(t, a, eventNamed("session.start"))).Facts)
	require.Empty(t, ofLogs(x, oneLog(t, a, eventNamed("user:clicked"))).Facts)
}

func TestEventsNeedASession(t *testing.T) {
	x := newExtractor(t)
	for _, name := range []string{"session.start", "session.end", "authn_login_success"} {
		b := ofLogs(x, oneLog(t, attrs{"user.id": "ann", "session.previous_id": "s0"}, eventNamed(name)))
		require.Empty(t, b.Facts, name)
		require.Zero(t, refusedIn(b), name)
		b = ofLogs(x, oneLog(t, attrs{"session.id": "undefined"}, eventNamed(name)))
		require.Empty(t, b.Facts, name)
		require.Equal(t, 1, refusedIn(b)[SessionIDPlaceholder], name)
		require.Equal(t, []Seen{{}}, b.Seen, "events are not counted among records")
	}
}

func TestEndedUserNeedsAUser(t *testing.T) {
	x := newExtractor(t)
	clearing := eventNamed("user.session.clear")
	require.Empty(t, ofLogs(x, oneLog(t, attrs{"session.id": "s1"}, clearing)).Facts)
	f := logFact(t, x, attrs{"enduser.id": "ann"}, clearing)
	require.Equal(t, userName(x, "ann"), f.User)
	require.Zero(t, f.Session)
	f = logFact(t, x, attrs{"user.id": "ann", "session.id": "s1"}, clearing)
	require.Equal(t, sessionName(x, "s1"), f.Session, "it is spared")
	b := ofLogs(x, oneLog(t, attrs{"user.id": "ann", "session.id": "null"}, clearing))
	require.Len(t, b.Facts, 1)
	require.Zero(t, b.Facts[0].Session)
	require.Zero(t, refusedIn(b))
}

func TestRotation(t *testing.T) {
	x := newExtractor(t)
	start := eventNamed("session.start")
	a := attrs{"session.id": "s1"}
	f := logFact(t, x, a.with(attrs{"session.previous_id": "s0"}), start)
	require.Equal(t, fact.Rotated, f.Kind)
	require.Equal(t, sessionName(x, "s0"), *f.Previous)
	require.Equal(t, sessionName(x, "s1"), f.Session)
	for _, c := range []struct {
		name     string
		previous any
		refused  Reason
	}{
		{"its own", "s1", usable},
		{"empty", "", usable},
		{"placeholder", "null", usable},
		{"a list", []any{[]any{}}, SessionIDType},
		{"huge", strings.Repeat("x", 4097), SessionIDSize},
	} {
		b := ofLogs(x, oneLog(t, a.with(attrs{"session.previous_id": c.previous}), start))
		require.Len(t, b.Facts, 1, c.name)
		require.Equal(t, fact.Started, b.Facts[0].Kind, c.name)
		require.Zero(t, b.Facts[0].Previous, c.name)
		var want [ReasonCount]int
		if c.refused != usable {
			want[c.refused] = 1
		}
		require.Equal(t, want, refusedIn(b), c.name)
	}
	f = logFact(t, x, a.with(attrs{"session.previous_id": "s0"}), eventNamed("session.end"))
	require.Equal(t, fact.Ended, f.Kind)
	require.Zero(t, f.Previous, "only a start rotates")
}

func TestAnEventIsNoAccessLog(t *testing.T) {
	x := newExtractor(t)
	f := logFact(t, x, served, eventNamed("session.end"))
	require.Equal(t, fact.Ended, f.Kind)
	require.Zero(t, f.Details)
	// Nor is it exempt where it is logged during a login.
	f = logFact(t, x, served.with(attrs{"url.path": "/login"}), eventNamed("authn_login_success"))
	require.Equal(t, fact.Authenticated, f.Kind)
}

func TestEventsTakeTheIDsOfTheRecord(t *testing.T) {
	f := logFact(t, newExtractor(t), attrs{"session.id": "s1"}, eventNamed("session.end"), func(r plog.LogRecord) {
		r.SetTraceID(testTrace)
		r.SetSpanID(testSpan)
	})
	require.EqualValues(t, testTrace, f.Trace)
	require.EqualValues(t, testSpan, f.Span)
}

// Each rotation of a batch has its own previous id, however many there are, and a batch
// that was reset has none of them.
func TestRotationsOfABatch(t *testing.T) {
	x := newExtractor(t)
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 100 {
		one := oneLog(t, attrs{"session.id": fmt.Sprint("s", i), "session.previous_id": fmt.Sprint("p", i)}, eventNamed("session.start"))
		one.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).CopyTo(records.AppendEmpty())
	}
	b := ofLogs(x, ld)
	require.Len(t, b.Facts, 100)
	for i := range b.Facts {
		require.Equal(t, sessionName(x, fmt.Sprint("p", i)), *b.Facts[i].Previous)
	}
	b.Reset()
	for _, n := range b.names[:cap(b.names)] {
		require.Zero(t, n)
	}
}
