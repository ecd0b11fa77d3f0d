package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// attempts is how often a scenario is played where the machine stalls, and
// stagger how long after one another several scenarios begin.
const (
	attempts = 4
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
	// slipped are the reports of attempts that say nothing, since the machine
	// stalled. Their sessions exist all the same.
	slipped []driver.Report
}

// play plays scenarios side by side against shops that send to the collector,
// and returns when all their telemetry has been sent.
func play(t *testing.T, c *collector, scenarios ...scenario) []played {
	t.Helper()
	type result struct {
		i int
		played
		err error
	}
	results := make(chan result)
	for i, s := range scenarios {
		go func() {
			time.Sleep(time.Duration(i) * stagger) // their beginnings are busy
			p, err := playOne(t.Context(), c.url, s)
			results <- result{i, p, err}
		}()
	}
	all := make([]played, len(scenarios))
	var errs []error
	for range scenarios {
		r := <-results
		all[r.i] = r.played
		errs = append(errs, r.err)
	}
	require.NoError(t, errors.Join(errs...))
	return all
}

func playOne(ctx context.Context, collectorURL string, s scenario) (p played, err error) {
	p.scenario = s
	for attempt := range attempts {
		prefix := fmt.Sprintf("%s-%d-", s.name, attempt+1)
		if p.report, err = visit(ctx, collectorURL, prefix, s); !errors.Is(err, driver.ErrSlipped) {
			break
		}
		p.slipped = append(p.slipped, p.report)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s.name, err)
	}
	return p, err
}

func visit(ctx context.Context, collectorURL, prefix string, s scenario) (report driver.Report, err error) {
	running, err := shop.Start(ctx, shop.Config{
		Collector: collectorURL, Faults: s.faults, Idle: limits.Idle, Lifetime: limits.Absolute,
		BatchTimeout: 200 * time.Millisecond, AccessLogSessions: s.accessLog,
	})
	if err != nil {
		return report, err
	}
	report, err = driver.Play(ctx, driver.Options{
		StorefrontURL: running.StorefrontURL, LedgerURL: running.LedgerURL, Faults: s.faults,
		Limits: limits, Prefix: prefix, Users: s.users, Stories: s.stories,
	})
	return report, errors.Join(err, running.Close(context.WithoutCancel(ctx)))
}

// slippedSessions are the pseudonyms of sessions of which the driver knows
// nothing for sure.
func slippedSessions(all []played) map[string]bool {
	sessions := map[string]bool{}
	for _, p := range all {
		for _, r := range p.slipped {
			for _, id := range r.Sessions {
				sessions[pseudonym(id)] = true
			}
		}
	}
	return sessions
}

// ids are all session ids and users that ever occurred.
func ids(all []played) (sessions, users []string) {
	for _, p := range all {
		for _, r := range append(slices.Clone(p.slipped), p.report) {
			sessions = append(sessions, r.Sessions...)
			users = append(users, r.Users...)
		}
	}
	return sessions, users
}
