package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop"
)

// TestRollingRestart: a collector that is stopped and started again and again
// under load finds what the driver knows and nothing else, and no alert resolves
// or begins anew because of it.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	steadily(t, func(l limits) error { return rollingRestart(t, l) })
}

// rollingResend is slow enough for a lease to outlast a restart on a busy
// machine.
const rollingResend = 10 * time.Second

func rollingRestart(t *testing.T, l limits) error {
	t.Helper()
	am := startAlertmanager(t)
	c := startCollector(t, collectorConfig{
		policies: []string{"name: default"}, limits: l, durability: "durability: checkpoint",
		alertmanager: am.url(""), resolveAfter: 5 * time.Minute, resendInterval: rollingResend,
	})
	c.url = startAgent(t, c.url)
	alerts := observe(am)

	type result struct {
		all []played
		err error
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		all, err := play(ctx, c,
			scenario{name: "rolling", faults: shop.Faults, users: 2, accessLog: true},
			scenario{name: "rolling-sound"},
		)
		done <- result{all, err}
	}()
	defer func() { cancel(); <-over }()

	// Some runs are too short to decide anything, others are not.
	restarts, restarted := 0, time.Time{}
	restart := func() {
		c.stop()
		restarted = time.Now()
		c.start()
		restarts++
	}
	var r result
	for playing := true; playing; {
		gap := time.Second
		if restarts%3 == 2 {
			gap = decisionWait + 2*time.Second
		}
		select {
		case r = <-done:
			playing = false
		case <-time.After(gap):
			restart()
		}
	}
	if r.err != nil {
		return r.err
	}
	want := expected(r.all, onePolicy)
	restart() // with all the suspicions of the end
	eventually(t, patience, func() error { return sameVerdicts(want, found(c.findings())) })
	eventually(t, patience, func() error { return allRaised(t, alerts, c.findings(), time.Time{}) })
	for range 3 { // with all the alerts
		restart()
	}
	settle(t, c)
	eventually(t, patience, func() error { return allRaised(t, alerts, c.findings(), restarted) })
	metrics := c.metrics()
	c.stop()

	findings := c.findings()
	require.Equal(t, want, found(findings))
	for _, f := range findings {
		require.Equal(t, "confirmed", f.text("state"), f.Body().Str())
	}
	lives, raw := alerts.seen(t)
	wanted := wantAlerts(t, findings)
	for labels, a := range lives {
		require.Contains(t, wanted, labels, "an alert that nothing was found for")
		require.False(t, a.returned, "%s resolved in between, at %v: %v", labels, a.gone, a.ends())
		require.Zero(t, a.gone, "%s resolved", labels)
		requireStarts(t, labels, a, wanted[labels])
		for _, s := range a.sightings {
			require.True(t, s.EndsAt.After(s.asked), "%s: ends at %v, seen at %v", labels, s.EndsAt, s.asked)
		}
	}
	require.Len(t, lives, len(wanted))
	t.Logf("%d restarts: %d findings, %d alerts", restarts, len(want), len(lives))

	requireNoIDs(t, "an alert", raw, r.all)
	requireNoIDs(t, "the collector's log", c.said(), r.all)
	requireNoIDs(t, "the collector's metrics", metrics, r.all)
	return nil
}

// ends are those that the alert had, each with when it was first seen.
func (l *life) ends() []string {
	var all []string
	var last time.Time
	for _, s := range l.sightings {
		if !s.EndsAt.Equal(last) {
			last = s.EndsAt
			all = append(all, fmt.Sprintf("%v from %v", s.EndsAt, s.asked))
		}
	}
	return all
}

func sameVerdicts(want, got []verdict) error {
	if len(want) != len(got) {
		return fmt.Errorf("want %d findings, got %d", len(want), len(got))
	}
	for i := range want {
		if want[i] != got[i] {
			return fmt.Errorf("want %+v, got %+v", want[i], got[i])
		}
	}
	return nil
}

// allRaised fails as long as an alert does not say all that was found, or was not
// renewed since.
func allRaised(t *testing.T, o *observer, findings []finding, since time.Time) error {
	t.Helper()
	lives, _ := o.seen(t)
	for labels, w := range wantAlerts(t, findings) {
		l, raised := lives[labels]
		if !raised {
			return fmt.Errorf("no alert with %s", labels)
		}
		got := l.last().Annotations
		if got["sessions"] != strconv.Itoa(len(w.sessions)) || got["requests"] != strconv.Itoa(w.requests) {
			return fmt.Errorf("%s: want %d sessions and %d requests, got %v", labels, len(w.sessions), w.requests, got)
		}
		if l.last().EndsAt.Before(since.Add(4 * rollingResend)) {
			return fmt.Errorf("%s: not renewed since %v, and ends at %v", labels, since, l.last().EndsAt)
		}
	}
	return nil
}

// startAgent starts a collector that keeps what another one does not take, and
// sends it again. It returns where it takes telemetry. SDKs alone are not enough:
// that of Go drops what it sends over HTTP to where nobody listens.
func startAgent(t *testing.T, endpoint string) (url string) {
	t.Helper()
	address, health := freeAddress(t), freeAddress(t)
	config := filepath.Join(t.TempDir(), "agent.yaml")
	writeFile(t, config, fmt.Sprintf(`
receivers:
  otlp: {protocols: {http: {endpoint: %[1]q}}}
exporters:
  otlp_http:
    endpoint: %[2]q
    retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}
extensions:
  health_check: {endpoint: %[3]q}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_http]}
    logs: {receivers: [otlp], exporters: [otlp_http]}
`, address, endpoint, health))
	p := startProcess(t, "The agent", collectorBinary(t), "--config", config)
	p.waitFor("http://" + health)
	return "http://" + address
}
