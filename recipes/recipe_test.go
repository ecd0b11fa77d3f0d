package recipes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// recipe is one folder.
type recipe struct {
	name string
	want expected
}

// expected is what must come of a sample. Zero counts are left out.
type expected struct {
	Findings  []finding           `mapstructure:"findings"`
	Records   map[string]int      `mapstructure:"records"`
	Facts     map[string]int      `mapstructure:"facts"`
	Requests  map[string]int      `mapstructure:"requests"`
	Refused   map[string]int      `mapstructure:"refused"`
	Negatives map[string]negative `mapstructure:"negatives" json:"-"`
	Secrets   []string            `mapstructure:"secrets"` // are in the sample, and nowhere in what the collector says
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
}

// hashed is the finding as it is found.
func (f finding) hashed() finding {
	f.Session = pseudonym(f.Session)
	if f.User != "" {
		f.User = pseudonym(f.User)
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
		require.NoError(t, parse(t, filepath.Join(r.name, "expected.yaml")).Unmarshal(&r.want), r.name)
		all = append(all, r)
	}
	return all
}

// setups are those of a recipe: its sample with it, and without.
func (r *recipe) setups(t *testing.T) []*setup {
	t.Helper()
	return []*setup{
		{id: r.name, folder: r.name, conf: parse(t, filepath.Join(r.name, "config.yaml")), finds: true},
		{id: r.name + ".bare", folder: r.name, conf: confmap.New()},
	}
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

// parseList reads a file that holds a list.
func parseList(t *testing.T, path string) []any {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	retrieved, err := confmap.NewRetrievedFromYAML(content)
	require.NoError(t, err, path)
	raw, err := retrieved.AsRaw()
	require.NoError(t, err, path)
	require.IsType(t, []any{}, raw, path)
	return raw.([]any)
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
