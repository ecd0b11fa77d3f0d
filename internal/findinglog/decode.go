package findinglog

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Decode reads a record whose scope is Scope and whose event name is Event, or says why it is no finding:
// then what it returns of it is worth nothing. A record may hold anything, come from anybody and lack
// whatever it likes. Of a finding, each text is clean and bounded, see [fact.Clean], each count is 1 at
// least, and each instant that it must have is there. Texts may share the record's memory.
func Decode(resource pcommon.Map, record plog.LogRecord) (Record, Flaw) {
	var r Record
	r.At, r.DecidedAt = instantOf(record.Timestamp()), instantOf(record.ObservedTimestamp())
	r.Trace, r.Span = record.TraceID(), record.SpanID()
	r.Severity = severityOf(record.SeverityNumber())
	found := readAttributes(resource, resourcePlaces, resourceAttributes, &r) | readAttributes(record.Attributes(), places, attributes, &r)
	if r.Severity == "" {
		found.add(FlawSeverity)
	}
	switch {
	case r.LastAt < r.FirstAt, ofIdle(&r) && r.LastActivityAt == 0:
		found.add(FlawTime)
	case !ofIdle(&r):
		r.LastActivityAt = 0
	}
	r.Clean()
	return r, found.first()
}

// readAttributes reads those of from that are among all, and ignores others. Of an attribute that stands
// there twice the last value counts, and both must be in order.
func readAttributes(from pcommon.Map, at map[string]int, all []attribute, r *Record) (found flaws) {
	var has uint64
	for name, value := range from.All() {
		i, ok := at[name]
		if !ok {
			continue
		}
		has |= 1 << i
		if a := &all[i]; !a.read(r, value) {
			found.add(a.flaw)
		}
	}
	for i := range all {
		if a := &all[i]; has&(1<<i) == 0 && a.in(r) {
			found.add(a.flaw)
		}
	}
	return found
}

// places are where an attribute stands in its table, by its name.
var places, resourcePlaces = placesIn(attributes), placesIn(resourceAttributes)

func placesIn(all []attribute) map[string]int {
	at := make(map[string]int, len(all))
	for i := range all {
		at[all[i].name] = i
	}
	return at
}

// instantOf is the time of a record, 0 where it is none that can be compared.
func instantOf(t pcommon.Timestamp) int64 {
	if t > math.MaxInt64 {
		return 0
	}
	return int64(t)
}
