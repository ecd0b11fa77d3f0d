package recipes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/advice"
)

// decisionWait is longer than it takes to read all samples, or nearly always:
// late evidence makes another revision of a finding, and the last one counts.
const decisionWait = "3s"

// patience says nothing but that it will not come: a machine may have much else to do.
const patience = 2 * time.Minute

// TestRecipes runs all recipes in one collector, the built one, each over the
// default configuration, and compares what it finds and counts in the samples.
func TestRecipes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	all := recipes(t)
	require.GreaterOrEqual(t, len(all), 24)
	var setups []*setup
	for _, r := range all {
		setups = append(setups, r.setups(t)...)
	}
	c := start(t, "info", setups)
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			c.waitFor(t, r.name, r.want)
			want, got := r.want, c.got(t, r.name)
			for i := range want.Findings {
				want.Findings[i] = want.Findings[i].hashed()
			}
			want.Secrets = nil
			require.Equal(t, text(t, want), text(t, got))
			for _, said := range got.Advice {
				code, ok := advice.ParseCode(said)
				require.True(t, ok, said)
				require.Equal(t, advice.Fewer, code.Group(), "a recipe leaves nothing that keeps findings from being found, or true")
			}
		})
	}
	t.Run("canary", func(t *testing.T) { requireNoSecrets(t, c, all) })
}

// requireNoSecrets: what is an id, a user, a header or a token in the samples is
// in nothing that the collector says of itself.
func requireNoSecrets(t *testing.T, c *collector, all []*recipe) {
	t.Helper()
	said := map[string][]byte{"the log": c.said(t), "the metrics": c.metrics(t)}
	for _, r := range all {
		require.NotEmpty(t, r.want.Secrets, r.name)
		said["findings of "+r.name] = c.findingsOf(t, r.name)
	}
	for _, r := range all {
		var sample []byte
		for _, path := range r.samples(t) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			sample = append(sample, content...)
		}
		for _, secret := range r.want.Secrets {
			if !strings.Contains(string(sample), secret) && !claimed(sample, secret) {
				require.Fail(t, "a secret is not in the sample, so it could not leak", "%s: %q", r.name, secret)
			}
			for where, content := range said {
				require.NotContains(t, string(content), secret, "a secret of %s is in %s", r.name, where)
			}
		}
	}
}

// collector runs many setups.
type collector struct {
	dir, metricsURL string
	exited          chan struct{}
}

// start starts the built collector in a folder of its own.
func start(t *testing.T, level string, all []*setup) *collector {
	t.Helper()
	binary, err := filepath.Abs("../bin/otelcol-session")
	require.NoError(t, err)
	if _, err := os.Stat(binary); err != nil {
		t.Skip("there is no bin/otelcol-session: `make build` first")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)

	c := &collector{dir: t.TempDir(), metricsURL: "http://127.0.0.1:" + port + "/metrics", exited: make(chan struct{})}
	log, err := os.Create(filepath.Join(c.dir, "log"))
	require.NoError(t, err)
	defer log.Close()
	cmd := exec.CommandContext(t.Context(), binary, "--config", c.configuration(t, level, all, port))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // it is interrupted
		close(c.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-c.exited
	})
	return c
}

// configuration is that of all together, in a file.
func (c *collector) configuration(t *testing.T, level string, all []*setup, port string) string {
	t.Helper()
	receivers, processors, pipelines := map[string]any{"nop": nil}, map[string]any{}, map[string]any{}
	exporters := map[string]any{"nop": nil}
	for _, s := range all {
		conf := s.renamed(t)
		maps.Copy(receivers, section(conf, "receivers"))
		maps.Copy(processors, section(conf, "processors"))
		maps.Copy(pipelines, section(section(conf, "service"), "pipelines"))
		if s.finds {
			exporters["file/"+s.id] = map[string]any{"path": c.findings(s.id), "flush_interval": "100ms"}
		}
	}
	reader := map[string]any{"pull": map[string]any{"exporter": map[string]any{"prometheus": map[string]any{
		"host": "127.0.0.1", "port": json.Number(port), "without_type_suffix": true, "without_units": true,
	}}}}
	content, err := json.Marshal(map[string]any{
		"receivers": receivers, "processors": processors, "exporters": exporters,
		"service": map[string]any{
			"pipelines": pipelines,
			"telemetry": map[string]any{"logs": map[string]any{"level": level, "encoding": "json"}, "metrics": map[string]any{"level": "normal", "readers": []any{reader}}},
		},
	})
	require.NoError(t, err)
	path := filepath.Join(c.dir, "config.yaml") // JSON is YAML, too
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// waitFor waits until a recipe has read as much, decided as much and found as
// much as it should. What it has then may be other things.
func (c *collector) waitFor(t *testing.T, name string, want expected) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := c.finished(ctx, t, name, want)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Logf("%s: %v", name, err)
			return // what it has is shown
		case <-c.exited:
			require.FailNow(t, "the collector has ended", "%s", c.said(t))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// finished reports what is missing.
func (c *collector) finished(ctx context.Context, t *testing.T, name string, want expected) error {
	t.Helper()
	shown, err := c.counters(ctx)
	if err != nil {
		return err
	}
	of := shown[name]
	got := c.got(t, name)
	switch {
	case of == nil:
		return errors.New("it shows nothing")
	case sum(of["records"]) < sum(want.Records), sum(of["facts"]) < sum(want.Facts):
		return fmt.Errorf("read %v, %v", of["records"], of["facts"])
	case sum(of["findings_pending"]) > 0, sum(of["findings_waiting"]) > 0, sum(of["requests"]) < sum(want.Requests):
		return fmt.Errorf("decided %v", of["requests"])
	case len(got.Findings) < len(want.Findings):
		return fmt.Errorf("found %v", got.Findings)
	}
	return nil
}

func sum(counts map[string]int) (n int) {
	for _, m := range counts {
		n += m
	}
	return n
}

// text is for comparing: a difference shows in its lines.
func text(t *testing.T, e expected) string {
	t.Helper()
	e.Findings = slices.SortedFunc(slices.Values(e.Findings), func(a, b finding) int { return strings.Compare(a.Session, b.Session) })
	content, err := json.MarshalIndent(e, "", " ")
	require.NoError(t, err)
	return strings.NewReplacer("null", "none", "[]", "none", "{}", "none").Replace(string(content))
}
