package scenario

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// Outcome is what came of a scenario.
type Outcome struct {
	// Findings, Metrics and Marks as the scenario's file has them.
	Findings, Metrics, Marks string
	// Final is the last word on each finding, by its id, without what depends
	// on when it was decided.
	Final map[string]string
	// Requests are the requests that findings stand for, each with its verdict,
	// where every request has a finding of its own.
	Requests []string
	// Verdicts are the lines of Metrics that count requests and violations.
	Verdicts string
	// Logs are the findings as they came out.
	Logs []plog.Logs
	// Passed is the telemetry as it came out, without marks.
	Passed []string
}

// layout is how the attributes of a finding are written, line by line.
var layout = [][]string{
	{findinglog.AttrSession, findinglog.AttrUser, findinglog.AttrPolicy, findinglog.AttrLimit, findinglog.AttrEvidence, findinglog.AttrBackground},
	{findinglog.AttrType, findinglog.AttrOverrun, findinglog.AttrExpiredAt, findinglog.AttrLastActivityAt, findinglog.AttrEndedBy, findinglog.AttrStartedAt, findinglog.AttrStartKnown},
	{findinglog.AttrRequests, findinglog.AttrFirstAt, findinglog.AttrLastAt},
	{findinglog.AttrMethod, findinglog.AttrRoute, findinglog.AttrPath, findinglog.AttrStatus, findinglog.AttrRPCMethod, findinglog.AttrDestination},
}

// read writes down what came out as findings.
func (s *Scenario) read(o *Outcome) {
	names := s.names()
	o.Final = map[string]string{}
	requests := map[string]string{}
	var all []string
	for _, ld := range o.Logs {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					f := s.finding(rl.Resource().Attributes(), r, names)
					all = append(all, f.head()+f.body)
					o.Final[f.id] = f.body
					requests[f.id] = offender(rl.Resource().Attributes(), r)
					if v := f.verdict(); v != "" {
						requests[f.id] += " " + v
					} else {
						delete(requests, f.id)
					}
				}
			}
		}
	}
	o.Findings = strings.Join(all, "\n")
	o.Requests = slices.Sorted(maps.Values(requests))
}

// written is a finding as a scenario has it.
type written struct {
	id, state, reason, revision, kind, decided string

	body string
}

// verdict is the finding in short: !idle, or ?idle where it is inconclusive.
func (w *written) verdict() string {
	kind := strings.TrimSuffix(w.kind, "_timeout")
	switch w.state {
	case "confirmed":
		return "!" + kind
	case "inconclusive":
		return "?" + kind
	}
	return ""
}

// offender says which request a finding is about.
func offender(resource pcommon.Map, r plog.LogRecord) string {
	return request(resource, r.Attributes(), r.Timestamp().AsTime(), r.TraceID(), r.SpanID())
}

func request(resource, attrs pcommon.Map, at time.Time, trace pcommon.TraceID, span pcommon.SpanID) string {
	words := []string{at.Format(time.RFC3339Nano)}
	if !span.IsEmpty() {
		words = append(words, trace.String(), span.String())
	}
	if v, ok := resource.Get(findinglog.AttrServiceName); ok {
		words = append(words, v.AsString())
	}
	for _, name := range []string{findinglog.AttrMethod, "http.method", findinglog.AttrPath, "http.target", findinglog.AttrRPCMethod, findinglog.AttrDestination} {
		if v, ok := attrs.Get(name); ok {
			path, _, _ := strings.Cut(v.AsString(), "?")
			path, _, _ = strings.Cut(path, ";")
			words = append(words, path)
		}
	}
	return strings.Join(words, " ")
}

// Expected are the requests of the telemetry that have a verdict, with it.
func (s *Scenario) Expected() (requests []string) {
	for _, d := range s.deliveries {
		for _, r := range d.records {
			if r.verdict == "" {
				continue
			}
			var words string
			if r.isLog {
				at := r.log.Timestamp().AsTime()
				if r.log.Timestamp() == 0 {
					at = r.log.ObservedTimestamp().AsTime()
				}
				if d, ok := r.log.Attributes().Get("http.server.request.duration"); ok {
					at = at.Add(-time.Duration(d.Double() * 1e9))
				}
				words = request(r.resource, r.log.Attributes(), at, r.log.TraceID(), r.log.SpanID())
			} else {
				words = request(r.resource, r.span.Attributes(), r.span.StartTimestamp().AsTime(), r.span.TraceID(), r.span.SpanID())
			}
			requests = append(requests, words+" "+r.verdict)
		}
	}
	slices.Sort(requests)
	return requests
}

func (w *written) head() string {
	state := w.state
	if w.reason != "" {
		state += " (" + w.reason + ")"
	}
	return fmt.Sprintf("%s at %s, .id=%s .revision=%s\n", state, w.decided, w.id, w.revision)
}

