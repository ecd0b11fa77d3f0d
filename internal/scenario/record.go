package scenario

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// record is one line of telemetry: a span, or a log record.
type record struct {
	line     int
	end      time.Time // when it arrives, unless it is said otherwise
	resource pcommon.Map
	scope    string
	scoped   pcommon.Map // the scope's attributes
	span     ptrace.Span // or:
	log      plog.LogRecord
	isLog    bool
	verdict  string // what must be found of it, like !idle; ? where it is inconclusive
}

func (r *record) attributes() pcommon.Map {
	if r.isLog {
		return r.log.Attributes()
	}
	return r.span.Attributes()
}

// kinds of lines, with what follows the service.
var kinds = map[string]struct {
	span  ptrace.SpanKind // or a log record
	names []string
}{
	"span":     {ptrace.SpanKindServer, []string{"http.request.method", "url.path", "http.response.status_code"}},
	"client":   {ptrace.SpanKindClient, []string{"http.request.method", "url.path", "http.response.status_code"}},
	"internal": {ptrace.SpanKindInternal, []string{"code.function.name"}},
	"producer": {ptrace.SpanKindProducer, []string{"messaging.destination.name"}},
	"consumer": {ptrace.SpanKindConsumer, []string{"messaging.destination.name"}},
	"rpc":      {ptrace.SpanKindServer, []string{"rpc.method", "rpc.response.status_code"}},
	"access":   {0, []string{"http.request.method", "url.path", "http.response.status_code"}},
	"event":    {0, nil},
	"log":      {0, nil},
}

// short names of attributes.
var short = map[string]string{
	"session":  "session.id",
	"previous": "session.previous_id",
	"user":     "user.id",
	"route":    "http.route",
	"error":    "error.type",
	"location": "http.response.header.location",
}

// parseRecord reads `TIME [+DURATION] KIND SERVICE WORDS... NAME=VALUE...`.
// n numbers it among its scenario's records.
func parseRecord(line, n int, words []string, day calendar) (_ *record, err error) {
	start, err := day.instant(words[0])
	if err != nil {
		return nil, err
	}
	words = words[1:]
	var took time.Duration
	if len(words) > 0 && strings.HasPrefix(words[0], "+") {
		if took, err = time.ParseDuration(words[0][1:]); err != nil {
			return nil, err
		}
		words = words[1:]
	}
	if len(words) < 2 {
		return nil, errors.New("want a kind and a service")
	}
	word, service := words[0], words[1]
	words = words[2:]
	kind, ok := kinds[word]
	if !ok {
		return nil, fmt.Errorf("no kind of record: %q", word)
	}
	r := &record{line: line, end: start.Add(took), resource: pcommon.NewMap(), scoped: pcommon.NewMap(), isLog: kind.span == 0}
	if service != "-" {
		r.resource.PutStr("service.name", service)
	}
	if r.isLog {
		r.log = plog.NewLogRecord()
		r.log.SetTimestamp(pcommon.NewTimestampFromTime(r.end))
	} else {
		r.span = ptrace.NewSpan()
		r.span.SetKind(kind.span)
		r.span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
		r.span.SetEndTimestamp(pcommon.NewTimestampFromTime(r.end))
		trace, span := identify(n)
		r.span.SetTraceID(trace)
		r.span.SetSpanID(span)
	}
	for _, name := range kind.names {
		if len(words) == 0 || isProperty(words[0]) {
			return nil, fmt.Errorf("%s: want %s, or - for none", word, name)
		}
		if words[0] != "-" {
			if code, err := strconv.ParseInt(words[0], 10, 64); err == nil && name == "http.response.status_code" {
				r.attributes().PutInt(name, code)
			} else {
				r.attributes().PutStr(name, words[0])
			}
		}
		words = words[1:]
	}
	switch word {
	case "access":
		if took > 0 {
			r.log.Attributes().PutDouble("http.server.request.duration", took.Seconds())
		}
	case "consumer":
		if len(words) > 0 && words[0] == "failed" {
			r.span.Status().SetCode(ptrace.StatusCodeError)
			words = words[1:]
		}
	case "event":
		if len(words) == 0 || isProperty(words[0]) {
			return nil, errors.New("event: want its name")
		}
		r.log.SetEventName(words[0])
		words = words[1:]
	}
	if n := len(words); n > 0 && strings.IndexByte("!?", words[n-1][0]) >= 0 {
		r.verdict, words = words[n-1], words[:n-1]
		if !slices.Contains([]string{"idle", "absolute", "ended", "rotated", "revoked"}, r.verdict[1:]) {
			return nil, fmt.Errorf("no verdict: %s", r.verdict)
		}
	}
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, fmt.Errorf("want name=value, got %q", w)
		}
		if err := r.set(name, value, day); err != nil {
			return nil, fmt.Errorf("%s: %w", w, err)
		}
	}
	return r, nil
}

