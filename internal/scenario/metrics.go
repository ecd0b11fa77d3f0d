package scenario

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const metricPrefix = "otelcol_processor_session_timeout_"

// shown are the metrics that every scenario shows.
var shown = []string{"requests", "violations", "findings"}

type metrics struct{ shown, verdicts string }

// metrics writes down the metrics that are always shown and those that the
// file lists: counters that counted nothing are left out.
func (s *Scenario) metrics(telemetry *componenttest.Telemetry) (metrics, error) {
	var rm metricdata.ResourceMetrics
	if err := telemetry.Reader.Collect(context.Background(), &rm); err != nil {
		return metrics{}, err
	}
	lines := map[string][]string{}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if name, ok := strings.CutPrefix(m.Name, metricPrefix); ok {
				lines[name] = points(name, m.Data)
			}
		}
	}
	var out metrics
	names := slices.Clone(shown)
	for name := range s.listed() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names[len(shown):])
	for _, name := range names {
		slices.Sort(lines[name])
		text := joinLines(lines[name])
		if text == "" && !slices.Contains(shown, name) {
			text = name + " 0\n"
		}
		out.shown += text
		if name == "requests" || name == "violations" {
			out.verdicts += text
		}
	}
	return out, nil
}

func points(name string, data metricdata.Aggregation) (lines []string) {
	add := func(attrs attribute.Set, text string) {
		words := []string{name}
		for _, kv := range attrs.ToSlice() {
			if kv.Key == "processor" && kv.Value.AsString() == "session_timeout" {
				continue
			}
			value := kv.Value.String()
			if value == "" {
				value = `""`
			}
			words = append(words, string(kv.Key)+"="+value)
		}
		lines = append(lines, strings.Join(words, " ")+" "+text)
	}
	number := func(d float64) string { return strconv.FormatFloat(math.Round(d*1e9)/1e9, 'f', -1, 64) }
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			if p.Value != 0 {
				add(p.Attributes, strconv.FormatInt(p.Value, 10))
			}
		}
	case metricdata.Sum[float64]:
		for _, p := range d.DataPoints {
			if p.Value != 0 {
				add(p.Attributes, number(p.Value))
			}
		}
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, strconv.FormatInt(p.Value, 10))
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, number(p.Value))
		}
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, fmt.Sprintf("count=%d sum=%s", p.Count, number(p.Sum)))
		}
	default:
		lines = append(lines, fmt.Sprintf("%s: %T", name, data))
	}
	return lines
}
