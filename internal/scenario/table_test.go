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
)

// How many of each there are to be: the bugs and the false alarms that the
// project set out with, and the rules of the design by their headings.
const (
	bugs        = 35
	falseAlarms = 20
	hidings     = 6
)

// shapes are the numbers of the samples of telemetry that sources, rules and events
// alone make right.
var shapes = []int{1, 4, 5, 11, 17, 41, 43, 44, 45, 47}

var rules = map[string]int{
	"Session": 4, "Who is shown": 1, "Shared ids": 1, "Who is believed": 2, "Fact": 14, "Linked": 1, "Outcome": 8, "Exempt": 4, "Activity": 3,
	"When a request starts": 3, "Since when": 8, "Lineage": 2, "Expiry": 8, "Violation": 4,
	"Verdicts do not depend on delivery": 6, "Suspected, confirmed, retracted, inconclusive": 9,
	"Time": 3, "Bad input": 4, "Contract": 8,
}

var (
	tableRow = regexp.MustCompile(`^\| ([A-Z][a-z, ]+ )?(\d+) \|`)
	fileLink = regexp.MustCompile(`\[([^\]]+)\]\(scenarios/([^)]+)\.txtar\)`)
)

// TestTables holds the tables of testdata/README.md against the files.
func TestTables(t *testing.T) {
	text, err := os.ReadFile("../../testdata/README.md")
	require.NoError(t, err)
	listed := map[string]bool{}
	found := map[string][]string{} // by bug, false alarm or rule
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
		}
		require.NotEmpty(t, found[key], "%s has no scenario", key)
	}

	want := map[string]bool{}
	for n := range bugs {
		key := fmt.Sprintf("The bugs %d", n+1)
		want[key] = true
		require.Len(t, found[key], 1, key)
		require.True(t, strings.HasPrefix(found[key][0], fmt.Sprintf("bug-%02d-", n+1)), "%s: %s", key, found[key])
	}
	for n := range falseAlarms {
		key := fmt.Sprintf("The false alarms %d", n+1)
		want[key] = true
		require.Len(t, found[key], 1, key)
		require.True(t, strings.HasPrefix(found[key][0], fmt.Sprintf("fp-%02d-", n+1)), "%s: %s", key, found[key])
	}
	for n := range hidings {
		key := fmt.Sprintf("The ways of hiding %d", n+1)
		want[key] = true
		require.Len(t, found[key], 1, key)
		require.True(t, strings.HasPrefix(found[key][0], fmt.Sprintf("hide-%d-", n+1)), "%s: %s", key, found[key])
	}
	for _, n := range shapes {
		key := fmt.Sprintf("The shapes %d", n)
		want[key] = true
		require.Len(t, found[key], 1, key)
		require.True(t, strings.HasPrefix(found[key][0], fmt.Sprintf("shape-%02d-", n)), "%s: %s", key, found[key])
	}
	for heading, count := range rules {
		for n := range count {
			want[fmt.Sprintf("The rules %s %d", heading, n+1)] = true
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(found)))

	files := map[string]bool{}
	for _, s := range load(t) {
		files[s.Name] = true
	}
	require.Equal(t, slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(listed)), "the files, and what is listed")
	for name := range disagreements {
		require.Contains(t, files, name)
	}
	t.Logf("%d scenarios: %d bugs, %d false alarms, %d shapes, %d rules; %d of them wait for the processor",
		len(files), bugs, falseAlarms, len(shapes), len(want)-bugs-falseAlarms-len(shapes), len(disagreements))
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
		case "fp":
			require.NoError(t, err, s.Name)
			require.True(t, strings.HasPrefix(s.Comment(), fmt.Sprintf("False alarm %d: ", n)), s.Name)
			require.False(t, confirmed, s.Name)
		}
		require.Greater(t, len(strings.TrimSpace(s.Comment())), 20, "%s says nothing of why it is there", s.Name)
	}
}
