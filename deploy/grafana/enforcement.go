package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

const (
	byService = `service_name=~"$service"`
	byPolicy  = byService + `, policy=~"$policy"`
)

// enforcement is for whoever answers for the sessions: do services refuse dead ones?
func enforcement() (dashboard.Dashboard, error) {
	red, green := "red", "green"
	late := `session:violations:increase15m{` + byPolicy + `}`
	return begin(enforcementUID, "Sessions: enforcement",
		"Do services refuse sessions that are over? Some panels rest on the recording rules in deploy/prometheus.",
		to("Session timeout: operations", operationsUID),
		datasource, lokiVariable, tempo,
		values("policy", "policy", secondsGauge("policy_limit", "")),
		values("service", "service_name", counter("records", "")),
		console,
	).
		WithPanel(single(panel{
			title: "Dead sessions refused", unit: "percentunit", none: "none was presented", width: 8, height: 5,
			description: "Of the requests on dead sessions in a day, the share that the worst service refused. Below 100 %, look below for who it is.",
			queries:     []query{{`min(session:enforcement:ratio1d{` + byPolicy + `})`, "worst service"}},
		}, steps("red", from(1, "green")))).
		WithPanel(single(panel{
			title: "Services that serve dead sessions", unit: "none", none: "0", width: 8, height: 5,
			description: "In the last 15 minutes. From 1 on, open the panel of violations and the findings.",
			queries:     []query{{`count(sum by (service_name) (` + late + `) > 0) or vector(0)`, "services"}},
		}, steps("green", from(1, "red")))).
		WithPanel(single(panel{
			title: "Can we see it?", unit: "percentunit", none: "no requests", width: 8, height: 5,
			description: "Of the requests of an hour, the share that names a session, in the service with the fewest. Of the others nothing is known: let the service set session.id.",
			queries:     []query{{`min(session:coverage:ratio1h{` + byService + `})`, "least covered service"}},
		}, steps("red", from(0.1, "orange"), from(0.5, "green")))).
		WithPanel(ranked(panel{
			title: "Enforcement by service", unit: "percentunit", none: "no dead session was presented", width: 12, height: 8,
			description: "Of the requests on dead sessions in a day, the share that each service refused. A service at 0 refuses none: it does not ask the session store, or asks a copy.",
			queries:     []query{{`sort(session:enforcement:ratio1d{` + byPolicy + `})`, "{{service_name}} ({{policy}})"}},
		}, steps("red", from(0.99, "orange"), from(1, "green")))).
		WithPanel(bars(panel{
			title: "Violations", unit: "short", none: "none", width: 12, height: 8,
			description: "Requests that were served on dead sessions, in 15 minutes, by service and rule. The runbook SessionsServedPastExpiry says what to do.",
			queries:     []query{{`sum by (service_name, type) (` + late + `)`, "{{service_name}} {{type}}"}},
		})).
		WithPanel(states(panel{
			title: "When was it served late", unit: "none", none: "no telemetry", width: 24, height: 8,
			description: "Red: dead sessions were served. Green: requests named sessions, and none was late. A gap is neither: nothing was seen, so ask why (SessionServiceWentSilent).",
			queries: []query{{
				`clamp_max(sum by (service_name) (` + late + `) or 0 * (sum by (service_name) (rate(` +
					counter("records", `seen="request_with_id", `+byService) + `[15m])) > 0), 1)`, "{{service_name}}",
			}},
		}, map[string]dashboard.ValueMappingResult{
			"0": {Text: new("nothing late among what was seen"), Color: &green, Index: new(int32(0))},
			"1": {Text: new("served late"), Color: &red, Index: new(int32(1))},
		}, steps("green", from(1, "red")))).
		WithPanel(heat(panel{
			title: "How late", unit: "s", none: "none", width: 12, height: 8,
			description: "From expiry to the request. Seconds are a cache or a clock (raise the policy's tolerance only for clocks), hours a limit that is not enforced.",
			queries:     []query{{increase("le", bucket("overrun", `policy=~"$policy"`)), "{{le}}"}},
		})).
		WithPanel(lines(panel{
			title: "After logout", unit: "s", none: "none was served after an end", width: 12, height: 8,
			description: "From the end of a session to the requests that were served after it. What grows with a cache's lifetime is that cache.",
			queries: []query{
				{quantile("0.5", "service_name", bucket("end_propagation", byService)), "{{service_name}} p50"},
				{quantile("0.95", "service_name", bucket("end_propagation", byService)), "{{service_name}} p95"},
				{quantile("0.99", "service_name", bucket("end_propagation", byService)), "{{service_name}} p99"},
			},
		})).
		WithPanel(limitsTable("Effective and declared idle limit", "idle")).
		WithPanel(limitsTable("Effective and declared absolute limit", "absolute")).
		WithPanel(lines(panel{
			title: "Thrown out early", unit: "reqps", none: "nobody", width: 12, height: 8,
			description: "Refused though the session was alive by policy. Either the service has shorter limits than the policy says, or it loses sessions, or an end was not reported.",
			queries:     []query{{rate("service_name", counter("requests", `verdict="rejected_early", `+byPolicy)), "{{service_name}}"}},
		})).
		WithPanel(lines(panel{
			title: "Undecidable", unit: "percentunit", none: "no requests", width: 12, height: 8,
			description: "Of the requests that were judged, the share that proves nothing: 403, 5xx, redirects, successes without a user where one is asked for. Rules under outcomes can decide some.",
			queries: []query{{
				rate("service_name", counter("requests", `verdict="indeterminate", `+byPolicy)) + "\n/ (" + rate("service_name", counter("requests", byPolicy)) + " > 0)",
				"{{service_name}}",
			}},
		})).
		WithPanel(findings()).
		Build()
}

