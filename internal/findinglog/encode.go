package findinglog

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Encode turns findings into log records, those of one service under one resource. Their texts leave as
// [fact.Clean] has them; what it is given stays as it is.
func Encode(records []Record) plog.Logs {
	ld := plog.NewLogs()
	at := map[fact.Resource]plog.LogRecordSlice{}
	for _, r := range records {
		r.Clean()
		to, ok := at[r.Resource]
		if !ok {
			rl := ld.ResourceLogs().AppendEmpty()
			writeAttributes(rl.Resource().Attributes(), resourceAttributes, &r)
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(Scope)
			to = sl.LogRecords()
			at[r.Resource] = to
		}
		write(to.AppendEmpty(), &r)
	}
	return ld
}

func write(to plog.LogRecord, r *Record) {
	to.SetEventName(Event)
	to.SetTimestamp(pcommon.Timestamp(r.At))
	to.SetObservedTimestamp(pcommon.Timestamp(r.DecidedAt))
	to.SetTraceID(r.Trace)
	to.SetSpanID(r.Span)
	r.Severity.write(to)
	to.Body().SetStr(Sentence(r))
	writeAttributes(to.Attributes(), attributes, r)
}

func writeAttributes(to pcommon.Map, all []attribute, r *Record) {
	to.EnsureCapacity(len(all))
	for i := range all {
		if a := &all[i]; a.in(r) {
			a.write(r, to.PutEmpty(a.name))
		}
	}
}
