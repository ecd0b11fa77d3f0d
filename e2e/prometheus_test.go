package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
)

// prometheus is a real one that scrapes one collector.
type prometheus struct {
	t       *testing.T
	address string
}

// series is what a query returns of one.
type series struct {
	labels map[string]string
	value  float64
}

func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	p := &prometheus{t: t, address: freeAddress(t)}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	writeFile(t, config, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: collector
    static_configs: [{targets: [%q]}]
`, target))
	process := startProcess(t, "Prometheus", peer(t, "prometheus"),
		"--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+p.address,
		"--log.level=warn",
	)
	process.waitFor("http://" + p.address + "/-/ready")
	return p
}

// query returns the instant vector that the expression has now.
func (p *prometheus) query(expression string) ([]series, error) {
	body, err := get(p.t.Context(), "http://"+p.address+"/api/v1/query?query="+url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			ResultType string `json:"resultType"`
			Result     []struct {
				Metric map[string]string `json:"metric"`
				Value  [2]any            `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	if answer.Data.ResultType != "vector" {
		return nil, fmt.Errorf("%s is a %s", expression, answer.Data.ResultType)
	}
	var found []series
	for _, r := range answer.Data.Result {
		value, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		found = append(found, series{r.Metric, value})
	}
	return found, nil
}

// metric selects one of the collector's own metrics by the name that the
// contract has. Depending on its reader, a counter has a suffix.
func metric(name string) string {
	return fmt.Sprintf(`{__name__=~"otelcol_%s(_seconds)?(_total)?"}`, name)
}

// counters returns a metric's values by its labels, without what Prometheus and
// the reader add and without zeros: a counter may show before it counts.
func (p *prometheus) counters(name string) (map[string]int, error) {
	found, err := p.query(metric(name))
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, s := range found {
		if s.value != 0 {
			counts[labelsOf(ownLabels(s.labels))] += int(s.value)
		}
	}
	return counts, nil
}

// ownLabels are those that the collector itself gives a metric.
func ownLabels(labels map[string]string) map[string]string {
	own := map[string]string{}
	for name, value := range labels {
		switch name {
		case "__name__", "job", "instance", "le":
		default:
			own[name] = value
		}
	}
	return own
}