// limitsTable shows what services do beside what the policies say.
func limitsTable(title, limit string) *table.PanelBuilder {
	effective := func(by, bound string) string {
		return by + ` by (policy, service_name) (` + secondsGauge("effective_"+limit+"_timeout", `bound="`+bound+`", `+byPolicy) + `)`
	}
	p := panel{
		title: title, unit: "s", none: "nothing was seen yet", width: 12, height: 8,
		description: "Declared by the policy; the greatest that the service let pass; the least that it refused. It is too long where it let pass more than is declared, too short where it refused less, and open in between.",
		queries: []query{
			{`max by (policy, service_name) (` + secondsGauge("policy_limit", `limit="`+limit+`_timeout", policy=~"$policy"`) + ` * on (policy) group_right () (0 * ` + effective("max", "served_max") + ` + 1))`, ""},
			{effective("max", "served_max"), ""},
			{effective("min", "rejected_min"), ""},
		},
	}
	b := draw(table.NewPanelBuilder(), panel{title: p.title, description: p.description, unit: p.unit, none: p.none, width: p.width, height: p.height}, true)
	for i, q := range p.queries {
		b.WithTarget(prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Expr(q.expr).Instant().
			Format(prometheus.PromQueryFormatTable).Datasource(prometheusSource).EditorMode(prometheus.QueryEditorModeCode))
	}
	return tabular(b).
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]any{"Time": true},
			"renameByName": map[string]any{
				"policy": "policy", "service_name": "service", "Value #A": "declared", "Value #B": "let pass", "Value #C": "refused",
			},
		}})
}

// findings are the log records themselves, with links to what they are about.
func findings() *table.PanelBuilder {
	link := func(title, url string) map[string]any {
		return map[string]any{"title": title, "url": url, "targetBlank": true}
	}
	trace := `/explore?schemaVersion=1&panes={"t":{"datasource":"${tempo}","queries":[{"refId":"A","queryType":"traceql","query":"${__value.raw}"}],"range":{"from":"now-24h","to":"now"}}}`
	b := table.NewPanelBuilder().Title("Findings").Unit("none").NoValue("none").Span(24).Height(12).Datasource(lokiSource).
		Description("Each violation. A finding that is retracted comes again with its state. Open the trace, or the session in the console (fill in the variable console); the runbook SessionsServedPastExpiry says what then.").
		WithTarget(loki.NewDataqueryBuilder().RefId("A").Datasource(lokiSource).QueryType("range").MaxLines(500).
			Expr(`{service_name=~"$service"} | session_timeout_id != "" | session_timeout_policy =~ "$policy"`))
	return tabular(b).
		WithTransformation(dashboard.DataTransformerConfig{Id: "extractFields", Options: map[string]any{"source": "labels", "keepTime": true, "replace": true}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"includeByName": map[string]any{
				"Time": true, "service_name": true, "session_timeout_type": true, "session_timeout_state": true, "session_timeout_overrun": true,
				"http_route": true, "session_timeout_session": true, "trace_id": true, "session_timeout_id": true,
			},
			"indexByName": map[string]any{
				"Time": 0, "service_name": 1, "session_timeout_type": 2, "session_timeout_state": 3, "session_timeout_overrun": 4,
				"http_route": 5, "session_timeout_session": 6, "trace_id": 7, "session_timeout_id": 8,
			},
			"renameByName": map[string]any{
				"Time": "time", "service_name": "service", "session_timeout_type": "type", "session_timeout_state": "state",
				"session_timeout_overrun": "late by (s)", "http_route": "route", "session_timeout_session": "session", "trace_id": "trace", "session_timeout_id": "finding",
			},
		}}).
		OverrideByName("trace", []dashboard.DynamicConfigValue{{Id: "links", Value: []any{link("Trace", trace)}}}).
		OverrideByName("finding", []dashboard.DynamicConfigValue{{Id: "links", Value: []any{link("Session in the console", "${console}/#/f/${__value.raw}")}}}).
		SortBy(nil)
}
