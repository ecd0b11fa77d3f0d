package session

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// A reading is one sentence of docs/design/verdicts.md at its boundary: what arrives, and
// words of each finding that must be there in the end.
type reading struct {
	name, text string
	want       []string
}

// standard governs readings that bring no policy of their own.
const standard = "policy p0 idle=10s absolute=60s tolerance=1s end=2s rotation=3s\n"

// readReadings reads a file of readings. A record begins with == and the name; what
// follows is the history, and after => words of a finding. Behind § stands the section that
// the records up to the next § read.
func readReadings(t *testing.T, name string) (readings []reading) {
	t.Helper()
	all, err := os.ReadFile(name)
	require.NoError(t, err)
	for line := range strings.Lines(string(all)) {
		begun, begins := strings.CutPrefix(line, "== ")
		want, wants := strings.CutPrefix(line, "=> ")
		switch {
		case begins:
			readings = append(readings, reading{name: strings.TrimSpace(begun)})
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "§"):
		case wants:
			r := &readings[len(readings)-1]
			r.want = append(r.want, strings.TrimSpace(want))
		case strings.TrimSpace(line) != "":
			r := &readings[len(readings)-1]
			require.Empty(t, r.want, "%s: what arrives comes before what is found", r.name)
			r.text += line
		}
	}
	return readings
}

// TestReadings: reference and engine read each sentence as it is meant.
func TestReadings(t *testing.T) {
	readings := readReadings(t, "testdata/readings.txt")
	if counted := 253; len(readings) != counted {
		t.Fatalf("%d readings, %d counted: whoever adds one counts it here, so that none gets lost", len(readings), counted)
	}
	requireReadings(t, readings)
}

func requireReadings(t *testing.T, readings []reading) {
	t.Helper()
	for _, r := range readings {
		t.Run(r.name, func(t *testing.T) {
			if !strings.Contains(r.text, "policy p0") {
				r.text = standard + r.text
			}
			h := parsedTrial(r.text)
			if again := sessiontest.MustParse(h.String()).String(); again != h.String() {
				t.Errorf("written as\n%s\nread as\n%s", h, again)
			}
			facts, blinds := h.Arrivals()
			truth := sessiontest.Reference(h.Config, blinds, facts)
			var found []string
			for _, f := range truth {
				found = append(found, h.FindingText(&f))
			}
			ok := len(found) == len(r.want)
			for _, want := range r.want {
				ok = ok && slices.ContainsFunc(found, func(f string) bool {
					have := strings.Fields(f)
					return !slices.ContainsFunc(strings.Fields(want), func(w string) bool { return !slices.Contains(have, w) })
				})
			}
			if !ok {
				t.Fatalf("%s\nwant:\n  %s\nthe reference:\n  %s", h, strings.Join(r.want, "\n  "), strings.Join(found, "\n  "))
			}
			if why := check(h, true); why != "" {
				t.Errorf("the engine:\n%s\n%s", h, why)
			}
		})
	}
}
