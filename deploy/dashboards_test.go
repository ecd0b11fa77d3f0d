package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/deploy/grafana"
)

// dashboards are the committed ones by their uid, read as strictly as the SDK can.
func dashboards(t *testing.T) map[string]dashboard.Dashboard {
	t.Helper()
	// Only what is registered is read strictly: what a dashboard does not use need not be compiled.
	r := cog.NewRuntime()
	r.RegisterPanelcfgVariant(bargauge.VariantConfig())
	r.RegisterPanelcfgVariant(heatmap.VariantConfig())
	r.RegisterPanelcfgVariant(stat.VariantConfig())
	r.RegisterPanelcfgVariant(statetimeline.VariantConfig())
	r.RegisterPanelcfgVariant(table.VariantConfig())
	r.RegisterPanelcfgVariant(timeseries.VariantConfig())
	r.RegisterDataqueryVariant(loki.VariantConfig())
	r.RegisterDataqueryVariant(prometheus.VariantConfig())
	all := map[string]dashboard.Dashboard{}
	for _, path := range glob(t, "grafana", "dashboards", "*.json") {
		// The strict reader says what is wrong, and an error without words where nothing is;
		// then it has left out the panels.
		if err := new(dashboard.Dashboard).UnmarshalJSONStrict([]byte(read(t, path))); err != nil {
			require.Empty(t, err.Error(), path)
		}
		var d dashboard.Dashboard
		require.NoError(t, json.Unmarshal([]byte(read(t, path)), &d), path)
		require.NotNil(t, d.Uid, path)
		require.Equal(t, *d.Uid+".json", filepath.Base(path))
		all[*d.Uid] = d
	}
	return all
}

// TestDashboardsAreGenerated: what is committed is what the Go says.
func TestDashboardsAreGenerated(t *testing.T) {
	made, err := grafana.Dashboards()
	require.NoError(t, err)
	require.Len(t, glob(t, "grafana", "dashboards", "*.json"), len(made))
	for _, d := range made {
		text, err := grafana.JSON(d)
		require.NoError(t, err)
		require.Equal(t, string(text), read(t, "grafana", "dashboards", *d.Uid+".json"), "run `go generate ./grafana` in deploy and commit what it changes")
	}
}

// panels are all of a dashboard, those in rows among them.
func panels(d dashboard.Dashboard) (all []dashboard.Panel) {
	for _, p := range d.Panels {
		if p.Panel != nil {
			all = append(all, *p.Panel)
		} else {
			all = append(all, p.RowPanel.Panels...)
		}
	}
	return all
}

// TestDashboards: what a linter of dashboards would say, and what its README promises.
func TestDashboards(t *testing.T) {
	kinds := []string{"bargauge", "heatmap", "stat", "state-timeline", "table", "timeseries"}
	boards := dashboards(t)
	for uid, d := range boards {
		require.NotEmpty(t, d.Title)
		require.NotEmpty(t, d.Description, uid)
		requireVariables(t, d)
		ids, titles := map[uint32]bool{}, map[string]bool{}
		unique := func(id uint32, title string) {
			require.False(t, ids[id], "%s: two panels have the id %d", uid, id)
			require.False(t, titles[title], "%s: two panels are called %q", uid, title)
			ids[id], titles[title] = true, true
		}
		for _, p := range d.Panels {
			if r := p.RowPanel; r != nil {
				unique(r.Id, *r.Title)
				require.Equal(t, r.Collapsed, len(r.Panels) > 0, "%s: %s: Grafana looks into a row only if it is collapsed", uid, *r.Title)
			}
		}
		for _, p := range panels(d) {
			name := uid + ": " + *p.Title
			unique(*p.Id, *p.Title)
			require.Contains(t, kinds, p.Type, "%s: what is not registered is not read strictly", name)
			require.Greater(t, len(*p.Description), 40, "%s: what is to be done?", name)
			require.NotEmpty(t, *p.FieldConfig.Defaults.Unit, name)
			require.NotEmpty(t, *p.FieldConfig.Defaults.NoValue, "%s: what if there is nothing?", name)
			require.Contains(t, []string{"${datasource}", "${loki}"}, *p.Datasource.Uid, name)
			require.NotEmpty(t, p.Targets, name)
			requireRunbooks(t, name, *p.Description)
		}
		for _, link := range d.Links {
			requireLink(t, *link.Url, boards)
		}
		requireNoOverlap(t, uid, d)
		requireNothingEmpty(t, uid, read(t, "grafana", "dashboards", uid+".json"))
	}
}

// requireVariables: each variable is used, and each that is used is there.
func requireVariables(t *testing.T, d dashboard.Dashboard) {
	t.Helper()
	text, err := json.Marshal(d.Panels)
	require.NoError(t, err)
	declared := map[string]bool{}
	for _, v := range d.Templating.List {
		declared[v.Name] = true
		require.Regexp(t, `\$\{?`+v.Name+`\b`, string(text), "%s: nobody uses it", v.Name)
	}
	for _, used := range regexp.MustCompile(`\$\{?([a-zA-Z]\w*)`).FindAllSubmatch(text, -1) {
		require.True(t, declared[string(used[1])], "%s: there is no variable %s", *d.Uid, used[1])
	}
}

