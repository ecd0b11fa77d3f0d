package consolecmd

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/testdata/shop"
)

// pollEvery is how often demo looks whether the recording has been judged.
const pollEvery = 100 * time.Millisecond

// Demo replays the embedded recording and says where to see what was found. run runs a
// collector on configurations, until its context ends.
func Demo(defaults, replay string, run func(ctx context.Context, configs, sets []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Replay a recording and show what is found in it",
		Long: `Replay the telemetry of two recorded services, print a sentence for each request
that was served on a dead session, and show them in the session console. Then it
goes on with what is sent over OTLP, until Ctrl-C.`,
		Args: cobra.NoArgs,
	}
	endpoint := cmd.Flags().String("console", "localhost:8889", "where the session console listens")
	sets := cmd.Flags().StringArray("set", nil, "set a key of the collector's configuration, as the collector's own --set does")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		folder, err := os.MkdirTemp("", "otelcol-session-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		overlay, err := demoConfig(folder, *endpoint)
		if err != nil {
			return err
		}
		c, err := newClient("http://"+*endpoint, "")
		if err != nil {
			return fmt.Errorf("--console must be a host and a port (got %q)", *endpoint)
		}
		if err := isFree(cmd.Context(), *endpoint); err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		fmt.Fprint(out, "\notelcol-session replays the telemetry of two recorded services. Each line is a request that was served\non a session that should have been over:\n\n")
		ctx, cancel := context.WithCancel(cmd.Context())
		defer cancel()
		told := make(chan error, 1)
		go func() { told <- tellDemo(ctx, out, c) }()
		err = run(ctx, []string{"yaml:" + defaults, "yaml:" + replay, "yaml:" + overlay}, *sets)
		cancel()
		return errors.Join(err, <-told)
	}
	return cmd
}

// isFree says who would answer in the demo's place.
func isFree(ctx context.Context, endpoint string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", endpoint)
	if err != nil {
		return fmt.Errorf("%w: is another collector running? --console names another address", err)
	}
	return l.Close()
}

// demoConfig is what differs from the replay of a repository: where the recording is, and
// its key. That is made of the recording, so that each run shows the same pseudonyms; what
// listens for other telemetry has one of its own.
func demoConfig(folder, endpoint string) (string, error) {
	for name, content := range map[string][]byte{"traces.json": shop.Traces, "logs.json": shop.Logs} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256(append(slices.Clone(shop.Traces), shop.Logs...))
	key := func(k string) any { return map[string]any{"session_id": map[string]any{"hash_key": k}} }
	processors := map[string]any{"session_timeout/replay": key(hex.EncodeToString(sum[:]))}
	if os.Getenv("SESSION_HASH_KEY") == "" {
		random := make([]byte, 32)
		_, _ = rand.Read(random) // never fails: see its documentation
		processors["session_timeout"] = key(hex.EncodeToString(random))
	}
	files := func(name string) any { return map[string]any{"include": []string{filepath.Join(folder, name)}} }
	text, err := json.Marshal(map[string]any{ // JSON is YAML, too
		"receivers":  map[string]any{"otlp_json_file/traces": files("traces.json"), "otlp_json_file/logs": files("logs.json")},
		"processors": processors,
		"extensions": map[string]any{"session_console": map[string]any{"endpoint": endpoint}},
		"service": map[string]any{ // the sentences come from the console
			"telemetry": map[string]any{"logs": map[string]any{"level": "error"}},
			"pipelines": map[string]any{"logs/findings": map[string]any{"exporters": []string{"nop"}}},
		},
	})
	return string(text), err
}

// tellDemo prints what was found once the recording has been judged.
func tellDemo(ctx context.Context, out io.Writer, c *client) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pollEvery):
		}
		all, err := c.judgedRecording(ctx)
		if err != nil || len(all) == 0 {
			continue // it is starting, or the verdicts still wait
		}
		for _, f := range all {
			fmt.Fprintf(out, "  %s\n", tidy(f.Sentence))
		}
		_, err = fmt.Fprintf(out, "\n  See why:       %s/#/f/%s\n  In a terminal: otelcol-session explain %s\n  Send your own: OTLP on localhost:4317 (gRPC) and localhost:4318 (HTTP). Ctrl-C stops it.\n\n",
			c.base, tidy(all[0].ID), tidy(all[0].ID))
		return err
	}
}

// judgedRecording are the findings of the recording, in the order of their requests, once
// nothing of it waits any more.
func (c *client) judgedRecording(ctx context.Context) ([]console.Finding, error) {
	var s console.State
	if err := c.get(ctx, "state", &s); err != nil {
		return nil, err
	}
	replay := slices.IndexFunc(s.Engines, func(e console.EngineState) bool { return e.Replay })
	if replay < 0 || s.Engines[replay].Pending > 0 || s.Engines[replay].Backlog > 0 {
		return nil, nil
	}
	var all console.Findings
	if err := c.get(ctx, "findings?limit=1000", &all); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(all.Findings, func(f console.Finding) bool { return !f.Replay })
	slices.SortFunc(found, func(a, b console.Finding) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}
