package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// called is what a call of the program came to.
type called struct {
	stdout, stderr string
	status         int
}

// call does what the program does with these arguments.
func call(t *testing.T, args ...string) called {
	t.Helper()
	cmd := command(settings())
	var stdout, stderr bytes.Buffer
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SetArgs(args)
	status := report(cmd.ExecuteContext(t.Context()), &stderr)
	return called{stdout.String(), stderr.String(), status}
}

const key = "8f1d2c3b4a5968778695a4b3c2d1e0f00f1e2d3c4b5a6978"

const noConfig = "No --config: this is the default configuration, which `otelcol-session default-config` prints.\n"

func TestExitStatus(t *testing.T) {
	for name, tc := range map[string]struct {
		ends   error
		said   string
		status int
	}{
		"nothing to report":        {nil, "", 0},
		"something to report":      {exitError{status: statusFound}, "", 1},
		"wrapped":                  {fmt.Errorf("look: %w", exitError{status: statusFound}), "", 1},
		"it cannot say":            {exitError{statusUnknown, errors.New("nobody answers")}, "Error: nobody answers\n", 2},
		"an error":                 {errors.New("no such finding"), "Error: no such finding\n", 3},
		"an error with its status": {exitError{statusError, os.ErrNotExist}, "Error: file does not exist\n", 3},
	} {
		t.Run(name, func(t *testing.T) {
			before := commands
			t.Cleanup(func() { commands = before })
			commands = append(slices.Clip(commands), func() *cobra.Command {
				return &cobra.Command{Use: "look", Short: "Look", RunE: func(*cobra.Command, []string) error { return tc.ends }}
			})
			require.Equal(t, called{"", tc.said, tc.status}, call(t, "look"))
		})
	}
}

func TestMistakesOfTheCommandLine(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		says   string
		status int
	}{
		"unknown command":      {[]string{"serve"}, `unknown command "serve" for "otelcol-session"`, 3},
		"misspelt command":     {[]string{"validat"}, "Did you mean this?\n\tvalidate", 3},
		"unknown flag":         {[]string{"--cofnig", "x.yaml"}, "unknown flag: --cofnig", 3},
		"argument too many":    {[]string{"default-config", "x"}, `unknown command "x" for "otelcol-session default-config"`, 3},
		"--set without a sign": {[]string{"--set", "x"}, "missing equal sign", 3},
		"no such file":         {[]string{"--config", "/no/such/file.yaml"}, "no such file", 1},
		"refused":              {[]string{"validate", "--set", "processors.session_timeout.policies=[]"}, "policies: must", 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, tc.args...)
			require.Contains(t, got.stderr, tc.says)
			require.Equal(t, tc.status, got.status)
			require.Empty(t, got.stdout)
			require.Equal(t, 1, strings.Count(got.stderr, "Error: "), got.stderr)
		})
	}
}

func TestHelpNamesAllCommands(t *testing.T) {
	got := call(t, "--help")
	require.Zero(t, got.status)
	for _, sub := range command(settings()).Commands() {
		require.Regexp(t, `(?m)^  `+sub.Name()+` +`+sub.Short+`$`, got.stdout)
	}
	for _, name := range []string{"completion", "components", "default-config", "featuregate", "help", "print-config", "validate"} {
		require.Regexp(t, `(?m)^  `+name+` +\w`, got.stdout)
	}
	require.Regexp(t, `(?s)Sessions:\n  default-config .*The collector:\n  components `, got.stdout)
}

// TestDefaultConfigCommand: what is printed is the file, and a configuration.
func TestDefaultConfigCommand(t *testing.T) {
	content, err := os.ReadFile("config.yaml")
	require.NoError(t, err)
	require.Equal(t, called{string(content), "", 0}, call(t, "default-config"))

	path := filepath.Join(t.TempDir(), "mine.yaml")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	t.Setenv("SESSION_HASH_KEY", key)
	require.Equal(t, called{}, call(t, "validate", "--config", path))
}

func TestWithoutConfig(t *testing.T) {
	t.Setenv("SESSION_HASH_KEY", key)
	alone := call(t, "print-config")
	require.Equal(t, noConfig, alone.stderr)
	require.Zero(t, alone.status)
	require.Equal(t, call(t, "print-config", "--config", "config.yaml").stdout, alone.stdout)

	set := call(t, "print-config", "--set", "processors.memory_limiter.check_interval=7s")
	require.Equal(t, noConfig, set.stderr)
	require.Zero(t, set.status)
	require.NotEqual(t, alone.stdout, set.stdout)
	require.Equal(t, alone.stdout, strings.Replace(set.stdout, "check_interval: 7s", "check_interval: 1s", 1))

	require.Equal(t, called{"", noConfig, 0}, call(t, "validate"))
	file := filepath.Join(t.TempDir(), "empty.yaml")
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
	other := call(t, "validate", "--config", file)
	require.NotContains(t, other.stderr, noConfig)
	require.Equal(t, 1, other.status, "a file that is named stands alone")
}

// mixedLists has lists of texts, numbers and maps, and single items for lists.
const mixedLists = `
receivers: {nop: }
processors:
  session_timeout:
    session_id:
      sources: [session.id, {attribute: http.request.header.cookie, cookie: JSESSIONID, until: "."}, 7]
      linked: oidc.sid
      placeholders: ["null", 0, true]
    user_id: {sources: [{attribute: user.id, presented: true}, enduser.id]}
    policies: [{name: a, match: {server.port: [443], x: true}, idle_timeout: 30m}]
    events:
      ended: [bye, {name: gone, match: {why: timeout}, session: [sid, {attribute: t, cookie: c}]}, {request: {methods: POST, routes: logout}}]
      started: []
    exempt: [{routes: login}, {match: {a: [1, b*]}}]
    passive: []
exporters: {nop: }
service: {pipelines: {logs: {receivers: [nop], processors: [session_timeout], exporters: [nop]}}}
`

// TestPrintedConfigIsRead: what print-config prints is a configuration, and the same.
func TestPrintedConfigIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte(mixedLists), 0o600))
	printed := call(t, "print-config", "--config", file)
	require.Zero(t, printed.status, printed.stderr)
	require.Contains(t, printed.stdout, "attribute: \"7\"")
	require.NoError(t, os.WriteFile(file, []byte(printed.stdout), 0o600))
	require.Equal(t, printed.stdout, call(t, "print-config", "--config", file).stdout)
	require.Zero(t, call(t, "validate", "--config", file).status)
}

// TestRunWithoutConfig: the default configuration runs beside --set, too. One of
// its ports is taken, and it says so.
func TestRunWithoutConfig(t *testing.T) {
	taken, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer taken.Close()
	ended := call(
		t,
		"--set", "receivers.otlp.protocols.grpc.endpoint="+taken.Addr().String(),
		"--set", "receivers.otlp.protocols.http.endpoint=localhost:0",
		"--set", "extensions.health_check.endpoint=localhost:0",
		"--set", "extensions.session_console.endpoint=localhost:0",
		"--set", "service.telemetry.metrics.level=none",
		"--set", "service.telemetry.logs.level=fatal",
	)
	require.Equal(t, 1, ended.status)
	require.True(t, strings.HasPrefix(ended.stderr, noConfig), ended.stderr)
	require.Contains(t, ended.stderr, taken.Addr().String()+": bind: address already in use")
}
