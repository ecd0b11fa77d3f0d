package sessionconsole

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// browserEnv asks for the tests in a browser: `1` for those of make test, `full` for all. Without
// it they run where there is a browser.
const browserEnv = "SESSION_BROWSER"

// inBrowser lets a script of web/test drive Debian's Chromium at r.
func inBrowser(t *testing.T, r *rig, script string, args ...string) {
	t.Helper()
	for _, command := range []string{"chromium", "node", "npm"} {
		if _, err := exec.LookPath(command); err != nil {
			if os.Getenv(browserEnv) == "" {
				t.Skipf("%s is not there, and %s is not set", command, browserEnv)
			}
			require.NoError(t, err, "scripts/peers installs it")
		}
	}
	npm(t)
	command := exec.CommandContext(t.Context(), "node", append([]string{"web/test/" + script, r.base}, args...)...)
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

// npm installs what drives the browser, once for each lock file.
func npm(t *testing.T) {
	t.Helper()
	lock, err := os.ReadFile("web/package-lock.json")
	require.NoError(t, err)
	if of, err := os.ReadFile("web/node_modules/.of"); err == nil && bytes.Equal(of, lock) {
		return
	}
	out, err := exec.CommandContext(t.Context(), "npm", "ci", "--prefix", "web", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.WriteFile("web/node_modules/.of", lock, 0o600))
}

// TestServe serves the scenarios for a person to look at, for as long as SESSION_SERVE says.
func TestServe(t *testing.T) {
	if os.Getenv("SESSION_SERVE") == "" {
		t.Skip("SESSION_SERVE is not set")
	}
	r := newRig(t, func(c *Config) { c.ServerConfig.NetAddr.Endpoint = "localhost:8899" })
	r.engine.set(scenarioCounts())
	r.found(scenarios()...)
	fmt.Println(r.base)
	<-t.Context().Done()
}
