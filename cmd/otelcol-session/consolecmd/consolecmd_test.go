package consolecmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

var update = flag.Bool("update", false, "write the golden files anew")

// at is an instant, in seconds behind 08:00.
func at(seconds float64) console.Instant {
	return console.Instant(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).UnixNano() + int64(seconds*1e9))
}

// example is what a console says of a session that was dead from 8:05:05 on.
func example(change ...func(*console.Detail)) console.Detail {
	request := func(s float64, service, kind string) console.Request {
		return console.Request{Start: at(s), End: at(s), Service: service, Kind: kind}
	}
	d := console.Detail{
		Finding: console.Finding{
			ID: "31bcba21cadad1d1", Sequence: 1, Type: "ended", State: "confirmed", Policy: "default", Limit: 5, Service: "ledger",
			Session: strings.Repeat("ab", 32), TraceID: strings.Repeat("cd", 16), At: at(330), ExpiredAt: at(305), Overrun: 25,
			Requests: 3, FirstAt: at(330), LastAt: at(338), StartedAt: at(0), StartKnown: true, DecidedAt: at(400),
			Sentence: "ledger served 3 requests of session abababababab, the first of them 25s after it was ended and the grace of 5s was over (policy default).",
			Headline: "ledger served 3 requests on a dead session",
		},
		Timeline: &console.Timeline{
			Requests: []console.Request{
				request(10, "storefront", "served"), request(100, "ledger", "served"), request(200, "checkout", "served"),
				request(329, "storefront", "refused"), request(330, "ledger", "late"), request(334, "payments", "undecidable"), request(338, "ledger", "late"),
			},
			Events: []console.Event{{At: at(0), Kind: "login"}, {At: at(300), Kind: "end", By: "storefront"}},
			Spells: []console.Span{{From: at(0), To: at(338)}}, ClockFrom: at(300),
		},
		Why: []console.Step{
			{At: at(0), Text: "login: both clocks start"},
			{At: at(305), Text: "dead: the grace of 5 s for requests under way is over"},
			{At: at(330), Text: "ledger serves GET /orders (200) all the same, 25 s after its end"},
		},
		Clears:   "A login on this session between 08:05:00 and 08:05:30; or a clock that is wrong.",
		InCommon: []console.Common{{What: "instance", Value: "ledger-2", Late: 1, All: .33, LateOf: 2, AllOf: 6}},
		Links:    []console.Link{{Name: "trace", URL: "https://grafana.example/x"}},
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

// fakeConsole answers as one that holds these.
func fakeConsole(t *testing.T, state console.State, all ...console.Detail) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { require.NoError(t, json.NewEncoder(w).Encode(v)) }
	mux.HandleFunc("/api/v1/state", func(w http.ResponseWriter, _ *http.Request) { answer(w, state) })
	mux.HandleFunc("/api/v1/findings", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("type") == "nonsense" {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, console.Problem{Error: "type: is none"})
			return
		}
		found := console.Findings{Findings: []console.Finding{}}
		for _, d := range all {
			found.Findings = append(found.Findings, d.Finding)
		}
		answer(w, found)
	})
	mux.HandleFunc("/api/v1/findings/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, d := range all {
			if d.ID == r.PathValue("id") {
				answer(w, d)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
		answer(w, console.Problem{Error: "it is not held"})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func run(cmd *cobra.Command, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err = cmd.ExecuteContext(context.Background())
	return out.String(), errs.String(), err
}

func status(err error) int {
	var exit ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Status
	}
	return 3
}

// Findings are printed a line each, and the status says whether something is confirmed.
func TestFindings(t *testing.T) {
	doubtful := func(d *console.Detail) { d.State, d.ID = "inconclusive", "00000000000000ff" }
	good := console.State{Mood: "good", Sentence: "Watching 1 service."}
	for name, x := range map[string]struct {
		state  console.State
		held   []console.Detail
		args   []string
		status int
		stdout string
		stderr string
	}{
		"confirmed":        {good, []console.Detail{example(doubtful), example()}, nil, 1, "31bcba21cadad1d1  " + example().Sentence + "\n00000000000000ff  " + example().Sentence + "\n", ""},
		"nothing sure":     {good, []console.Detail{example(doubtful)}, nil, 0, "00000000000000ff  " + example().Sentence + "\n", "Watching 1 service.\n"},
		"nothing":          {good, nil, nil, 0, "", "Watching 1 service.\n"},
		"nothing received": {console.State{Mood: "empty", Sentence: "Nothing has been received yet."}, nil, nil, 2, "", "Nothing has been received yet.\n"},
		"refused":          {good, nil, []string{"--type", "nonsense"}, 3, "", ""},
		"no URL":           {good, nil, []string{"--console", "localhost"}, 3, "", ""},
		"nobody answers":   {good, nil, []string{"--console", "http://127.0.0.1:1"}, 2, "", ""},
	} {
		server := fakeConsole(t, x.state, x.held...)
		stdout, stderr, err := run(Findings(), append([]string{"--console", server.URL}, x.args...)...)
		require.Equal(t, x.status, status(err), name)
		require.Equal(t, x.stdout, stdout, name)
		require.Equal(t, x.stderr, stderr, name)
	}
	stdout, _, _ := run(Findings(), "--json", "--console", fakeConsole(t, good, example()).URL)
	var f console.Finding
	require.NoError(t, json.Unmarshal([]byte(stdout), &f))
	require.Equal(t, example().Finding, f)
}

// A finding is told with its timeline, on one scale or two.
func TestExplain(t *testing.T) {
	server := fakeConsole(t, console.State{}, example(), example(func(d *console.Detail) {
		d.ID, d.Type, d.State, d.Limit, d.StartKnown = "31ff000000000000", "idle_timeout", "inconclusive", 1800, false
		d.Doubt = "The collector crashed, and what it had taken last may be lost."
		d.Timeline.Blind = []console.Span{{From: at(-1000), To: at(-500), Reason: "crash"}, {From: at(306), To: at(308)}}
		d.Timeline.NotHeld = []console.Span{{To: at(300)}}
		d.Timeline.Spells = []console.Span{{From: at(-20000), To: at(-15000)}, {From: at(-9000), To: at(-1495)}}
		d.Timeline.ClockFrom = at(-1495)
	}), example(func(d *console.Detail) {
		d.ID, d.State, d.Clears, d.InCommon, d.Timeline, d.NoTimeline = "00000000000000aa", "retracted", "", nil, nil, "Too many findings were decided at that moment."
	}))
	for _, x := range []struct {
		id     string
		golden string
		status int
	}{{"31bcba21cadad1d1", "ended.txt", 1}, {"31F", "idle.txt", 2}, {"00", "none.txt", 0}} {
		stdout, _, err := run(Explain(), x.id, "--console", server.URL)
		require.Equal(t, x.status, status(err))
		stdout = strings.ReplaceAll(stdout, server.URL, "http://localhost:8889")
		file := "testdata/" + x.golden
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o750))
			require.NoError(t, os.WriteFile(file, []byte(stdout), 0o600))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), stdout)
		for line := range strings.Lines(stdout) {
			require.LessOrEqual(t, utf8.RuneCountInString(line), 81, line)
		}
	}
	for id, want := range map[string]string{
		"31": "ID must be one finding's: 2 begin with 31", "x": "ID must be up to 16 hex digits", "": "ID must be up to 16 hex digits",
		"ee": "no finding that is held begins with ee", "00000000000000ee": "it is not held",
	} {
		_, _, err := run(Explain(), id, "--console", server.URL)
		require.ErrorContains(t, err, want)
	}
	_, _, err := run(Explain(), "31bc", "--width", "10", "--console", server.URL)
	require.ErrorContains(t, err, "--width must be at least 60 (got 10)")
}