func isProperty(word string) bool { return strings.Contains(word, "=") && word[0] != '/' }

// identify makes the ids of a span that is given none: a001, a002 and so on.
func identify(n int) (trace pcommon.TraceID, span pcommon.SpanID) {
	trace[14], trace[15] = 0xa0|byte(n>>8), byte(n)
	copy(span[:], trace[8:])
	return trace, span
}

// set gives the record one more property.
func (r *record) set(name, value string, day calendar) error {
	if long, ok := short[name]; ok {
		name = long
	}
	switch name {
	case "trace":
		id, err := parseID(value)
		if r.isLog {
			r.log.SetTraceID(id)
		} else {
			r.span.SetTraceID(id)
		}
		return err
	case "span":
		id, err := parseID(value)
		if r.isLog {
			r.log.SetSpanID(pcommon.SpanID(id[8:]))
		} else {
			r.span.SetSpanID(pcommon.SpanID(id[8:]))
		}
		return err
	case "start", "end", "timestamp", "observed":
		at, err := parseTimestamp(value, day)
		if err != nil {
			return err
		}
		switch {
		case name == "start" && !r.isLog:
			r.span.SetStartTimestamp(at)
		case name == "end" && !r.isLog:
			r.span.SetEndTimestamp(at)
		case name == "timestamp" && r.isLog:
			r.log.SetTimestamp(at)
		case name == "observed" && r.isLog:
			r.log.SetObservedTimestamp(at)
		default:
			return errors.New("this record has no such time")
		}
		return nil
	case "parent":
		value, local := strings.CutSuffix(value, ",local")
		id, err := parseID(value)
		r.span.SetParentSpanID(pcommon.SpanID(id[8:]))
		if r.span.SetFlags(1 << 8); !local { // that it is known, and that it is remote
			r.span.SetFlags(3 << 8)
		}
		return err
	case "tracestate":
		r.span.TraceState().FromRaw(value)
		return nil
	case "status":
		if value != "error" {
			return errors.New("want error")
		}
		r.span.Status().SetCode(ptrace.StatusCodeError)
		return nil
	case "scope":
		r.scope = value
		return nil
	}
	to := r.attributes()
	if rest, ok := strings.CutPrefix(name, "resource:"); ok {
		name, to = rest, r.resource
	} else if rest, ok := strings.CutPrefix(name, "scope:"); ok {
		name, to = rest, r.scoped
	}
	if !strings.Contains(name, ".") {
		return errors.New("no such property, and an attribute's name has a dot")
	}
	return putValue(to.PutEmpty(name), value)
}

// parseID reads the last hex digits of an id; - is none.
func parseID(s string) (id pcommon.TraceID, err error) {
	if s == "-" {
		return id, nil
	}
	b, err := hex.DecodeString(strings.Repeat("0", 32-len(s)) + s)
	copy(id[:], b)
	return id, err
}

// parseTimestamp reads an instant, or nanoseconds as they are sent.
func parseTimestamp(s string, day calendar) (pcommon.Timestamp, error) {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return pcommon.Timestamp(n), nil
	}
	t, err := day.instant(s)
	return pcommon.NewTimestampFromTime(t), err
}

// putValue reads a value: a string, or what the prefix says.
func putValue(to pcommon.Value, s string) error {
	kind, rest, ok := strings.Cut(s, ":")
	if !ok {
		kind = ""
	}
	switch kind {
	case "int":
		n, err := strconv.ParseInt(rest, 10, 64)
		to.SetInt(n)
		return err
	case "double":
		d, err := strconv.ParseFloat(rest, 64)
		to.SetDouble(d)
		return err
	case "bool":
		to.SetBool(rest == "true")
	case "list":
		list := to.SetEmptySlice()
		for e := range strings.SplitSeq(rest, ",") {
			list.AppendEmpty().SetStr(e)
		}
	case "bytes":
		to.SetEmptyBytes().FromRaw([]byte(rest))
	case "repeat":
		times, what, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(times)
		if err != nil {
			return err
		}
		to.SetStr(strings.Repeat(what, n))
	default:
		to.SetStr(s)
	}
	return nil
}
