package alerts

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseEndpoint(t *testing.T) {
	for raw, want := range map[string]endpoint{
		"http://localhost:9093":               {"http://localhost:9093/api/v2/alerts", "localhost:9093"},
		"http://localhost:9093/":              {"http://localhost:9093/api/v2/alerts", "localhost:9093"},
		"https://am.example/alertmanager":     {"https://am.example/alertmanager/api/v2/alerts", "am.example/alertmanager"},
		"https://am.example/alertmanager/":    {"https://am.example/alertmanager/api/v2/alerts", "am.example/alertmanager"},
		"http://user:secret@am.example:9093":  {"http://user:secret@am.example:9093/api/v2/alerts", "am.example:9093"},
		"http://[::1]:9093/a%20b":             {"http://[::1]:9093/a%20b/api/v2/alerts", "[::1]:9093/a b"},
		"https://am.example/api/v2/alerts/x/": {"https://am.example/api/v2/alerts/x/api/v2/alerts", "am.example/api/v2/alerts/x"},
	} {
		got, err := parseEndpoint("endpoint", raw)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestRedact(t *testing.T) {
	for raw, want := range map[string]string{
		"localhost:9093":                  "localhost:9093",
		"http://host/path@x":              "http://host/path@x",
		"http://user:secret@host/path":    "http://xxxxx@host/path",
		"http://user:se@cret@host:1%zz/a": "http://xxxxx@host:1%zz/a",
		"user:secret@host":                "xxxxx@host",
	} {
		require.Equal(t, want, redact(raw))
	}
}

func TestTraceLink(t *testing.T) {
	require.Equal(t, "https://t.example/ab?again=ab", traceLink("https://t.example/{{trace_id}}?again={{trace_id}}", "ab"))
}

func TestConsoleLink(t *testing.T) {
	for console, want := range map[string]string{
		"http://localhost:8889":            "http://localhost:8889/#/f/00000000000000ff",
		"http://localhost:8889/":           "http://localhost:8889/#/f/00000000000000ff",
		"https://gateway.example/console/": "https://gateway.example/console/#/f/00000000000000ff",
		"https://gateway.example/?of=a":    "https://gateway.example/?of=a#/f/00000000000000ff",
	} {
		require.Equal(t, want, consoleLink(console, 255))
	}
}
