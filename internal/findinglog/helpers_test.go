package findinglog

import (
	"math"
	"reflect"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// endOfInstants is the first instant that a record cannot hold, and endOfSeconds the first duration of
// which it may not hold every nanosecond.
var (
	endOfInstants = time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	endOfSeconds  = int64(1<<23) * int64(time.Second)
)

// records draws what a record can say. Fields are drawn by their types, so that a new one that no attribute
// carries is noticed.
var records = rapid.Map(rapid.MakeCustom[Record](rapid.MakeConfig{
	Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[int64]():         rapid.Int64Range(1, endOfInstants-1).AsAny(),
		reflect.TypeFor[int]():           rapid.IntRange(1, math.MaxInt).AsAny(),
		reflect.TypeFor[string]():        rapid.Map(rapid.String(), fact.Clean).AsAny(),
		reflect.TypeFor[time.Duration](): rapid.Map(rapid.Int64Range(0, endOfSeconds-1), func(ns int64) time.Duration { return time.Duration(ns) }).AsAny(),
		reflect.TypeFor[fact.Type]():     rapid.Map(rapid.Uint8Range(0, uint8(fact.TypeCount)-1), func(n uint8) fact.Type { return fact.Type(n) }).AsAny(),
		reflect.TypeFor[fact.State]():    rapid.Map(rapid.Uint8Range(0, uint8(fact.StateCount)-1), func(n uint8) fact.State { return fact.State(n) }).AsAny(),
		reflect.TypeFor[fact.Evidence](): rapid.Map(rapid.Uint8Range(0, uint8(fact.EvidenceCount)-1), func(n uint8) fact.Evidence { return fact.Evidence(n) }).AsAny(),
		reflect.TypeFor[Severity]():      rapid.SampledFrom([]Severity{Info, Warning, Critical}).AsAny(),
	},
	Fields: map[reflect.Type]map[string]*rapid.Generator[any]{
		reflect.TypeFor[fact.Finding](): {
			"Policy":  rapid.Just(0).AsAny(),
			"Overrun": rapid.Int64Range(0, endOfSeconds-1).AsAny(),
			// It is for whoever shows the finding, beside the record.
			"Timeline": rapid.Just((*fact.Timeline)(nil)).AsAny(),
		},
	},
}), func(r Record) Record {
	r.FirstAt, r.LastAt = min(r.FirstAt, r.LastAt), max(r.FirstAt, r.LastAt)
	if r.Type != fact.IdleTimeout {
		r.LastActivityAt = 0
	}
	return r
})

// example is an ordinary finding.
func example() Record {
	at := time.Date(2026, 3, 1, 10, 0, 0, 1, time.UTC).UnixNano()
	return Record{
		Finding: fact.Finding{
			ID: 0xa1, Revision: 1, Type: fact.IdleTimeout, Session: fact.Pseudonym{1}, User: fact.Pseudonym{2},
			Resource: fact.Resource{ServiceName: "checkout"}, Details: fact.Details{Method: "GET", Route: "/pay", Status: 200},
			Trace: [16]byte{3}, Span: [8]byte{4}, At: at, DecidedAt: at + 1, Overrun: 1_500_000_000, ExpiredAt: at - 1_500_000_000,
			Requests: 1, FirstAt: at, LastAt: at, StartedAt: at - 60_000_000_000, StartKnown: true, LastActivityAt: at - 31_500_000_000,
		},
		PolicyName: "payments", Limit: 30 * time.Second, Severity: Critical,
	}
}

// decode reads each record of ld.
func decode(t require.TestingT, ld plog.Logs) (all []Record) {
	eachRecord(ld, func(rl plog.ResourceLogs, _ plog.ScopeLogs, record plog.LogRecord) {
		r, flaw := Decode(rl.Resource().Attributes(), record)
		require.Equal(t, Flawless, flaw, "%v", record.Attributes().AsRaw())
		all = append(all, r)
	})
	return all
}

func eachRecord(ld plog.Logs, do func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord)) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				do(rl, sl, record)
			}
		}
	}
}

// changed is the record of an ordinary finding after a change.
func changed(change func(plog.LogRecord)) (rl plog.ResourceLogs, record plog.LogRecord) {
	eachRecord(Encode([]Record{example()}), func(r plog.ResourceLogs, _ plog.ScopeLogs, l plog.LogRecord) { rl, record = r, l })
	change(record)
	return rl, record
}
