package sessiontimeout

import (
	"encoding/binary"
	"slices"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/session"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// findingsName is what the findings are kept under that have not left.
const findingsName = "findings"

// undelivered are the findings that wait for the next component to take them,
// oldest first. Guarded by watch.mu.
type undelivered struct {
	restored []plog.Logs // of an earlier run, as they would have left
	findings []session.Finding
	// held is how many of the newest findings no stored checkpoint knows of.
	// They do not leave: after a crash nobody would know that they had, and
	// what clears them would take nothing back.
	held int
	came int // how many have come so far
}

// add takes findings, which are held where there is a storage.
func (u *undelivered) add(findings []session.Finding, hold bool) {
	u.findings = append(u.findings, findings...)
	u.came += len(findings)
	if hold {
		u.held += len(findings)
	}
}

// release lets go of what had come when came was read.
func (u *undelivered) release(came int) { u.held = min(u.held, u.came-came) }

func (u *undelivered) len() int {
	n := len(u.findings)
	for _, ld := range u.restored {
		n += ld.LogRecordCount()
	}
	return n
}

// next returns the oldest that may leave, at most maxBatch: as findings or as
// log records.
func (u *undelivered) next() (ld plog.Logs, findings []session.Finding) {
	if len(u.restored) > 0 {
		return u.restored[0], nil
	}
	return plog.Logs{}, u.findings[:min(len(u.findings)-u.held, maxBatch)]
}

// drop forgets at least the n oldest, and returns how many.
func (u *undelivered) drop(n int) (dropped int) {
	for dropped < n && len(u.restored) > 0 {
		dropped += u.restored[0].LogRecordCount()
		u.restored = u.restored[1:]
	}
	if rest := min(n-dropped, len(u.findings)); rest > 0 {
		u.findings = u.findings[rest:]
		dropped += rest
	}
	if len(u.findings) == 0 {
		u.findings = nil
	}
	u.held = min(u.held, len(u.findings))
	return dropped
}

// clone is for reading without the lock.
func (u *undelivered) clone() undelivered {
	return undelivered{slices.Clone(u.restored), slices.Clone(u.findings), u.held, u.came}
}

// sealed is what is stored: batches of log records, each behind its length.
func (u *undelivered) sealed(cfg *Config) ([]byte, error) {
	b := wire.Begin(nil)
	all := u.restored
	for rest := u.findings; len(rest) > 0; {
		n := min(len(rest), maxBatch)
		all = append(all, findingRecords(rest[:n], cfg))
		rest = rest[n:]
	}
	for _, ld := range all {
		records, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(len(records))), records...)
	}
	return seal(b, findingsName), nil
}

// readUndelivered reads what sealed wrote.
func readUndelivered(value []byte) (u undelivered, err error) {
	b, err := unseal(value, findingsName)
	for err == nil && len(b) > 0 {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return u, wire.ErrTruncated
		}
		var ld plog.Logs
		if ld, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(b[n : n+int(length)]); err != nil {
			return u, wire.ErrCorrupt
		}
		u.restored = append(u.restored, ld)
		b = b[n+int(length):]
	}
	return u, err
}
