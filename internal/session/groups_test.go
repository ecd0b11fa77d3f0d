package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// groups are the files by what their names begin with, from below: each calls those
// before it. doc.go says what they are.
var groups = []string{"config", "state", "checkpoint", "rule", "dirty", "compact", "finding", "review", "evict", "observe", "engine", "restore"}

func groupOf(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".go")
	name, _, _ = strings.Cut(name, "_")
	if name == "findings" {
		return "finding"
	}
	return name
}

// nothing stands for packages of others: what they have is no business of groups.
type nothing struct{}

func (nothing) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// TestGroups: no group calls one above it, and doc.go says which calls which.
func TestGroups(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	set := token.NewFileSet()
	var files []*ast.File
	count, doc := 0, ""
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		count++
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
		if name == "doc.go" {
			doc = file.Doc.Text()
		}
	}
	require.LessOrEqual(t, count, 60, "a room with more doors needs another wall")
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: nothing{}, Error: func(error) {}} // others' names are not known
	_, _ = config.Check("session", set, files, &info)
	calls := map[string]map[string]bool{}
	for id, object := range info.Uses {
		if _, isFunction := object.(*types.Func); !isFunction || object.Pkg() == nil || object.Pkg().Path() != "session" {
			continue
		}
		from, to := groupOf(set.Position(id.Pos()).Filename), groupOf(set.Position(object.Pos()).Filename)
		at, of := slices.Index(groups, from), slices.Index(groups, to)
		require.NotEqual(t, -1, at, from)
		require.NotEqual(t, -1, of, to)
		require.LessOrEqual(t, of, at, "%s calls %s of %s", set.Position(id.Pos()), object.Name(), to)
		if of < at {
			if calls[from] == nil {
				calls[from] = map[string]bool{}
			}
			calls[from][to] = true
		}
	}
	for _, from := range groups {
		require.Contains(t, doc, "- "+from+":")
		line := regexp.MustCompile("(?m)^\\s*" + from + " +> (.*)$").FindStringSubmatch(doc)
		var said []string
		if line != nil {
			said = regexp.MustCompile(`\w+`).FindAllString(regexp.MustCompile(`\(.*?\)`).ReplaceAllString(line[1], ""), -1)
		}
		require.ElementsMatch(t, said, slices.Collect(maps.Keys(calls[from])), "what %s calls", from)
	}
}
