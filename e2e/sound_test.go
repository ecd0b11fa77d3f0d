package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func onePolicy(string) string { return "default" }

// TestSoundShop: where nothing is wrong nothing is found, whatever its users do.
func TestSoundShop(t *testing.T) {
	t.Parallel()
	steadily(t, func(l limits) error { return soundShop(t, l) })
}

func soundShop(t *testing.T, l limits) error {
	t.Helper()
	am := startAlertmanager(t)
	c := startCollector(t, collectorConfig{
		policies: []string{"name: default"}, limits: l, alertmanager: am.url(""), suffixes: true,
	})
	p := startPrometheus(t, c.metricsAddress)
	alerts := observe(am)

	all, err := play(t.Context(), c,
		scenario{name: "sound", users: 2},
		scenario{name: "sound-twice-told", accessLog: true},
	)
	if err != nil {
		return err
	}
	for _, p := range all {
		require.Empty(t, p.report.Expected)
	}
	waitForCounters(t, p, c, onePolicy)

	violations, err := p.counters("processor_session_timeout_violations")
	require.NoError(t, err)
	require.Empty(t, violations)
	for _, name := range []string{"findings_pending", "findings_undelivered"} {
		requireCounter(t, p, name, nil, 0)
	}
	for _, state := range []string{"confirmed", "retracted", "inconclusive"} {
		requireCounter(t, p, "findings", map[string]string{"state": state}, 0)
	}
	posted, err := get(t.Context(), am.url("/metrics"))
	require.NoError(t, err)
	require.Contains(t, string(posted), "\nalertmanager_alerts_received_total{status=\"firing\",version=\"v2\"} 0\n")
	metrics := c.metrics()

	c.stop()
	require.Empty(t, c.findings())
	require.Empty(t, c.marks())
	lives, _ := alerts.seen(t)
	require.Empty(t, lives)

	requireIDsPassed(t, c, all)
	requireNoIDs(t, "the collector's log", c.said(), all)
	requireNoIDs(t, "the collector's metrics", metrics, all)
	requireNoPseudonyms(t, "the collector's metrics", metrics, all)
	return nil
}
