package alerts

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

func TestReadFinding(t *testing.T) {
	f := read(t, violation{
		id: "0123456789abcdef", revision: 3, requests: 7, overrun: 12.5,
		first: epoch, last: epoch.Add(1500 * time.Millisecond), trace: pcommon.TraceID{1}, observed: epoch.Add(time.Minute),
	})
	require.Equal(t, finding{
		id:       0x0123456789abcdef,
		revision: 3,
		observed: epoch.Add(time.Minute).UnixNano(),
		state:    fact.Confirmed,
		identity: identity{
			Severity: "critical", Policy: "payments", Violation: "idle_timeout",
			Service: "checkout", Namespace: "shop", Environment: "prod",
		},
		session:  pseudonym("anybody"),
		trace:    pcommon.TraceID{1},
		requests: 7,
		first:    epoch.UnixNano(),
		last:     epoch.Add(1500 * time.Millisecond).UnixNano(),
		overrun:  12.5,
	}, f)
}

func TestReadFindingSeverity(t *testing.T) {
	for number, want := range map[plog.SeverityNumber]string{
		plog.SeverityNumberInfo:   "info",
		plog.SeverityNumberInfo4:  "info",
		plog.SeverityNumberWarn:   "warning",
		plog.SeverityNumberWarn4:  "warning",
		plog.SeverityNumberError:  "critical",
		plog.SeverityNumberFatal4: "critical",
	} {
		require.Equal(t, want, read(t, violation{severity: number}).identity.Severity, number)
	}
}

func TestReadFindingSilent(t *testing.T) {
	require.False(t, read(t, violation{severity: plog.SeverityNumberInfo}).silent, "a policy may have severity info")
	require.True(t, read(t, violation{severity: plog.SeverityNumberInfo, background: true}).silent)
	require.False(t, read(t, violation{severity: plog.SeverityNumberWarn, background: true}).silent, "background: alert")
}

