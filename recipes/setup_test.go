package recipes

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// setup is a configuration behind the default one, and a folder with the sample that
// it reads.
type setup struct {
	id, folder string // its components are told apart by the id
	conf       *confmap.Conf
	finds      bool // what it finds is kept in a file
}

// renamed is the configuration over the default one, as a user has it, with the
// sample where the telemetry would come from, and under names of its own, so that
// all run in one collector.
func (s *setup) renamed(t *testing.T) map[string]any {
	t.Helper()
	conf := parse(t, "../cmd/otelcol-session/config.yaml")
	require.NoError(t, conf.Merge(s.conf))
	whole := conf.ToStringMap()
	out := map[string]any{"receivers": map[string]any{}, "processors": map[string]any{}}
	pipelines := map[string]any{}
	for id, signal := range map[string]string{"traces": "traces.jsonl", "logs": "logs.jsonl"} {
		pipeline := section(section(section(whole, "service"), "pipelines"), id)
		exporters := []any{"nop"}
		if id == "logs" && s.finds {
			exporters = []any{"file/" + s.id}
		}
		pipelines[id+"/"+s.id] = map[string]any{
			"receivers":  s.receivers(t, whole, out, pipeline["receivers"].([]any), signal),
			"processors": s.processors(whole, out, pipeline["processors"].([]any)),
			"exporters":  exporters,
		}
	}
	out["service"] = map[string]any{"pipelines": pipelines}
	return out
}

// receivers are those of a pipeline, reading the sample.
func (s *setup) receivers(t *testing.T, whole, out map[string]any, ids []any, otlp string) (renamed []any) {
	t.Helper()
	receivers := section(out, "receivers")
	if raw, err := filepath.Glob(filepath.Join(s.folder, "*.log")); !reads(ids) && otlp == "logs.jsonl" && err == nil && len(raw) > 0 {
		ids = append(slices.Clone(ids), "file_log") // as one reads a file of which one knows nothing
	}
	for _, id := range ids {
		settings := map[string]any{}
		name := "otlp_json_file/" + s.id + "." + otlp
		pattern := otlp
		if id != "otlp" {
			require.Equal(t, "file_log", id, s.id)
			settings = maps.Clone(section(section(whole, "receivers"), id.(string)))
			name, pattern = "file_log/"+s.id, "*.log"
		}
		found, err := filepath.Glob(filepath.Join(s.folder, pattern))
		require.NoError(t, err)
		if len(found) == 0 {
			require.Equal(t, "otlp", id, "%s reads a file and has none", s.id)
			renamed = append(renamed, "nop")
			continue
		}
		path, err := filepath.Abs(found[0])
		require.NoError(t, err)
		settings["include"], settings["start_at"], settings["include_file_name"] = []any{path}, "beginning", false
		receivers[name] = settings
		renamed = append(renamed, name)
	}
	return renamed
}

// reads reports whether one of the receivers reads files.
func reads(ids []any) bool { return slices.Contains(ids, any("file_log")) }

// processors are those of a pipeline. A sample is old, and read at once.
func (s *setup) processors(whole, out map[string]any, ids []any) (renamed []any) {
	processors := section(out, "processors")
	for _, id := range ids {
		kind, _, _ := strings.Cut(id.(string), "/")
		if kind == "memory_limiter" {
			continue
		}
		name := kind + "/" + s.id
		settings := section(section(whole, "processors"), id.(string))
		if kind == "session_timeout" {
			section(settings, "session_id")["hash_key"] = hashKey
			settings["max_age"], settings["reorder_window"] = 0, "24h"
			settings["decision_wait"], settings["idle_decision_wait"] = decisionWait, decisionWait
			section(settings, "findings")["update_interval"] = 0 // what grows is told at once
		}
		processors[name] = settings
		renamed = append(renamed, name)
	}
	return renamed
}

// section is the map under a key, which is made where it is missing.
func section(conf map[string]any, key string) map[string]any {
	if found, ok := conf[key].(map[string]any); ok {
		return found
	}
	made := map[string]any{}
	conf[key] = made
	return made
}
