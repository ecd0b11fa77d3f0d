package deploy

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rule is an alerting or recording rule; in says which file it is in.
type rule struct {
	Record        string            `yaml:"record"`
	Alert         string            `yaml:"alert"`
	Expr          string            `yaml:"expr"`
	For           string            `yaml:"for"`
	KeepFiringFor string            `yaml:"keep_firing_for"`
	Labels        map[string]string `yaml:"labels"`
	Annotations   map[string]string `yaml:"annotations"`
	in            string
}

// rules are all that there are.
func rules(t *testing.T) (alerts, records map[string]rule) {
	t.Helper()
	alerts, records = map[string]rule{}, map[string]rule{}
	for _, path := range ruleFiles(t) {
		var file struct {
			Groups []struct {
				Name     string `yaml:"name"`
				Interval string `yaml:"interval"`
				Rules    []rule `yaml:"rules"`
			} `yaml:"groups"`
		}
		decode(t, read(t, path), &file)
		require.Len(t, file.Groups, 1, path)
		for _, r := range file.Groups[0].Rules {
			r.in = path
			if r.Alert != "" {
				require.NotContains(t, alerts, r.Alert)
				alerts[r.Alert] = r
			} else {
				require.NotContains(t, records, r.Record)
				records[r.Record] = r
			}
		}
	}
	return alerts, records
}

func ruleFiles(t *testing.T) []string {
	t.Helper()
	return append(glob(t, "prometheus", "rules", "*.yaml"), filepath.Join("prometheus", "watchdog.yaml"))
}

// peer runs a program of another project and returns what it said.
func peer(t *testing.T, command string, args ...string) (said string, err error) {
	t.Helper()
	path, err := exec.LookPath(command)
	require.NoError(t, err, "%s is not installed; scripts/peers installs it", command)
	output, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	return string(output), err
}

func TestRulesAreRules(t *testing.T) {
	said, err := peer(t, "promtool", append([]string{"check", "rules"}, ruleFiles(t)...)...)
	require.NoError(t, err, said)
	require.NotContains(t, said, "FAILED")
}

// TestRules: each alert fires where it should and nowhere else.
func TestRules(t *testing.T) {
	alerts, _ := rules(t)
	var tests []string
	for name := range alerts {
		path := testOf(name)
		text := read(t, path)
		require.Contains(t, text, fmt.Sprintf(`alertname="%s"`, name))
		require.Contains(t, text, "exp_samples: []", "%s: a case where it does not fire", name)
		require.Regexp(t, `labels: 'ALERTS\{alertname="`+name+`"`, text, "a case where it fires")
		tests = append(tests, path)
	}
	require.ElementsMatch(t, glob(t, "prometheus", "tests", "*.yaml"), tests, "a test of no alert")
	said, err := peer(t, "promtool", append([]string{"test", "rules"}, tests...)...)
	require.NoError(t, err, said)
}

func testOf(alert string) string { return filepath.Join("prometheus", "tests", alert+".yaml") }

// mutation is a mistake in a rule.
type mutation struct {
	In   string `yaml:"in"`
	From string `yaml:"from"`
	To   string `yaml:"to"`
	All  bool   `yaml:"all"`
}

// TestRulesAreTested: of each alert three mistakes are noticed by its test.
func TestRulesAreTested(t *testing.T) {
	var mutations map[string]map[string]mutation
	decode(t, read(t, "prometheus", "mutations.yaml"), &mutations)
	alerts, records := rules(t)
	delete(alerts, "SessionWatchdog") // it has neither a threshold nor a window nor a label
	require.ElementsMatch(t, slices.Collect(maps.Keys(alerts)), slices.Collect(maps.Keys(mutations)))
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for name, all := range mutations {
		require.ElementsMatch(t, []string{"threshold", "window", "label"}, slices.Collect(maps.Keys(all)), name)
		for kind, m := range all {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				free <- struct{}{}
				defer func() { <-free }()
				target := alerts[name]
				if m.In != "" {
					target = records[m.In]
				}
				dir := t.TempDir()
				write := func(folder, file, text string) string {
					path := filepath.Join(dir, folder, file)
					require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
					require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
					return path
				}
				write("rules", filepath.Base(target.in), without(mutated(t, target, m), name))
				test := write("tests", name+".yaml", read(t, testOf(name)))
				said, err := peer(t, "promtool", "test", "rules", test)
				require.Error(t, err, "nothing notices %s instead of %s", m.To, m.From)
				require.Contains(t, said, "FAILED")
				require.NotContains(t, said, "could not parse")
			})
		}
	}
}

