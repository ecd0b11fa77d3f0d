package docs

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// testKey is what pseudonyms are made with here.
const testKey = "8f1d2c3b4a5968778695a4b3c2d1e0f00f1e2d3c4b5a6978"

// binary is what `make build` leaves, from the root.
const binary = "bin/otelcol-session"

// collector is the built one, to be run in the root with these configurations.
// The last one holds.
func collector(ctx context.Context, t *testing.T, subcommand []string, uris ...string) *exec.Cmd {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, binary)); err != nil {
		t.Skip("there is no " + binary + ": `make build` first")
	}
	path, err := filepath.Abs(filepath.Join(root, binary))
	require.NoError(t, err)
	arguments := subcommand
	for _, uri := range uris {
		arguments = append(arguments, "--config", uri)
	}
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SESSION_HASH_KEY="+testKey)
	return cmd
}

func validate(t *testing.T, uris ...string) {
	t.Helper()
	output, err := collector(t.Context(), t, []string{"validate"}, uris...).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// inline is a configuration in place of a file. JSON is YAML, too.
func inline(t *testing.T, conf map[string]any) string {
	t.Helper()
	text, err := json.Marshal(conf)
	require.NoError(t, err)
	return "yaml:" + string(text)
}

// TestPipelines lets the built collector check the configurations with
// pipelines. One without components of its own goes with those of the first.
func TestPipelines(t *testing.T) {
	shown := blocks(section(t, read(t, projectREADME), "Pipelines"), "yaml")
	require.Len(t, shown, 2)
	folder := "yaml:extensions::file_storage::directory: " + t.TempDir()
	first := parse(t, shown[0], hashKey).ToStringMap()
	validate(t, inline(t, first), folder)

	delete(first["service"].(map[string]any), "pipelines")
	second := confmap.NewFromStringMap(first)
	require.NoError(t, second.Merge(parse(t, shown[1], hashKey)))
	validate(t, inline(t, second.ToStringMap()), folder)

	shown = blocks(section(t, read(t, processorREADME), "Configuration"), "yaml")
	require.Len(t, shown, 2)
	fragments := parse(t, shown[0], hashKey).ToStringMap()
	maps.Copy(fragments, parse(t, shown[1], hashKey).ToStringMap())
	fragments["receivers"] = first["receivers"]
	fragments["exporters"] = map[string]any{"alerts": nil, "otlp_grpc": map[string]any{"endpoint": "localhost:4317"}}
	validate(t, inline(t, fragments))
}

// TestShippedConfigurations lets the built collector check its own ones.
func TestShippedConfigurations(t *testing.T) {
	const folder = "cmd/otelcol-session/"
	validate(t, folder+"config.yaml")
	validate(t, folder+"config.yaml", folder+"replay.yaml")
}

// TestReplay does what `make run` does and compares what it finds with what the
// README shows, but for pseudonyms: a key with which anybody could make the
// README's would be a published one.
func TestReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	document := read(t, projectREADME)
	shown := blocks(document, "text")
	require.NotEmpty(t, shown)
	want := strings.Split(masked(strings.TrimSpace(shown[0])), "\n")
	slices.Sort(want)

	output := filepath.Join(t.TempDir(), "findings.json")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := collector(
		ctx, t, nil,
		"cmd/otelcol-session/config.yaml",
		"cmd/otelcol-session/replay.yaml",
		"yaml:exporters::file::path: "+output,
		"yaml:exporters::file::flush_interval: 100ms",
		"yaml:service::pipelines::logs/replay::exporters: [file]",
		"yaml:receivers::otlp::protocols::grpc::endpoint: localhost:0",
		"yaml:receivers::otlp::protocols::http::endpoint: localhost:0",
		"yaml:extensions::health_check::endpoint: localhost:0",
		"yaml:extensions::session_console::endpoint: localhost:0",
		"yaml:service::telemetry::metrics::level: none",
	)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	var findings []plog.LogRecord
	for len(findings) < len(want) && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		findings = findingsIn(t, output)
	}
	cancel()
	_ = cmd.Wait() // it was killed

	var got []string
	example := "" // the finding that the README takes apart
	for _, f := range findings {
		got = append(got, masked(f.Body().Str()))
		if at, _ := f.Attributes().Get("session_timeout.expired_at"); strings.Contains(document, at.Str()) {
			example = at.Str()
			requireExample(t, document, f.Attributes())
		}
	}
	slices.Sort(got)
	require.Equal(t, want, got, "the README shows other findings. The collector said: %s", &said)
	require.NotEmpty(t, example, "no finding expired when the README's did")
}

