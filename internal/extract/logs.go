package extract

import (
	"math"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Logs appends what ld says to b.
func (x *Extractor) Logs(ld plog.Logs, b *Batch) {
	w := walk{x: x, b: b}
	b.secrets.rules = &x.userRules
	resources := ld.ResourceLogs()
	b.grow(resources.Len())
	for i := range resources.Len() {
		resource := resources.At(i)
		if !w.enterResource(i, resource.Resource()) {
			continue
		}
		scopes := resource.ScopeLogs()
		for j := range scopes.Len() {
			scope := scopes.At(j)
			if !w.enterScope(j, scope.Scope()) {
				continue
			}
			records := scope.LogRecords()
			for k := range records.Len() {
				w.ref.Record = int32(k)
				w.logRecord(records.At(k))
			}
		}
	}
}

// logRecord looks at one record: an event, an access log's entry, or neither.
// What has the name of an event is one, whatever else it holds.
func (w *walk) logRecord(r plog.LogRecord) {
	w.x.keys.collect(r.Attributes(), &w.record)
	name := r.EventName()
	if name == "" {
		name = w.record.str(slotEventName)
	}
	if name != "" {
		if e := w.x.events.find(w, name); e != nil {
			w.event(e, r)
			return
		}
	}
	if w.isAccessLog() {
		q := request{flags: fact.FromLog}
		w.logTimes(&q, r)
		q.trace = r.TraceID()
		q.span = r.SpanID()
		w.request(&q)
		return
	}
	var id whom
	w.sessionID(&id)
	if id.reason == usable && w.mayShow(&id, w.record.seen) {
		w.hideIDs(&id, &nobody, "")
	} else if id.reason != usable && w.b.current != w.base {
		w.speakFor(0)
	}
	w.seen.LogNotUnderstood++
}

// isAccessLog reports whether the record has a method and a response status.
func (w *walk) isAccessLog() bool {
	const statuses = 1<<slotStatus | 1<<slotStatusOld | 1<<slotRPCStatus | 1<<slotRPCStatusOld | 1<<slotCodeOld
	return w.record.any(statuses) && w.record.strOr(slotMethod, slotMethodOld) != ""
}

// logTime is when a record is of.
func logTime(r plog.LogRecord) (int64, Reason) {
	t := r.Timestamp()
	if t == 0 {
		t = r.ObservedTimestamp()
	}
	return instant(t)
}

// logTimes are those of an access log's entry, which is written when the
// request is over, or where it is told so, has the time at which it began.
func (w *walk) logTimes(q *request, r plog.LogRecord) {
	at, reason := logTime(r)
	q.start, q.end, q.at, q.refused = at, at, at, reason
	if reason != usable {
		return
	}
	duration, has := w.record.values[slotDuration], w.record.has(slotDuration)
	if w.x.logAtStart {
		if has {
			length, _ := seconds(duration, math.MaxInt64-at)
			q.end += length
		}
		return
	}
	if has {
		if length, ok := seconds(duration, at); ok {
			q.start -= length
			q.at = q.start
			return
		}
	}
	q.start -= w.x.slack
}
