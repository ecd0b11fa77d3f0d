package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// JSON is what Grafana reads of a dashboard.
func JSON(d dashboard.Dashboard) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(d)
	return b.Bytes(), err
}

// The names of metrics are matched with and without the suffixes that some readers add.
// What narrows them to the chosen variables is said by each query.

func named(name, ends, matchers string) string {
	if matchers != "" {
		matchers = ", " + matchers
	}
	return fmt.Sprintf(`{__name__=~"otelcol_%s%s"%s}`, name, ends, matchers)
}

func counter(name, matchers string) string {
	return named("processor_session_timeout_"+name, "(_total)?", matchers)
}

func gauge(name, matchers string) string {
	return fmt.Sprintf(`otelcol_processor_session_timeout_%s{%s}`, name, matchers)
}

func secondsGauge(name, matchers string) string {
	return named("processor_session_timeout_"+name, "(_seconds)?", matchers)
}

func bucket(name, matchers string) string {
	return named("processor_session_timeout_"+name, "(_seconds)?_bucket", matchers)
}

func exporter(name, matchers string) string {
	return named("exporter_alerts_"+name, "(_total)?", matchers)
}

// rate is that of what a selector selects, by labels.
func rate(by, selector string) string {
	return fmt.Sprintf(`sum by (%s) (rate(%s[$__rate_interval]))`, by, selector)
}

// increase is what came in the interval that a point stands for.
func increase(by, selector string) string {
	return fmt.Sprintf(`sum by (%s) (increase(%s[$__rate_interval]))`, by, selector)
}

func quantile(q, by, selector string) string {
	return fmt.Sprintf(`histogram_quantile(%s, sum by (le, %s) (rate(%s[$__rate_interval])))`, q, by, selector)
}
