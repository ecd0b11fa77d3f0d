package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPure: the engine starts no goroutine. That it reads no clock forbidigo says.
func TestPure(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.Contains(t, names, "engine.go")
	files := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if n, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: a goroutine", files.Position(n.Pos()))
			}
			return true
		})
	}
}
