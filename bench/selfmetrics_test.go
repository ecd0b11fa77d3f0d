package bench

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// selfMetrics are what a component says about itself.
type selfMetrics map[string]metricdata.Aggregation

func collect(reader sdkmetric.Reader) (selfMetrics, error) {
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &rm); err != nil {
		return nil, err
	}
	m := selfMetrics{}
	for _, sm := range rm.ScopeMetrics {
		for _, metric := range sm.Metrics {
			m[metric.Name] = metric.Data
		}
	}
	return m, nil
}

// sum adds up the processor's metric of this name, all of it or where an
// attribute has a value. A metric that nothing was said of is 0.
func (m selfMetrics) sum(name string, where ...string) (n int64) {
	var points []metricdata.DataPoint[int64]
	switch data := m["otelcol_processor_session_timeout_"+name].(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	for _, p := range points {
		if len(where) == 2 {
			if v, ok := p.Attributes.Value(attribute.Key(where[0])); !ok || v.AsString() != where[1] {
				continue
			}
		}
		n += p.Value
	}
	return n
}

// seconds adds up the processor's histogram of this name.
func (m selfMetrics) seconds(name string) (sum float64) {
	h, _ := m["otelcol_processor_session_timeout_"+name].(metricdata.Histogram[float64])
	for _, p := range h.DataPoints {
		sum += p.Sum
	}
	return sum
}
