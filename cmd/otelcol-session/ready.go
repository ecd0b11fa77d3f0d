package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/ready"
)

// readCollector is how long a collector may take to answer, readRecording to read
// a recording.
const (
	readCollector = 10 * time.Second
	readRecording = 10 * time.Minute
)

// readyCommand says why nothing can be found.
func readyCommand() *cobra.Command {
	var r readiness
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Say why nothing can be found, why findings would be false or too few",
		Long: `Say why nothing can be found, why findings would be false, and why they are
fewer than they could be: of a running collector, by its metrics, or of recorded
telemetry, which a collector with this configuration reads and sends nowhere.

Exit status: 0, 1 while nothing can be found, 2 where there is no collector to
ask, or it has not read all, 3 on errors.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&r.metrics, "metrics", "http://localhost:8888/metrics", "where the collector shows its metrics, in Prometheus' format")
	flags.DurationVar(&r.wait, "for", 0, "watch for so long before saying anything")
	flags.StringArrayVar(&r.telemetry, "telemetry", nil, "a file of recorded telemetry: OTLP in JSON lines (*.json, *.jsonl), or a log; may come more than once")
	flags.StringArrayVar(&r.config, "config", nil, "the configuration to judge --telemetry with; the default one without")
	cmd.MarkFlagsMutuallyExclusive("metrics", "telemetry")
	cmd.MarkFlagsMutuallyExclusive("for", "telemetry")
	return cmd
}

type readiness struct {
	metrics           string
	wait              time.Duration
	telemetry, config []string
}

func (r *readiness) run(ctx context.Context, out io.Writer) error {
	if len(r.config) > 0 && len(r.telemetry) == 0 {
		return errors.New("--config: must stand beside --telemetry; a running collector has its own")
	}
	for _, file := range r.telemetry {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("--telemetry: %w", err)
		}
	}
	state, err := r.state(ctx)
	switch {
	case errors.Is(err, ready.ErrNoPipeline):
		return err
	case err != nil:
		return exitError{status: statusUnknown, reason: err}
	}
	nothing, err := ready.Report(out, state.Advice)
	if err != nil {
		return err
	}
	if nothing {
		return exitError{status: statusFound}
	}
	return nil
}

func (r *readiness) state(ctx context.Context) (ready.State, error) {
	if len(r.telemetry) > 0 {
		return r.recorded(ctx)
	}
	if r.wait > 0 {
		watching, cancel := context.WithTimeout(ctx, r.wait)
		defer cancel()
		return ready.Watch(watching, r.metrics, 0)
	}
	asking, cancel := context.WithTimeout(ctx, readCollector)
	defer cancel()
	return ready.Read(asking, r.metrics)
}

// recorded runs a collector on the recording and reads what it shows.
func (r *readiness) recorded(ctx context.Context) (state ready.State, err error) {
	conf, err := resolve(ctx, r.config)
	if err != nil {
		return state, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return state, err
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		return state, err
	}
	whole, err := ready.Recording(conf.ToStringMap(), r.telemetry, address.IP.String(), address.Port)
	if err != nil {
		return state, err
	}
	content, err := json.Marshal(whole)
	if err != nil {
		return state, err
	}
	folder, err := os.MkdirTemp("", "otelcol-session-ready") // 0700: there may be keys in it
	if err != nil {
		return state, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "config.yaml") // JSON is YAML, too
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return state, err
	}
	return watchCollector(ctx, path, "http://"+address.String()+"/metrics")
}

// watchCollector starts a collector and watches it until it has read all.
func watchCollector(ctx context.Context, config, url string) (state ready.State, err error) {
	self, err := os.Executable()
	if err != nil {
		return state, err
	}
	ctx, cancel := context.WithTimeout(ctx, readRecording)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "--config", config)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = readCollector
	said, err := cmd.StderrPipe()
	if err != nil {
		return state, err
	}
	if err := cmd.Start(); err != nil {
		return state, err
	}
	ended := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(said)
		cancel() // it has ended, or will
		ended <- string(text)
	}()
	state, err = ready.Watch(ctx, url, ready.Quiet)
	failed := ctx.Err() != nil
	cancel()
	text := <-ended
	_ = cmd.Wait() // it was interrupted
	if err != nil && failed && text != "" {
		return state, fmt.Errorf("the collector did not start: %s", text)
	}
	return state, err
}

// resolve reads a configuration as a start would.
func resolve(ctx context.Context, locations []string) (*confmap.Conf, error) {
	if len(locations) == 0 {
		locations = []string{defaultConfig()}
	}
	set := settings().ConfigProviderSettings.ResolverSettings
	set.URIs, set.ConverterFactories = locations, nil
	resolver, err := confmap.NewResolver(set)
	if err != nil {
		return nil, err
	}
	return resolver.Resolve(ctx)
}
