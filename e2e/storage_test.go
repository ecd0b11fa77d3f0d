package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spoiled is a collector whose storage is spoiled while it is stopped, or all
// the time.
type spoiled struct {
	*collector
	name       string
	extension  string // YAML of file_storage, beside its directory
	durability string
	spoil      func(t *testing.T, file string)
	// says is what the log says, once as long as it lasts; counts matches what
	// the metrics count.
	says, counts string
}

const lostSays = "before this start is lost"

var spoils = []spoiled{
	{
		name: "bytes changed", says: lostSays, counts: `state_lost\{.*reason="corrupt"`,
		spoil: func(t *testing.T, file string) {
			t.Helper()
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			// In each value that is kept, and in none of the database's own pages.
			const magic, lengthAt, header, page = "OSES", 6, 14, 4096
			values := 0
			for at := 0; at+header < len(content); at++ {
				if !bytes.HasPrefix(content[at:], []byte(magic)) || at%page+header >= page {
					continue
				}
				if length := binary.LittleEndian.Uint32(content[at+lengthAt:]); length > 0 && length < 1<<20 {
					content[at+header] ^= 0x10
					values++
				}
			}
			require.Positive(t, values)
			require.NoError(t, os.WriteFile(file, content, 0o600))
		},
	},
	{
		name: "no database", says: lostSays, counts: `state_lost\{.*reason="unavailable"`,
		spoil: func(t *testing.T, file string) {
			t.Helper()
			require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("no database ", 5000)), 0o600))
		},
	},
	{
		// Whoever runs as root may write what is read-only, but no file where a
		// directory is.
		name: "not writable", says: lostSays, counts: `state_lost\{.*reason="unavailable"`,
		spoil: func(t *testing.T, file string) {
			t.Helper()
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.Mkdir(file, 0o500))
		},
	},
	{
		name: "full", extension: "max_size: 65536", says: "does not take the checkpoint", counts: `checkpoints\{.*result="failed"`,
		spoil: func(*testing.T, string) {},
	},
	{
		name: "full, acknowledged", extension: "max_size: 65536", durability: "durability: acknowledged",
		says: "does not take what is acknowledged", counts: `journal_writes\{.*result="failed"`,
		spoil: func(*testing.T, string) {},
	},
}

// TestStorageSpoiled: a storage that is damaged, gone or full stops no
// collector. It says what is lost, counts it, and finds nothing that another one
// does not find that gets the same and has nothing to lose.
func TestStorageSpoiled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	start := func(durability, extension string) *collector {
		return startCollector(t, collectorConfig{
			policies: []string{"name: guests, match: {user.id: [guest-*]}", "name: default"},
			limits:   killedLimits, decisionWait: killedWait, durability: durability, storage: extension,
		})
	}
	whole := start("", "")
	all := []*collector{whole}
	l := &load{seed: rand.Uint64(), senders: []*sender{startSender(ctx, whole.url)}} //nolint:gosec // a load, no secret
	victims := make([]spoiled, len(spoils))
	for i, v := range spoils {
		if v.durability == "" {
			v.durability = "durability: checkpoint, checkpoint_interval: 1s"
		}
		v.collector = start(strings.ReplaceAll(v.durability, ", ", "\n    "), v.extension)
		victims[i] = v
		all = append(all, v.collector)
		l.senders = append(l.senders, startSender(ctx, v.url))
	}
	t.Cleanup(func() {
		cancel()
		for _, s := range l.senders {
			s.close()
		}
	})

	half, done, played := time.After(5*time.Second), make(chan struct{}), make(chan error, 1)
	go func() { played <- l.run(ctx, done) }()
	<-half
	for _, v := range victims {
		if err := v.process.stop(); err != nil {
			require.Equal(t, "full", strings.Split(v.name, ",")[0], "%s: %v", v.name, err)
		}
		v.spoil(t, filepath.Join(v.storage(), "processor_session_timeout_"))
		v.start()
	}
	more := time.After(3 * time.Second)
	<-more
	close(done)
	require.NoError(t, <-played)
	for _, s := range l.senders {
		s.close()
	}
	settle(t, all...)

	want := map[violation]bool{}
	for _, w := range verdicts(whole.findings()) {
		require.Equal(t, "confirmed", w.State)
		want[w.violation()] = true
	}
	require.NotEmpty(t, want)
	for _, v := range victims {
		require.Regexp(t, `(?m)^otelcol_processor_session_timeout_`+v.counts+`.*\} [1-9]`, string(v.metrics()), v.name)
		// What does not fit may be followed by what does, and is said anew then.
		times := strings.Count(string(v.process.said()), v.says)
		require.Positive(t, times, "%s: does not say %q", v.name, v.says)
		require.True(t, times == 1 || times < 10 && strings.HasPrefix(v.name, "full"), "%s: says %d times %q", v.name, times, v.says)
		states := map[string]int{}
		for _, g := range verdicts(v.findings()) {
			states[strings.TrimSpace(g.State+" "+g.Reason)]++
			if g.State == "confirmed" {
				require.True(t, want[g.violation()], "%s: found only because of it: %+v", v.name, g)
			}
		}
		t.Logf("%s: of %d violations %v", v.name, len(want), states)
	}
}
