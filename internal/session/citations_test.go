package session

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// citation is a section of docs/design/verdicts.md as it is cited here, in comments and in
// readings; what comes behind it, a colon or a bracket, is no part of it.
var citation = regexp.MustCompile(`§ ([A-Z][A-Za-z, ]*[a-z])`)

// unread are the sections that no history can show: what extraction reads, and what only an
// engine has.
var unread = []string{"Session", "Where an id is", "Who is believed", "Bounds", "What does not follow it yet"}

// TestCitations: each section that rules, reference and readings cite is one of
// docs/design/verdicts.md, and each that a history can show has a reading.
func TestCitations(t *testing.T) {
	text, err := os.ReadFile("../../docs/design/verdicts.md")
	require.NoError(t, err)
	sections := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			sections[strings.TrimSpace(heading)] = true
		}
	}
	var files []string
	for _, pattern := range []string{"*.go", "sessiontest/*.go", "testdata/*.txt"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	cited := 0
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // a file of ours
		require.NoError(t, err)
		for _, c := range citation.FindAllStringSubmatch(string(text), -1) {
			require.Contains(t, sections, c[1], "%s cites it", name)
			cited++
		}
	}
	text, err = os.ReadFile("testdata/readings.txt")
	require.NoError(t, err)
	read := map[string]bool{}
	section := ""
	for line := range strings.Lines(string(text)) {
		if of, ok := strings.CutPrefix(line, "§ "); ok {
			section = strings.TrimSpace(of)
		}
		if strings.HasPrefix(line, "== ") {
			require.Contains(t, sections, section, "of %s", line)
			read[section] = true
		}
	}
	for _, s := range unread {
		delete(sections, s)
	}
	require.Equal(t, slices.Sorted(maps.Keys(sections)), slices.Sorted(maps.Keys(read)), "the sections, and those that have a reading")
	require.Greater(t, cited, len(sections), "the reference cites what it reads")
}

// TestMutants: what docs/design/mutants.md says has turned red is there.
func TestMutants(t *testing.T) {
	text, err := os.ReadFile("../../docs/design/mutants.md")
	require.NoError(t, err)
	readings, err := os.ReadFile("testdata/readings.txt")
	require.NoError(t, err)
	test, scenario := regexp.MustCompile("`([^`]+)`"), regexp.MustCompile(`\]\((\.\./\.\./testdata/scenarios/[^)]+)\)`)
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || strings.HasPrefix(line, "| rule") {
			continue
		}
		rows++
		red := cells[2]
		require.Regexp(t, "[`(]", red, "nothing has noticed %s", line)
		for _, s := range scenario.FindAllStringSubmatch(red, -1) {
			require.FileExists(t, filepath.Join("../../docs/design", s[1]), line)
		}
		for _, name := range test.FindAllStringSubmatch(red, -1) {
			if !strings.HasPrefix(name[1], "Test") {
				require.Contains(t, string(readings), "\n== "+name[1]+"\n", line)
			}
		}
	}
	require.Greater(t, rows, 60)
}
