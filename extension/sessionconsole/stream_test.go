package sessionconsole

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

func (r *rig) found(records ...findinglog.Record) { r.sink.Found(records) }

func idOf(t *testing.T, e sent) string {
	t.Helper()
	require.Equal(t, "finding", e.name, e.data)
	var f console.Finding
	require.NoError(t, json.Unmarshal([]byte(e.data), &f))
	return f.ID
}

// A stream begins with what is held, goes on as findings come, and after a break where it was.
func TestStream(t *testing.T) {
	r := newRig(t)
	r.found(idle(1), idle(2))
	next := r.stream()
	require.Equal(t, sent{"hello", "", fmt.Sprintf(`{"run":%q,"resumed":false}`, r.run)}, next())
	require.Equal(t, idText(1), idOf(t, next()))
	second := next()
	require.Equal(t, idText(2), idOf(t, second))
	r.found(idle(3))
	r.found(idle(1, func(x *findinglog.Record) { x.Revision, x.State = 2, fact.Retracted }))
	require.Equal(t, idText(3), idOf(t, next()))
	last := next()
	require.Equal(t, idText(1), idOf(t, last))
	require.Contains(t, last.data, `"state":"retracted"`)

	again := r.stream("Last-Event-ID", second.id)
	require.Equal(t, sent{"hello", "", fmt.Sprintf(`{"run":%q,"resumed":true}`, r.run)}, again())
	require.Equal(t, idText(3), idOf(t, again()))
	require.Equal(t, idText(1), idOf(t, again()))

	for _, id := range []string{"another." + strings.Split(second.id, ".")[1], "x", r.run + ".x", r.run + "."} {
		anew := r.stream("Last-Event-ID", id)
		require.Contains(t, anew().data, `"resumed":false`, id)
		require.Equal(t, idText(2), idOf(t, anew()))
	}
}

// How things stand comes before the findings that are held, and behind them that they were all.
func TestStreamBegins(t *testing.T) {
	r := newRig(t)
	for i := range uint64(2*findingsAtOnce + 1) {
		r.found(idle(i + 1))
	}
	next, names := r.wholeStream(), []string{}
	for len(names) == 0 || names[len(names)-1] != "caught_up" {
		if e := next(); len(names) < 3 || e.name == "caught_up" {
			names = append(names, e.name)
		}
	}
	require.Equal(t, []string{"hello", "state", "finding", "caught_up"}, names)
	r.found(idle(1))
	again := r.wholeStream("Last-Event-ID", fmt.Sprintf("%s.%d", r.run, 2*findingsAtOnce+1))
	names = nil
	for len(names) == 0 || names[len(names)-1] != "caught_up" {
		names = append(names, again().name)
	}
	require.Equal(t, []string{"hello", "state", "finding", "caught_up"}, names)
}

// What gave way while a client was away, it is told; one that is new has lost nothing.
func TestStreamDrops(t *testing.T) {
	r := newRig(t, func(c *Config) { c.History = 3 })
	r.found(idle(1))
	next := r.stream()
	next()
	first := next()
	require.Equal(t, idText(1), idOf(t, first))
	r.found(idle(2), idle(3), idle(4), idle(5), idle(6))
	again := r.stream("Last-Event-ID", first.id)
	again()
	require.Equal(t, sent{"dropped", "", `{"findings":2}`}, again(), "2 and 3: 1 it had")
	require.Equal(t, idText(4), idOf(t, again()))
	require.Equal(t, idText(5), idOf(t, again()))
	anew := r.stream()
	anew()
	require.Equal(t, idText(4), idOf(t, anew()))
	metric, err := r.telemetry.GetMetric("otelcol_extension_session_console_findings_displaced")
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(metric.Data), " 3 ")
}

// write_timeout, which bounds an answer, does not end a stream: the state goes on coming.
func TestStreamOutlivesWriteTimeout(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.ServerConfig.WriteTimeout, c.ServerConfig.ReadTimeout = 50*time.Millisecond, 50*time.Millisecond
	})
	response := r.request(http.MethodGet, "/api/v1/events")
	lines, states := bufio.NewReaderSize(response.Body, 1<<20), 0
	for states < 3 { // one a second
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if line == "event: state\n" {
			states++
		}
	}
}

// Nothing of the console is traced: a span of a page lasts as long as the page is open.
func TestNoSpans(t *testing.T) {
	r := newRig(t)
	r.request(http.MethodGet, "/api/v1/state")
	r.stream()()
	require.NoError(t, r.Shutdown(t.Context()))
	require.Empty(t, r.telemetry.SpanRecorder.Started())
}

// So many streams and no more; one that ends makes room.
func TestStreamsAreBounded(t *testing.T) {
	r := newRig(t)
	open := make([]reply, mostStreams)
	for i := range open {
		open[i] = r.request(http.MethodGet, "/api/v1/events")
		require.Equal(t, 200, open[i].StatusCode)
	}
	refused := r.request(http.MethodGet, "/api/v1/events")
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	body, err := io.ReadAll(refused.Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"error":"32 streams are open, and no more may be"}`, string(body))
	require.Equal(t, 200, r.request(http.MethodGet, "/api/v1/state").StatusCode)
	metric, err := r.telemetry.GetMetric("otelcol_extension_session_console_streams_refused")
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(metric.Data), " 1 ")
	open[0].Body.Close()
	require.Eventually(t, func() bool {
		response := r.request(http.MethodGet, "/api/v1/events")
		return response.StatusCode == http.StatusOK
	}, time.Minute, 10*time.Millisecond)
}

// A client that reads nothing holds up nobody: neither others, nor the shutdown.
func TestClientThatReadsNothing(t *testing.T) {
	before := writeTimeout
	writeTimeout = time.Hour // nothing else lets go of the client
	t.Cleanup(func() { writeTimeout = before })
	r := newRig(t)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.address.String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4096))
	_, err = c.Write([]byte("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.streams.open() == 1 }, time.Minute, time.Millisecond)
	next := r.stream()
	next()
	for round := range 40 { // 40 MB: more than any buffer between the two
		var records []findinglog.Record
		for i := range 500 {
			records = append(records, idle(uint64(i), func(x *findinglog.Record) {
				x.Revision = round + 1
				x.Resource.ServiceName = strings.Repeat("ä", 1000)
			}))
		}
		r.found(records...)
	}
	for e := next(); idOf(t, e) != idText(499) || !strings.Contains(e.data, `"revision":40`); e = next() {
	}
	require.NoError(t, r.Shutdown(t.Context()), "it returns, though the other client has not read anything")
	require.Zero(t, r.streams.open())
	require.False(t, r.streams.add(&stream{}), "none begins afterwards")
}