// TestReadFindingFlaws: whoever may send logs may write what looks like a finding, and no such text wakes
// anybody.
func TestReadFindingFlaws(t *testing.T) {
	at := func(name string) string { return "session_timeout." + name }
	text := func(name, value string) func(plog.LogRecord) {
		return func(r plog.LogRecord) { r.Attributes().PutStr(at(name), value) }
	}
	integer := func(name string, value int64) func(plog.LogRecord) {
		return func(r plog.LogRecord) { r.Attributes().PutInt(at(name), value) }
	}
	double := func(name string, value float64) func(plog.LogRecord) {
		return func(r plog.LogRecord) { r.Attributes().PutDouble(at(name), value) }
	}
	without := func(name string) func(plog.LogRecord) {
		return func(r plog.LogRecord) { r.Attributes().Remove(at(name)) }
	}
	level := func(n plog.SeverityNumber) func(plog.LogRecord) {
		return func(r plog.LogRecord) { r.SetSeverityNumber(n) }
	}
	for want, changes := range map[findinglog.Flaw][]func(plog.LogRecord){
		findinglog.FlawID: {
			without("id"), text("id", "a1"), text("id", "000000000000000g"), text("id", "+00000000000000a"), integer("id", 1),
			text("id", "00000000000000a1\n"),
		},
		findinglog.FlawSession: {
			without("session"), text("session", ""), integer("session", 5), text("session", strings.Repeat("5e", 31)),
			text("session", strings.Repeat("5E", 32)), text("session", "http://evil.example/"+strings.Repeat("x", 200)),
			text("session", strings.Repeat("5e", 32)+"\n"), text("session", strings.Repeat("g", 64)),
		},
		findinglog.FlawUser:     {text("user", ""), text("user", "ann@example.com"), integer("user", 7), text("user", strings.Repeat("0Z", 32))},
		findinglog.FlawRevision: {without("revision"), integer("revision", 0), integer("revision", -1), text("revision", "1"), double("revision", 1)},
		findinglog.FlawRequests: {without("requests"), integer("requests", 0), integer("requests", -3), text("requests", "3"), double("requests", 3)},
		findinglog.FlawType:     {without("type"), text("type", ""), text("type", "ENDED"), text("type", "call +1-555-0100 now"), integer("type", 1)},
		findinglog.FlawState:    {without("state"), text("state", "suspected"), text("state", "confirmed "), integer("state", 1)},
		findinglog.FlawTime: {
			without("first_at"), without("last_at"), without("expired_at"), without("started_at"), without("last_activity_at"),
			text("first_at", "yesterday"), text("first_at", ""), integer("first_at", 1), text("first_at", "1969-12-31T23:59:59Z"),
			text("last_at", "2554-01-01T00:00:00Z"), text("last_at", "1999-12-31T00:00:00Z"), text("expired_at", "2000-13-01T00:00:00Z"),
			text("started_at", "2000-01-01 00:00:00"), text("last_activity_at", "<b>"),
			func(r plog.LogRecord) { // it need not be there, and so it must be right
				r.Attributes().PutStr(at("type"), "ended")
				r.Attributes().PutStr(at("last_activity_at"), "")
			},
		},
		findinglog.FlawOverrun: {
			without("overrun"), double("overrun", -0.001), double("overrun", math.NaN()), double("overrun", math.Inf(1)),
			double("overrun", math.Inf(-1)), text("overrun", "9"), integer("overrun", 9),
		},
		findinglog.FlawSeverity: {level(plog.SeverityNumberDebug4), level(plog.SeverityNumberUnspecified), level(25), level(-1), level(1 << 30)},
	} {
		for i, change := range changes {
			for _, state := range []string{stateConfirmed, stateRetracted, stateInconclusive} {
				resource := logs(violation{state: state}).ResourceLogs().At(0)
				record := resource.ScopeLogs().At(0).LogRecords().At(0)
				change(record)
				_, got := readFinding(resource.Resource().Attributes(), record)
				require.Equal(t, want, got, "%d, %s", i, state)
			}
		}
	}
}

// TestReadFindingOfEveryKind: what the processor writes is taken.
func TestReadFindingOfEveryKind(t *testing.T) {
	require.Len(t, after, int(fact.TypeCount))
	for kind := range after {
		for _, state := range []string{stateConfirmed, stateRetracted, stateInconclusive} {
			f := read(t, violation{kind: kind, state: state})
			require.Equal(t, kind, f.identity.Violation)
			require.Equal(t, state, f.state.String())
		}
	}
	resource := logs(violation{kind: "ended"}).ResourceLogs().At(0)
	record := resource.ScopeLogs().At(0).LogRecords().At(0)
	record.Attributes().Remove("session_timeout.user")
	_, wrong := readFinding(resource.Resource().Attributes(), record)
	require.Equal(t, findinglog.Flawless, wrong, "the user need not be known")
}

// TestReadFindingNames: what something is called may be anything, and is made fit to be shown.
func TestReadFindingNames(t *testing.T) {
	resource := logs(violation{}).ResourceLogs().At(0)
	attrs := resource.Resource().Attributes()
	attrs.PutStr("service.name", strings.Repeat("ä", 300))
	attrs.PutStr("service.namespace", "\u202eshop\r\n")
	attrs.PutStr("deployment.environment.name", "pr\x00od")
	record := resource.ScopeLogs().At(0).LogRecords().At(0)
	record.Attributes().PutStr("session_timeout.policy", "pay\xffments")

	f, wrong := readFinding(attrs, record)
	require.Equal(t, findinglog.Flawless, wrong)
	require.Equal(t, "pay\uFFFDments", f.identity.Policy)
	require.Equal(t, strings.Repeat("ä", 128), f.identity.Service)
	require.Equal(t, "\uFFFDshop\uFFFD\uFFFD", f.identity.Namespace)
	require.Equal(t, "pr\uFFFDod", f.identity.Environment)
}
