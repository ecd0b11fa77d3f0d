package docs

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// firsts are the different first groups of all matches, sorted.
func firsts(pattern, text string) []string {
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// TestAttributes: findings of every type and state have no attribute that the
// README does not list, and the README lists none that no finding has.
func TestAttributes(t *testing.T) {
	paths, err := filepath.Glob(root + "/testdata/scenarios/golden/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	found := map[string]bool{}
	for _, path := range paths {
		for line := range bytes.Lines([]byte(read(t, path))) {
			logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
			require.NoError(t, err)
			for _, resource := range logs.ResourceLogs().All() {
				for _, scope := range resource.ScopeLogs().All() {
					for _, record := range scope.LogRecords().All() {
						for name := range record.Attributes().All() {
							found[name] = true
						}
					}
				}
			}
		}
	}
	listed := section(t, read(t, projectREADME), "Findings")
	require.Equal(t, slices.Sorted(maps.Keys(found)), firsts("`((?:session_timeout|http|url|rpc|messaging)\\.[a-z_.]+)`",
		regexp.MustCompile("`session_timeout\\.violation`").ReplaceAllString(listed, "")))
}

// TestMetrics: the README lists every metric with its attributes, and no other.
func TestMetrics(t *testing.T) {
	declared := map[string][]string{}
	metric := regexp.MustCompile(`(?ms)^    processor_session_timeout_([a-z_]+):$.*?attributes: \[([a-z_, ]+)\]`)
	for _, m := range metric.FindAllStringSubmatch(read(t, root+"/processor/sessiontimeout/metadata.yaml"), -1) {
		declared[m[1]] = slices.DeleteFunc(strings.Split(m[2], ", "), func(name string) bool { return name == "processor" })
	}
	require.NotEmpty(t, declared)

	listed := map[string][]string{}
	row := regexp.MustCompile("(?m)^\\| (`…_[^|]+) \\| ([^|]*) ?\\|")
	for _, r := range row.FindAllStringSubmatch(section(t, read(t, projectREADME), "Metrics"), -1) {
		for _, name := range firsts("`…_([a-z_]+)`", r[1]) {
			listed[name] = append([]string{}, firsts("`([a-z_]+)`", r[2])...)
		}
	}
	for _, attributes := range declared {
		slices.Sort(attributes)
	}
	require.Equal(t, declared, listed)
}

// TestQueries: each query can be parsed and asks for metrics that there are,
// under both of their names.
func TestQueries(t *testing.T) {
	document := section(t, read(t, projectREADME), "What to alert on")
	metadata := read(t, root+"/processor/sessiontimeout/metadata.yaml")
	queries := firsts("(?m)\\| `([^`]+)` \\|$", document)
	require.Len(t, queries, strings.Count(document, "\n| ")-1, "a row has no query")
	var rules strings.Builder
	fmt.Fprintln(&rules, "groups: [{name: readme, rules: [")
	for _, query := range queries {
		names := firsts(`otelcol_(processor_session_timeout_[a-z_]+)`, query)
		require.NotEmpty(t, names, query)
		for _, name := range names {
			require.Contains(t, metadata, "\n    "+name+":\n", query)
			counts := regexp.MustCompile(`(?s)\n    ` + name + `:\n(?:      [^\n]*\n|        [^\n]*\n)*?        monotonic: true`).MatchString(metadata)
			require.Equal(t, counts, strings.Contains(query, "otelcol_"+name+"("), "only a counter has a suffix: %s", query)
		}
		fmt.Fprintf(&rules, "{alert: A, expr: '%s'},\n", query)
	}
	fmt.Fprintln(&rules, "]}]")

	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool")
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(path, []byte(rules.String()), 0o600))
	output, err := exec.CommandContext(t.Context(), promtool, "check", "rules", "--lint=none", path).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// TestTargets: what `make` can make is what the README says.
func TestTargets(t *testing.T) {
	targets := firsts(`(?m)^([a-z-]+):.*## `, read(t, root+"/Makefile"))
	listed := firsts("`make ([a-z-]+)`", section(t, read(t, projectREADME), "Develop"))
	require.Equal(t, slices.DeleteFunc(targets, func(name string) bool { return name == "help" }), listed)
}

// TestLinks: what the READMEs link to is there, headings included.
func TestLinks(t *testing.T) {
	for _, path := range append([]string{projectREADME, processorREADME, root + "/docs/operations.md"}, deployREADMEs(t)...) {
		links := firsts(`\]\(([^)]+)\)`, read(t, path))
		require.NotEmpty(t, links)
		for _, link := range links {
			if strings.Contains(link, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(link, "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			info, err := os.Stat(target)
			require.NoError(t, err, "%s links to %s", path, link)
			if anchor != "" {
				require.False(t, info.IsDir(), link)
				require.Contains(t, anchors(read(t, target)), anchor, "%s links to %s", path, link)
			}
		}
	}
}

// anchors are the names that headings have as targets of links.
func anchors(document string) []string {
	var names []string
	for _, heading := range firsts(`(?m)^#+ (.*)$`, document) {
		name := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// deployREADMEs are those of what runs beside the collector.
func deployREADMEs(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(root + "/deploy/*/README.md")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return append(paths, root+"/deploy/README.md")
}
