package sessiontimeout

import (
	"fmt"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// validateNames returns an error for each name, route or value that nothing can
// have, and for rules that fit every request. What extract.New refuses is left
// to it.
func (c *Config) validateNames() (errs []error) {
	whole := func(key, name string) bool {
		if strings.Contains(name, "*") {
			errs = append(errs, fmt.Errorf("%s: must be a whole name, without * (got %q)", key, name))
			return false
		}
		return true
	}
	attribute := func(key, name string) {
		if whole(key, name) && isHeader(name) && strings.ToLower(name) != name {
			errs = append(errs, fmt.Errorf("%s: must be in lower case, as the names of captured headers are (got %q)", key, name))
		}
	}
	for _, list := range c.sourceLists() {
		for i := range list.sources {
			attribute(fmt.Sprintf("%s::%d", list.key, i), list.sources[i].Attribute)
		}
	}
	match := func(key string, match map[string][]string) {
		for _, name := range sortedKeys(match) {
			attribute(key+"::match::"+name, name)
		}
	}
	for i := range c.Policies {
		match(fmt.Sprintf("policies::%d", i), c.Policies[i].Match)
	}
	for _, list := range c.eventLists() {
		for i := range list.entries {
			key, e := fmt.Sprintf("%s::%d", list.key, i), &list.entries[i]
			whole(key, e.Name)
			match(key, e.Match)
		}
	}
	routes := func(key string, routes []string, all string) {
		for i, route := range routes {
			switch {
			case strings.Contains(route, "://"):
				errs = append(errs, fmt.Errorf("%s::%d: must be a route or a path, not a URL (got %q)", key, i, route))
			case strings.ContainsAny(route, "?;"):
				errs = append(errs, fmt.Errorf("%s::%d: must be without a query and parameters, which are cut off a path; match url.query instead (got %q)", key, i, route))
			case all != "" && (route == "*" || route == "/*"):
				errs = append(errs, fmt.Errorf("%s::%d: must not fit every request, since then %s (got %q)", key, i, all, route))
			}
		}
	}
	for _, list := range c.ruleLists() {
		for i := range list.rules {
			key, r := list.at(i), &list.rules[i]
			for j, name := range r.Methods {
				whole(fmt.Sprintf("%s::methods::%d", key, j), name)
			}
			match(key, r.Match)
			all := list.all
			if len(r.Methods)+len(r.Match) > 0 {
				all = ""
			}
			routes(key+"::routes", r.Routes, all)
		}
	}
	routes("login_locations", c.LoginLocations, "")
	return errs
}

// sourceLists are all lists of sources by their keys.
func (c *Config) sourceLists() []sourceEntries {
	lists := []sourceEntries{
		{"session_id::sources", c.SessionID.Sources},
		{"session_id::previous", c.SessionID.Previous},
		{"session_id::linked", c.SessionID.Linked},
		{"user_id::sources", c.UserID.Sources},
	}
	for _, list := range c.eventLists() {
		for i := range list.entries {
			key, e := fmt.Sprintf("%s::%d", list.key, i), &list.entries[i]
			lists = append(lists, sourceEntries{key + "::session", e.Session}, sourceEntries{key + "::user", e.User})
		}
	}
	return lists
}

type sourceEntries struct {
	key     string
	sources extract.Sources
}

// eventLists are the lists of events by their keys.
func (c *Config) eventLists() []eventEntries {
	return []eventEntries{
		{"events::started", c.Events.Started},
		{"events::authenticated", c.Events.Authenticated},
		{"events::ended", c.Events.Ended},
		{"events::ended_user", c.Events.EndedUser},
		{"events::activity", c.Events.Activity},
	}
}

type eventEntries struct {
	key     string
	entries []extract.Event
}

// ruleLists are all lists of rules by their keys. A rule of an event is one alone.
func (c *Config) ruleLists() []ruleEntries {
	lists := []ruleEntries{
		{"exempt", c.Exempt, "nothing is judged"},
		{"passive", c.Passive, "nothing is activity"},
		{"streams", c.Streams, ""},
		{"foreground", c.Foreground, ""},
		{"outcomes::rejected", c.Outcomes.Rejected, "nothing is served"},
		{"outcomes::indeterminate", c.Outcomes.Indeterminate, "nothing is served"},
	}
	for _, list := range c.eventLists() {
		for i := range list.entries {
			if r := list.entries[i].Request; r != nil {
				lists = append(lists, ruleEntries{fmt.Sprintf("%s::%d::request", list.key, i), []extract.Rule{*r}, alone})
			}
		}
	}
	return lists
}

type ruleEntries struct {
	key   string
	rules []extract.Rule
	all   string // what comes of a rule that fits every request; empty if that may be meant
}

// alone is of a rule that is in no list.
const alone = "alone"

// at is the key of a rule.
func (l *ruleEntries) at(i int) string {
	if l.all == alone {
		return l.key
	}
	return fmt.Sprintf("%s::%d", l.key, i)
}

// headers are what the names of attributes begin with that hold captured headers
// or metadata. The rest of the name is in lower case by convention.
var headers = []string{
	"http.request.header.", "http.response.header.",
	"rpc.request.metadata.", "rpc.response.metadata.",
	"rpc.grpc.request.metadata.", "rpc.grpc.response.metadata.",
	"rpc.connect_rpc.request.metadata.", "rpc.connect_rpc.response.metadata.",
}

func isHeader(name string) bool {
	for _, prefix := range headers {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}