// requireRunbooks: what a description calls like an alert has a runbook.
func requireRunbooks(t *testing.T, name, description string) {
	t.Helper()
	for _, alert := range regexp.MustCompile(`\bSessions?[A-Z]\w+`).FindAllString(description, -1) {
		require.FileExists(t, filepath.Join(root, "docs", "runbooks", alert+".md"), name)
	}
}

// requireNoOverlap: on the grid no panel lies on another or beyond the edge.
func requireNoOverlap(t *testing.T, uid string, d dashboard.Dashboard) {
	t.Helper()
	taken := map[[2]uint32]string{}
	place := func(g *dashboard.GridPos, title string) {
		require.LessOrEqual(t, g.X+g.W, uint32(24), "%s: %s", uid, title)
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				at := [2]uint32{x, y}
				require.Empty(t, taken[at], "%s: %s lies on it", uid, title)
				taken[at] = title
			}
		}
	}
	for _, p := range d.Panels {
		if p.Panel != nil {
			place(p.Panel.GridPos, *p.Panel.Title)
			continue
		}
		place(p.RowPanel.GridPos, *p.RowPanel.Title)
		for _, inner := range p.RowPanel.Panels {
			place(inner.GridPos, *inner.Title)
		}
	}
}

// enums are properties whose values Grafana chooses from: an empty one is none of them.
var enums = []string{"mode", "sort", "calcs", "displayMode", "placement", "graphMode", "colorMode", "textMode", "orientation", "format", "type", "reducer"}

func requireNothingEmpty(t *testing.T, name, text string) {
	t.Helper()
	for _, property := range enums {
		require.NotRegexp(t, `"`+property+`": (""|null)`, text, name)
	}
}

// requireLink: a link to a dashboard leads to one that there is, with variables that it has.
func requireLink(t *testing.T, link string, boards map[string]dashboard.Dashboard) {
	t.Helper()
	u, err := url.Parse(regexp.MustCompile(`\{\{.*?\}\}`).ReplaceAllString(link, "x"))
	require.NoError(t, err)
	d, is := boards[strings.TrimPrefix(u.Path, "/d/")]
	require.True(t, is, "%s leads to no dashboard", link)
	for key := range u.Query() {
		require.True(t, slices.ContainsFunc(d.Templating.List, func(v dashboard.VariableModel) bool { return "var-"+v.Name == key }), "%s: %s", link, key)
	}
}

// queries are those of all panels and variables of a dashboard, by the kind of source.
func queries(t *testing.T, d dashboard.Dashboard) (promql, logql []string) {
	t.Helper()
	for _, p := range panels(d) {
		for _, target := range p.Targets {
			switch q := target.(type) {
			case *prometheus.Dataquery:
				promql = append(promql, q.Expr)
			case *loki.Dataquery:
				logql = append(logql, q.Expr)
			default:
				require.Fail(t, "a query of an unknown kind", "%s: %T", *p.Title, target)
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Definition != nil {
			parts := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(*v.Definition)
			require.NotNil(t, parts, *v.Definition)
			promql = append(promql, fmt.Sprintf("count by (%s) (%s)", parts[2], parts[1]))
			require.Equal(t, *v.Definition, v.Query.Map["query"], "Grafana reads the one and shows the other")
		}
	}
	return promql, logql
}

// TestNamesInDashboards: what the panels ask for is what metadata.yaml declares or a rule
// records; counters are asked for their rate.
func TestNamesInDashboards(t *testing.T) {
	_, records := rules(t)
	declared, labels := instruments(t), recorded(records)
	used := map[string]bool{}
	for _, d := range dashboards(t) {
		promql, _ := queries(t, d)
		for _, query := range promql {
			for _, record := range requireNames(t, query, declared, labels) {
				used[record] = true
			}
			require.NotRegexp(t, `rate\([^\[]*\[(\d|\$__interval)`, regexp.MustCompile(`seen="request_with_id"[^\[]*\[15m\]`).ReplaceAllString(query, ""), "a panel's rate is over $__rate_interval")
		}
	}
	alerts, _ := rules(t)
	for _, r := range slices.Concat(slices.Collect(maps.Values(alerts)), slices.Collect(maps.Values(records))) {
		for record := range records {
			used[record] = used[record] || strings.Contains(r.Expr, record)
		}
	}
	for record := range records {
		require.True(t, used[record], "%s: nobody asks for it", record)
	}
}

// TestLogQL: the grammar of Grafana's editor reads the queries for Loki.
func TestLogQL(t *testing.T) {
	folder := filepath.Join("grafana", "logql")
	var all []string
	for _, d := range dashboards(t) {
		_, logql := queries(t, d)
		all = append(all, logql...)
	}
	require.NotEmpty(t, all)
	if _, err := exec.LookPath("npm"); err != nil {
		require.FailNow(t, "npm is not installed; scripts/peers installs it")
	}
	said, err := peer(t, "npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	require.NoError(t, err, said)
	check := func(queries []string) error {
		text, err := json.Marshal(queries)
		require.NoError(t, err)
		c := exec.CommandContext(t.Context(), "node", "check.mjs")
		c.Dir, c.Stdin = folder, bytes.NewReader(text)
		said, err := c.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	}
	require.NoError(t, check(all))
	require.ErrorContains(t, check([]string{`{service_name=~"$service"} |= | session_timeout_id != ""`}), "no LogQL", "what is none is noticed")
}
