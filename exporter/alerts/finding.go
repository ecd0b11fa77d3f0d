package alerts

import (
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

// typeIdle is the one type of violation that rests on something that did not happen.
const typeIdle = "idle_timeout"

// pseudonymDigits is what an HMAC-SHA-256 has in hex.
const pseudonymDigits = 64

// finding is what a log record says, as far as alerts care.
type finding struct {
	id       uint64
	revision int64
	observed int64 // ns since the Unix epoch, when it was decided; 0 if the record does not say
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

// flaw is why a record is no finding. Anybody who may send logs can write one that looks like it, so all
// that makes a finding is looked at before it wakes a person.
type flaw string

// The flaws, as the metric has them. Each is the attribute that is missing or is not what the processor writes.
const (
	flawless     flaw = ""
	flawID       flaw = "id"
	flawOverrun  flaw = "overrun"
	flawRequests flaw = "requests"
	flawRevision flaw = "revision"
	flawSession  flaw = "session"
	flawSeverity flaw = "severity"
	flawState    flaw = "state"
	flawTime     flaw = "time"
	flawType     flaw = "type"
	flawUser     flaw = "user"
)

// readFinding reads the log record of a finding, or says why it is none. Texts that name something are
// made fit to be shown; every other one must be what the processor writes.
func readFinding(resource pcommon.Map, record plog.LogRecord) (finding, flaw) {
	f := finding{trace: record.TraceID(), observed: instantOf(record.ObservedTimestamp()), overrun: math.NaN()}
	first, last, expired, started, active := noInstant, noInstant, noInstant, noInstant, int64(0)
	var id string
	var background bool
	for name, value := range record.Attributes().All() {
		switch name {
		case "session_timeout.id":
			id = value.Str()
		case "session_timeout.revision":
			f.revision = value.Int()
		case "session_timeout.type":
			f.identity.Violation = value.Str()
		case "session_timeout.state":
			f.state = value.Str()
		case "session_timeout.policy":
			f.identity.Policy = labelValue(value.Str())
		case "session_timeout.session":
			f.session = value.Str()
		case "session_timeout.user":
			if !isPseudonym(value.Str()) {
				return f, flawUser
			}
		case "session_timeout.requests":
			f.requests = value.Int()
		case "session_timeout.first_at":
			first = instant(value.Str())
		case "session_timeout.last_at":
			last = instant(value.Str())
		case "session_timeout.expired_at":
			expired = instant(value.Str())
		case "session_timeout.started_at":
			started = instant(value.Str())
		case "session_timeout.last_activity_at":
			active = instant(value.Str())
		case "session_timeout.overrun":
			if value.Type() == pcommon.ValueTypeDouble {
				f.overrun = value.Double()
			}
		case "session_timeout.background":
			background = value.Bool()
		}
	}

	var err error
	if f.id, err = strconv.ParseUint(id, 16, 64); err != nil || len(id) != 16 {
		return f, flawID
	}
	level := record.SeverityNumber()
	f.identity.Severity = severity(level)
	_, known := after[f.identity.Violation]
	switch {
	case !isPseudonym(f.session):
		return f, flawSession
	case f.revision < 1:
		return f, flawRevision
	case !known:
		return f, flawType
	case f.state != stateConfirmed && f.state != stateRetracted && f.state != stateInconclusive:
		return f, flawState
	case f.requests < 1:
		return f, flawRequests
	case first == noInstant, last < first, expired == noInstant, started == noInstant,
		active == noInstant, active == 0 && f.identity.Violation == typeIdle:
		return f, flawTime
	case !(f.overrun >= 0) || math.IsInf(f.overrun, 1): // NaN is neither
		return f, flawOverrun
	case f.identity.Severity == "":
		return f, flawSeverity
	}
	f.first, f.last = first, last
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
	return f, flawless
}

// severity is the label for a record's severity, empty where it is none of a finding's.
func severity(n plog.SeverityNumber) string {
	switch {
	case n > plog.SeverityNumberFatal4:
		return ""
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

// isPseudonym reports whether s is an HMAC-SHA-256 in lower-case hex.
func isPseudonym(s string) bool {
	if len(s) != pseudonymDigits {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// noInstant stands for a time that is missing or cannot be read.
const noInstant = int64(-1)

// instant reads an RFC 3339 time as ns since the Unix epoch; noInstant where there is none, or none that
// these can hold.
func instant(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UTC().Year() < 1970 || t.UTC().Year() > 2261 {
		return noInstant
	}
	return t.UnixNano()
}

// instantOf is the time of a record, 0 where it is none that can be compared.
func instantOf(t pcommon.Timestamp) int64 {
	if t > math.MaxInt64 {
		return 0
	}
	return int64(t)
}
