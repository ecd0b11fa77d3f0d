package advice

import (
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

const (
	// longestBody of a text is looked into, in bytes, and mostParts of a map.
	longestBody, mostParts = 8 << 10, 128
)

func (a *Advisor) lookLog(p *place, scope string, record plog.LogRecord) {
	if !p.believed {
		a.evidence.browsers++
		a.browserID(record.Attributes())
		return
	}
	s := p.service
	if s == nil || scope == findinglog.Scope {
		return
	}
	attributes := record.Attributes()
	name := record.EventName()
	if v, ok := attributes.Get("event.name"); ok && name == "" {
		name = v.Str()
	}
	base, _, _ := strings.Cut(name, ":")
	switch {
	case a.cfg.EventNames[name], a.cfg.EventNames[base], isAccessLog(attributes):
		a.lookTime(s, record)
		if isLogout(attributes) {
			s.logouts++
		}
		a.lookAttributes(s, attributes)
	case name != "":
		s.unmapped++
		s.events.add(base, uint64(s.unmapped)) // each one counts: whose they are is not known
	default:
		if i, ok := speaks(record.Body()); ok {
			s.bodies[i]++
			if namesSession(attributes) {
				s.told[i]++
			}
		}
	}
}

// namesSession reports whether attributes have a name that is a session's: then the
// body is the name of an event, whatever else the service sends.
func namesSession(attributes pcommon.Map) bool {
	for name := range attributes.All() {
		if len(name) <= longestName && strings.Contains(strings.ToLower(name), "session") {
			return true
		}
	}
	return false
}

func isAccessLog(attributes pcommon.Map) bool {
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := attributes.Get(name); ok {
				return true
			}
		}
		return false
	}
	return has("http.request.method", "http.method") && has("http.response.status_code", "http.status_code")
}

// lookTime looks at when a record is from, and when it came.
func (a *Advisor) lookTime(s *service, record plog.LogRecord) {
	s.times++
	if record.Timestamp() == 0 {
		s.noTime++
		return
	}
	length, ok := record.Attributes().Get("http.server.request.duration")
	if !ok || length.Type() != pcommon.ValueTypeDouble || record.ObservedTimestamp() == 0 {
		return
	}
	// A request that took long, and was told of just when it was over.
	took := time.Duration(length.Double() * float64(time.Second))
	late := record.ObservedTimestamp().AsTime().Sub(record.Timestamp().AsTime())
	if took >= 2*time.Second && late >= took-took/8 && late <= took+took/4+time.Second {
		s.timeIsStart++
	}
}

// words are in bodies that tell of requests and sessions.
var words = []string{"session", "logout", "login", "logged_", "logged in", "logged out", "signout", "sign-out", "sign_out", "sign-in", "log out", "auditlogs", "cookie", "http/1", "http/2", "requestmethod", "request_method"}

// speaks reports whether a body tells of requests or sessions, and what it is: JSON,
// text or a map.
func speaks(body pcommon.Value) (kind int, ok bool) {
	switch body.Type() {
	case pcommon.ValueTypeStr:
		text := body.Str()
		text = text[:min(len(text), longestBody)]
		if strings.HasPrefix(strings.TrimLeft(text, " \t"), "{") {
			return 0, hasWord(text)
		}
		return 1, hasWord(text)
	case pcommon.ValueTypeMap:
		budget := mostParts
		return 2, mapHasWord(body.Map(), &budget, 4)
	}
	return 0, false
}

func hasWord(text string) bool {
	low := strings.ToLower(text)
	for _, w := range words {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// mapHasWord looks at names and short texts, as far as the budget goes.
func mapHasWord(m pcommon.Map, budget *int, depth int) bool {
	for name, value := range m.All() {
		if *budget--; *budget < 0 {
			return false
		}
		if len(name) <= longestName && hasWord(name) {
			return true
		}
		switch value.Type() {
		case pcommon.ValueTypeStr:
			if len(value.Str()) <= 64 && hasWord(value.Str()) {
				return true
			}
		case pcommon.ValueTypeMap:
			if depth > 0 && mapHasWord(value.Map(), budget, depth-1) {
				return true
			}
		}
	}
	return false
}
