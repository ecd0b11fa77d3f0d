package sessiontimeout

import (
	"encoding/binary"
	"slices"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// findingsName is what the findings are kept under that have not left.
const findingsName = "findings"

// undelivered are the findings that wait for the next component to take them,
// oldest first. Guarded by watch.mu.
type undelivered struct {
	restored []plog.Logs // of an earlier run, as they would have left
	findings []fact.Finding
	// held is how many of the newest findings no stored checkpoint knows of.
	// They do not leave: after a crash nobody would know that they had, and
	// what clears them would take nothing back.
	held int
	came int // how many have come so far
	// leaving is how many of the oldest are with the next component. What
	// becomes of them only it can say.
	leaving int
}

// add takes findings, which are held where there is a storage.
func (u *undelivered) add(findings []fact.Finding, hold bool) {
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
// log records. They are leaving until returned is called.
func (u *undelivered) next() (ld plog.Logs, findings []fact.Finding) {
	if len(u.restored) > 0 {
		u.leaving = u.restored[0].LogRecordCount()
		return u.restored[0], nil
	}
	findings = u.findings[:min(len(u.findings)-u.held, maxBatch)]
	u.leaving = len(findings)
	return plog.Logs{}, findings
}

// returned says that those which were leaving have left or are lost, and how
// many they were; or that they go on waiting.
func (u *undelivered) returned(wait bool) (gone int) {
	gone, u.leaving = u.leaving, 0
	if wait {
		return 0
	}
	return u.drop(gone)
}

// drop forgets the n oldest but those that are leaving, and returns how many:
// perhaps more, since those of an earlier run go in the batches that they came
// in, or fewer, where there are not so many.
func (u *undelivered) drop(n int) (dropped int) {
	batches, findings := 0, u.leaving // that stay
	if u.leaving > 0 && len(u.restored) > 0 {
		batches, findings = 1, 0
	}
	for dropped < n && len(u.restored) > batches {
		dropped += u.restored[batches].LogRecordCount()
		u.restored = slices.Delete(u.restored, batches, batches+1)
	}
	switch rest := min(n-dropped, len(u.findings)-findings); {
	case rest <= 0:
	case findings == 0:
		u.findings = u.findings[rest:]
		dropped += rest
	default: // those in front are being read
		u.findings = slices.Delete(u.findings, findings, findings+rest)
		dropped += rest
	}
	if len(u.findings) == 0 {
		u.findings = nil
	}
	u.held = min(u.held, len(u.findings)-findings)
	return dropped
}

// abandon forgets all, and returns how many. What is leaving may have left, but
// nobody will know.
func (u *undelivered) abandon() (dropped int) {
	u.leaving = 0
	return u.drop(u.len())
}

// clone is for reading without the lock.
func (u *undelivered) clone() undelivered {
	return undelivered{restored: slices.Clone(u.restored), findings: slices.Clone(u.findings), came: u.came}
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
		if ld.LogRecordCount() > 0 {
			u.restored = append(u.restored, ld)
		}
		b = b[n+int(length):]
	}
	return u, err
}
