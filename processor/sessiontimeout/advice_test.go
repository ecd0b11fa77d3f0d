package sessiontimeout

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSaysWhyNothing: a minute after the start the log says what keeps findings from
// being found, once, and only that.
func TestSaysWhyNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		traces, logs := r.traces(), r.logs()
		start(t, traces, logs)
		for range 20 {
			td := requestSpan("", time.Now())
			attributes := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
			attributes.Remove("session.id")
			attributes.PutStr("http.request.header.cookie", "sid=0a1b2c3d4e5f6a7b")
			require.NoError(t, traces.ConsumeTraces(t.Context(), td))
			time.Sleep(time.Second)
		}
		require.Empty(t, r.messages())
		time.Sleep(time.Hour)
		require.Equal(t, []string{"warn: Nothing can be found because none of 20 requests of shop names a session, and their Cookie header is captured: " +
			"add {attribute: http.request.header.cookie, cookie: NAME} to session_id::sources."}, r.messages())
		require.Equal(t, map[string]int64{"cookie_unread  shop": 1}, r.counts("advice"))
		shutdown(t, traces, logs)
	})
}
