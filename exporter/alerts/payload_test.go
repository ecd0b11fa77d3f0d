package alerts

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestPayloadGolden(t *testing.T) {
	first := time.Date(2026, 3, 29, 0, 59, 59, 123456789, time.UTC)
	trace := pcommon.TraceID{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}
	for name, test := range map[string]struct {
		writer writer
		alert  alert
	}{
		"full": {
			writer: writer{
				labels:       map[string]string{"team": "identity"},
				runbookURL:   "https://runbooks.example/session-timeout",
				traceURL:     "https://grafana.example/explore?trace={{trace_id}}",
				generatorURL: "https://grafana.example/d/sessions",
				consoleURL:   "https://collector.example:8889",
			},
			alert: alert{
				identity: identity{
					Severity: "critical", Policy: "payments", Violation: "idle_timeout",
					Service: "checkout", Namespace: "shop", Environment: "prod",
				},
				startsAt: first, endsAt: first.Add(4 * time.Minute),
				sessions: 6, requests: 17, first: first.UnixNano(), last: first.Add(90 * time.Second).UnixNano(), overrun: 731.4,
				trace: trace, finding: 0x31bcba21cadad1d1,
				pseudonyms: []string{strings.Repeat("a1", 32), strings.Repeat("b2", 32), strings.Repeat("c3", 32), strings.Repeat("d4", 32), strings.Repeat("e5", 32)},
			},
		},
		"trace_as_source": {
			writer: writer{traceURL: "https://grafana.example/explore?trace={{trace_id}}"},
			alert: alert{
				identity: identity{Severity: "warning", Policy: "default", Violation: "ended", Service: "ledger"},
				startsAt: first, endsAt: first.Add(4 * time.Minute),
				sessions: 1, requests: 1, first: first.UnixNano(), last: first.UnixNano(), overrun: 0.25,
				trace:      trace,
				pseudonyms: []string{strings.Repeat("a1", 32)},
			},
		},
		"least": {
			alert: alert{
				identity: identity{Severity: "info", Violation: "revoked"},
				startsAt: first, endsAt: first.Add(4 * time.Minute),
				sessions: 1, requests: 1, first: first.UnixNano(), last: first.UnixNano(),
			},
		},
		"at_least": {
			alert: alert{
				identity: identity{Severity: "critical", Policy: "payments", Violation: "absolute_timeout", Service: "checkout"},
				startsAt: first, endsAt: first.Add(4 * time.Minute),
				sessions: 100_000, requests: 412_345, atLeast: true,
				first: first.UnixNano(), last: first.Add(time.Hour).UnixNano(), overrun: math.MaxFloat64,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			posted := test.writer.postable(test.alert)
			require.NoError(t, posted.Validate(strfmt.Default))
			got, err := json.MarshalIndent(models.PostableAlerts{posted}, "", "  ")
			require.NoError(t, err)
			file := filepath.Join("testdata", "payload", name+".json")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got)+"\n")
		})
	}
}

func TestSummary(t *testing.T) {
	for violation, want := range map[string]string{
		"idle_timeout":     "checkout served 2 sessions past their idle timeouts",
		"absolute_timeout": "checkout served 2 sessions past their absolute timeouts",
		"ended":            "checkout served 2 sessions after they had ended",
		"rotated":          "checkout served 2 sessions under ids that had been rotated away",
		"revoked":          "checkout served 2 sessions after they had been revoked",
		"a_later_one":      "checkout served 2 sessions after they had expired",
	} {
		a := alert{sessions: 2, identity: identity{Service: "checkout", Violation: violation}}
		require.Equal(t, want, summary(a))
		a.sessions, a.identity.Service = 1, ""
		require.Regexp(t, "^A service without a name served 1 session [^s]+", summary(a))
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{
		0.0004:          "0s",
		1.2345:          "1.235s",
		59.9:            "59.9s",
		3661.4:          "1h1m1s",
		math.MaxFloat64: "centuries",
		math.Inf(1):     "centuries",
	} {
		require.Equal(t, want, duration(seconds))
	}
}
