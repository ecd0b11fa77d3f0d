package scenario_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/scenario"
)

// golden are findings as the collector's file exporter writes them, by file,
// with the scenario that they come of.
var golden = map[string]string{
	"idle_timeout":     "rule-finding-resource",
	"absolute_timeout": "rule-absolute-boundary",
	"ended":            "rule-ended-boundary",
	"rotated":          "rule-fact-rotated",
	"revoked":          "rule-fact-ended-user",
	"retracted":        "rule-retracted",
	"inconclusive":     "rule-inconclusive-shutdown",
	"background":       "rule-background",
}

// TestGolden compares what comes out, byte for byte.
func TestGolden(t *testing.T) {
	for file, name := range golden {
		t.Run(file, func(t *testing.T) {
			s, err := scenario.Load(filepath.Join(folder, name+".txtar"))
			require.NoError(t, err)
			var b strings.Builder
			for _, ld := range play(t, s, scenario.Delivery{}).Logs {
				line, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
				require.NoError(t, err)
				b.Write(line)
				b.WriteByte('\n')
			}
			path := filepath.Join(folder, "golden", file+".json")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), b.String())
		})
	}
}

// otlpLogs is as much of OTLP's JSON as a finding has, read without the
// collector's own code.
type otlpLogs struct {
	ResourceLogs []struct {
		Resource  struct{ Attributes []otlpAttribute }
		ScopeLogs []struct {
			Scope      struct{ Name string }
			LogRecords []otlpRecord
		}
	}
}

type otlpRecord struct {
	TimeUnixNano, ObservedTimeUnixNano string
	SeverityNumber                     int
	SeverityText, EventName            string
	Body                               map[string]any
	Attributes                         []otlpAttribute
	TraceID                            string `json:"traceId"`
	SpanID                             string `json:"spanId"`
}

type otlpAttribute struct {
	Key   string
	Value map[string]any
}

// attribute is one of the contract: the type it has on the wire, what it looks
// like, and the findings that have it, by type or state.
type attribute struct {
	wire, pattern string
	of            []string
}

var (
	each      []string
	sometimes = []string{} // where it is known
	of        = func(findings ...string) []string { return findings }
)

