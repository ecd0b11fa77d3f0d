package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	// source is a file with what stands in it, a line, a section or a name; or a recording
	// of ours.
	source = regexp.MustCompile("`[\\w.…/@-]+\\.\\w+`.*(lines? \\d|events? \\d|`[^`]+`|\"[^\"]+\")|cut out of \\[testdata/")
	// settings is a piece of configuration or code, or a form to send something in.
	settings = regexp.MustCompile("`[^`]+`|by OTLP as a map")
)

// TestConventions: what is so of every recipe, since otherwise ids leak or pass
// for what they are not.
func TestConventions(t *testing.T) {
	fromFixtures := 0
	for _, r := range recipes(t) {
		t.Run(r.name, func(t *testing.T) {
			conf := parse(t, filepath.Join(r.name, "config.yaml")).ToStringMap()
			for id, settings := range section(conf, "processors") {
				if strings.HasPrefix(id, "transform") {
					require.Equal(t, "silent", settings.(map[string]any)["error_mode"], "OTTL's errors print the record")
				}
			}
			operators, _ := section(section(conf, "receivers"), "file_log")["operators"].([]any)
			for _, o := range operators {
				if operator := o.(map[string]any); operator["type"] != "container" {
					require.Equal(t, "send_quiet", operator["on_error"], "errors of operators print the line")
				}
			}
			readme := readFile(t, filepath.Join(r.name, "README.md"))
			require.LessOrEqual(t, strings.Count(readme, "\n"), 12)
			for _, head := range []string{"Switch on", "Put in", "Sample", "Finds", "Cannot see", "Costs"} {
				require.Greater(t, len(said(readme, head)), 20, head)
			}
			require.Regexp(t, source, said(readme, "Sample"), "it names a file, and where in it")
			require.Regexp(t, settings, said(readme, "Switch on"), "it names what to set, or to send")
			require.NotEmpty(t, r.samples(t))
			if strings.Contains(readme, "**Sample:** after elastic/integrations `") || strings.Contains(readme, "and elastic/integrations `") || strings.Contains(readme, "**Sample:** cut out of") {
				fromFixtures++
			}
		})
	}
	require.GreaterOrEqual(t, fromFixtures, 10, "samples after a fixture of the software or of an integration of it")
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}
