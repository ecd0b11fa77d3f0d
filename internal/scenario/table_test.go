package scenario_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/scenario"
)

// How many things the second version of the rules changed; each is held by scenarios.
const changes = 15

// series are the tables with one scenario a row, by its name: bugs and false alarms that
// the project set out with, ways of hiding, and the numbers of the samples of telemetry and
// of the reported cases that rules, sources and events make right.
var series = []struct {
	heading, file string
	numbers       []int
}{
	{"The bugs", "bug-%02d-", upTo(35)},
	{"The false alarms", "fp-%02d-", upTo(20)},
	{"The ways of hiding", "hide-%d-", upTo(6)},
	{"The shapes", "shape-%02d-", []int{1, 4, 5, 11, 17, 41, 43, 44, 45, 47}},
	{"The cases", "case-%02d-", []int{1, 3, 5, 9, 10, 11, 12, 13, 15, 18, 22, 23, 24, 25, 29}},
}

func upTo(last int) (numbers []int) {
	for n := range last {
		numbers = append(numbers, n+1)
	}
	return numbers
}

// rules are the rows by the sections of docs/design/verdicts.md, and what else is held.
var rules = map[string]int{
	"Session": 4, "Where an id is": 2, "Who is shown": 2, "Shared ids": 1, "Who is believed": 2, "Fact": 13, "Event": 2, "Linked": 2,
	"Outcome": 10, "Exempt": 5, "Activity": 4, "Background": 2, "Inside": 5, "Since when": 8, "Lineage": 3, "Expiry": 8, "Violation": 3,
	"Verdicts do not depend on delivery": 6, "Suspected, confirmed, retracted, inconclusive": 11, "Bounds": 1,
	"Time": 3, "Bad input": 4, "Contract": 8,
}

var (
	tableRow = regexp.MustCompile(`^\| ([A-Z][a-z, ]+ )?(\d+) \|`)
	fileLink = regexp.MustCompile(`\[([^\]]+)\]\(scenarios/([^)]+)\.txtar\)`)
	// sourceLink is where a row says that it comes from.
	sourceLink = regexp.MustCompile(`\((https://[^)]+)\)`)
)

// TestTables holds the tables of testdata/README.md against the files.
func TestTables(t *testing.T) {
	text, err := os.ReadFile("../../testdata/README.md")
	require.NoError(t, err)
	listed := map[string]bool{}
	found := map[string][]string{}   // by bug, false alarm or rule
	sources := map[string][]string{} // by scenario
	section := ""
	for line := range strings.Lines(string(text)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(heading)
		}
		row := tableRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		key := section + " " + row[1] + row[2]
		require.NotContains(t, found, key, "listed twice")
		for _, link := range fileLink.FindAllStringSubmatch(line, -1) {
			require.Equal(t, link[1], link[2], "a link names another file than its text")
			listed[link[1]] = true
			found[key] = append(found[key], link[1])
			for _, source := range sourceLink.FindAllStringSubmatch(line, -1) {
				sources[link[1]] = append(sources[link[1]], source[1])
			}
		}
		require.NotEmpty(t, found[key], "%s has no scenario", key)
	}

	want := map[string]bool{}
	for _, row := range series {
		for _, n := range row.numbers {
			key := fmt.Sprintf("%s %d", row.heading, n)
			want[key] = true
			require.Len(t, found[key], 1, key)
			require.True(t, strings.HasPrefix(found[key][0], fmt.Sprintf(row.file, n)), "%s: %s", key, found[key])
		}
	}
	scenarios := load(t)
	for n := range changes {
		key := fmt.Sprintf("What the second version changed %d", n+1)
		want[key] = true
		require.True(t, slices.ContainsFunc(scenarios, func(s *scenario.Scenario) bool {
			return slices.Contains(found[key], s.Name) && len(s.Expected()) > 0
		}), "%s: nothing is found", key)
	}
	design, err := os.ReadFile("../../docs/design/verdicts.md")
	require.NoError(t, err)
	for heading, count := range rules {
		if heading != "Bad input" && heading != "Contract" { // which the design says nothing of
			require.Contains(t, string(design), "\n## "+heading+"\n")
		}
		for n := range count {
			want[fmt.Sprintf("The rules %s %d", heading, n+1)] = true
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(found)))

	files := map[string]bool{}
	for _, s := range scenarios {
		files[s.Name] = true
		for _, source := range sources[s.Name] {
			require.Contains(t, s.Comment(), "\n"+source+"\n", "%s: the table names a source that it does not", s.Name)
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(listed)), "the files, and what is listed")
	for name := range disagreements {
		require.Contains(t, files, name)
	}
	t.Logf("%d scenarios in %d rows; %d of them wait for the processor", len(files), len(want), len(disagreements))
}

// TestHeaders: a bug names its source and is found; a false alarm is never
// confirmed.
func TestHeaders(t *testing.T) {
	// Nobody is served too late where everybody is thrown out too early.
	notFound := []string{"bug-29-local-time-stored-as-utc"}
	for _, s := range load(t) {
		kind, number, _ := strings.Cut(s.Name, "-")
		number, _, _ = strings.Cut(number, "-")
		n, err := strconv.Atoi(number)
		confirmed := slices.ContainsFunc(s.Expected(), func(v string) bool { return strings.Contains(v, "!") })
		switch kind {
		case "bug":
			require.NoError(t, err, s.Name)
			require.True(t, strings.HasPrefix(s.Comment(), fmt.Sprintf("Bug %d: ", n)), s.Name)
			require.Contains(t, s.Comment(), "\nhttps://", s.Name)
			require.Equal(t, !slices.Contains(notFound, s.Name), confirmed, s.Name)
		case "hide":
			require.NoError(t, err, s.Name)
			require.True(t, strings.HasPrefix(s.Comment(), fmt.Sprintf("Hiding %d: ", n)), s.Name)
			require.True(t, confirmed, s.Name)
		case "shape":
			require.NoError(t, err, s.Name)
			require.True(t, strings.HasPrefix(s.Comment(), fmt.Sprintf("Shape %d: ", n)), s.Name)
			require.Contains(t, s.Comment(), "\nhttps://", s.Name)
		case "case":
			require.NoError(t, err, s.Name)
			require.True(t, strings.HasPrefix(s.Comment(), fmt.Sprintf("Case %d: ", n)), s.Name)
			require.Contains(t, s.Comment(), "\nhttps://", s.Name)
		case "fp":
			require.NoError(t, err, s.Name)
			require.True(t, strings.HasPrefix(s.Comment(), fmt.Sprintf("False alarm %d: ", n)), s.Name)
			require.False(t, confirmed, s.Name)
		}
		require.Greater(t, len(strings.TrimSpace(s.Comment())), 20, "%s says nothing of why it is there", s.Name)
	}
}