// A terminal obeys none of what a console says.
func TestHostile(t *testing.T) {
	evil := "\x1b]0;owned\x07\x1b[2J\u202e\r\n"
	d := example(func(d *console.Detail) {
		d.Headline, d.Sentence, d.Clears, d.Doubt, d.Session, d.Service, d.Policy = evil, evil, evil, evil, evil, evil, evil
		d.Links[0] = console.Link{Name: evil, URL: evil}
		d.InCommon[0].Value, d.InCommon[0].What = evil, evil
		for i := range d.Why {
			d.Why[i].Text = evil
		}
		for i := range d.Timeline.Requests {
			d.Timeline.Requests[i].Service = evil
		}
		d.Timeline.Events[1].By = evil
	})
	server := fakeConsole(t, console.State{Sentence: evil}, d)
	for _, cmd := range []*cobra.Command{Findings(), Explain()} {
		args := []string{"--console", server.URL}
		if cmd.Name() == "explain" {
			args = append(args, d.ID)
		}
		stdout, stderr, _ := run(cmd, args...)
		require.NotEmpty(t, stdout)
		for _, r := range "\x1b\x07\r\u202e" {
			require.NotContains(t, stdout+stderr, string(r))
		}
	}
}

// Follow goes on where it was when the connection breaks.
func TestFollow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		n := len(asked)
		f := example().Finding
		f.ID = fmt.Sprintf("%016x", n)
		b, _ := json.Marshal(f)
		fmt.Fprintf(w, "event: hello\ndata: {}\n\n: still here\n\nevent: finding\nid: run.%d\ndata: %s\n\n", n, b)
	}))
	defer server.Close()
	c, err := newClient(server.URL, "")
	require.NoError(t, err)
	var got []string
	require.NoError(t, c.follow(ctx, func(f console.Finding) error {
		if got = append(got, f.ID); len(got) == 3 {
			cancel()
		}
		return nil
	}))
	require.Equal(t, []string{"0000000000000001", "0000000000000002", "0000000000000003"}, got)
	require.Equal(t, []string{"", "run.1", "run.2"}, asked)

	closed := httptest.NewServer(http.NotFoundHandler())
	c, err = newClient(closed.URL, "")
	require.NoError(t, err)
	require.Error(t, c.follow(t.Context(), nil), "that is no console")
	closed.Close()
	require.Equal(t, 2, status(c.follow(t.Context(), nil)), "nobody answers from the first")
}