// finding writes one down: everything that the record has.
func (s *Scenario) finding(resource pcommon.Map, r plog.LogRecord, names *strings.Replacer) *written {
	w := &written{decided: s.clock(r.ObservedTimestamp().AsTime())}
	left := map[string]string{}
	for name, v := range r.Attributes().All() {
		left[name] = s.value(v, names)
	}
	take := func(name string) string {
		v := left[name]
		delete(left, name)
		return v
	}
	w.id, w.revision = take(findinglog.AttrID), take(findinglog.AttrRevision)
	w.kind = left[findinglog.AttrType]
	w.state, w.reason = take(findinglog.AttrState), take(findinglog.AttrReason)

	var b strings.Builder
	fmt.Fprintf(&b, "  %s\n", names.Replace(r.Body().AsString()))
	fmt.Fprintf(&b, "  %s %s", r.SeverityText(), s.clock(r.Timestamp().AsTime()))
	if r.SeverityNumber().String() != map[string]string{"INFO": "Info", "WARN": "Warn", "ERROR": "Error"}[r.SeverityText()] {
		fmt.Fprintf(&b, " severity_number=%d", r.SeverityNumber())
	}
	if id := r.TraceID(); !id.IsEmpty() {
		fmt.Fprintf(&b, " trace=%s", strings.TrimLeft(id.String(), "0"))
	}
	if id := r.SpanID(); !id.IsEmpty() {
		fmt.Fprintf(&b, " span=%s", strings.TrimLeft(id.String(), "0"))
	}
	for name, v := range resource.All() {
		fmt.Fprintf(&b, " %s=%s", name, s.value(v, names))
	}
	b.WriteByte('\n')
	line := func(attrs []string) {
		var words []string
		for _, name := range attrs {
			if _, ok := left[name]; ok {
				words = append(words, strings.Replace(name, findinglog.Prefix, ".", 1)+"="+take(name))
			}
		}
		if len(words) > 0 {
			fmt.Fprintf(&b, "  %s\n", strings.Join(words, " "))
		}
	}
	for _, l := range layout {
		line(l)
	}
	// What the contract does not know shows up, too.
	var others []string
	for name := range left {
		others = append(others, name)
	}
	slices.Sort(others)
	line(others)
	w.body = b.String()
	return w
}

// value writes an attribute so that its type is seen: an int in digits, a
// double with a point, a string as it is unless it looks like another type.
func (s *Scenario) value(v pcommon.Value, names *strings.Replacer) string {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return strconv.FormatInt(v.Int(), 10)
	case pcommon.ValueTypeDouble:
		d := strconv.FormatFloat(v.Double(), 'f', -1, 64)
		if !strings.Contains(d, ".") {
			d += ".0"
		}
		return d
	case pcommon.ValueTypeBool:
		return strconv.FormatBool(v.Bool())
	case pcommon.ValueTypeStr:
	default:
		return fmt.Sprintf("%s(%s)", v.Type(), v.AsString())
	}
	text := names.Replace(v.Str())
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && t.UTC().Format(time.RFC3339Nano) == text {
		return s.clock(t)
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil || text == "true" || text == "false" || strings.ContainsAny(text, " \"") || text == "" {
		return strconv.Quote(text)
	}
	return text
}

// names replaces the pseudonyms of the ids that occur in the telemetry, and
// their beginnings that sentences quote, by <id>.
func (s *Scenario) names() *strings.Replacer {
	key := hashKey
	if id, ok := s.config["session_id"].(map[string]any); ok {
		if k, ok := id["hash_key"].(string); ok {
			key = k
		}
	}
	if s.pseudonyms {
		return strings.NewReplacer()
	}
	var whole, part []string
	add := func(attrs pcommon.Map) {
		for name, v := range attrs.All() {
			raw := v.AsString()
			if v.Type() == pcommon.ValueTypeSlice && v.Slice().Len() > 0 {
				raw = v.Slice().At(0).AsString()
			}
			if len(raw) > 4096 || strings.HasPrefix(name, "http.response") || strings.HasPrefix(name, "url.") {
				continue
			}
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(raw))
			pseudonym := hex.EncodeToString(mac.Sum(nil))
			whole = append(whole, pseudonym, "<"+raw+">")
			part = append(part, pseudonym[:12], "<"+raw+">")
		}
	}
	for _, d := range s.deliveries {
		for _, r := range d.records {
			add(r.resource)
			add(r.scoped)
			add(r.attributes())
		}
	}
	return strings.NewReplacer(append(whole, part...)...)
}

func isFindings(records plog.ScopeLogs) bool {
	return records.Scope().Name() == findinglog.Scope && records.LogRecords().Len() > 0 &&
		records.LogRecords().At(0).EventName() == findinglog.Event
}

// unmark takes the marks off a record and writes them down.
func (p *player) unmark(attrs pcommon.Map, at time.Time, resource pcommon.Map) {
	var words []string
	for _, name := range []string{findinglog.AttrType, findinglog.AttrState, findinglog.AttrOverrun, findinglog.AttrPolicy} {
		if v, ok := attrs.Get(name); ok {
			words = append(words, strings.Replace(name, findinglog.Prefix, ".", 1)+"="+p.value(v, strings.NewReplacer()))
			attrs.Remove(name)
		}
	}
	if len(words) == 0 {
		return
	}
	service := "-"
	if v, ok := resource.Get(findinglog.AttrServiceName); ok {
		service = v.AsString()
	}
	p.mu.marks = append(p.mu.marks, fmt.Sprintf("%s %s: %s", p.clock(at), service, strings.Join(words, " ")))
}

func joinLines(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
