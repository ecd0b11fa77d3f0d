package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop"
	"github.com/otelcol-session/otelcol-session/examples/shop/driver"
)

// limits are the shop's, and those of the policies that watch it.
var limits = driver.Limits{
	Idle: 4 * time.Second, Absolute: 10 * time.Second,
	Tolerance: 300 * time.Millisecond, EndGrace: 200 * time.Millisecond, RotationGrace: 200 * time.Millisecond,
}

// limitsInYAML is what a policy says of them.
const limitsInYAML = "idle_timeout: 4s, absolute_timeout: 10s, tolerance: 300ms, end_grace: 200ms, rotation_grace: 200ms"

// attempts is how often a test is tried where the machine stalls, and stagger
// how long after one another several scenarios begin.
const (
	attempts = 5
	stagger  = 150 * time.Millisecond
)

// scenario is a shop and those who visit it.
type scenario struct {
	name      string // begins the names of its users
	faults    []shop.Fault
	stories   []string // all by default
	users     int
	accessLog bool // tells of each request twice
}

// played is what the driver knows of a scenario.
type played struct {
	scenario
	report driver.Report
}

// steadily tries what needs a machine that does not stall, from the beginning,
// until a scenario has not slipped.
func steadily(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for range attempts {
		if err = try(); !errors.Is(err, driver.ErrSlipped) {
			break
		}
		t.Logf("once more: %v", err)
	}
	require.NoError(t, err)
}

// play plays scenarios side by side against shops that send to the collector,
// and returns when all their telemetry has been sent.
func play(ctx context.Context, c *collector, scenarios ...scenario) ([]played, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		i      int
		report driver.Report
		err    error
	}
	results := make(chan result)
	for i, s := range scenarios {
		go func() {
			time.Sleep(time.Duration(i) * stagger) // their beginnings are busy
			report, err := visit(ctx, c.url, s)
			results <- result{i, report, err}
		}()
	}
	all := make([]played, len(scenarios))
	for range scenarios {
		r := <-results
		all[r.i] = played{scenarios[r.i], r.report}
		if r.err != nil {
			cancel(fmt.Errorf("%s: %w", scenarios[r.i].name, r.err)) // the others need not go on
		}
	}
	return all, context.Cause(ctx)
}

// visit opens a shop, plays a scenario and closes the shop.
func visit(ctx context.Context, collectorURL string, s scenario) (report driver.Report, err error) {
	running, err := shop.Start(ctx, shop.Config{
		Collector: collectorURL, Faults: s.faults, Idle: limits.Idle, Lifetime: limits.Absolute,
		BatchTimeout: 200 * time.Millisecond, AccessLogSessions: s.accessLog,
	})
	if err != nil {
		return report, err
	}
	report, err = driver.Play(ctx, driver.Options{
		StorefrontURL: running.StorefrontURL, LedgerURL: running.LedgerURL, Faults: s.faults,
		Limits: limits, Prefix: s.name + "-", Users: s.users, Stories: s.stories,
	})
	return report, errors.Join(err, running.Close(context.WithoutCancel(ctx)))
}

// ids are all session ids and users that ever occurred.
func ids(all []played) (sessions, users []string) {
	for _, p := range all {
		sessions = append(sessions, p.report.Sessions...)
		users = append(users, p.report.Users...)
	}
	return sessions, users
}
