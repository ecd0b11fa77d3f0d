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

// limits are a shop's, and those of the policies that watch it.
type limits struct {
	driver.Limits
	margin time.Duration // how far the driver keeps away from each
}

// tempos are how often a test is tried where the machine stalls, and how much
// slower each time.
var tempos = []int{1, 1, 2, 2}

// atTempo stretches the limits, so that a stall has to be longer to matter.
func atTempo(tempo int) limits {
	second := time.Duration(tempo) * time.Second
	return limits{driver.Limits{
		Idle: 4 * second, Absolute: 10 * second, Tolerance: 3 * second / 10, EndGrace: second / 5, RotationGrace: second / 5,
	}, second}
}

// yaml is what a policy says of them.
func (l limits) yaml() string {
	return fmt.Sprintf("idle_timeout: %v, absolute_timeout: %v, tolerance: %v, end_grace: %v, rotation_grace: %v",
		l.Idle, l.Absolute, l.Tolerance, l.EndGrace, l.RotationGrace)
}

// of is the limit, in seconds, that a type of violation is measured by.
func (l limits) of(kind string) float64 {
	return map[string]time.Duration{
		"idle_timeout": l.Idle, "absolute_timeout": l.Absolute,
		"ended": l.EndGrace, "revoked": l.EndGrace, "rotated": l.RotationGrace,
	}[kind].Seconds()
}

// stagger is how long after one another several scenarios begin, whose
// beginnings are busy.
const stagger = 150 * time.Millisecond

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
// until the shops and the driver agree on what happened. What try returns is
// what the driver says; it fails the test for all else that is wrong.
func steadily(t *testing.T, try func(limits) error) {
	t.Helper()
	var err error
	for _, tempo := range tempos {
		if err = try(atTempo(tempo)); err == nil {
			return
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
			time.Sleep(time.Duration(i) * stagger)
			report, err := visit(ctx, c, s)
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
func visit(ctx context.Context, c *collector, s scenario) (report driver.Report, err error) {
	running, err := shop.Start(ctx, shop.Config{
		Collector: c.url, Faults: s.faults, Idle: c.limits.Idle, Lifetime: c.limits.Absolute,
		BatchTimeout: 200 * time.Millisecond, AccessLogSessions: s.accessLog,
	})
	if err != nil {
		return report, err
	}
	report, err = driver.Play(ctx, driver.Options{
		StorefrontURL: running.StorefrontURL, LedgerURL: running.LedgerURL, Faults: s.faults,
		Limits: c.limits.Limits, Margin: c.limits.margin, Prefix: s.name + "-", Users: s.users, Stories: s.stories,
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
