package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// TestAlertmanagerOutage: what is found while Alertmanager is down arrives when
// it is back, and what it knew before it learns again.
func TestAlertmanagerOutage(t *testing.T) {
	t.Parallel()
	steadily(t, func(l limits) error { return outage(t, l) })
}

func outage(t *testing.T, l limits) error {
	t.Helper()
	am := startAlertmanager(t)
	c := startCollector(t, collectorConfig{
		policies: []string{"name: default, severity: critical"}, limits: l,
		alertmanager: am.url(""), resolveAfter: 2 * time.Minute,
	})

	all, err := play(t.Context(), c, scenario{name: "before", faults: []shop.Fault{shop.IgnoreLogout}, stories: []string{"leaver"}})
	if err != nil {
		return err
	}
	before := waitForFinding(t, c, "ended")
	requireActive(t, am, before)

	am.stop()
	more, err := play(t.Context(), c, scenario{name: "meanwhile", faults: []shop.Fault{shop.IdleCache}, stories: []string{"idler"}})
	if err != nil {
		return err
	}
	all = append(all, more...)
	meanwhile := waitForFinding(t, c, "idle_timeout")
	// It has been tried in vain.
	eventually(t, patience, func() error {
		if !bytes.Contains(c.said(), []byte(am.address+": connect: connection refused")) {
			return errors.New("the collector says nothing of an Alertmanager that is down")
		}
		return nil
	})

	am.start()
	requireActive(t, am, before, meanwhile)

	c.stop()
	require.Equal(t, expected(all, onePolicy), found(c.findings()))
	requireNoIDs(t, "the collector's log", c.said(), all)
	return nil
}

// waitForFinding waits for a finding of a type and returns the first.
func waitForFinding(t *testing.T, c *collector, kind string) (first finding) {
	t.Helper()
	eventually(t, patience, func() error {
		for _, f := range c.findings() {
			if f.text("type") == kind {
				first = f
				return nil
			}
		}
		return fmt.Errorf("no finding of type %s", kind)
	})
	return first
}

// requireActive waits until exactly the alerts for these findings are active,
// each with the start of its violation and an end ahead.
func requireActive(t *testing.T, am *alertmanager, findings ...finding) {
	t.Helper()
	want := map[string]time.Time{}
	for _, f := range findings {
		want[labelsOf(alertLabels(f))] = f.Timestamp().AsTime().Truncate(time.Millisecond)
	}
	eventually(t, patience, func() error {
		asked := time.Now()
		alerts, raw, err := am.active(t.Context())
		if err != nil {
			return err
		}
		if len(alerts) != len(want) {
			return fmt.Errorf("want %d alerts, got %s", len(want), raw)
		}
		for _, a := range alerts {
			startsAt, known := want[labelsOf(a.Labels)]
			require.True(t, known, "%s", raw)
			require.Equal(t, startsAt, a.StartsAt.UTC(), "%s", raw)
			require.WithinRange(t, a.EndsAt, asked, time.Now().Add(leaseFor), "%s", raw)
		}
		return nil
	})
}