// With a name in the URL, the password comes from the environment, and is in no message.
func TestAuth(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "a" || pass != "p@ss" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(console.State{Version: "1"})
	}))
	defer server.Close()
	c, err := newClient(strings.Replace(server.URL, "http://", "http://a@", 1)+"/", "p@ss")
	require.NoError(t, err)
	var s console.State
	require.NoError(t, c.get(t.Context(), "state", &s))
	require.Equal(t, "1", s.Version)
	c, err = newClient(strings.Replace(server.URL, "http://", "http://a:wrong@", 1), "")
	require.NoError(t, err)
	err = c.get(t.Context(), "state", &s)
	require.ErrorContains(t, err, "401")
	require.NotContains(t, err.Error(), "wrong")
}

// The demo's key is the same each time, and what listens for other telemetry has another.
func TestDemoConfig(t *testing.T) {
	keys := func() (replay, live string) {
		text, err := demoConfig(t.TempDir(), "localhost:1")
		require.NoError(t, err)
		var c struct {
			Processors map[string]struct {
				SessionID struct {
					HashKey string `json:"hash_key"`
				} `json:"session_id"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(text), &c))
		return c.Processors["session_timeout/replay"].SessionID.HashKey, c.Processors["session_timeout"].SessionID.HashKey
	}
	t.Setenv("SESSION_HASH_KEY", "")
	replay, live := keys()
	again, other := keys()
	require.Len(t, replay, 64)
	require.Equal(t, replay, again)
	require.Len(t, live, 64)
	require.NotEqual(t, replay, live)
	require.NotEqual(t, live, other)
	t.Setenv("SESSION_HASH_KEY", "mine")
	replay, live = keys()
	require.Equal(t, again, replay, "a key of one's own is not the recording's")
	require.Empty(t, live, "the configuration takes it from the environment")
}