// mutated is the file of a rule with the mistake in it, and nowhere else.
func mutated(t *testing.T, target rule, m mutation) string {
	t.Helper()
	text := read(t, target.in)
	begin := strings.Index(text, "      - alert: "+target.Alert+"\n")
	if target.Alert == "" {
		begin = strings.Index(text, "      - record: "+target.Record+"\n")
	}
	require.GreaterOrEqual(t, begin, 0)
	end := len(text)
	if next := strings.Index(text[begin+1:], "      - "); next >= 0 {
		end = begin + 1 + next
	}
	// Line ends of an expression say nothing.
	words := func(s string) string { return regexp.MustCompile(`\s+`).ReplaceAllString(s, `\s+`) }
	from := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(words(m.From)), `\\s\+`, `\s+`))
	found := from.FindAllString(text[begin:end], -1)
	if m.All {
		require.NotEmpty(t, found, m.From)
	} else {
		require.Len(t, found, 1, m.From)
	}
	return text[:begin] + from.ReplaceAllLiteralString(text[begin:end], m.To) + text[end:]
}

// without is a file of rules without the alerts that are not of the name: to evaluate
// them takes time.
func without(text, name string) string {
	blocks := regexp.MustCompile(`(?m)^      - `).Split(text, -1)
	blocks = slices.DeleteFunc(blocks, func(block string) bool {
		alert, is := strings.CutPrefix(block, "alert: ")
		return is && !strings.HasPrefix(alert, name+"\n")
	})
	return strings.Join(blocks, "      - ")
}

// by are the labels of what a rule records: those of its outermost aggregations.
func by(expr string) []string {
	g := regexp.MustCompile(`\bby \(([^)]*)\)`).FindStringSubmatch(expr)
	return strings.Split(strings.ReplaceAll(g[1], " ", ""), ",")
}

// recorded are the labels of all records.
func recorded(records map[string]rule) map[string][]string {
	labels := map[string][]string{}
	for name, r := range records {
		labels[name] = by(r.Expr)
	}
	return labels
}

// TestNamesInRules: what the rules ask for is what metadata.yaml declares or another rule
// records.
func TestNamesInRules(t *testing.T) {
	alerts, records := rules(t)
	declared, labels := instruments(t), recorded(records)
	for _, all := range []map[string]rule{alerts, records} {
		for _, r := range all {
			requireNames(t, r.Expr, declared, labels)
		}
	}
}

// TestAnnotations: who is paged is told what is wrong, what it means, what to do and where
// to look.
func TestAnnotations(t *testing.T) {
	alerts, records := rules(t)
	boards, labels := dashboards(t), recorded(records)
	require.GreaterOrEqual(t, len(alerts), 20)
	for name, r := range alerts {
		require.Contains(t, []string{"info", "warning", "critical", "none"}, r.Labels["severity"], name)
		require.ElementsMatch(t, []string{"summary", "description", "runbook_url", "dashboard_url"}, slices.Collect(maps.Keys(r.Annotations)), name)
		for _, text := range r.Annotations {
			require.NotEmpty(t, text, name)
		}
		require.True(t, strings.HasSuffix(r.Annotations["summary"], "."), name)
		require.Equal(t, "https://github.com/otelcol-session/otelcol-session/blob/main/docs/runbooks/"+name+".md", r.Annotations["runbook_url"])
		require.FileExists(t, filepath.Join(root, "docs", "runbooks", name+".md"))
		requireLink(t, r.Annotations["dashboard_url"], boards)
		// What a template names, the expression leaves.
		for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(fmt.Sprint(r.Annotations, r.Labels), -1) {
			left := slices.ContainsFunc(grouping.FindAllStringSubmatch(r.Expr, -1), func(g []string) bool { return strings.Contains(g[1], m[1]) })
			for record, has := range labels {
				left = left || strings.Contains(r.Expr, record) && slices.Contains(has, m[1])
			}
			require.True(t, left, "%s: %s", name, m[1])
		}
	}
}
