package alerts

import (
	"errors"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// A finding is a log record of this scope with this event name.
const (
	findingScope = "github.com/otelcol-session/otelcol-session/processor/sessiontimeout"
	findingEvent = "session_timeout.violation"
)

// The states of a finding, as they stand in session_timeout.state.
const (
	stateConfirmed    = "confirmed"
	stateRetracted    = "retracted"
	stateInconclusive = "inconclusive"
)

// maxPseudonym bounds what is kept of a session's pseudonym: 64 is what an HMAC-SHA-256 has in hex,
// and telemetry that was hashed before it came may have other ones.
const maxPseudonym = 64

// finding is what a log record says, as far as alerts care.
type finding struct {
	id       uint64
	revision int64
	state    string
	identity identity
	session  string // pseudonym
	trace    pcommon.TraceID
	requests int64
	first    int64 // ns since the Unix epoch, of the requests served after expiry
	last     int64
	overrun  float64 // seconds
	silent   bool    // background work at INFO: observed, never an alert
}

var (
	errFindingID    = errors.New("session_timeout.id is not 16 hex digits")
	errFindingState = errors.New("session_timeout.state is none that is known")
	errFindingType  = errors.New("session_timeout.type is empty")
	errFindingLevel = errors.New("severity is below INFO")
)

// readFinding reads the log record of a finding. It fails where what cannot be done without is missing;
// what only describes the finding is taken as it is.
func readFinding(resource pcommon.Map, record plog.LogRecord) (finding, error) {
	f := finding{trace: record.TraceID(), requests: 1}
	var id string
	var background bool
	for name, value := range record.Attributes().All() {
		switch name {
		case "session_timeout.id":
			id = value.Str()
		case "session_timeout.revision":
			f.revision = value.Int()
		case "session_timeout.type":
			f.identity.Violation = labelValue(value.Str())
		case "session_timeout.state":
			f.state = value.Str()
		case "session_timeout.policy":
			f.identity.Policy = labelValue(value.Str())
		case "session_timeout.session":
			f.session = cut(value.Str(), maxPseudonym)
		case "session_timeout.requests":
			f.requests = max(value.Int(), 1)
		case "session_timeout.first_at":
			f.first = instant(value.Str())
		case "session_timeout.last_at":
			f.last = instant(value.Str())
		case "session_timeout.overrun":
			if seconds := value.Double(); seconds > 0 && !math.IsInf(seconds, 1) {
				f.overrun = seconds
			}
		case "session_timeout.background":
			background = value.Bool()
		}
	}

	var err error
	if f.id, err = strconv.ParseUint(id, 16, 64); err != nil || len(id) != 16 {
		return f, errFindingID
	}
	switch f.state {
	case stateConfirmed, stateRetracted, stateInconclusive:
	default:
		return f, errFindingState
	}
	if f.identity.Violation == "" {
		return f, errFindingType
	}
	level := record.SeverityNumber()
	if f.identity.Severity = severity(level); f.identity.Severity == "" {
		return f, errFindingLevel
	}
	f.silent = background && level < plog.SeverityNumberWarn

	for name, value := range resource.All() {
		switch name {
		case "service.name":
			f.identity.Service = labelValue(value.Str())
		case "service.namespace":
			f.identity.Namespace = labelValue(value.Str())
		case "deployment.environment.name":
			f.identity.Environment = labelValue(value.Str())
		}
	}
	if f.first == 0 {
		f.first = int64(record.Timestamp())
	}
	f.last = max(f.last, f.first)
	return f, nil
}

// severity is the label for a record's severity, empty where it is none of a finding's.
func severity(n plog.SeverityNumber) string {
	switch {
	case n >= plog.SeverityNumberError:
		return "critical"
	case n >= plog.SeverityNumberWarn:
		return "warning"
	case n >= plog.SeverityNumberInfo:
		return "info"
	default:
		return ""
	}
}

// instant reads an RFC 3339 time; 0 where there is none, or none that nanoseconds since 1970 can hold.
func instant(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1970 || t.Year() > 2261 {
		return 0
	}
	return t.UnixNano()
}
