// Package docs holds the tests of what the READMEs say.
package docs

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/exporter/alerts"
	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout"
)

const (
	root = "../.."

	projectREADME   = root + "/README.md"
	processorREADME = root + "/processor/sessiontimeout/README.md"

	hashKey = "${env:SESSION_HASH_KEY}"
)

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// section is what stands in a document under a heading of the second level.
func section(t *testing.T, document, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(document, "\n## "+heading+"\n")
	require.True(t, ok, "no section %q", heading)
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// blocks are the fenced blocks of a language.
func blocks(document, language string) []string {
	var all []string
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(document, -1) {
		all = append(all, match[1])
	}
	return all
}

// parse reads a block of YAML. The key of pseudonyms is one that is long enough.
func parse(t *testing.T, block, key string) *confmap.Conf {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(strings.ReplaceAll(block, hashKey, key)))
	require.NoError(t, err, block)
	conf, err := retrieved.AsConf()
	require.NoError(t, err, block)
	return conf
}

// load reads a component's configuration over its defaults, and checks it.
func load(t *testing.T, conf *confmap.Conf, defaults component.Config) component.Config {
	t.Helper()
	require.NoError(t, conf.Unmarshal(defaults))
	require.NoError(t, confmap.Validate(defaults))
	return defaults
}

func processorDefaults() *sessiontimeout.Config {
	return sessiontimeout.NewFactory().CreateDefaultConfig().(*sessiontimeout.Config)
}

func sub(t *testing.T, conf *confmap.Conf, path string) *confmap.Conf {
	t.Helper()
	require.True(t, conf.IsSet(path), path)
	part, err := conf.Sub(path)
	require.NoError(t, err)
	return part
}

// TestComponents loads every section of our components that a README shows.
func TestComponents(t *testing.T) {
	key := strings.Repeat("k", 32)
	seen := map[string]int{}
	for _, path := range []string{projectREADME, processorREADME} {
		for _, block := range blocks(read(t, path), "yaml") {
			conf := parse(t, block, key)
			if conf.IsSet("processors::session_timeout") {
				load(t, sub(t, conf, "processors::session_timeout"), processorDefaults())
				seen["session_timeout"]++
			}
			if conf.IsSet("exporters::alerts") {
				load(t, sub(t, conf, "exporters::alerts"), alerts.NewFactory().CreateDefaultConfig())
				seen["alerts"]++
			}
		}
	}
	require.Equal(t, map[string]int{"session_timeout": 4, "alerts": 2}, seen)
}

// TestDefaults compares the reference of all keys with the defaults: no key is
// left out, and each has the value that it has anyway.
func TestDefaults(t *testing.T) {
	reference := blocks(section(t, read(t, projectREADME), "Configuration"), "yaml")
	require.Len(t, reference, 3)
	conf := sub(t, parse(t, reference[0], ""), "processors::session_timeout")

	printed, defaults := processorDefaults(), confmap.New()
	printed.SessionID.HashKey = "a key" // without one, none is printed
	require.NoError(t, defaults.Marshal(printed))
	requireSameKeys(t, "", defaults.ToStringMap(), conf.ToStringMap())

	// What has no default: an example of a policy, the other's name and limits, and a storage.
	standard := confmap.NewFromStringMap(map[string]any{
		"policies": []any{map[string]any{"name": "default", "idle_timeout": "30m", "absolute_timeout": "12h"}},
		"storage":  "file_storage",
	})
	want := load(t, standard, processorDefaults()).(*sessiontimeout.Config)
	got := load(t, conf, processorDefaults()).(*sessiontimeout.Config)
	require.Len(t, got.Policies, 2)
	got.Policies = got.Policies[1:]
	require.Equal(t, want, got)

	policies := conf.Get("policies").([]any)
	shown := policies[0].(map[string]any)
	maps.Copy(shown, policies[1].(map[string]any))
	policy := confmap.New()
	require.NoError(t, policy.Marshal(&want.Policies[0]))
	require.ElementsMatch(t, slices.Collect(maps.Keys(policy.ToStringMap())), slices.Collect(maps.Keys(shown)))

	exporter := load(t, sub(t, parse(t, reference[2], ""), "exporters::alerts"), alerts.NewFactory().CreateDefaultConfig())
	require.Equal(t, alerts.NewFactory().CreateDefaultConfig(), exporter)
}

// requireSameKeys compares the keys of two maps, and of maps in them.
func requireSameKeys(t *testing.T, path string, want, got map[string]any) {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), "keys under %q", path)
	for key, value := range want {
		if nested, ok := value.(map[string]any); ok {
			require.IsType(t, nested, got[key], path+key)
			requireSameKeys(t, path+key+"::", nested, got[key].(map[string]any))
		}
	}
}

// TestSources reads every source of the table that says where ids are: frameworks and
// providers.
func TestSources(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (.+?) \|.*\{attribute: .*$`).FindAllString(section(t, read(t, projectREADME), "Configuration"), -1)
	require.Len(t, rows, 14)
	for _, row := range rows {
		sources := regexp.MustCompile("`(\\{attribute: [^`]+})`").FindAllStringSubmatch(row, -1)
		require.Len(t, sources, 1, row)
		cfg := load(t, parse(t, "policies: [{name: default}]\nsession_id: {sources: ["+sources[0][1]+"]}", ""), processorDefaults()).(*sessiontimeout.Config)
		require.Len(t, cfg.SessionID.Sources, 1, row)
		require.Empty(t, cfg.Warnings()[1:], row) // that there is no key
	}
}

// TestListsReplaceDefaults: as the README says of them.
func TestListsReplaceDefaults(t *testing.T) {
	cfg := load(t, parse(t, `
session_id: {sources: [a, {attribute: b, cookie: c}]}
policies: [{name: default}]
exempt: [{routes: [x]}]
events: {started: [y]}
login_locations: []
`, ""), processorDefaults()).(*sessiontimeout.Config)
	require.Equal(t, extract.Sources{{Attribute: "a"}, {Attribute: "b", Cookie: "c"}}, cfg.SessionID.Sources)
	require.Equal(t, []extract.Rule{{Routes: []string{"x"}}}, cfg.Exempt)
	require.Equal(t, []extract.Event{{Name: "y"}}, cfg.Events.Started)
	require.Equal(t, processorDefaults().Events.Ended, cfg.Events.Ended)
	require.Empty(t, cfg.LoginLocations)
}
