package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConventions: what is so of every recipe, since otherwise ids leak or pass
// for what they are not.
func TestConventions(t *testing.T) {
	index := readFile(t, "README.md")
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
			for _, line := range []string{"Switch on", "Put in", "Sample", "Finds", "Cannot see", "Costs"} {
				require.Contains(t, readme, "- **"+line+":** ")
			}
			require.Contains(t, index, "]("+r.name+") |", "recipes/README.md lists it")
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
