package recipes

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables of README.md anew")

// row is a recipe's in the tables of README.md.
var row = regexp.MustCompile(`(?m)^\| \[[^\]]*\]\(([\w-]+)\) \|.*$`)

// TestIndex: README.md lists every recipe, once, with what its own README says and what
// is found in its sample.
func TestIndex(t *testing.T) {
	index := readFile(t, "README.md")
	byName := map[string]*recipe{}
	for _, r := range recipes(t) {
		byName[r.name] = r
	}
	listed := map[string]bool{}
	want := row.ReplaceAllStringFunc(index, func(line string) string {
		name := row.FindStringSubmatch(line)[1]
		r := byName[name]
		require.NotNil(t, r, name)
		require.False(t, listed[name], "%s is listed twice", name)
		listed[name] = true
		return r.row(t)
	})
	require.Len(t, listed, len(byName))
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(want), 0o600))
		return
	}
	require.Equal(t, want, index, "go test ./recipes -run TestIndex -update")
}

// row is what the recipe finds, what it cannot see, what its sample was made after and
// what is found in that.
func (r *recipe) row(t *testing.T) string {
	t.Helper()
	readme := readFile(t, r.name+"/README.md")
	title, _, _ := strings.Cut(strings.TrimPrefix(readme, "# "), "\n")
	cells := []string{fmt.Sprintf("[%s](%s)", title, r.name)}
	for _, head := range []string{"Finds", "Cannot see", "Sample"} {
		cells = append(cells, inIndex.Replace(said(readme, head)))
	}
	return "| " + strings.Join(append(cells, r.found()), " | ") + " |"
}

// inIndex makes links from a recipe's folder ones from the folder of README.md.
var inIndex = strings.NewReplacer("](../../", "](../", "](../", "](")

// said is what a recipe's README says under a head.
func said(readme, head string) string {
	_, rest, _ := strings.Cut(readme, "- **"+head+":** ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// found is what is found in the sample.
func (r *recipe) found() string {
	var all []string
	for _, f := range r.want.Findings {
		requests := "requests"
		if f.Requests == 1 {
			requests = "request"
		}
		all = append(all, fmt.Sprintf("`%s`, %s, evidence `%s`: %d %s", f.Type, f.State, f.Evidence, f.Requests, requests))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}
