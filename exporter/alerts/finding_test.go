package alerts

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestReadFinding(t *testing.T) {
	f := read(t, violation{
		id: "0123456789abcdef", revision: 3, requests: 7, overrun: 12.5,
		first: epoch, last: epoch.Add(1500 * time.Millisecond), trace: pcommon.TraceID{1},
	})
	require.Equal(t, finding{
		id:       0x0123456789abcdef,
		revision: 3,
		state:    "confirmed",
		identity: identity{
			Severity: "critical", Policy: "payments", Violation: "idle_timeout",
			Service: "checkout", Namespace: "shop", Environment: "prod",
		},
		session:  strings.Repeat("5e", 32),
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

func TestReadFindingErrors(t *testing.T) {
	for name, test := range map[string]struct {
		change func(plog.LogRecord)
		want   error
	}{
		"no id":        {func(r plog.LogRecord) { r.Attributes().Remove("session_timeout.id") }, errFindingID},
		"short id":     {func(r plog.LogRecord) { r.Attributes().PutStr("session_timeout.id", "a1") }, errFindingID},
		"no hex":       {func(r plog.LogRecord) { r.Attributes().PutStr("session_timeout.id", "000000000000000g") }, errFindingID},
		"signed id":    {func(r plog.LogRecord) { r.Attributes().PutStr("session_timeout.id", "+00000000000000a") }, errFindingID},
		"id of a type": {func(r plog.LogRecord) { r.Attributes().PutInt("session_timeout.id", 1) }, errFindingID},
		"state":        {func(r plog.LogRecord) { r.Attributes().PutStr("session_timeout.state", "suspected") }, errFindingState},
		"no type":      {func(r plog.LogRecord) { r.Attributes().Remove("session_timeout.type") }, errFindingType},
		"severity":     {func(r plog.LogRecord) { r.SetSeverityNumber(plog.SeverityNumberDebug4) }, errFindingLevel},
	} {
		t.Run(name, func(t *testing.T) {
			resource := logs(violation{}).ResourceLogs().At(0)
			record := resource.ScopeLogs().At(0).LogRecords().At(0)
			test.change(record)
			_, err := readFinding(resource.Resource().Attributes(), record)
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestReadFindingTakesWhatOnlyDescribes(t *testing.T) {
	resource := logs(violation{}).ResourceLogs().At(0)
	resource.Resource().Attributes().PutStr("service.name", strings.Repeat("ä", 300))
	record := resource.ScopeLogs().At(0).LogRecords().At(0)
	record.SetTimestamp(42)
	attrs := record.Attributes()
	attrs.PutStr("session_timeout.first_at", "yesterday")
	attrs.PutStr("session_timeout.last_at", "2554-01-01T00:00:00Z")
	attrs.PutDouble("session_timeout.overrun", math.NaN())
	attrs.PutInt("session_timeout.requests", -3)
	attrs.PutStr("session_timeout.policy", "pay\xffments")
	attrs.PutStr("session_timeout.session", strings.Repeat("x", 1<<16))

	f, err := readFinding(resource.Resource().Attributes(), record)
	require.NoError(t, err)
	require.Equal(t, int64(42), f.first, "the record's own time stands in")
	require.Equal(t, int64(42), f.last)
	require.Zero(t, f.overrun)
	require.Equal(t, int64(1), f.requests)
	require.Equal(t, "pay\uFFFDments", f.identity.Policy)
	require.Equal(t, strings.Repeat("ä", 128), f.identity.Service)
	require.Len(t, f.session, maxPseudonym)
}
