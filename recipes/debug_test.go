package recipes

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDebug: also at the level debug what is ours says no id, no user, no header and no
// token. `transform` prints whole records then, as README.md warns.
func TestDebug(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	all := recipes(t)
	var setups []*setup
	for _, r := range all {
		setups = append(setups, r.setups(t)...)
	}
	c := start(t, "debug", setups)
	c.quiet(t, len(setups))
	leaks, ours := map[string]bool{}, 0
	for line := range bytes.Lines(c.said(t)) {
		var said struct {
			ID string `json:"otelcol.component.id"`
		}
		require.NoError(t, json.Unmarshal(line, &said), "%s", line)
		kind, _, _ := strings.Cut(said.ID, "/")
		if kind == "session_timeout" {
			ours++
		}
		for _, r := range all {
			if r.hasSecret(line) {
				leaks[kind] = true
			}
		}
	}
	t.Logf("%d lines of session_timeout, whole records in those of %v", ours, slices.Sorted(maps.Keys(leaks)))
	require.NotZero(t, ours)
	require.Equal(t, []string{"transform"}, slices.Sorted(maps.Keys(leaks)))
}
