package deploy

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The queries here are looked at by their words. Whether they are PromQL, and whether they
// say what they should, promtool and a real Prometheus find out.
var (
	selector  = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)?\{([^{}]*)\}|\b((?:otelcol_|session:)[a-zA-Z0-9_:]+)`)
	matcher   = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"`)
	grouping  = regexp.MustCompile(`\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)`)
	variables = regexp.MustCompile(`^\$\{?\w+\}?$`)
)

// requireNames: all metrics of a query are declared, or recorded with these labels, and
// so are all of its labels and their values. It says which records it asks for.
func requireNames(t *testing.T, query string, declared map[string]instrument, records map[string][]string) (asked []string) {
	t.Helper()
	known := map[string]bool{}
	found := selector.FindAllStringSubmatch(query, -1)
	for _, s := range found {
		name := s[1] + s[3]
		matchers := matcher.FindAllStringSubmatch(s[2], -1)
		require.Len(t, matchers, strings.Count(s[2], `"`)/2, "%s: matchers are not understood", s[0])
		for _, m := range matchers {
			if m[1] == "__name__" {
				name = m[3]
			}
		}
		require.NotEmpty(t, name, "%s: of which metric?", query)
		if strings.HasPrefix(name, "session:") {
			labels, is := records[name]
			require.True(t, is, "%s: nothing records %s", query, name)
			asked = append(asked, name)
			for _, label := range labels {
				known[label] = true
			}
			for _, m := range matchers {
				require.Contains(t, labels, m[1], "%s: %s", query, name)
			}
			continue
		}
		all := named(name, declared)
		require.NotEmpty(t, all, "%s: no metadata.yaml declares %s", query, name)
		for _, i := range all {
			for label := range i.labels {
				known[label] = true
			}
			requireValues(t, query, matchers, i)
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			if label = strings.TrimSpace(label); label != "" {
				require.True(t, known[label], "%s: none of its metrics has the label %s", query, label)
			}
		}
	}
	return asked
}

// requireValues: the matchers ask for labels that i has, and for values that they can have.
func requireValues(t *testing.T, query string, matchers [][]string, i instrument) {
	t.Helper()
	for _, m := range matchers {
		label, value := m[1], m[3]
		if label == "__name__" || variables.MatchString(value) {
			continue
		}
		values, is := i.labels[label]
		require.True(t, is, "%s: there is no label %s", query, label)
		if values == nil {
			continue
		}
		pattern := regexp.QuoteMeta(value)
		if strings.HasSuffix(m[2], "~") {
			pattern = value
		}
		require.True(t, slices.ContainsFunc(values, regexp.MustCompile("^(?:"+pattern+")$").MatchString),
			"%s: %s is none of %v", query, value, values)
	}
}

// named are the instruments whose names, with all endings that they may have, are all
// that a name, or a pattern of it, fits.
func named(pattern string, declared map[string]instrument) (all []instrument) {
	for _, base := range slices.Sorted(maps.Keys(declared)) {
		i := declared[base]
		rest, is := strings.CutPrefix(pattern, base)
		if !is {
			continue
		}
		// What is optional in the pattern is there, and is not.
		whole := base + strings.NewReplacer("(_seconds(_total)?)?", "_seconds_total", "(", "", ")?", "", ")", "").Replace(rest)
		if i.names.MatchString(whole) || i.names.MatchString(strings.TrimSuffix(whole, "_total")) && !strings.Contains(rest, "_total") {
			all = append(all, i)
		}
	}
	return all
}
