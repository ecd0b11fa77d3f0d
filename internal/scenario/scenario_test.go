package scenario_test

import (
	"flag"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	_ "time/tzdata" // the zones of scenarios, wherever they are played

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/scenario"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout"
)

var update = flag.Bool("update", false, "write what was found into the scenarios: read each change before you commit it")

const folder = "../../testdata/scenarios"

func load(t *testing.T) []*scenario.Scenario {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all []*scenario.Scenario
	for _, path := range paths {
		s, err := scenario.Load(path)
		require.NoError(t, err)
		all = append(all, s)
	}
	return all
}

// play plays in a bubble of its own: years pass in no time.
func play(t *testing.T, s *scenario.Scenario, how scenario.Delivery) (o *scenario.Outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		o, err = s.Play(sessiontimeout.NewFactory(), how)
		require.NoError(t, err)
	})
	return o
}

// disagreements are scenarios that expect what the processor does not do.
var disagreements = map[string]string{}

// served leaves out requests that were not: see rule-outcome-rejected-order in
// disagreements.
func served(verdicts string) string {
	var b strings.Builder
	for l := range strings.Lines(verdicts) {
		if !strings.Contains(l, "verdict=rejected_") && !strings.Contains(l, "verdict=indeterminate") {
			b.WriteString(l)
		}
	}
	return b.String()
}

func retracted(_, finding string) bool { return strings.Contains(finding, "Retracted, ") }

// TestScenarios plays each scenario as it is written, and then delivered in
// other ways, which must lead to the same.
func TestScenarios(t *testing.T) {
	for _, s := range load(t) {
		t.Run(s.Name, func(t *testing.T) {
			if why, ok := disagreements[s.Name]; ok {
				o := play(t, s, scenario.Delivery{})
				want := s.Want(o)
				require.False(t, want.Findings == o.Findings && want.Metrics == o.Metrics, "it does now: take it off the list")
				t.Skip("what is expected is right, and the processor does not do it yet: " + why)
			}
			o := play(t, s, scenario.Delivery{})
			if *update {
				require.NoError(t, s.Write(o))
			}
			// What a person wrote at the lines, against a finding for each.
			require.Equal(t, s.Expected(), play(t, s, scenario.Delivery{PerRequest: true}).Requests, "requests with a verdict")
			want := s.Want(o)
			require.Equal(t, want.Findings, o.Findings, "findings")
			require.Equal(t, want.Metrics, o.Metrics, "metrics")
			require.Equal(t, want.Marks, o.Marks, "marks")
			sent, err := s.Sent()
			require.NoError(t, err)
			require.Equal(t, sent, o.Passed, "telemetry passes unchanged, but for marks")

			ways := map[string]scenario.Delivery{
				"twice":          {Twice: true},
				"apart":          {Apart: true},
				"shuffled":       {Shuffled: true, Seed: 1},
				"shuffled apart": {Shuffled: true, Apart: true, Seed: 2},
				"all three":      {Shuffled: true, Apart: true, Twice: true, Seed: 3},
			}
			replays := uint64(3)
			if testing.Short() {
				maps.DeleteFunc(ways, func(name string, _ scenario.Delivery) bool { return name != "all three" })
				replays = 1
			}
			for name, how := range ways {
				t.Run(name, func(t *testing.T) {
					got := play(t, s, how)
					require.Equal(t, o.Final, got.Final, "findings")
					require.Equal(t, o.Verdicts, got.Verdicts, "metrics")
				})
			}
			if s.OrderMatters() {
				return
			}
			// What was confirmed and then cleared is never confirmed at all.
			final := maps.Clone(o.Final)
			maps.DeleteFunc(final, retracted)
			for seed := range replays {
				got := play(t, s, scenario.Delivery{Delayed: 8 * time.Minute, Seed: seed})
				maps.DeleteFunc(got.Final, retracted)
				require.Equal(t, final, got.Final, "findings of delayed records, seed %d", seed)
			}
			for seed := range replays {
				got := play(t, s, scenario.Delivery{Replayed: true, Twice: seed == 2, Apart: seed == 1, Seed: seed})
				require.Equal(t, final, got.Final, "findings of a replay, seed %d", seed)
				if s.InTime() && len(final) == len(o.Final) {
					require.Equal(t, served(o.Verdicts), served(got.Verdicts), "metrics of a replay, seed %d", seed)
				}
			}
		})
	}
}
