package docs

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packages are the directories of those that docs/limits.md names.
var packages = map[string]string{
	"session": "internal/session", "fact": "internal/fact", "compact": "internal/compact", "extract": "internal/extract", "keeper": "internal/keeper",
}

// TestLimits: docs/limits.md says of each bound what the source says, and names
// metrics that there are.
func TestLimits(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "limits.md"))
	require.NoError(t, err)
	documentation, err := os.ReadFile(filepath.Join(root, "processor", "sessiontimeout", "documentation.md"))
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| .* \\| ([0-9]+) \\| `(\\w+)\\.(\\w+)` \\| .* \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1)
	require.Len(t, rows, len(regexp.MustCompile("`\\w+\\.\\w+`").FindAllString(string(text), -1)), "each constant stands in a row of its own")
	require.Greater(t, len(rows), 15)
	for _, row := range rows {
		require.Equal(t, row[1], constantOf(t, packages[row[2]], row[3]), row[3])
		if metric := regexp.MustCompile("^`(\\w+)`").FindStringSubmatch(row[4]); metric != nil {
			require.Contains(t, string(documentation), "processor_session_timeout_"+metric[1], row[0])
		}
	}
}

// constantOf is the value that a package gives to a name.
func constantOf(t *testing.T, directory, name string) (value string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, directory, "*.go"))
	require.NoError(t, err)
	values := map[string]ast.Expr{}
	set := token.NewFileSet()
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok {
				for i, have := range s.Names {
					if i < len(s.Values) {
						values[have.Name] = s.Values[i]
					}
				}
			}
			return true
		})
	}
	require.Contains(t, values, name, directory)
	// What it is made of are names of the same package and of these, and numbers.
	pkg := types.NewPackage(directory, directory)
	var declare func(expression ast.Expr) constant.Value
	declare = func(expression ast.Expr) constant.Value {
		ast.Inspect(expression, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && values[id.Name] != nil && pkg.Scope().Lookup(id.Name) == nil {
				pkg.Scope().Insert(types.NewConst(token.NoPos, pkg, id.Name, types.Typ[types.UntypedInt], declare(values[id.Name])))
			}
			return true
		})
		text := types.ExprString(expression)
		ast.Inspect(expression, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				other := packages[types.ExprString(s.X)]
				text = strings.ReplaceAll(text, types.ExprString(s), constantOf(t, other, s.Sel.Name))
			}
			return true
		})
		v, err := types.Eval(set, pkg, token.NoPos, text)
		require.NoError(t, err, name)
		return v.Value
	}
	return declare(values[name]).ExactString()
}
