package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// jobsPolicy governs the users of one scenario, whose late work is background.
const jobsPolicy = "jobs"

func policyByScenario(user string) string {
	if strings.HasPrefix(user, string(shop.JobsOutliveLogout)) {
		return jobsPolicy
	}
	return "default"
}

// TestFaults: each fault, and all of them together, bring about what the driver
// knows to be late and nothing else, in findings, counters and alerts.
func TestFaults(t *testing.T) {
	t.Parallel()
	steadily(t, func(l limits) error { return faultyShops(t, l) })
}

func faultyShops(t *testing.T, l limits) error {
	t.Helper()
	const resolveAfter = 10 * time.Second
	am := startAlertmanager(t)
	c := startCollector(t, collectorConfig{
		policies: []string{
			"name: " + jobsPolicy + ", severity: critical, match: {user.id: [" + string(shop.JobsOutliveLogout) + "*]}",
			"name: default, severity: warning",
		},
		limits: l, alertmanager: am.url(""), resolveAfter: resolveAfter,
	})
	p := startPrometheus(t, c.metricsAddress)
	alerts := observe(am)

	scenarios := []scenario{{name: "all", faults: shop.Faults, users: 2, accessLog: true}}
	for _, f := range shop.Faults {
		scenarios = append(scenarios, scenario{name: string(f), faults: []shop.Fault{f}})
	}
	all, err := play(t.Context(), c, scenarios...)
	if err != nil {
		return err
	}
	for _, p := range all {
		require.GreaterOrEqual(t, len(p.report.Expected), len(p.faults))
	}
	waitForCounters(t, p, c, policyByScenario)
	eventually(t, patience, alerts.allGone)
	confirmed := len(latest(c.findings()))
	requireCounter(t, p, "findings", map[string]string{"state": "confirmed"}, confirmed)
	requireCounter(t, p, "findings", map[string]string{"state": "retracted"}, 0)
	requireCounter(t, p, "findings", map[string]string{"state": "inconclusive"}, 0)
	requireMetrics(t, p)
	requireIdleBounds(t, p, l)
	requireAbsoluteBounds(t, p, l)
	requireQueries(t, p)
	requireCommands(t, p)
	requireRules(t, p, c.findings())
	metrics := c.metrics()
	shown, list := c.shown(confirmed)

	c.stop()
	findings, spans, marks := c.findings(), c.spans(), c.marks()
	require.Equal(t, expected(all, policyByScenario), found(findings))
	require.Len(t, latest(findings), confirmed, "found while the collector stopped")
	for _, f := range findings {
		requireContract(t, f, spans, marks, l, plog.SeverityNumberWarn)
	}
	requireShown(t, list, latest(findings))
	requireRevisions(t, findings)
	requireMarks(t, findings, spans, marks)

	lives, raw := alerts.seen(t)
	requireAlerts(t, lives, findings, resolveAfter)
	for labels := range lives {
		require.NotContains(t, labels, jobsPolicy, "background work raises no alert")
		requireNoPseudonyms(t, "an alert's labels", []byte(labels), all)
	}

	requireIDsPassed(t, c, all)
	requireNoIDs(t, "a finding", asText(t, findings), all)
	requireNoIDs(t, "an alert", raw, all)
	requireNoIDs(t, "the collector's log", c.said(), all)
	requireNoIDs(t, "the collector's metrics", metrics, all)
	requireNoPseudonyms(t, "the collector's metrics", metrics, all)
	requireNoIDs(t, "the console", shown, all)
	return nil
}
