package advice

import (
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

const (
	// longestBody of a text is looked into, in bytes, and mostParts of a map.
	longestBody, mostParts = 8 << 10, 128
	// longRequest is one whose length shows in when it was told of.
	longRequest = 2 * time.Second
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
	isEvent := a.cfg.EventNames[name] || a.cfg.EventNames[base]
	if isEvent && a.lookingAtAll {
		s.named++
	}
	switch {
	case isEvent, isAccessLog(attributes):
		a.lookTime(s, record)
		if isLogout(attributes) {
			s.logouts++
		}
		a.lookAttributes(s, attributes, !isEvent)
	case name != "":
		s.unmapped++
		s.events.add(base, uint64(s.unmapped)) // each one counts: whose they are is not known
	default:
		if i, ok := speaks(record.Body()); ok {
			s.bodies[i]++
			if tellsOfSession(attributes) {
				s.told[i]++
			}
		}
	}
}

// tellsOfSession reports whether attributes have a name that is a session's: then the
// body is the name of an event, whatever else the service sends.
func tellsOfSession(attributes pcommon.Map) bool {
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
	if !ok {
		return
	}
	seconds, err := strconv.ParseFloat(length.AsString(), 64) // access logs write texts
	if took := time.Duration(seconds * float64(time.Second)); err == nil && took >= longRequest {
		s.long++
		// It was told of just when it was over.
		if late := a.arrival(record).Sub(record.Timestamp().AsTime()); late >= took-took/8 && late <= took+took/4+time.Second {
			s.timeIsStart++
		}
	}
}

// arrival is when a record came: what it was observed at, unless that is only its
// own time once more.
func (a *Advisor) arrival(record plog.LogRecord) time.Time {
	if observed := record.ObservedTimestamp(); a.cfg.Recording || observed != 0 && observed != record.Timestamp() {
		return observed.AsTime()
	}
	return time.Now()
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
