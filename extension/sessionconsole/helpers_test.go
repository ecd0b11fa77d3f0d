package sessionconsole

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/otelcol-session/otelcol-session/extension/sessionconsole/internal/metadata"
	"github.com/otelcol-session/otelcol-session/extension/sessionconsole/internal/metadatatest"
	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// fakeEngine counts what it is told to.
type fakeEngine struct {
	mu     sync.Mutex
	counts console.Counts
	asked  int
	replay bool
}

func (f *fakeEngine) Describe() console.Description {
	return console.Description{
		Policies: []console.Policy{
			{Name: "payments", Match: map[string][]string{"service.name": {"checkout", "ledger"}}, IdleTimeout: 5 * time.Minute, AbsoluteTimeout: time.Hour, Severity: "critical", Tolerance: 2 * time.Second, Background: "off", Evidence: "identity"},
			{Name: "default", IdleTimeout: 30 * time.Minute, Severity: "warning", Tolerance: 2 * time.Second, EndGrace: 5 * time.Second, RotationGrace: 30 * time.Second, Sampled: true, Inclusive: true, Background: "observe", Evidence: "presented"},
		},
		Sources: []string{"session.id"}, KeyID: "abc", IdleDecisionWait: 5 * time.Minute, Replay: f.replay, MaxSessions: 10,
	}
}

func (f *fakeEngine) Counts() console.Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.counts
}

func (f *fakeEngine) set(c console.Counts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts = c
}

type host struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h host) GetExtensions() map[component.ID]component.Component { return h.extensions }

// rig is a console that listens, and an engine that it shows.
type rig struct {
	*consoleExtension
	t         *testing.T
	telemetry *componenttest.Telemetry
	engine    *fakeEngine
	sink      console.Sink
	base      string
}

// bare is a console without an engine.
func bare(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	return bareWith(t, nil, change...)
}

func bareWith(t *testing.T, extensions map[component.ID]component.Component, change ...func(*Config)) *rig {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = "127.0.0.1:0"
	for _, c := range change {
		c(cfg)
	}
	require.NoError(t, cfg.Validate())
	telemetry := componenttest.NewTelemetry()
	x, err := newExtension(metadatatest.NewSettings(telemetry), cfg)
	require.NoError(t, err)
	require.NoError(t, x.Start(t.Context(), host{componenttest.NewNopHost(), extensions}))
	r := &rig{consoleExtension: x, t: t, telemetry: telemetry, base: strings.TrimSuffix(x.url(), "/")}
	t.Cleanup(func() {
		require.NoError(t, r.Shutdown(context.Background()))
		require.NoError(t, telemetry.Shutdown(context.Background()))
	})
	return r
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := bare(t, change...)
	r.engine = &fakeEngine{}
	r.sink = r.Register(component.NewID(component.MustNewType("session_timeout")), r.engine)
	return r
}

// reply is what a request was answered. Its body is closed when the test ends.
type reply struct {
	StatusCode int
	Header     http.Header
	Body       io.ReadCloser
}

func (r *rig) request(method, path string, header ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, nil)
	require.NoError(r.t, err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { response.Body.Close() })
	return reply{response.StatusCode, response.Header, response.Body}
}

// get reads what path answers into v, and returns how long it is.
func (r *rig) get(path string, v any) int {
	r.t.Helper()
	response := r.request(http.MethodGet, path)
	body, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, response.StatusCode, "%s: %s", path, body)
	require.NoError(r.t, json.Unmarshal(body, v))
	return len(body)
}

// sent is an event that a stream received.
type sent struct{ name, id, data string }

// stream opens one, and returns a function that waits for the next event but `state` and `caught_up`.
func (r *rig) stream(header ...string) (next func() sent) {
	r.t.Helper()
	read := r.wholeStream(header...)
	return func() sent {
		for {
			if e := read(); e.name != "state" && e.name != "caught_up" {
				return e
			}
		}
	}
}

// wholeStream opens one, and returns a function that waits for the next event.
func (r *rig) wholeStream(header ...string) (next func() sent) {
	r.t.Helper()
	response := r.request(http.MethodGet, "/api/v1/events", header...)
	require.Equal(r.t, http.StatusOK, response.StatusCode)
	require.Equal(r.t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewReaderSize(response.Body, 1<<20)
	return func() (e sent) {
		for {
			line, err := lines.ReadString('\n')
			require.NoError(r.t, err)
			switch key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); key {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					return e
				}
			}
		}
	}
}

// epoch is when the sessions of tests begin.
var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).UnixNano()

func at(d time.Duration) int64 { return epoch + int64(d) }

// idle is a finding of an idle limit of 30 minutes: the last activity at 10m, served at 45m.
func idle(id uint64, change ...func(*findinglog.Record)) findinglog.Record {
	r := findinglog.Record{
		PolicyName: "default", Limit: 30 * time.Minute, Severity: findinglog.Warning,
		Finding: fact.Finding{
			ID: id, Revision: 1, Type: fact.IdleTimeout, Policy: 1,
			Session: fact.Pseudonym{1, 2, byte(id)}, User: fact.Pseudonym{3},
			Resource: fact.Resource{ServiceName: "ledger", ServiceInstance: "ledger-2"},
			Details:  fact.Details{Method: "GET", Route: "/orders", Status: 200}, Trace: [16]byte{9}, Span: [8]byte{8},
			At: at(45 * time.Minute), DecidedAt: at(50 * time.Minute), Overrun: int64(5 * time.Minute), ExpiredAt: at(40 * time.Minute),
			Requests: 2, FirstAt: at(45 * time.Minute), LastAt: at(46 * time.Minute),
			StartedAt: at(0), StartKnown: true, LastActivityAt: at(10 * time.Minute),
			Timeline: &fact.Timeline{
				Texts: []string{"", "ledger", "storefront", "ledger-1", "ledger-2", "GET", "/orders", "/cart"}, HeldFrom: math.MinInt64,
				Requests: []fact.TimelineRequest{
					{Start: at(time.Minute), End: at(time.Minute + time.Second), Judged: at(time.Minute), Service: 1, Instance: 3, Method: 5, Route: 7, Status: 200},
					{Start: at(10 * time.Minute), End: at(10 * time.Minute), Judged: at(10 * time.Minute), Service: 2, Method: 5, Route: 7, Status: 200},
					{Start: at(44 * time.Minute), End: at(44 * time.Minute), Judged: at(44 * time.Minute), Service: 2, Method: 5, Route: 7, Status: 401, Outcome: fact.Rejected},
					{Start: at(45 * time.Minute), End: at(45 * time.Minute), Judged: at(45 * time.Minute), Service: 1, Instance: 4, Method: 5, Route: 6, Status: 200, Late: true},
					{Start: at(46 * time.Minute), End: at(46 * time.Minute), Judged: at(45 * time.Minute), Service: 1, Instance: 4, Method: 5, Route: 6, Status: 200, Late: true},
				},
				Spells: []fact.Span{{From: at(0), To: at(10 * time.Minute)}, {From: at(45 * time.Minute), To: at(46 * time.Minute)}},
				Events: []fact.TimelineEvent{{At: at(0), Kind: fact.Authenticated}},
				Blind:  []fact.BlindSpan{{Span: fact.Span{From: at(2 * time.Minute), To: at(3 * time.Minute)}, Reason: "crash"}},
			},
		},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestMetadata(t *testing.T) { require.Equal(t, "session_console", metadata.Type.String()) }
