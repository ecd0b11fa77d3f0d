package keeper

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// findingsKey is what the findings are stored under that have not left.
const findingsKey = "findings"

// sealed is what is stored: batches of log records as they leave, each behind its length.
func (w waiting) sealed() ([]byte, error) {
	b := wire.Begin(nil)
	for rest := w.records; len(rest) > 0; {
		n := min(len(rest), maxBatch)
		records, err := (&plog.ProtoMarshaler{}).MarshalLogs(findinglog.Encode(rest[:n]))
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(len(records))), records...)
		rest = rest[n:]
	}
	return seal(b, findingsKey), nil
}

// readFindings reads what sealed wrote, and counts the records that are no findings. Where there is an error
// it returns what stands in front of it.
func readFindings(value []byte) (findings []findinglog.Record, corrupt int, err error) {
	b, err := unseal(value, findingsKey)
	for err == nil && len(b) > 0 {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return findings, corrupt, wire.ErrTruncated
		}
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(b[n : n+int(length)])
		if err != nil {
			return findings, corrupt, wire.ErrCorrupt
		}
		batch, flawed := decode(ld)
		findings, corrupt = append(findings, batch...), corrupt+flawed
		b = b[n+int(length):]
	}
	return findings, corrupt, err
}

// decode reads each finding of ld, and counts what is none.
func decode(ld plog.Logs) (findings []findinglog.Record, flawed int) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				r, flaw := findinglog.Decode(rl.Resource().Attributes(), record)
				if flaw != findinglog.Flawless || sl.Scope().Name() != findinglog.Scope || record.EventName() != findinglog.Event {
					flawed++
					continue
				}
				findings = append(findings, r)
			}
		}
	}
	return findings, flawed
}
