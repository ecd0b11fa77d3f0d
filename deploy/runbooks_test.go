package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// commands are those that a runbook's diagnosis shows.
func commands(t *testing.T, page string) []string {
	t.Helper()
	block := regexp.MustCompile("(?s)## Diagnosis\n\n```sh\n(.*?)```").FindStringSubmatch(page)
	require.NotNil(t, block)
	return strings.Split(strings.TrimSpace(block[1]), "\n")
}

// TestRunbooks: there is a page for each alert and no other, each says what a page must,
// asks for metrics that there are, and links to pages that there are.
func TestRunbooks(t *testing.T) {
	folder := filepath.Join(root, "docs", "runbooks")
	alerts, records := rules(t)
	declared, labels := instruments(t), recorded(records)
	index := read(t, folder, "README.md")
	pages := glob(t, folder, "*.md")
	require.Len(t, pages, len(alerts)+1, "a page of no alert")
	for name := range alerts {
		page := read(t, folder, name+".md")
		require.Contains(t, index, "- ["+name+"]("+name+".md)\n")
		require.True(t, strings.HasPrefix(page, "# "+name+"\n"), name)
		var headings []string
		for _, h := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(page, -1) {
			headings = append(headings, h[1])
		}
		require.Equal(t, []string{"Meaning", "Impact", "Diagnosis", "Mitigation", "A false alarm", "It is over"}, headings, name)
		all := commands(t, page)
		require.LessOrEqual(t, len(all), 3, name)
		for _, command := range all {
			query := regexp.MustCompile(`^promtool query instant \$PROMETHEUS '([^']+)'$`).FindStringSubmatch(command)
			require.NotNil(t, query, "%s: %s", name, command)
			if query[1] != "up" && !strings.HasPrefix(query[1], "ALERTS{") {
				requireNames(t, query[1], declared, labels)
			}
		}
	}
	for _, path := range pages {
		for _, link := range regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(read(t, path), -1) {
			_, err := os.Stat(filepath.Join(folder, link[1]))
			require.NoError(t, err, path)
		}
	}
}