const (
	hex64   = `^[0-9a-f]{64}$`
	rfc3339 = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`
)

var contract = map[string]attribute{
	"session_timeout.session":          {"stringValue", hex64, each},
	"session_timeout.user":             {"stringValue", hex64, sometimes},
	"session_timeout.id":               {"stringValue", `^[0-9a-f]{16}$`, each},
	"session_timeout.revision":         {"intValue", `^[1-9]\d*$`, each},
	"session_timeout.type":             {"stringValue", `^(idle_timeout|absolute_timeout|ended|rotated|revoked)$`, each},
	"session_timeout.state":            {"stringValue", `^(confirmed|retracted|inconclusive)$`, each},
	"session_timeout.reason":           {"stringValue", `^[a-z_]+$`, of("inconclusive")},
	"session_timeout.overrun":          {"doubleValue", ``, each},
	"session_timeout.expired_at":       {"stringValue", rfc3339, each},
	"session_timeout.requests":         {"intValue", `^[1-9]\d*$`, each},
	"session_timeout.first_at":         {"stringValue", rfc3339, each},
	"session_timeout.last_at":          {"stringValue", rfc3339, each},
	"session_timeout.started_at":       {"stringValue", rfc3339, each},
	"session_timeout.start_known":      {"boolValue", ``, each},
	"session_timeout.last_activity_at": {"stringValue", rfc3339, of("idle_timeout")},
	"session_timeout.ended_by":         {"stringValue", `.`, of("ended", "rotated", "revoked")},
	"session_timeout.policy":           {"stringValue", `.`, each},
	"session_timeout.limit":            {"doubleValue", ``, each},
	"session_timeout.evidence":         {"stringValue", `^(identity|success)$`, each},
	"session_timeout.background":       {"boolValue", ``, each},
	"http.request.method":              {"stringValue", `.`, sometimes},
	"http.route":                       {"stringValue", `.`, sometimes},
	"url.path":                         {"stringValue", `^[^;?]+$`, sometimes},
	"http.response.status_code":        {"intValue", `^\d{3}$`, sometimes},
	"rpc.method":                       {"stringValue", `.`, sometimes},
	"messaging.destination.name":       {"stringValue", `.`, sometimes},
}

// TestContract reads the golden files and holds every record against the
// contract: each attribute that applies under its exact name and type, nothing
// else, and all of them somewhere.
func TestContract(t *testing.T) {
	seen := map[string]bool{}
	for file := range golden {
		text, err := os.ReadFile(filepath.Join(folder, "golden", file+".json"))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			var logs otlpLogs
			require.NoError(t, json.Unmarshal([]byte(line), &logs))
			for _, rl := range logs.ResourceLogs {
				for _, a := range rl.Resource.Attributes {
					require.Contains(t, []string{"service.name", "service.namespace", "service.instance.id", "deployment.environment.name"}, a.Key)
					require.Contains(t, a.Value, "stringValue")
					seen[a.Key] = true
				}
				for _, sl := range rl.ScopeLogs {
					require.Equal(t, "github.com/otelcol-session/otelcol-session/processor/sessiontimeout", sl.Scope.Name)
					for _, r := range sl.LogRecords {
						checkRecord(t, r, seen)
					}
				}
			}
		}
	}
	for name := range contract {
		require.True(t, seen[name], "no golden file has %s", name)
	}
	for _, value := range []string{
		"idle_timeout", "absolute_timeout", "ended", "rotated", "revoked", "confirmed", "retracted", "inconclusive",
		"INFO", "WARN", "ERROR", "service.namespace", "service.instance.id", "deployment.environment.name",
	} {
		require.True(t, seen[value], "no golden file has %s", value)
	}
}

func checkRecord(t *testing.T, r otlpRecord, seen map[string]bool) {
	t.Helper()
	require.Equal(t, "session_timeout.violation", r.EventName)
	require.Regexp(t, `^\d{19}$`, r.TimeUnixNano)
	require.Regexp(t, `^\d{19}$`, r.ObservedTimeUnixNano)
	require.Equal(t, map[string]int{"INFO": 9, "WARN": 13, "ERROR": 17}[r.SeverityText], r.SeverityNumber)
	seen[r.SeverityText] = true
	require.Regexp(t, `^[0-9a-f]{32}$`, r.TraceID)
	require.Regexp(t, `^[0-9a-f]{16}$`, r.SpanID)
	require.Regexp(t, `^.+\.$`, r.Body["stringValue"], "one sentence")
	attrs := map[string]map[string]any{}
	for _, a := range r.Attributes {
		require.NotContains(t, attrs, a.Key)
		attrs[a.Key] = a.Value
	}
	kind, _ := attrs["session_timeout.type"]["stringValue"].(string)
	state, _ := attrs["session_timeout.state"]["stringValue"].(string)
	seen[kind], seen[state] = true, true
	for name, value := range attrs {
		want, ok := contract[name]
		require.True(t, ok, "%s is not of the contract", name)
		require.Equal(t, []string{want.wire}, slices.Collect(maps.Keys(value)), "type of %s", name)
		require.Regexp(t, want.pattern, fmt.Sprint(value[want.wire]), name)
		seen[name] = true
	}
	for name, want := range contract {
		_, has := attrs[name]
		switch {
		case want.of == nil || slices.Contains(want.of, kind) || slices.Contains(want.of, state):
			require.True(t, has, "%s, which is %s, has no %s", kind, state, name)
		case len(want.of) > 0:
			require.False(t, has, "%s, which is %s, has %s", kind, state, name)
		}
	}
}
