package recipes

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const defaults = "../cmd/otelcol-session/config.yaml"

// TestReady asks the built collector of samples with a recipe and without: what it
// says, and its exit status.
func TestReady(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	binary, err := filepath.Abs("../bin/otelcol-session")
	require.NoError(t, err)
	if _, err := os.Stat(binary); err != nil {
		t.Skip("there is no bin/otelcol-session: `make build` first")
	}
	const nothing, fewer = "Nothing can be found because ...\n", "Findings are fewer than they could be because ...\n"
	for _, tt := range []struct {
		name   string
		args   string
		status int
		want   string
	}{
		{"without a recipe", "--telemetry express-session/traces.jsonl", 1, nothing +
			"  ... none of 12 requests of web names a session, but 7 other spans do: set it on the SERVER span, not on the active one of a handler.\n" +
			"  ... none of 12 requests of web names a session, and their Cookie header is captured: add {attribute: http.request.header.cookie, cookie: NAME} to session_id::sources.\n" +
			fewer + "  ... no end was ever reported, and 1 requests of web look like logouts: add {request: {methods: [POST, DELETE], routes: [logout]}} to events::ended.\n"},
		{
			"with it", "--telemetry express-session/traces.jsonl --config " + defaults + " --config express-session/config.yaml", 0,
			fewer + "  ... no login was ever reported of a session that requests name, so ages are lower bounds: send events::authenticated.\n",
		},
		{"a log", "--telemetry apache/access.log", 1, nothing +
			"  ... 16 log records of a service without a name are neither events nor access logs, and tell of requests or sessions in the body (text): shape them with `transform`, see recipes; lines of requests that name no session need a format with its cookie first.\n"},
		{
			"a log with its recipe", "--telemetry apache/access.log --config " + defaults + " --config apache/config.yaml", 0,
			fewer + "  ... no login was ever reported of a session that requests name, so ages are lower bounds: send events::authenticated.\n",
		},
		{
			"the shop", "--telemetry ../testdata/shop/traces.json --telemetry ../testdata/shop/logs.json", 0,
			"Ready: nothing keeps findings from being found, from being true or from being all.\n",
		},
		{"no collector", "--metrics http://127.0.0.1:1/metrics", 2, ""},
		{"no file", "--telemetry nowhere.json", 3, ""},
		{"a configuration alone", "--config " + defaults, 3, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), binary, append([]string{"ready"}, strings.Fields(tt.args)...)...)
			said, err := cmd.Output()
			status := 0
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				status = exit.ExitCode()
				require.Equal(t, tt.want == "", len(exit.Stderr) > 0, "%s", exit.Stderr)
			}
			require.Equal(t, tt.want, string(said))
			require.Equal(t, tt.status, status)
		})
	}
}
