package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const (
	enforcementUID = "session-enforcement"
	operationsUID  = "session-operations"
)

var (
	prometheusSource = common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
	lokiSource       = common.DataSourceRef{Type: new("loki"), Uid: new("${loki}")}
)

type variable = cog.Builder[dashboard.VariableModel]

func source(name, label, kind string) variable {
	return dashboard.NewDatasourceVariableBuilder(name).Label(label).Type(kind).
		Current(dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: new("")}, Value: dashboard.StringOrArrayOfString{String: new("")}})
}

// values is a variable of all values that a label has in what a selector selects.
func values(name, label, selector string) variable {
	return dashboard.NewQueryVariableBuilder(name).Label(name).Datasource(prometheusSource).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": "label_values(" + selector + ", " + label + ")", "refId": name, "qryType": 1}}).
		Definition("label_values(" + selector + ", " + label + ")").
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc).
		Multi(true).IncludeAll(true).AllValue(".+").
		Current(dashboard.VariableOption{
			Selected: new(true),
			Text:     dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value:    dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		})
}

// text is a variable that whoever installs the dashboard fills in, empty as it comes.
func text(name, label, description string) variable {
	return dashboard.NewTextBoxVariableBuilder(name).Label(label).Description(description).
		DefaultValue(dashboard.StringOrMap{String: new("")}).
		Current(dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: new("")}, Value: dashboard.StringOrArrayOfString{String: new("")}})
}

var (
	datasource   = source("datasource", "metrics", "prometheus")
	lokiVariable = source("loki", "findings", "loki")
	tempo        = source("tempo", "traces", "tempo")
	console      = text("console", "console", "Address of the collector's console, such as https://console.example. Without one, links to it lead nowhere.")
)

// to is a link to the other dashboard.
func to(title, uid string) cog.Builder[dashboard.DashboardLink] {
	return dashboard.NewDashboardLinkBuilder(title).Type(dashboard.DashboardLinkTypeLink).Icon("dashboard").
		Tooltip(title).Url("/d/" + uid).KeepTime(true).IncludeVars(false)
}

func begin(uid, title, description string, link cog.Builder[dashboard.DashboardLink], variables ...variable) *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder(title).Uid(uid).Description(description).
		Tags([]string{"otelcol-session"}).Time("now-24h", "now").Refresh("1m").Timezone("browser").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).Editable().
		Variables(variables).Link(link)
}
