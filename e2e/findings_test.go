package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

const (
	findingScope = "github.com/otelcol-session/otelcol-session/processor/sessiontimeout"
	findingEvent = "session_timeout.violation"
)

// finding is a finding as it left the collector.
type finding struct {
	plog.LogRecord
	resource pcommon.Map
}

func (f finding) attribute(name string) pcommon.Value { return valueOf(f.Attributes(), name) }

func (f finding) text(name string) string { return f.attribute("session_timeout." + name).Str() }

func (f finding) number(name string) int { return int(f.attribute("session_timeout." + name).Int()) }

func (f finding) background() bool { return f.attribute("session_timeout.background").Bool() }

func (f finding) offender() spanID { return spanID{f.TraceID(), f.SpanID()} }

func (f finding) service() string { return valueOf(f.resource, "service.name").Str() }

// time reads an RFC 3339 attribute.
func (f finding) time(t *testing.T, name string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, f.text(name))
	require.NoError(t, err, name)
	return at
}

// findings reads all findings so far, every revision of each in the order in
// which they came.
func (c *collector) findings() []finding {
	c.t.Helper()
	var all []finding
	for _, logs := range c.logs() {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				if scope.Scope().Name() != findingScope {
					continue
				}
				for _, record := range scope.LogRecords().All() {
					all = append(all, finding{record, resource.Resource().Attributes()})
				}
			}
		}
	}
	return all
}

// asText is everything that findings say, as OTLP JSON.
func asText(t *testing.T, findings []finding) []byte {
	t.Helper()
	logs := plog.NewLogs()
	for _, f := range findings {
		resource := logs.ResourceLogs().AppendEmpty()
		f.resource.CopyTo(resource.Resource().Attributes())
		f.CopyTo(resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty())
	}
	text, err := new(plog.JSONMarshaler).MarshalLogs(logs)
	require.NoError(t, err)
	return text
}

// latest returns the last revision of each finding, by id.
func latest(findings []finding) map[string]finding {
	last := map[string]finding{}
	for _, f := range findings {
		if id := f.text("id"); last[id].LogRecord == (plog.LogRecord{}) || f.number("revision") > last[id].number("revision") {
			last[id] = f
		}
	}
	return last
}

// verdict is what a finding says that the driver knows as well.
type verdict struct {
	Session, User, Service, Type, Policy string
	Requests                             int
	Background                           bool
}

// found are the verdicts of the collector.
func found(findings []finding) []verdict {
	var all []verdict
	for _, f := range latest(findings) {
		all = append(all, verdict{
			Session: f.text("session"), User: f.text("user"), Service: f.service(), Type: f.text("type"),
			Policy: f.text("policy"), Requests: f.number("requests"), Background: f.background(),
		})
	}
	return sorted(all)
}

// expected are the verdicts of the driver. policy is that of a scenario's users.
func expected(all []played, policy func(user string) string) []verdict {
	var verdicts []verdict
	for _, p := range all {
		for _, e := range p.report.Expected {
			verdicts = append(verdicts, verdict{
				Session: pseudonym(e.Session), User: pseudonym(e.User), Service: e.Service, Type: string(e.Type),
				Policy: policy(e.User), Requests: e.Requests, Background: e.Background,
			})
		}
	}
	return sorted(verdicts)
}

func sorted(all []verdict) []verdict {
	slices.SortFunc(all, func(a, b verdict) int {
		return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Type, b.Type))
	})
	return all
}

// What the attributes of a finding are, by the contract.
var (
	always = map[string]pcommon.ValueType{
		"session_timeout.session": pcommon.ValueTypeStr, "session_timeout.user": pcommon.ValueTypeStr,
		"session_timeout.id": pcommon.ValueTypeStr, "session_timeout.revision": pcommon.ValueTypeInt,
		"session_timeout.type": pcommon.ValueTypeStr, "session_timeout.state": pcommon.ValueTypeStr,
		"session_timeout.overrun": pcommon.ValueTypeDouble, "session_timeout.expired_at": pcommon.ValueTypeStr,
		"session_timeout.requests": pcommon.ValueTypeInt, "session_timeout.first_at": pcommon.ValueTypeStr,
		"session_timeout.last_at": pcommon.ValueTypeStr, "session_timeout.started_at": pcommon.ValueTypeStr,
		"session_timeout.start_known": pcommon.ValueTypeBool, "session_timeout.policy": pcommon.ValueTypeStr,
		"session_timeout.limit": pcommon.ValueTypeDouble, "session_timeout.evidence": pcommon.ValueTypeStr,
		"session_timeout.background": pcommon.ValueTypeBool,
	}
	whereIdle  = map[string]pcommon.ValueType{"session_timeout.last_activity_at": pcommon.ValueTypeStr}
	whereEnded = map[string]pcommon.ValueType{"session_timeout.ended_by": pcommon.ValueTypeStr}
	ofHTTP     = map[string]pcommon.ValueType{
		"http.request.method": pcommon.ValueTypeStr, "http.route": pcommon.ValueTypeStr,
		"url.path": pcommon.ValueTypeStr, "http.response.status_code": pcommon.ValueTypeInt,
	}
	ofMessaging = map[string]pcommon.ValueType{"messaging.destination.name": pcommon.ValueTypeStr}
)

