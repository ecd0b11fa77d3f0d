package sessionconsole

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// browserEnv asks for the tests in a browser: `1` for those of make test, `full` for all. Without
// it they run where there is a browser.
const browserEnv = "SESSION_BROWSER"

// inBrowser lets a script of web/test drive Debian's Chromium at r.
func inBrowser(t *testing.T, r *rig, script string) {
	t.Helper()
	needBrowser(t)
	control := httptest.NewServer(r.control())
	defer control.Close()
	command := exec.CommandContext(t.Context(), "node", "web/test/"+script, r.base, control.URL, os.Getenv("SESSION_SCREENSHOTS"))
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

func needBrowser(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	for _, command := range []string{"chromium", "node", "npm"} {
		if _, err := exec.LookPath(command); err != nil {
			if os.Getenv(browserEnv) == "" {
				t.Skipf("%s is not there, and %s is not set", command, browserEnv)
			}
			require.NoError(t, err, "scripts/peers installs it")
		}
	}
	out, err := exec.CommandContext(t.Context(), "../../scripts/modules").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// scenario is a rig that has found the scenarios.
func scenarioRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.setCounts(scenarioCounts())
	r.found(scenarios()...)
	return r
}

// control lets a script have something happen behind the console.
func (r *rig) control() http.Handler {
	mux := http.NewServeMux()
	do := func(path string, what func(q url.Values)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
			what(q.URL.Query())
			w.WriteHeader(http.StatusOK)
		})
	}
	do("/fresh", func(q url.Values) {
		id, err := strconv.ParseUint(cmp.Or(q.Get("id"), "ff"), 16, 64)
		if err == nil {
			r.found(idle(id, func(x *findinglog.Record) { x.Severity = cmp.Or(findinglog.Severity(q.Get("severity")), x.Severity) }))
		}
	})
	number := func(q url.Values, name string) int {
		n, _ := strconv.Atoi(q.Get(name))
		return n
	}
	// now is a finding that says when it was sent, in its id. It comes first in the list.
	now := func() findinglog.Record {
		sent := time.Now()
		return idle(uint64(sent.UnixMilli()), func(x *findinglog.Record) {
			x.DecidedAt, x.Severity = sent.UnixNano(), findinglog.Critical
		})
	}
	do("/fill", func(q url.Values) {
		for i := range number(q, "n") {
			r.found(idle(uint64(1000 + i)))
		}
	})
	do("/burst", func(q url.Values) {
		records := make([]findinglog.Record, number(q, "n"))
		for i := range records {
			records[i] = idle(uint64(5000+i), func(x *findinglog.Record) { x.Severity = findinglog.Critical })
		}
		r.found(records...)
	})
	do("/flood", func(q url.Values) {
		rate := number(q, "rate")
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for range number(q, "seconds") * rate {
			<-tick.C
			r.found(now())
		}
	})
	do("/services", func(q url.Values) {
		var c console.Counts
		for i := range number(q, "n") {
			name := fmt.Sprintf("service-%d-%s", i, strings.Repeat("x", 100))
			c.Judged = append(c.Judged, console.Judged{Policy: 1, Service: name, InTime: 1, Late: int64(i % 3), Refused: 4})
			c.Seen = append(c.Seen, console.Seen{Service: name, WithID: 5, WithoutID: int64(i)})
		}
		r.setCounts(c)
	})
	do("/blind", func(url.Values) {
		r.setCounts(console.Counts{
			Seen:    []console.Seen{{Service: "cart", WithoutID: 612}, {Service: "checkout", WithoutID: 200}},
			Nearest: []string{"app.sessionId", "session_key"},
			Advice: []console.Advice{{
				Group: console.AdviceNothing, Title: "Nothing can be found because", Code: "cookie_unread", Service: "cart",
				Sentence: "none of 612 requests of cart names a session, and their Cookie header is captured (sid): " +
					"add {attribute: http.request.header.cookie, cookie: NAME} to session_id::sources.",
			}},
		})
	})
	do("/reset", func(url.Values) {
		r.setCounts(scenarioCounts())
		r.found(scenarios()...)
	})
	address := r.address.String()
	do("/stop", func(url.Values) { _ = r.Shutdown(context.Background()) })
	begin := func() {
		cfg := *r.cfg
		cfg.ServerConfig.NetAddr.Endpoint = address
		x, err := newExtension(r.set, &cfg)
		require.NoError(r.t, err)
		require.NoError(r.t, x.Start(r.t.Context(), componenttest.NewNopHost()))
		r.consoleExtension = x
		r.engine = &fakeEngine{}
		r.sink = x.Register(component.NewID(component.MustNewType("session_timeout")), r.engine)
	}
	do("/start", func(url.Values) { begin() })
	do("/empty", func(url.Values) {
		_ = r.Shutdown(context.Background())
		begin()
	})
	return mux
}

func (r *rig) setCounts(c console.Counts) {
	r.engine.set(c)
	e := r.sink.(*engine)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.at = time.Time{}
}

// TestPage: what opens, what comes, what the keyboard does, and what hostile texts do not.
func TestPage(t *testing.T) { inBrowser(t, scenarioRig(t), "short.mjs") }

// TestWork: what is done for a first paint and for an update, whatever the machine has to do.
func TestWork(t *testing.T) { inBrowser(t, scenarioRig(t), "work.mjs") }

// TestViews, TestLife and TestSpeed take minutes: make check asks for them.
func TestViews(t *testing.T) {
	needAll(t)
	inBrowser(t, scenarioRig(t), "views.mjs")
}

func TestLife(t *testing.T) {
	needAll(t)
	inBrowser(t, scenarioRig(t), "life.mjs")
}

func TestSpeed(t *testing.T) {
	needAll(t)
	inBrowser(t, scenarioRig(t), "speed.mjs")
}

func needAll(t *testing.T) {
	t.Helper()
	if os.Getenv(browserEnv) != "full" {
		t.Skipf("%s is not full", browserEnv)
	}
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
