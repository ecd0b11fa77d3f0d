package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const deploy = "../deploy"

func ruleFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(deploy, "prometheus", "rules", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return append(paths, filepath.Join(deploy, "prometheus", "watchdog.yaml"))
}

// silent are metrics, and words of queries, that return nothing here, and why.
var silent = map[string]string{
	"processor_internal_duration": "metrics have the level normal",
	"session_timeout_blind":       "the collector did not crash",
	"session_timeout_journal":     "there is no storage",
	"session_timeout_checkpoint":  "there is no storage",
	"session_timeout_state_lost":  "it was not started again",
	`result!="accepted"`:          "Alertmanager takes all",
	"offset 1d":                   "there was no yesterday",
	"policy_info)) > 1":           "all collectors are alike",
}

// requireData evaluates a query, and requires that it returns something or that there is a
// reason. It says which.
func requireData(t *testing.T, p *prometheus, where, query string, used map[string]bool) {
	t.Helper()
	found, _, err := p.ask(query)
	require.NoError(t, err, "%s: %s", where, query)
	if len(found) > 0 {
		return
	}
	if strings.Contains(query, "effective_absolute_timeout") && strings.Contains(query, "rejected_min") {
		return // who refuses what is too old may refuse it for its silence
	}
	for words := range silent {
		if strings.Contains(query, words) {
			used[words] = true
			return
		}
	}
	require.Fail(t, "no data, and no reason", "%s: %s", where, query)
}

// requireQueries: each query of the dashboards and of the runbooks, and each selector of
// the rules, returns data or has a reason for returning none.
func requireQueries(t *testing.T, p *prometheus) {
	t.Helper()
	used, unused, count := map[string]bool{}, maps.Clone(silent), 0
	ask := func(where, query string) {
		count++
		requireData(t, p, where, query, used)
	}
	dashboards, err := filepath.Glob(filepath.Join(deploy, "grafana", "dashboards", "*.json"))
	require.NoError(t, err)
	require.Len(t, dashboards, 2)
	variable := regexp.MustCompile(`\$(service|policy|processor)\b`)
	for _, path := range dashboards {
		for _, query := range expressions(t, path) {
			query = strings.ReplaceAll(variable.ReplaceAllString(query, ".+"), "$__rate_interval", "1m")
			require.NotContains(t, query, "$", "a variable without a value")
			ask(path, query)
		}
	}
	selector := regexp.MustCompile(`(?:\w+)?\{__name__[^{}]*\}|\{[^{}]+\}|\b(?:otelcol_|session:)[\w:]+(?:\{[^{}]*\})?`)
	for _, path := range ruleFiles(t) {
		for _, r := range rulesIn(t, path) {
			_, _, err := p.ask(r.Expr)
			require.NoError(t, err, "%s: %s", path, r.Expr)
			for _, one := range selector.FindAllString(r.Expr, -1) {
				ask(path, one)
			}
		}
	}
	command := regexp.MustCompile(`^promtool query instant \$PROMETHEUS '(.*)'$`)
	for alert, commands := range runbooks(t) {
		for _, c := range commands {
			match := command.FindStringSubmatch(c)
			require.NotNil(t, match, c)
			query := match[1]
			if strings.HasSuffix(query, "> 0") { // it looks for what is wrong
				_, _, err := p.ask(query)
				require.NoError(t, err, query)
				query = strings.TrimSuffix(query, "> 0")
			}
			ask(alert, query)
		}
	}
	require.Greater(t, count, 150)
	for words := range used {
		delete(unused, words)
	}
	require.Empty(t, unused, "they return data, so that these are no reasons")
}

// expressions are the PromQL of a dashboard's panels.
func expressions(t *testing.T, path string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var board any
	require.NoError(t, json.Unmarshal(text, &board))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			source, _ := v["datasource"].(map[string]any)
			if expr, is := v["expr"].(string); is && source["type"] == "prometheus" {
				all = append(all, expr)
			}
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(board)
	require.NotEmpty(t, all)
	return all
}

type alertingRule struct {
	Alert string `yaml:"alert"`
	Expr  string `yaml:"expr"`
}

func rulesIn(t *testing.T, path string) []alertingRule {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []alertingRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	return file.Groups[0].Rules
}

// requireRules: Prometheus and the collector were new, and so were the services. Each
// violation was preceded by a zero, and was an alert two evaluations later at most. Who
// refuses everything has an enforcement of 1, and who does not has one, too.
func requireRules(t *testing.T, p *prometheus, findings []finding) {
	t.Helper()
	counters, kind, err := p.ask(metric("processor_session_timeout_violations") + "[30m]")
	require.NoError(t, err)
	require.Equal(t, "matrix", kind)
	evaluated, _, err := p.ask(`ALERTS{alertname="SessionWatchdog"}[30m]`)
	require.NoError(t, err)
	require.Len(t, evaluated, 1)
	late := 0
	for _, c := range counters {
		require.Zero(t, c.samples[0].value, "%v is born with more", c.labels)
		var first *sample
		for i := range c.samples {
			if c.samples[i].value > 0 {
				first = &c.samples[i]
				break
			}
		}
		if first == nil {
			continue
		}
		late++
		labels := fmt.Sprintf(`policy=%q, service_name=%q, type=%q`, c.labels["policy"], c.labels["service_name"], c.labels["type"])
		eventually(t, patience, func() error {
			alerts, _, err := p.ask(`ALERTS{alertname="SessionsServedPastExpiry", alertstate="firing", ` + labels + `}[30m]`)
			if err == nil && len(alerts) != 1 {
				err = fmt.Errorf("no alert of %s", labels)
			}
			if err != nil {
				return err
			}
			evaluations := 0
			for _, e := range evaluated[0].samples {
				if e.at > first.at && e.at < alerts[0].samples[0].at {
					evaluations++
				}
			}
			require.Less(t, evaluations, 2, "evaluations before that of the alert of %s", labels)
			return nil
		})
	}
	kinds := map[string]bool{}
	for _, f := range latest(findings) {
		kinds[f.text("policy")+f.service()+f.text("type")] = true
	}
	require.Len(t, kinds, late)

	enforced, err := p.query("session:enforcement:ratio1d")
	require.NoError(t, err)
	ratios := map[string]float64{}
	for _, s := range enforced {
		ratios[s.labels["policy"]+" "+s.labels["service_name"]] = s.value
	}
	require.InDelta(t, 1, ratios["default storefront"], 1e-9)
	require.Less(t, ratios["default ledger"], 0.9)
	require.Contains(t, ratios, "default ledger")
	// Who is refused shows no user, so nothing was ever refused under the policy of some.
	require.Contains(t, ratios, jobsPolicy+" ledger", "the worst of all is not absent")
	require.Zero(t, ratios[jobsPolicy+" ledger"])
}
