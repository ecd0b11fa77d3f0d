package sessiontimeout

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// update writes what this version stores: go test -run TestGolden -update. What
// an older version wrote is never written again.
var update = flag.Bool("update", false, "write the golden store of this version")

// goldenStore is what a version had stored at one moment of the story.
type goldenStore struct {
	Crash        time.Duration
	Values       map[string][]byte
	Sent         map[string]string // findings that had left, by id, in their last state
	Acknowledged []bool            // by step
}

// TestGolden: a collector goes on with what each version that it reads has
// stored, as if there had been no upgrade: the checkpoint and the journal behind
// it, the findings that had not left, and until when the collector was up.
func TestGolden(t *testing.T) {
	config := storyConfig(acknowledged)
	whole, want := undisturbed(t, acknowledged)
	if *update {
		writeGolden(t, &whole)
	}
	files, err := filepath.Glob("testdata/stored/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			var g goldenStore
			require.NoError(t, json.Unmarshal(text, &g))
			again := live(t, config, g.Values, g.Crash+7*time.Second, storyEnd, func(i int) bool { return g.Acknowledged[i] })
			require.Empty(t, again.lost)
			require.Empty(t, again.blind)
			requireSame(t, want, again.states(maps.Clone(g.Sent), math.MaxInt), name)
			require.Greater(t, len(again.left), 5, "findings that were still to come")
		})
	}
}

// writeGolden writes what is stored in the middle of the story, with a journal
// behind a checkpoint and findings that wait.
func writeGolden(t *testing.T, whole *life) {
	t.Helper()
	n := slices.IndexFunc(whole.times, func(at time.Duration) bool { return at > 85*time.Second })
	for ; ; n++ {
		values, segments := whole.storedAt(n), 0
		for key := range values {
			if strings.HasPrefix(key, segmentPrefix) {
				segments++
			}
		}
		if segments < 2 || len(values["findings"]) < 100 {
			continue
		}
		g := goldenStore{Crash: whole.times[n], Values: values, Sent: whole.states(map[string]string{}, n)}
		for _, acked := range whole.acked {
			g.Acknowledged = append(g.Acknowledged, acked <= n)
		}
		text, err := json.MarshalIndent(g, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll("testdata/stored", 0o755))
		require.NoError(t, os.WriteFile(fmt.Sprintf("testdata/stored/%d.json", wire.Version), append(text, '\n'), 0o644))
		return
	}
}