// requireContract holds one revision of a finding against the contract and
// against the span that it accuses.
func requireContract(t *testing.T, f finding, spans map[spanID]span, marks map[spanID]mark, l limits, severity plog.SeverityNumber) {
	t.Helper()
	kind := f.text("type")
	want := maps.Clone(always)
	if kind == "idle_timeout" {
		maps.Copy(want, whereIdle)
	}
	if kind == "ended" || kind == "rotated" || kind == "revoked" {
		maps.Copy(want, whereEnded)
		require.Equal(t, "storefront", f.text("ended_by"))
	}
	if f.background() {
		maps.Copy(want, ofMessaging)
		severity = plog.SeverityNumberInfo
	} else {
		maps.Copy(want, ofHTTP)
	}
	types := map[string]pcommon.ValueType{}
	for name, value := range f.Attributes().All() {
		types[name] = value.Type()
	}
	require.Equal(t, want, types)

	require.Equal(t, findingEvent, f.EventName())
	require.Equal(t, severity, f.SeverityNumber())
	require.NotEmpty(t, f.Body().Str())
	require.Equal(t, map[string]any{
		"service.name": "ledger", "service.namespace": "shop",
		"service.instance.id": "ledger-1", "deployment.environment.name": "demo",
	}, f.resource.AsRaw())

	s, exists := spans[f.offender()]
	require.True(t, exists, "a finding accuses a span that nobody sent")
	require.Equal(t, s.StartTimestamp(), f.Timestamp())
	require.Equal(t, f.service(), s.service)
	require.Equal(t, f.text("session"), pseudonym(s.session()))
	require.Equal(t, f.text("user"), pseudonym(s.text("user.id")))
	for name := range ofHTTP {
		require.Equal(t, s.text(name), f.attribute(name).AsString(), name)
	}
	m := marks[f.offender()]
	require.Equal(t, mark{kind, "suspected", f.text("policy"), m.overrun}, m, "mark of %v, of which is said: %s", s.Attributes().AsRaw(), f.Body().Str())
	require.InDelta(t, f.attribute("session_timeout.overrun").Double(), m.overrun, 0.01, "an access log's clock is less fine")

	require.Regexp(t, "^[0-9a-f]{16}$", f.text("id"))
	require.Equal(t, "confirmed", f.text("state"))
	require.Equal(t, "identity", f.text("evidence"))
	require.InDelta(t, l.of(kind), f.attribute("session_timeout.limit").Double(), 1e-9)
	require.True(t, f.attribute("session_timeout.start_known").Bool())
	overrun := f.attribute("session_timeout.overrun").Double()
	require.Greater(t, overrun, l.Tolerance.Seconds())
	require.InDelta(t, s.start().Sub(f.time(t, "expired_at")).Seconds(), overrun, 1e-6)
	require.Equal(t, s.start(), f.time(t, "first_at"))
	require.False(t, f.time(t, "last_at").Before(f.time(t, "first_at")))
	require.True(t, f.time(t, "started_at").Before(f.time(t, "expired_at")))
	if kind == "idle_timeout" {
		require.Equal(t, l.Idle, f.time(t, "expired_at").Sub(f.time(t, "last_activity_at")))
	}
	require.GreaterOrEqual(t, f.ObservedTimestamp().AsTime().Sub(s.start()), decisionWait)
}

// requireRevisions: each finding is sent again with other content only, which
// counts up.
func requireRevisions(t *testing.T, findings []finding) {
	t.Helper()
	last := map[string]int{}
	for _, f := range findings {
		require.Equal(t, last[f.text("id")]+1, f.number("revision"), fmt.Sprint(f.Attributes().AsRaw()))
		last[f.text("id")]++
	}
}

// requireMarks: what is marked in passing is what was found, request by request.
// A request inside another service's may be marked as well, since the longer
// one, which clears it, ends and comes after it.
func requireMarks(t *testing.T, findings []finding, spans map[spanID]span, marks map[spanID]mark) {
	t.Helper()
	type key struct{ session, service, kind string }
	want, got := map[key]int{}, map[key]int{}
	for _, f := range latest(findings) {
		want[key{f.text("session"), f.service(), f.text("type")}] += f.number("requests")
	}
	for id, m := range marks {
		s := spans[id]
		parent, inside := spans[spanID{s.TraceID(), s.ParentSpanID()}]
		if !inside || parent.service == s.service {
			got[key{pseudonym(s.session()), s.service, m.kind}]++
		}
	}
	require.Equal(t, want, got)
}
