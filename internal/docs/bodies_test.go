package docs

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// maxBody is how large a body over HTTP may be: in 20 MiB, the receiver's
// default, values can be nested so deeply that reading them ends the process.
const maxBody = 4 << 20

// TestBodies: every configuration that is shipped or shown limits the bodies
// that its OTLP receivers take over HTTP.
func TestBodies(t *testing.T) {
	texts := map[string][]string{} // by file
	for _, path := range yamlFiles(t) {
		texts[path] = []string{read(t, path)}
	}
	for _, path := range files(t, ".md") {
		texts[path] = blocks(read(t, path), "yaml")
	}
	limited := map[string]int{}
	for path, documents := range texts {
		for _, document := range documents {
			retrieved, err := confmap.NewRetrievedFromYAML([]byte(document))
			require.NoError(t, err, path)
			raw, err := retrieved.AsRaw()
			require.NoError(t, err, path)
			limited[path] += requireLimits(t, path, raw)
		}
	}
	require.Equal(t, 1, limited[filepath.Join(root, "cmd/otelcol-session/config.yaml")])
	require.Equal(t, 1, limited[filepath.Join(root, "README.md")])
}

// requireLimits finds the protocols of receivers, however deep in a document,
// and counts those over HTTP.
func requireLimits(t *testing.T, path string, value any) (count int) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			count += requireLimits(t, path, item)
		}
	case string: // a configuration inside another file, as in a ConfigMap
		if strings.Contains(value, "receivers:") {
			retrieved, err := confmap.NewRetrievedFromYAML([]byte(value))
			require.NoError(t, err, path)
			raw, err := retrieved.AsRaw()
			require.NoError(t, err, path)
			if _, still := raw.(string); !still {
				count += requireLimits(t, path, raw)
			}
		}
	case map[string]any:
		for key, item := range value {
			if key != "protocols" {
				count += requireLimits(t, path, item)
				continue
			}
			protocols, _ := item.(map[string]any)
			http, on := protocols["http"]
			if !on {
				continue
			}
			count++
			settings, _ := http.(map[string]any)
			limit, _ := settings["max_request_body_size"].(int)
			require.Positive(t, limit, "%s: an OTLP receiver over HTTP needs a max_request_body_size", path)
			require.LessOrEqual(t, limit, maxBody, path)
		}
	}
	return count
}

// yamlFiles are all that are shipped or shown: those of tests are not.
func yamlFiles(t *testing.T) []string {
	t.Helper()
	return append(files(t, ".yaml"), files(t, ".yml")...)
}

// files of the repository whose names end so, without hidden ones and test data.
func files(t *testing.T, end string) (paths []string) {
	t.Helper()
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" && path != filepath.Join(root, "testdata")):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, end):
			paths = append(paths, path)
		}
		return nil
	}))
	return paths
}
