package advice

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

const (
	// longestHeader and longestToken are looked into, in bytes.
	longestHeader, longestToken = 16 << 10, 8 << 10
	// mostCookies of a header are.
	mostCookies = 64
)

// place is the resource of the records that are looked at.
type place struct {
	name     string
	service  *service // nil where there are too many, or it is a browser's
	believed bool
}

func (a *Advisor) place(resource pcommon.Resource) *place {
	p := &place{believed: extract.Believed(resource.Attributes())}
	if !p.believed {
		a.browserID(resource.Attributes())
		return p
	}
	if name, ok := resource.Attributes().Get("service.name"); ok {
		p.name = name.Str()
	}
	p.service = a.evidence.service(p.name)
	return p
}

// browserID takes note of the session that a browser names.
func (a *Advisor) browserID(attributes pcommon.Map) {
	if id, ok := attributes.Get("session.id"); ok && id.Str() != "" && !a.evidence.browserIDs.full() {
		a.evidence.browserIDs.add(a.ids.differ.hash.of(id.Str()))
	}
}

func (a *Advisor) lookSpan(p *place, span ptrace.Span) {
	e := a.evidence
	if !p.believed {
		e.browsers++
		a.browserID(span.Attributes())
		return
	}
	if len(e.spans) < mostSpans {
		e.spans[span.SpanID()] = struct{}{}
	}
	s := p.service
	if s == nil || span.Kind() != ptrace.SpanKindServer && span.Kind() != ptrace.SpanKindConsumer {
		return
	}
	s.servers++
	trace := span.TraceID()
	s.traces.add(a.ids.differ.hash.of(string(trace[:])), trace)
	if strings.Contains(span.TraceState().AsRaw(), "th:") {
		s.threshold = true
	}
	if id := span.ParentSpanID(); !id.IsEmpty() && len(e.parents) < mostParents {
		e.parents = append(e.parents, parent{id, s, e.last})
	}
	if isLogout(span.Attributes()) {
		s.logouts++
	}
	a.lookAttributes(s, span.Attributes(), true)
}

// userNames are of attributes that hold a user, in telemetry as it is.
var userNames = map[string]bool{
	"enduser.pseudo.id": true, "user.email": true, "user.hash": true, "usr.id": true, "user_id": true, "userId": true,
	"app.user.id": true, "app.user_id": true, "client.user.id": true, "user": true, "username": true, "enduser.name": true,
}

// lookAttributes looks for what could name a session or a user, a session only on
// requests: events have their own.
func (a *Advisor) lookAttributes(s *service, attributes pcommon.Map, request bool) {
	for name, value := range attributes.All() {
		switch {
		case strings.EqualFold(name, "http.request.header.cookie"):
			each(value, func(text string) { a.lookCookies(s, text) })
		case strings.EqualFold(name, "http.request.header.authorization"):
			each(value, func(text string) {
				if isSanitised(text) {
					s.sanitised++
				}
				a.lookToken(s, text)
			})
		case value.Type() == pcommon.ValueTypeMap, value.Type() == pcommon.ValueTypeSlice:
		case userNames[name]:
			s.users.add(name, a.ids.differ.hash.of(value.AsString()))
		case request && namesSession(name):
			if text := value.AsString(); text != "" && !a.words.session[strings.ToLower(text)] {
				s.sessionLikes++
				s.sessionLike.add(name, a.ids.differ.hash.of(text))
			}
		}
	}
}

// namesSession reports whether an attribute's name is one that holds a session's id.
func namesSession(name string) bool {
	if name == "" || len(name) > longestName {
		return false
	}
	switch name[len(name)-1] | 0x20 {
	case 'd', 'y', 'n': // of id, key and session
	default:
		return false
	}
	low := strings.ToLower(name)
	return strings.Contains(low, "sess") && (strings.HasSuffix(low, "id") || strings.HasSuffix(low, "key") || strings.HasSuffix(low, "session")) ||
		low == "sid" || strings.HasSuffix(low, ".sid") || strings.HasSuffix(low, "_sid")
}

// each calls look with the text of a value, or of each that is in it.
func each(value pcommon.Value, look func(text string)) {
	if value.Type() != pcommon.ValueTypeSlice {
		look(value.Str())
		return
	}
	for _, v := range value.Slice().All() {
		look(v.Str())
	}
}

func (a *Advisor) lookCookies(s *service, header string) {
	switch {
	case len(header) > longestHeader:
		return
	case isSanitised(header):
		s.sanitised++
		return
	case header == "" || header == "-":
		return
	}
	s.cookieHeaders++
	rest := header
	for n := 0; rest != "" && n < mostCookies; n++ {
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && value != "" {
			s.cookies.add(name, a.ids.differ.hash.of(value))
		}
	}
}

// isSanitised reports whether an SDK wrote something else in place of a header.
func isSanitised(header string) bool {
	low := strings.ToLower(header)
	return strings.Trim(header, "*") == "" && header != "" ||
		!strings.Contains(header, "=") && (strings.Contains(low, "redacted") || strings.Contains(low, "filtered"))
}

// perToken are claims that are new in each token, so that none is a session.
var perToken = map[string]bool{"jti": true, "iat": true, "exp": true, "nbf": true, "nonce": true, "at_hash": true, "c_hash": true}

func (a *Advisor) lookToken(s *service, header string) {
	if _, token, ok := strings.Cut(header, " "); ok {
		header = token
	}
	parts := strings.Split(header, ".")
	if len(parts) != 3 || len(header) > longestToken {
		return
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims map[string]json.RawMessage
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return
	}
	s.tokens++
	for name, value := range claims {
		if !perToken[name] && len(value) > 0 && value[0] != '{' && value[0] != '[' {
			s.claims.add(name, a.ids.differ.hash.of(string(value)))
		}
	}
}
