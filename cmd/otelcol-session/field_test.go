package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFieldConfigurations: what testdata/field says of cases that people reported is
// a configuration of today. The cases themselves are replayed by whoever has them.
func TestFieldConfigurations(t *testing.T) {
	t.Setenv("CASE", t.TempDir())
	t.Setenv("OUT", filepath.Join(t.TempDir(), "findings.jsonl"))
	files, err := filepath.Glob("../../testdata/field/*/config*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 18)
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			got := call(t, "validate", "--config", file)
			require.Zero(t, got.status, got.stderr)
			require.Regexp(t, `^Warning: processors::session_timeout: session_id::hash_key: can be guessed[^\n]*\n$`, got.stderr)
		})
	}
}
