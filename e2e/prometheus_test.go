package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// prometheus is a real one that scrapes collectors.
type prometheus struct {
	t       *testing.T
	dir     string
	address string
	targets []string
}

// series is what a query returns of one.
type series struct {
	labels  map[string]string
	value   float64
	samples []sample // of a matrix
}

// startPrometheus starts one that evaluates the rules in deploy, too, as often as it
// scrapes.
func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	p := newPrometheus(t, nil, target)
	p.start()
	return p
}

// newPrometheus is one that does not run yet, whose rules are changed so.
func newPrometheus(t *testing.T, change func(rules string) string, targets ...string) *prometheus {
	t.Helper()
	p := &prometheus{t: t, dir: t.TempDir(), address: freeAddress(t), targets: targets}
	for _, path := range ruleFiles(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), "interval: 1m\n")
		rules := strings.ReplaceAll(string(text), "interval: 1m\n", "interval: 1s\n")
		if change != nil {
			rules = change(rules)
		}
		writeFile(t, filepath.Join(p.dir, "rule-"+filepath.Base(path)), rules)
	}
	return p
}

// start starts it, with the data that it has.
func (p *prometheus) start() {
	t := p.t
	t.Helper()
	targets, err := json.Marshal(p.targets)
	require.NoError(t, err)
	config := filepath.Join(p.dir, "prometheus.yml")
	writeFile(t, config, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
rule_files: [rule-*.yaml]
scrape_configs:
  - job_name: collector
    static_configs: [{targets: %s}]
`, targets))
	process := startProcess(t, "Prometheus", peer(t, "prometheus"),
		"--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(p.dir, "data"),
		"--web.listen-address="+p.address,
		"--log.level=warn",
	)
	process.waitFor("http://" + p.address + "/-/ready")
}

// query returns the instant vector that the expression has now.
func (p *prometheus) query(expression string) ([]series, error) {
	found, kind, err := p.ask(expression)
	if err == nil && kind != "vector" {
		err = fmt.Errorf("%s is a %s", expression, kind)
	}
	return found, err
}

// ask returns what the expression has now, and of what type that is: a vector, or a
// matrix, of which each series has all of its samples.
func (p *prometheus) ask(expression string) (found []series, kind string, err error) {
	body, err := get(p.t.Context(), "http://"+p.address+"/api/v1/query?query="+url.QueryEscape(expression))
	if err != nil {
		return nil, "", err
	}
	var answer struct {
		Data struct {
			ResultType string `json:"resultType"`
			Result     []struct {
				Metric map[string]string `json:"metric"`
				Value  sample            `json:"value"`
				Values []sample          `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, "", err
	}
	for _, r := range answer.Data.Result {
		found = append(found, series{r.Metric, r.Value.value, r.Values})
	}
	return found, answer.Data.ResultType, nil
}

// sample is a value at an instant, in seconds since the Unix epoch.
type sample struct{ at, value float64 }

// UnmarshalJSON reads a pair of a number and a text.
func (s *sample) UnmarshalJSON(text []byte) (err error) {
	var pair [2]any
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	s.at, _ = pair[0].(float64)
	s.value, err = strconv.ParseFloat(fmt.Sprint(pair[1]), 64)
	return err
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
