package driver

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop"
	"github.com/otelcol-session/otelcol-session/examples/shop/sink"
)

var testLimits = Limits{
	Idle: 4 * time.Second, Absolute: 9 * time.Second,
	Tolerance: 200 * time.Millisecond, EndGrace: 100 * time.Millisecond, RotationGrace: 100 * time.Millisecond,
}

// consequences are what each fault brings about, and how often.
var consequences = map[shop.Fault]struct {
	story    string
	rule     Type
	requests int
}{
	shop.IdleCache:            {"idler", IdleTimeout, 2},
	shop.IgnoreLogout:         {"leaver", Ended, 3},
	shop.RearmAbsolute:        {"stayer", AbsoluteTimeout, 2},
	shop.KeepRotated:          {"renewer", Rotated, 2},
	shop.IgnoreClear:          {"mover", Revoked, 2},
	shop.StreamOutlivesLogout: {"listener", Ended, 2},
	shop.JobsOutliveLogout:    {"exporter", Ended, 1},
	shop.PollingKeepsAlive:    {"watcher", IdleTimeout, 1},
}

// TestFaults plays every story against a sound shop and against one with all
// faults, and the story of each fault against a shop that has only this. The
// driver itself fails where the shop serves what it should refuse, or refuses
// what it should serve.
func TestFaults(t *testing.T) {
	scenarios := map[string][]shop.Fault{"none": nil, "all": shop.Faults}
	for _, f := range shop.Faults {
		scenarios[string(f)] = []shop.Fault{f}
	}
	// Scenarios mostly wait, so they run at once, but for their busy beginning.
	results := map[string]chan played{}
	for name, faults := range scenarios {
		delay := time.Duration(len(results)) * 100 * time.Millisecond
		result := make(chan played, 1)
		results[name] = result
		go func() {
			time.Sleep(delay)
			result <- playWith(t.Context(), faults)
		}()
	}
	for name, faults := range scenarios {
		t.Run(name, func(t *testing.T) {
			p := <-results[name]
			require.NoError(t, p.err)
			require.Len(t, p.report.Expected, len(faults))
			for _, f := range faults {
				want := consequences[f]
				require.True(t, slices.ContainsFunc(p.report.Expected, func(e Expected) bool {
					return e.Story == want.story && e.Type == want.rule && e.Requests == want.requests && e.Service == shop.Ledger
				}), "%s in %v", f, p.report.Expected)
			}

			// What the driver knows is what the telemetry says.
			want := map[Expected]int{}
			for _, e := range p.report.Expected {
				n := e.Requests
				e.Requests, e.Story = 0, ""
				want[e] = n
			}
			require.Equal(t, want, p.violations)
		})
	}
}

type played struct {
	report     Report
	violations map[Expected]int
	err        error
}

// playWith plays again where the machine was too busy.
func playWith(ctx context.Context, faults []shop.Fault) (p played) {
	for range 5 {
		if p = playOnce(ctx, faults); !errors.Is(p.err, ErrSlipped) {
			break
		}
	}
	return p
}

func playOnce(ctx context.Context, faults []shop.Fault) (p played) {
	received, err := sink.Start(ctx)
	if err != nil {
		return played{err: err}
	}
	defer func() { p.err = errors.Join(p.err, received.Close()) }()
	s, err := shop.Start(ctx, shop.Config{
		Collector: received.URL, Faults: faults, Idle: testLimits.Idle, Lifetime: testLimits.Absolute,
	})
	if err != nil {
		return played{err: err}
	}
	var stories []string
	if len(faults) == 1 {
		stories = []string{consequences[faults[0]].story}
	}
	p.report, p.err = Play(ctx, Options{
		StorefrontURL: s.StorefrontURL, LedgerURL: s.LedgerURL, Faults: faults, Limits: testLimits, Stories: stories,
	})
	p.err = errors.Join(p.err, s.Close(context.WithoutCancel(ctx)))
	p.violations = read(received, testLimits).violations()
	return p
}

// A machine that pauses for as long as users keep away from a limit may bring them
// behind it, whether anybody notices or not.
func TestSlip(t *testing.T) {
	const margin = time.Second
	wrong := errors.New("want 401, got 200")
	for _, c := range []struct {
		err     error
		stall   time.Duration
		slipped bool
	}{
		{nil, margin - 1, false}, {nil, margin, true}, {wrong, margin / 2, false}, {wrong, margin/2 + 1, true},
	} {
		err := slip(c.err, c.stall, margin)
		require.Equal(t, c.slipped, errors.Is(err, ErrSlipped), c)
		if c.err != nil {
			require.ErrorIs(t, err, c.err)
		} else if !c.slipped {
			require.NoError(t, err)
		}
	}
}

func TestOptions(t *testing.T) {
	o := Options{Limits: Limits{Idle: time.Second, Absolute: time.Second, Tolerance: time.Second}, Stories: []string{"hero"}}.withDefaults()
	err := o.Validate()
	require.ErrorContains(t, err, "idle must be at least grace + tolerance + 3 * margin = 4s (got 1s)")
	require.ErrorContains(t, err, "absolute must be at least idle + tolerance + 2 * margin = 4s (got 1s)")
	require.ErrorContains(t, err, `story must be one of those that the driver knows (got "hero")`)

	require.NoError(t, Options{Limits: testLimits}.withDefaults().Validate())
	require.Subset(t, Options{}.withDefaults().Stories, BasicStories())
}
