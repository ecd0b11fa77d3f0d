package advice

import (
	"cmp"
	"path"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// lookFacts looks at what was made of records.
func (a *Advisor) lookFacts(b *extract.Batch) {
	for i := range b.Facts {
		f := &b.Facts[i]
		e := a.evidence
		if s := e.services[f.Resource.ServiceName]; s != nil && f.Kind != fact.Request {
			s.facts++
		}
		if f.Session.Raw == "" {
			continue
		}
		hash := a.ids.differ.hash.of(f.Session.Raw)
		switch f.Kind {
		case fact.Request:
			a.lookRequest(f, hash)
		case fact.Authenticated:
			if s := e.session(hash); s != nil {
				s.login(f.Start)
			}
		}
	}
}

func (a *Advisor) lookRequest(f *fact.Fact, hash uint64) {
	e := a.evidence
	s := e.services[f.Resource.ServiceName]
	if s == nil || f.Flags.Has(fact.Exempt) {
		return
	}
	s.requests++
	s.sessions.add(hash)
	if a.words.session[strings.ToLower(f.Session.Raw)] {
		s.placeholders[0]++
	}
	if a.words.user[strings.ToLower(f.User.Raw)] {
		s.placeholders[1]++
	}
	if f.Flags.Has(fact.Presented) {
		s.presented++
	}
	if f.Flags.Has(fact.Sampled) {
		s.sampled++
	}
	if e.browserIDs.has(hash) {
		s.fromBrowsers++
	}
	if f.Outcome == fact.Served && isLogin(&f.Details) {
		s.loginsJudged++
	}
	if f.User.Raw != "" && !f.Flags.Has(fact.UserPresented) && f.Outcome != fact.Rejected {
		s.showing++
		if x := e.session(hash); x != nil {
			x.form = formOf(f.Session.Raw)
			e.show(x, a.ids.differ.hash.of(f.User.Raw))
		}
	}
}

// lastSegment is that of a request's route or path, in lower case and bare of what
// some write behind it.
func lastSegment(route string) string {
	route = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(route), "(.:format)"), "/")
	segment := path.Base(route)
	return strings.TrimSuffix(segment, path.Ext(segment))
}

func isLogin(d *fact.Details) bool {
	if strings.Contains(d.Route+" "+d.Path, "/oauth2/start") {
		return true
	}
	segment := lastSegment(cmp.Or(d.Route, d.Path))
	switch segment {
	case "login", "signin", "sign_in", "sign-in", "logon", "log_in", "log-in", "sso":
		return true
	}
	return strings.HasSuffix(segment, "_login") || strings.HasPrefix(segment, "login_")
}

// isLogout reports whether a record is of a request that would end a session, and
// was not refused.
func isLogout(attributes pcommon.Map) bool {
	text := func(names ...string) string {
		for _, name := range names {
			if v, ok := attributes.Get(name); ok && v.AsString() != "" {
				return v.AsString()
			}
		}
		return ""
	}
	if method := text("http.request.method", "http.method"); method != "POST" && method != "DELETE" {
		return false
	}
	if status := text("http.response.status_code", "http.status_code"); status < "200" || status >= "400" {
		return false
	}
	route := text("http.route", "url.path", "http.target")
	if i := strings.IndexAny(route, "?;"); i >= 0 {
		route = route[:i]
	}
	segment := lastSegment(route)
	switch segment {
	case "logout", "signout", "sign_out", "sign-out", "logoff", "log_out", "log-out":
		return true
	}
	return strings.HasSuffix(segment, "_logout")
}