var pseudonym = regexp.MustCompile(`\b(session|user) [0-9a-f]{12}\b`)

// masked is text without the pseudonyms in it.
func masked(text string) string { return pseudonym.ReplaceAllString(text, "$1 …") }

// TestShownPseudonyms: with no key of this repository are what the README shows
// pseudonyms of the recording's sessions and users.
func TestShownPseudonyms(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range regexp.MustCompile(`\b[0-9a-f]{12}\b`).FindAllString(read(t, projectREADME), -1) {
		shown[p] = true
	}
	require.GreaterOrEqual(t, len(shown), 12)
	ids := map[string]bool{}
	for _, file := range []string{"traces.json", "logs.json"} {
		for _, m := range regexp.MustCompile(`"(?:session\.id|session\.previous_id|user\.id)","value":\{"stringValue":"([^"]+)"`).FindAllStringSubmatch(read(t, root+"/testdata/shop/"+file), -1) {
			ids[m[1]] = true
		}
	}
	require.GreaterOrEqual(t, len(ids), 12)
	keys := []string{testKey, "not a secret, so that a recording has the same pseudonyms each time"} // what replay.yaml had
	for _, path := range yamlFiles(t) {
		for _, m := range regexp.MustCompile(`hash_key: *"?([^$"\n]{32,}?)"?(?: #.*)?\n`).FindAllStringSubmatch(read(t, path), -1) {
			keys = append(keys, m[1])
		}
	}
	for _, key := range keys {
		for id := range ids {
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(id))
			require.NotContains(t, shown, hex.EncodeToString(mac.Sum(nil))[:12], "%s under a key that anybody has", id)
		}
	}
}

// findingsIn are the findings that the file exporter has written so far.
func findingsIn(t *testing.T, path string) (findings []plog.LogRecord) {
	t.Helper()
	content, err := os.ReadFile(path)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	for line := range bytes.Lines(content) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // is being written
		}
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err)
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					if record.EventName() == "session_timeout.violation" {
						findings = append(findings, record)
					}
				}
			}
		}
	}
	return findings
}

var attributeRow = regexp.MustCompile("(?m)^\\| `(session_timeout\\.[a-z_]+)` \\| (?:`([^`]+)`)? ?\\|")

// requireExample compares a finding with the table that takes it apart.
func requireExample(t *testing.T, document string, attributes pcommon.Map) {
	t.Helper()
	shown := map[string]string{}
	for _, row := range attributeRow.FindAllStringSubmatch(section(t, document, "Findings"), -1) {
		shown[row[1]] = row[2]
	}
	for name, example := range shown {
		value, ok := attributes.Get(name)
		require.Equal(t, ok, example != "", name)
		if !ok {
			continue
		}
		text := value.AsString()
		if slices.Contains([]string{"session_timeout.session", "session_timeout.user", "session_timeout.id"}, name) {
			require.Regexp(t, "^([0-9a-f]{12}…|[0-9a-f]{16})$", example, name) // of the README's own run
			require.Regexp(t, "^([0-9a-f]{64}|[0-9a-f]{16})$", text, name)
			continue
		}
		if beginning, cut := strings.CutSuffix(example, "…"); cut {
			text, example = text[:len(beginning)], beginning
		}
		require.Equal(t, example, text, name)
	}
	for name := range attributes.All() {
		if strings.HasPrefix(name, "session_timeout.") {
			require.Contains(t, shown, name)
		} else {
			require.Contains(t, section(t, document, "Findings"), "`"+name+"`")
		}
	}
}
