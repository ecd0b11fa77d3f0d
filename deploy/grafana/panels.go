package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// panel is what each panel has: what it shows, what to do about it, what it says where
// there is nothing, and where it lies.
type panel struct {
	title, description, unit, none string
	width, height                  uint32
	queries                        []query
}

// query is PromQL and what its series are called.
type query struct{ expr, legend string }

// builder is what the builders of all kinds of panels have in common.
type builder[B any] interface {
	cog.Builder[dashboard.Panel]
	Title(title string) B
	Description(description string) B
	Unit(unit string) B
	NoValue(noValue string) B
	Span(w uint32) B
	Height(h uint32) B
	Datasource(datasource common.DataSourceRef) B
	WithTarget(target cog.Builder[variants.Dataquery]) B
}

// draw gives a panel of a kind what each has.
func draw[B builder[B]](b B, p panel, instant bool) B {
	if p.width == 0 {
		p.width, p.height = 8, 8
	}
	b.Title(p.title).Description(p.description).Unit(p.unit).NoValue(p.none).Span(p.width).Height(p.height).Datasource(prometheusSource)
	for i, q := range p.queries {
		t := prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Expr(q.expr).LegendFormat(q.legend).
			Datasource(prometheusSource).EditorMode(prometheus.QueryEditorModeCode)
		if instant {
			t.Instant()
		} else {
			t.Range()
		}
		b.WithTarget(t)
	}
	return b
}

// steps are thresholds: a color up to the first value, then others.
func steps(first string, then ...dashboard.Threshold) cog.Builder[dashboard.ThresholdsConfig] {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
		Steps(append([]dashboard.Threshold{{Color: first}}, then...))
}

func from(value float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: &value, Color: color}
}

func last() cog.Builder[common.ReduceDataOptions] {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}).Values(false)
}

// single is one value, coloured.
func single(p panel, colors cog.Builder[dashboard.ThresholdsConfig]) *stat.PanelBuilder {
	return draw(stat.NewPanelBuilder(), p, true).Thresholds(colors).ReduceOptions(last()).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
		JustifyMode(common.BigValueJustifyModeAuto).TextMode(common.BigValueTextModeAuto).Orientation(common.VizOrientationAuto)
}

// ranked is a bar for each series, the shortest first.
func ranked(p panel, colors cog.Builder[dashboard.ThresholdsConfig]) *bargauge.PanelBuilder {
	return draw(bargauge.NewPanelBuilder(), p, true).Thresholds(colors).ReduceOptions(last()).Min(0).Max(1).
		Orientation(common.VizOrientationHorizontal).DisplayMode(common.BarGaugeDisplayModeBasic).
		ValueMode(common.BarGaugeValueModeColor).NamePlacement(common.BarGaugeNamePlacementAuto).Sizing(common.BarGaugeSizingAuto)
}

func legend() cog.Builder[common.VizLegendOptions] {
	return common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).
		Placement(common.LegendPlacementBottom).ShowLegend(true).Calcs([]string{})
}

func tooltip() cog.Builder[common.VizTooltipOptions] {
	return common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)
}

// lines are series over time.
func lines(p panel) *timeseries.PanelBuilder {
	return draw(timeseries.NewPanelBuilder(), p, false).Legend(legend()).Tooltip(tooltip()).
		LineWidth(1).FillOpacity(10).ShowPoints(common.VisibilityModeNever).Min(0)
}

// bars are counts over time, one upon the other.
func bars(p panel) *timeseries.PanelBuilder {
	return lines(p).DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// states are bands over time. What has no value is a gap, never a state.
func states(p panel, mapped map[string]dashboard.ValueMappingResult, colors cog.Builder[dashboard.ThresholdsConfig]) *statetimeline.PanelBuilder {
	return draw(statetimeline.NewPanelBuilder(), p, false).Legend(legend()).Tooltip(tooltip()).Thresholds(colors).
		Mappings([]dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: mapped}}}).
		MergeValues(true).ShowValue(common.VisibilityModeNever).RowHeight(0.8).AlignValue(common.TimelineValueAlignmentLeft)
}

// heat is a histogram over time.
func heat(p panel) *heatmap.PanelBuilder {
	b := draw(heatmap.NewPanelBuilder(), panel{
		title: p.title, description: p.description, unit: p.unit, none: p.none, width: p.width, height: p.height,
	}, false)
	for i, q := range p.queries {
		b.WithTarget(prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Expr(q.expr).LegendFormat(q.legend).
			Format(prometheus.PromQueryFormatHeatmap).Datasource(prometheusSource).EditorMode(prometheus.QueryEditorModeCode).Range())
	}
	return b.Calculate(false).
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Oranges").Steps(64).Exponent(0.5)).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(p.unit)).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle).YHistogram(false).ShowColorScale(false)).
		ShowLegend()
}

// tabular is what all tables have.
func tabular(b *table.PanelBuilder) *table.PanelBuilder {
	return b.ShowHeader(true).CellHeight(common.TableCellHeightSm).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{"sum"}).CountRows(false))
}
