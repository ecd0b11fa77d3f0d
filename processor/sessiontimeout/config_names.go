package sessiontimeout

import (
	"fmt"
	"strings"
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
	for i, name := range c.SessionID.Attributes {
		attribute(fmt.Sprintf("session_id::attributes::%d", i), name)
	}
	for i := range c.Policies {
		for _, name := range sortedKeys(c.Policies[i].Match) {
			attribute(fmt.Sprintf("policies::%d::match::%s", i, name), name)
		}
	}
	for _, list := range []struct {
		key   string
		names []string
	}{
		{"events::started", c.Events.Started},
		{"events::ended", c.Events.Ended},
		{"events::authenticated", c.Events.Authenticated},
		{"events::ended_user", c.Events.EndedUser},
		{"events::activity", c.Events.Activity},
		{"exempt::methods", c.Exempt.Methods},
		{"passive::methods", c.Passive.Methods},
	} {
		for i, name := range list.names {
			whole(fmt.Sprintf("%s::%d", list.key, i), name)
		}
	}
	for _, list := range []struct {
		key    string
		routes []string
		all    string // what comes of a route that every request has; empty if that may be meant
	}{
		{"exempt::routes", c.Exempt.Routes, "nothing is judged"},
		{"passive::routes", c.Passive.Routes, "nothing is activity"},
		{"streams::routes", c.Streams.Routes, ""},
		{"login_locations", c.LoginLocations, ""},
	} {
		for i, route := range list.routes {
			switch {
			case strings.Contains(route, "://"):
				errs = append(errs, fmt.Errorf("%s::%d: must be a route or a path, not a URL (got %q)", list.key, i, route))
			case list.all != "" && (route == "*" || route == "/*"):
				errs = append(errs, fmt.Errorf("%s::%d: must not fit every request, since then %s (got %q)", list.key, i, list.all, route))
			}
		}
	}
	return errs
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
