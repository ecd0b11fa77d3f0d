package alerts

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// counted returns the sum of the metric's points that have all the attributes, given as name, value, ....
// A metric that nothing was ever added to is 0.
func counted(t *testing.T, tel *componenttest.Telemetry, metric string, attrs ...string) int64 {
	t.Helper()
	m, err := tel.GetMetric("otelcol_" + metric)
	if err != nil {
		return 0
	}
	var points []metricdata.DataPoint[int64]
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	default:
		require.Failf(t, "unexpected metric", "%s is a %T", metric, data)
	}
	var sum int64
next:
	for _, point := range points {
		for i := 0; i+1 < len(attrs); i += 2 {
			if v, ok := point.Attributes.Value(attribute.Key(attrs[i])); !ok || v.AsString() != attrs[i+1] {
				continue next
			}
		}
		sum += point.Value
	}
	return sum
}
