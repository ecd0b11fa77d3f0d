package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = ".."

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	require.NoError(t, d.Decode(into))
}

func glob(t *testing.T, pattern ...string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(pattern...))
	require.NoError(t, err)
	require.NotEmpty(t, paths, "%v", pattern)
	return paths
}

// instrument is a metric as metadata.yaml declares it: its labels and their values, nil
// where there may be any, and how its name may end.
type instrument struct {
	labels map[string][]string
	names  *regexp.Regexp
}

// collectorsOwn are metrics of the collector itself that we ask for, beside those of our
// components.
var collectorsOwn = map[string][]string{
	"otelcol_processor_incoming_items":            {"processor", "otel_signal"},
	"otelcol_processor_internal_duration":         {"processor", "otel_signal"},
	"otelcol_process_memory_rss":                  {},
	"otelcol_process_runtime_heap_alloc_bytes":    {},
	"otelcol_process_cpu_seconds":                 {},
	"otelcol_exporter_queue_size":                 {"exporter", "data_type"},
	"otelcol_exporter_queue_capacity":             {"exporter", "data_type"},
	"otelcol_exporter_send_failed_log_records":    {"exporter"},
	"otelcol_exporter_enqueue_failed_log_records": {"exporter"},
}

// instruments are all metrics that a query may ask for, by the name that the collector's
// default reader gives them.
func instruments(t *testing.T) map[string]instrument {
	t.Helper()
	type attribute struct {
		Name string   `yaml:"name_override"`
		Enum []string `yaml:"enum"`
	}
	type metric struct {
		Unit       string    `yaml:"unit"`
		Sum        *struct{} `yaml:"sum"`
		Gauge      *struct{} `yaml:"gauge"`
		Histogram  *struct{} `yaml:"histogram"`
		Attributes []string  `yaml:"attributes"`
	}
	all := map[string]instrument{}
	for _, path := range slices.Concat(glob(t, root, "processor", "*", "metadata.yaml"), glob(t, root, "exporter", "*", "metadata.yaml")) {
		var metadata struct {
			Attributes map[string]attribute `yaml:"attributes"`
			Telemetry  struct {
				Metrics map[string]metric `yaml:"metrics"`
			} `yaml:"telemetry"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(read(t, path)), &metadata))
		require.NotEmpty(t, metadata.Telemetry.Metrics, path)
		for name, m := range metadata.Telemetry.Metrics {
			i := instrument{labels: map[string][]string{"instance": nil, "job": nil}}
			for _, a := range m.Attributes {
				declared, is := metadata.Attributes[a]
				require.True(t, is, "%s: %s", name, a)
				if declared.Name != "" {
					a = declared.Name
				}
				i.labels[a] = declared.Enum
			}
			ends := ""
			if m.Unit == "s" {
				ends += "(_seconds)?"
			}
			if m.Unit == "By" {
				ends += "(_bytes)?"
			}
			if m.Sum != nil {
				ends += "(_total)?"
			}
			if m.Histogram != nil {
				ends += "_(bucket|count|sum)"
				i.labels["le"] = nil
			}
			i.names = regexp.MustCompile("^otelcol_" + name + ends + "$")
			all["otelcol_"+name] = i
		}
	}
	for name, labels := range collectorsOwn {
		i := instrument{labels: map[string][]string{"instance": nil, "job": nil, "le": nil}, names: regexp.MustCompile("^" + name + "(_milliseconds|_nanoseconds|_seconds|_bytes|_ratio)?(_total|_bucket|_count|_sum)?$")}
		for _, label := range labels {
			i.labels[label] = nil
		}
		all[name] = i
	}
	return all
}
