package alerts

import (
	"encoding/hex"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// finding is what a log record says, as far as alerts care.
type finding struct {
	id       uint64
	revision int64
	observed int64 // ns since the Unix epoch, when it was decided; 0 if the record does not say
	state    fact.State
	identity identity
	session  string // pseudonym
	trace    pcommon.TraceID
	requests int64
	first    int64 // ns since the Unix epoch, of the requests served after expiry
	last     int64
	overrun  float64 // seconds
	silent   bool    // background work at INFO: observed, never an alert
}

// readFinding reads the log record of a finding, or says why it is none. It shares no memory with it.
func readFinding(resource pcommon.Map, record plog.LogRecord) (finding, findinglog.Flaw) {
	r, flaw := findinglog.Decode(resource, record)
	if flaw != findinglog.Flawless {
		return finding{}, flaw
	}
	return finding{
		id:       r.ID,
		revision: int64(r.Revision),
		observed: r.DecidedAt,
		state:    r.State,
		identity: identity{
			Severity:    string(r.Severity),
			Policy:      labelValue(r.PolicyName),
			Violation:   r.Type.String(),
			Service:     labelValue(r.Resource.ServiceName),
			Namespace:   labelValue(r.Resource.ServiceNamespace),
			Environment: labelValue(r.Resource.Environment),
		},
		session:  hex.EncodeToString(r.Session[:]),
		trace:    r.Trace,
		requests: int64(r.Requests),
		first:    r.FirstAt,
		last:     r.LastAt,
		overrun:  time.Duration(r.Overrun).Seconds(),
		silent:   r.Background && r.Severity == findinglog.Info,
	}, findinglog.Flawless
}
