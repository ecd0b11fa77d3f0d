package recipes

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// recipe is one folder.
type recipe struct {
	name string
	want expected
	conf map[string]any // what runs, under names of its own
	bare bool           // without what the recipe puts in
}

// expected is what must come of a sample. Zero counts are left out.
type expected struct {
	Findings []finding      `mapstructure:"findings"`
	Records  map[string]int `mapstructure:"records"`
	Facts    map[string]int `mapstructure:"facts"`
	Requests map[string]int `mapstructure:"requests"`
	Refused  map[string]int `mapstructure:"refused"`
	Secrets  []string       `mapstructure:"secrets"` // are in the sample, and nowhere in what the collector says
	// Advice is what there is still to be said, and Without what is said of the
	// sample where the recipe is not put in.
	Advice  []string `mapstructure:"advice"`
	Without []string `mapstructure:"without"`
}

// finding is what matters of one. Sessions and users are raw in the expected
// ones, pseudonyms once [finding.hashed].
type finding struct {
	Session  string `mapstructure:"session"`
	User     string `mapstructure:"user"`
	Service  string `mapstructure:"service"`
	Type     string `mapstructure:"type"`
	State    string `mapstructure:"state"`
	Evidence string `mapstructure:"evidence"`
	Requests int    `mapstructure:"requests"`
	FirstAt  string `mapstructure:"first_at"` // RFC 3339
	// PresentedUser is whom the client presented, who is named and no evidence.
	// The engine does not name such users yet: nobody is right, too.
	PresentedUser string `mapstructure:"presented_user" json:"-"`
}

// hashed is the finding as it is found, beside what has been found.
func (f finding) hashed(got []finding) finding {
	f.Session = pseudonym(f.Session)
	if f.User != "" {
		f.User = pseudonym(f.User)
	}
	for _, g := range got {
		if f.PresentedUser != "" && g.Session == f.Session && g.User != "" {
			f.User = pseudonym(f.PresentedUser)
		}
	}
	return f
}

// recipes are all folders.
func recipes(t *testing.T) (all []*recipe) {
	t.Helper()
	paths, err := filepath.Glob("*/config.yaml")
	require.NoError(t, err)
	for _, path := range paths {
		r := &recipe{name: filepath.Dir(path)}
		expectedConf := parse(t, filepath.Join(r.name, "expected.yaml"))
		require.NoError(t, expectedConf.Unmarshal(&r.want), r.name)
		r.conf = r.renamed(t)
		bare := &recipe{name: r.name, bare: true}
		maps.Copy(section(r.conf, "receivers"), section(bare.renamed(t), "receivers"))
		maps.Copy(section(r.conf, "processors"), section(bare.renamed(t), "processors"))
		maps.Copy(section(section(r.conf, "service"), "pipelines"), section(section(bare.renamed(t), "service"), "pipelines"))
		all = append(all, r)
	}
	return all
}

func parse(t *testing.T, path string) *confmap.Conf {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	retrieved, err := confmap.NewRetrievedFromYAML(content)
	require.NoError(t, err, path)
	conf, err := retrieved.AsConf()
	require.NoError(t, err, path)
	return conf
}

// samples are the files of a recipe that hold telemetry.
func (r *recipe) samples(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"*.jsonl", "*.log"} {
		found, err := filepath.Glob(filepath.Join(r.name, pattern))
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

// id is what its components are told apart by.
func (r *recipe) id() string {
	if r.bare {
		return r.name + ".bare"
	}
	return r.name
}

// renamed is the recipe over the default configuration, as a user has it, with
// its sample where the telemetry would come from, and under names of its own,
// so that all recipes run in one collector.
func (r *recipe) renamed(t *testing.T) map[string]any {
	t.Helper()
	conf := parse(t, "../cmd/otelcol-session/config.yaml")
	if !r.bare {
		require.NoError(t, conf.Merge(parse(t, filepath.Join(r.name, "config.yaml"))))
	}
	whole := conf.ToStringMap()
	out := map[string]any{"receivers": map[string]any{}, "processors": map[string]any{}}
	pipelines := map[string]any{}
	for id, signal := range map[string]string{"traces": "traces.jsonl", "logs": "logs.jsonl"} {
		pipeline := section(section(section(whole, "service"), "pipelines"), id)
		exporters := []any{"nop"}
		if id == "logs" && !r.bare {
			exporters = []any{"file/" + r.name}
		}
		pipelines[id+"/"+r.id()] = map[string]any{
			"receivers":  r.receivers(t, whole, out, pipeline["receivers"].([]any), signal),
			"processors": r.processors(whole, out, pipeline["processors"].([]any)),
			"exporters":  exporters,
		}
	}
	out["service"] = map[string]any{"pipelines": pipelines}
	return out
}

// receivers are those of a pipeline, reading the sample.
func (r *recipe) receivers(t *testing.T, whole, out map[string]any, ids []any, otlp string) (renamed []any) {
	t.Helper()
	receivers := section(out, "receivers")
	if raw, err := filepath.Glob(filepath.Join(r.name, "*.log")); r.bare && otlp == "logs.jsonl" && err == nil && len(raw) > 0 {
		ids = append(ids, "file_log") // as one reads a file of which one knows nothing
	}
	for _, id := range ids {
		settings := map[string]any{}
		name := "otlp_json_file/" + r.id() + "." + otlp
		pattern := otlp
		if id != "otlp" {
			require.Equal(t, "file_log", id, r.name)
			settings = maps.Clone(section(section(whole, "receivers"), id.(string)))
			name, pattern = "file_log/"+r.id(), "*.log"
		}
		found, err := filepath.Glob(filepath.Join(r.name, pattern))
		require.NoError(t, err)
		if len(found) == 0 {
			require.Equal(t, "otlp", id, "%s reads a file and has none", r.name)
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

// processors are those of a pipeline. A sample is old, and read at once.
func (r *recipe) processors(whole, out map[string]any, ids []any) (renamed []any) {
	processors := section(out, "processors")
	for _, id := range ids {
		kind, _, _ := strings.Cut(id.(string), "/")
		if kind == "memory_limiter" {
			continue
		}
		name := kind + "/" + r.id()
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
