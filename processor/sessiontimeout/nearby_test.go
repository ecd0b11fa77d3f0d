package sessiontimeout

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// Where no request names a session, a console is told the names that are most like the one
// that is looked for: names of words, that many spans have, and no value.
func TestNearby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		shown, traces, logs := r.startShown()
		send := func(n int, names ...string) {
			for i := range n {
				td := requestSpan("", time.Now())
				span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
				span.Attributes().Remove("session.id")
				for _, name := range names {
					span.Attributes().PutStr(name, fmt.Sprint("secret", i))
				}
				require.NoError(t, traces.ConsumeTraces(t.Context(), td))
			}
		}
		send(manySpans-1, "app.sessionId")
		require.Empty(t, shown.engine.Counts().Nearest, "what few have")
		send(1, "app.sessionId", "seen.once.session.id", "session.id.8f3a9c", "session.0a1b2c3d4e5f")
		require.Equal(t, []string{"app.sessionId"}, shown.engine.Counts().Nearest)
		send(manySpans, "session_key", "enduser.session", "userSessionIdentifier", "http.flavor")
		nearest := shown.engine.Counts().Nearest
		require.Equal(t, []string{"app.sessionId", "session_key", "enduser.session"}, nearest)
		shutdown(t, traces, logs)
	})
}

// It looks at so many spans, and only where no request names a session.
func TestNearbyIsBounded(t *testing.T) {
	td := requestSpan("s1", time.Now())
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("session_key", "secret")
	none := &extract.Batch{Seen: []extract.Seen{{RequestWithoutID: 1}}}
	sources := extract.Sources{{Attribute: "session.id"}}
	for name, tt := range map[string]struct {
		batch  *extract.Batch
		change func(ptrace.Traces)
		want   int
	}{
		"a request without an id": {batch: none, want: 1},
		"one that has one":        {batch: &extract.Batch{Seen: []extract.Seen{{RequestWithoutID: 1}, {RequestWithID: 1}}}},
		"no request":              {batch: &extract.Batch{}},
		"an internal span": {batch: none, change: func(td ptrace.Traces) {
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetKind(ptrace.SpanKindInternal)
		}},
		"a browser's": {batch: none, change: func(td ptrace.Traces) {
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("browser.platform", "x")
		}},
	} {
		var n nearby
		n.look(td, tt.batch)
		require.Empty(t, n.spans, "nobody asked")
		n.open()
		changed := ptrace.NewTraces()
		td.CopyTo(changed)
		if tt.change != nil {
			tt.change(changed)
		}
		n.look(changed, tt.batch)
		require.Equal(t, tt.want, n.spans["session_key"], name)
		require.EqualValues(t, nearbySpans-tt.want, n.left.Load(), name)
	}

	var n nearby
	n.open()
	many := ptrace.NewTraces()
	td.CopyTo(many)
	spans := many.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for range nearbySpans + 10 {
		spans.At(0).CopyTo(spans.AppendEmpty())
	}
	for range 2 {
		n.look(many, none)
	}
	require.Equal(t, nearbySpans, n.spans["session_key"])
	require.Equal(t, []string{"session_key"}, n.nearest(sources), "and not the one that is looked for")
	n.open()
	for i := range 2 * nearbyNames {
		span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		span.Attributes().PutStr("a."+strings.Repeat("x", 1+i%20)+"."+strings.Repeat("y", 1+i/20), "")
	}
	n.look(td, none)
	require.Len(t, n.spans, nearbyNames)
}

func TestLike(t *testing.T) {
	for _, name := range []string{"session_id", "SessionID", "session-id"} {
		require.InDelta(t, 1, like(name, "session.id"), 0, name)
	}
	require.Zero(t, like("", "s"))
	require.Zero(t, like("http.route", "session.id"))
	require.Greater(t, like("sessionid.hash", "session.id"), like("user.session", "session.id"))
}
