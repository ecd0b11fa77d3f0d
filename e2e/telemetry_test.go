package e2e

import (
	"bytes"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// spanID names a span.
type spanID struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
}

// span is a span as it left the collector.
type span struct {
	ptrace.Span
	service string
}

func (s span) text(name string) string { return valueOf(s.Attributes(), name).AsString() }

func (s span) session() string { return s.text("session.id") }

// request reports whether the span is a request of a session that is judged:
// the service's own side of it, with an id, and neither a login nor a logout.
func (s span) request() bool {
	kind, id := s.Kind(), s.session()
	return (kind == ptrace.SpanKindServer || kind == ptrace.SpanKindConsumer) &&
		id != "" && id != "deleted" && s.text("http.request.method") != "OPTIONS" &&
		!slices.Contains([]string{"login", "logout", "healthz"}, path.Base(s.text("url.path")))
}

// served reports whether the service honoured the session.
func (s span) served() bool {
	if s.Kind() == ptrace.SpanKindConsumer {
		return s.text("error.type") == ""
	}
	return strings.HasPrefix(s.text("http.response.status_code"), "2")
}

func (s span) start() time.Time { return s.StartTimestamp().AsTime() }

// spans reads the traces that the collector has let pass so far.
func (c *collector) spans() map[spanID]span {
	c.t.Helper()
	all := map[spanID]span{}
	var unmarshaler ptrace.JSONUnmarshaler
	for line := range c.lines("traces") {
		traces, err := unmarshaler.UnmarshalTraces(line)
		require.NoError(c.t, err)
		for _, resource := range traces.ResourceSpans().All() {
			service := valueOf(resource.Resource().Attributes(), "service.name")
			for _, scope := range resource.ScopeSpans().All() {
				for _, s := range scope.Spans().All() {
					all[spanID{s.TraceID(), s.SpanID()}] = span{s, service.Str()}
				}
			}
		}
	}
	return all
}

// logs reads the logs that have left the collector so far, findings among them.
func (c *collector) logs() []plog.Logs {
	c.t.Helper()
	var all []plog.Logs
	var unmarshaler plog.JSONUnmarshaler
	for line := range c.lines("logs") {
		logs, err := unmarshaler.UnmarshalLogs(line)
		require.NoError(c.t, err)
		all = append(all, logs)
	}
	return all
}

// mark is what the collector writes on telemetry that it suspects.
type mark struct {
	kind, state, policy string
	overrun             float64
}

// marks are those of all requests that were marked in passing: on the span, or
// on the access-log record where that came first.
func (c *collector) marks() map[spanID]mark {
	c.t.Helper()
	all := map[spanID]mark{}
	add := func(id spanID, attributes pcommon.Map) {
		if state, marked := attributes.Get("session_timeout.state"); marked {
			all[id] = mark{
				valueOf(attributes, "session_timeout.type").Str(), state.Str(),
				valueOf(attributes, "session_timeout.policy").Str(), valueOf(attributes, "session_timeout.overrun").Double(),
			}
		}
	}
	for _, logs := range c.logs() {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				if scope.Scope().Name() == findingScope {
					continue
				}
				for _, record := range scope.LogRecords().All() {
					add(spanID{record.TraceID(), record.SpanID()}, record.Attributes())
				}
			}
		}
	}
	for id, s := range c.spans() {
		add(id, s.Attributes())
	}
	return all
}

// valueOf is the value of an attribute, empty where there is none.
func valueOf(attributes pcommon.Map, name string) pcommon.Value {
	if value, ok := attributes.Get(name); ok {
		return value
	}
	return pcommon.NewValueEmpty()
}

// completeLines reads a file to which lines are still being added.
func completeLines(t *testing.T, file string) func(yield func([]byte) bool) {
	t.Helper()
	content, err := os.ReadFile(file)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return bytes.Lines(content[:bytes.LastIndexByte(content, '\n')+1])
}
