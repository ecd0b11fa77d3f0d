package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop/driver"
)

// stopsWithin is how long a collector takes to stop at most, though pages are open.
const stopsWithin = 2 * time.Second

// TestConsoleRestart: the collector is stopped under open pages and started again. Each page
// says so, goes on without a reload, and has nothing twice.
func TestConsoleRestart(t *testing.T) {
	needBrowser(t)
	t.Parallel()
	c := startCollector(t, collectorConfig{
		policies: []string{"name: default"}, decisionWait: 200 * time.Millisecond, durability: "durability: checkpoint",
		limits: limits{Limits: driver.Limits{Idle: 30 * time.Minute, Absolute: 12 * time.Hour, Tolerance: time.Second}},
	})
	control := httptest.NewServer(c.control())
	defer control.Close()
	inBrowser(t, "restart.mjs", c.console, control.URL)
}

// TestConsolePassword: a console that others reach has a password, and a browser asks for it.
func TestConsolePassword(t *testing.T) {
	needBrowser(t)
	t.Parallel()
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	p := startProcess(t, "The collector", collectorBinary(t), "--config", fmt.Sprintf(`yaml:
extensions:
  basicauth: {htpasswd: {inline: "auditor:to read"}}
  session_console: {endpoint: "0.0.0.0:%s", auth: {authenticator: basicauth}}
receivers: {nop: }
processors: {session_timeout: {session_id: {hash_key: %q}, policies: [{name: default, idle_timeout: 30m}]}}
exporters: {nop: }
service:
  extensions: [basicauth, session_console]
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [nop], processors: [session_timeout], exporters: [nop]}}
`, port, hashKey))
	eventually(t, patience, func() error {
		if !bytes.Contains(p.said(), []byte("Everything is ready")) {
			return errors.New("the collector is not ready")
		}
		return nil
	})
	inBrowser(t, "door.mjs", address, "")
	require.NoError(t, p.stop())
}

// needBrowser skips a test where there is no browser, unless it must be there.
func needBrowser(t *testing.T) {
	t.Helper()
	for _, command := range []string{"chromium", "node", "npm"} {
		if _, err := exec.LookPath(command); err != nil {
			if os.Getenv("SESSION_BROWSER") == "" {
				t.Skipf("%s is not there, and SESSION_BROWSER is not set", command)
			}
			require.NoError(t, err, "scripts/peers installs it")
		}
	}
	out, err := exec.CommandContext(t.Context(), "../scripts/modules").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// inBrowser lets a script of the console's own tests drive a browser at a console.
func inBrowser(t *testing.T, script, console, control string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", "../extension/sessionconsole/web/test/"+script, "http://"+console, control, os.Getenv("SESSION_SCREENSHOTS"))
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// control lets the script serve requests, and stop and start the collector.
func (c *collector) control() http.Handler {
	mux := http.NewServeMux()
	do := func(path string, what func(q url.Values) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := what(r.URL.Query()); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	do("/serve", func(q url.Values) error { return c.serveLate(q.Get("session"), q.Get("again") != "") })
	do("/stop", func(url.Values) error {
		began := time.Now()
		err := c.process.stop()
		if took := time.Since(began); err == nil && took > stopsWithin {
			return fmt.Errorf("it took %v to stop", took)
		}
		return err
	})
	do("/start", func(url.Values) error {
		c.start()
		return nil
	})
	return mux
}

// serveLate sends a request that was served after an hour of silence; again: one more.
func (c *collector) serveLate(session string, again bool) error {
	now := time.Now()
	at := []time.Time{now.Add(-65 * time.Minute), now.Add(-time.Minute)}
	if again {
		at = []time.Time{now}
	}
	var all []sent
	for _, start := range at {
		all = append(all, sent{session: session, user: "u-" + session, start: start, end: start.Add(time.Millisecond), status: http.StatusOK})
	}
	b, err := export(eventsLane+1, all, now, rand.New(rand.NewPCG(uint64(now.UnixNano()), 0)))
	if err != nil {
		return err
	}
	return post(c.t.Context(), client, c.url+b.path, b.body)
}
