package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
)

// The recording lies relative to the root of the repository, where `make run` starts the collector.
const root = "../.."

func TestDefaultConfig(t *testing.T) {
	if err := newCollector(t, "cmd/otelcol-session/config.yaml").DryRun(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestReplay does what `make run` does, with a file for the findings and free ports. What it
// expects is what the driver of the recorded application knows to have been served late.
func TestReplay(t *testing.T) {
	output := filepath.Join(t.TempDir(), "findings.json")
	col := newCollector(t,
		"cmd/otelcol-session/config.yaml",
		"cmd/otelcol-session/replay.yaml",
		"yaml:exporters::file::path: "+output,
		"yaml:exporters::file::flush_interval: 100ms",
		"yaml:service::pipelines::logs/replay::exporters: [forward/findings, file]",
		"yaml:exporters::debug/findings::output_paths: [/dev/null]",
		"yaml:receivers::otlp::protocols::grpc::endpoint: localhost:0",
		"yaml:receivers::otlp::protocols::http::endpoint: localhost:0",
		"yaml:extensions::health_check::endpoint: localhost:0",
		"yaml:extensions::session_console::endpoint: localhost:0",
		"yaml:service::telemetry::metrics::level: none",
	)
	want := expected(t)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- col.Run(ctx) }()
	timeout := time.After(3 * time.Minute)
	for running := true; running && !maps.Equal(found(t, output), want); {
		select {
		case err := <-ended:
			t.Fatalf("the collector ended by itself: %v", err)
		case <-timeout:
			running = false
		case <-time.After(100 * time.Millisecond):
		}
	}
	// More could still come, as it stops.
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := found(t, output); !maps.Equal(got, want) {
		t.Errorf("found %v\nexpected %v", got, want)
	}
}

// finding is what the driver's report and a finding have in common; ids are pseudonyms in one.
type finding struct {
	Service string `json:"service"`
	Type    string `json:"type"`
}

// expected counts the sessions that a service served late, by the driver's report.
func expected(t *testing.T) map[finding]int {
	t.Helper()
	content, err := os.ReadFile("testdata/shop/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Expected []finding `json:"expected"`
	}
	if err := json.Unmarshal(content, &report); err != nil {
		t.Fatal(err)
	}
	counts := map[finding]int{}
	for _, f := range report.Expected {
		counts[f]++
	}
	if len(counts) == 0 {
		t.Fatal("the recording has nothing to find")
	}
	return counts
}

// found counts the sessions that a service served late, by what the file exporter wrote.
func found(t *testing.T, path string) map[finding]int {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	states := map[string]string{}
	findings := map[string]finding{}
	var unmarshaler plog.JSONUnmarshaler
	for line := range bytes.Lines(content) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // is being written
		}
		logs, err := unmarshaler.UnmarshalLogs(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range logs.ResourceLogs().All() {
			service, _ := resource.Resource().Attributes().Get("service.name")
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					if record.EventName() != "session_timeout.violation" {
						continue
					}
					text := func(name string) string {
						value, ok := record.Attributes().Get("session_timeout." + name)
						if !ok {
							t.Fatalf("a finding has no session_timeout.%s", name)
						}
						return value.Str()
					}
					states[text("id")] = text("state")
					findings[text("id")] = finding{Service: service.Str(), Type: text("type")}
				}
			}
		}
	}
	counts := map[finding]int{}
	for id, f := range findings {
		if states[id] == "confirmed" {
			counts[f]++
		}
	}
	return counts
}

// newCollector returns this distribution's collector in the root of the repository.
func newCollector(t *testing.T, uris ...string) *otelcol.Collector {
	t.Helper()
	t.Chdir(root)
	set := settings()
	set.ConfigProviderSettings.ResolverSettings.URIs = uris
	set.ConfigProviderSettings.ResolverSettings.DefaultScheme = "file"
	set.DisableGracefulShutdown = true
	col, err := otelcol.NewCollector(set)
	if err != nil {
		t.Fatal(fmt.Errorf("new collector: %w", err))
	}
	return col
}
