package ready

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/advice"
)

const shown = `# HELP otelcol_processor_session_timeout_advice Why
# TYPE otelcol_processor_session_timeout_advice gauge
otelcol_processor_session_timeout_advice{advice="logins_none",name="",processor="session_timeout",service_name=""} 1
otelcol_processor_session_timeout_advice{advice="cookie_unread",name="SESSION",processor="session_timeout",service_name="web"} 1
otelcol_processor_session_timeout_advice{advice="cookie_unread",name="sid",processor="session_timeout",service_name="web"} 1
otelcol_processor_session_timeout_advice{advice="cookie_unread",name="sid",processor="session_timeout/2",service_name="web"} 1
otelcol_processor_session_timeout_advice{advice="of_a_later_version",name="",processor="session_timeout",service_name="web"} 1
otelcol_processor_session_timeout_advice_evidence{advice="cookie_unread",name="sid",part="n",processor="session_timeout",service_name="web"} 1.2e+03
otelcol_processor_session_timeout_advice_evidence{advice="cookie_unread",name="SESSION",part="n",processor="session_timeout",service_name="web"} 1200
otelcol_processor_session_timeout_records_total{processor="session_timeout",seen="request_without_id",service_name="w\"e\\b\nx"} 1200
otelcol_processor_session_timeout_facts{kind="request",processor="session_timeout"} 3
go_goroutines 12
`

func TestParse(t *testing.T) {
	s, err := Parse(shown)
	require.NoError(t, err)
	require.Equal(t, State{Read: 1203, Advice: []advice.Advice{
		{Code: advice.CookieUnread, Service: "web", Name: "SESSION", N: 1200},
		{Code: advice.CookieUnread, Service: "web", Name: "sid", N: 1200},
		{Code: advice.LoginsNone},
	}}, s)
	_, err = Parse("go_goroutines 12\n")
	require.ErrorIs(t, err, ErrNoProcessor)
}

// TestParseSeveral: that nothing has arrived is said where no processor has seen
// anything, as that of a demonstration has.
func TestParseSeveral(t *testing.T) {
	const waiting = `processor_session_timeout_advice{advice="nothing_arrived",name="",processor="session_timeout",service_name=""} 1` + "\n"
	s, err := Parse(waiting)
	require.NoError(t, err)
	require.Equal(t, []advice.Advice{{Code: advice.NothingArrived}}, s.Advice)
	s, err = Parse(waiting + `processor_session_timeout_facts{kind="request",processor="session_timeout/replay"} 3` + "\n")
	require.NoError(t, err)
	require.Empty(t, s.Advice)
}

// TestParseHostile: what a service calls itself is shown without what a terminal
// would obey.
func TestParseHostile(t *testing.T) {
	s, err := Parse(`processor_session_timeout_advice{advice="no_session",name="",service_name="a` + "\x1b[2J" + `b"} 1` + "\n")
	require.NoError(t, err)
	var out strings.Builder
	_, err = Report(&out, s.Advice)
	require.NoError(t, err)
	require.NotContains(t, out.String(), "\x1b")
}

func TestReport(t *testing.T) {
	s, err := Parse(shown)
	require.NoError(t, err)
	var out strings.Builder
	nothing, err := Report(&out, s.Advice)
	require.NoError(t, err)
	require.True(t, nothing)
	require.Equal(t, "Nothing can be found because ...\n"+
		"  ... none of 1200 requests of web names a session, and their Cookie header is captured (SESSION, sid): add {attribute: http.request.header.cookie, cookie: NAME} to session_id::sources.\n"+
		"Findings are fewer than they could be because ...\n"+
		"  ... no login was ever reported of a session that requests name, so ages are lower bounds: send events::authenticated.\n", out.String())
}

// TestRecording: what a pipeline would bring comes from files, through its own
// processors, and goes nowhere.
func TestRecording(t *testing.T) {
	conf := map[string]any{
		"receivers":  map[string]any{"otlp": nil, "file_log": map[string]any{"include": []any{"/var/log/x"}, "storage": "file_storage", "operators": []any{"o"}}},
		"processors": map[string]any{"batch": nil, "session_timeout": map[string]any{"storage": "file_storage", "durability": "acknowledged", "log_time": "start"}},
		"exporters":  map[string]any{"otlp_grpc": nil},
		"service": map[string]any{"extensions": []any{"file_storage"}, "pipelines": map[string]any{
			"traces":       map[string]any{"receivers": []any{"otlp"}, "processors": []any{"batch", "session_timeout"}, "exporters": []any{"otlp_grpc"}},
			"logs":         map[string]any{"receivers": []any{"otlp", "file_log"}, "processors": []any{"session_timeout"}, "exporters": []any{"otlp_grpc"}},
			"traces/other": map[string]any{"receivers": []any{"otlp"}, "exporters": []any{"otlp_grpc"}},
		}},
	}
	got, err := Recording(conf, []string{"/a/traces.jsonl", "/a/access.log"}, "127.0.0.1", 1234)
	require.NoError(t, err)
	judged := map[string]any{
		"log_time": "start", "max_age": 0, "reorder_window": "24h", "decision_wait": "1s", "idle_decision_wait": "1s",
	}
	require.Equal(t, map[string]any{"batch": map[string]any{}, "session_timeout": judged}, got["processors"])
	require.Equal(t, map[string]any{
		"nop":                  nil,
		"otlp_json_file/ready": map[string]any{"include": []any{"/a/traces.jsonl"}, "start_at": "beginning", "include_file_name": false, "max_log_size": "64MiB"},
		"file_log":             map[string]any{"include": []any{"/a/access.log"}, "start_at": "beginning", "include_file_name": false, "operators": []any{"o"}},
	}, got["receivers"])
	require.Equal(t, map[string]any{
		"traces": map[string]any{"receivers": []any{"otlp_json_file/ready"}, "processors": []any{"batch", "session_timeout"}, "exporters": []any{"nop"}},
		"logs":   map[string]any{"receivers": []any{"otlp_json_file/ready", "file_log"}, "processors": []any{"session_timeout"}, "exporters": []any{"nop"}},
	}, got["service"].(map[string]any)["pipelines"])

	_, err = Recording(map[string]any{}, []string{"x.json"}, "127.0.0.1", 1)
	require.ErrorIs(t, err, ErrNoPipeline)
}

// TestWatch waits for who is not there yet, and then until nothing more comes.
func TestWatch(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls < 3 {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "processor_session_timeout_facts{kind=\"request\"} %d\n", min(calls, 5))
	}))
	defer server.Close()
	s, err := Watch(t.Context(), server.URL, time.Second)
	require.NoError(t, err)
	require.InDelta(t, 5, s.Read, 0)

	server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = Watch(ctx, server.URL, 0)
	require.Error(t, err)
}
