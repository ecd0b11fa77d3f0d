package extract

import (
	"fmt"
	"strings"
)

// routeSet matches routes and paths, in any case.
type routeSet struct {
	segments [32][]string // last segments by length
	others   []string     // longer last segments
	begins   []string     // what last segments begin with
	whole    []string     // whole routes or paths
	under    []string     // what whole routes or paths begin with
	empty    bool
}

// newRouteSet reads entries as [RequestMatch] describes them.
func newRouteSet(key string, entries []string) (*routeSet, error) {
	r := &routeSet{empty: len(entries) == 0}
	for i, entry := range entries {
		if err := checkPattern(entry); err != nil {
			return nil, fmt.Errorf("%s::%d: %w (got %q)", key, i, err, entry)
		}
		e, prefix := strings.CutSuffix(lower(entry), "*")
		switch {
		case strings.Contains(e, "/") && prefix:
			r.under = append(r.under, e)
		case strings.Contains(e, "/"):
			r.whole = append(r.whole, trimSlashes(e))
		case prefix:
			r.begins = append(r.begins, e)
		case len(e) < len(r.segments):
			r.segments[len(e)] = append(r.segments[len(e)], e)
		default:
			r.others = append(r.others, e)
		}
	}
	return r, nil
}

// match reports whether path, which [cutPath] has cut, is in the set.
func (r *routeSet) match(path string) bool {
	if r.empty || path == "" {
		return false
	}
	trimmed := trimSlashes(path)
	if r.matchSegment(trimmed[strings.LastIndexByte(trimmed, '/')+1:]) {
		return true
	}
	for _, w := range r.whole {
		if equalFold(trimmed, w) {
			return true
		}
	}
	for _, u := range r.under {
		if hasPrefixFold(path, u) {
			return true
		}
	}
	return false
}

func (r *routeSet) matchSegment(segment string) bool {
	if segment == "" {
		return false
	}
	same := r.others
	if len(segment) < len(r.segments) {
		same = r.segments[len(segment)]
	}
	for _, s := range same {
		if equalFold(segment, s) {
			return true
		}
	}
	for _, b := range r.begins {
		if hasPrefixFold(segment, b) {
			return true
		}
	}
	return false
}

// matchLocation reports whether a Location header leads into the set: by its
// path, and by its last segment without an extension, too (login.php).
func (r *routeSet) matchLocation(location string) bool {
	if i := strings.IndexAny(location, "?#;"); i >= 0 {
		location = location[:i]
	}
	location = pathOfURL(location)
	if r.match(location) {
		return true
	}
	segment := location[strings.LastIndexByte(location, '/')+1:]
	if i := strings.IndexByte(segment, '.'); i > 0 {
		return r.matchSegment(segment[:i])
	}
	return false
}

// pathOfURL leaves a URL its path, and a path as it is.
func pathOfURL(url string) string {
	slash := strings.IndexByte(url, '/')
	if slash < 0 || !strings.HasPrefix(url[slash:], "//") || slash > 0 && url[slash-1] != ':' {
		return url
	}
	authority := url[slash+2:]
	if i := strings.IndexByte(authority, '/'); i >= 0 {
		return authority[i:]
	}
	return ""
}

// cutPath is path up to the first ';' or '?'.
func cutPath(path string) string {
	for i := range len(path) {
		if c := path[i]; c == ';' || c == '?' {
			return path[:i]
		}
	}
	return path
}

// trimSlashes cuts trailing slashes, but leaves the root its own.
func trimSlashes(path string) string {
	for len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	return path
}

// methodSet matches request methods, in any case.
type methodSet []string

func newMethodSet(key string, methods []string) (methodSet, error) {
	var m methodSet
	for i, method := range methods {
		if method == "" {
			return nil, fmt.Errorf("%s::%d: must not be empty (got %q)", key, i, method)
		}
		m = append(m, lower(method))
	}
	return m, nil
}

func (m methodSet) match(method string) bool {
	for _, s := range m {
		if equalFold(method, s) {
			return true
		}
	}
	return false
}

// requestSet is what exempt and passive are made of.
type requestSet struct {
	methods methodSet
	routes  *routeSet
}

func newRequestSet(key string, cfg RequestMatch) (requestSet, error) {
	methods, err := newMethodSet(key+"::methods", cfg.Methods)
	if err != nil {
		return requestSet{}, err
	}
	routes, err := newRouteSet(key+"::routes", cfg.Routes)
	return requestSet{methods, routes}, err
}

// match looks at route and path both: some instrumentations give "/" for every
// route.
func (r *requestSet) match(method, route, path string) bool {
	return r.methods.match(method) || r.routes.match(route) || r.routes.match(path)
}

// lower is s with its ASCII letters in lower case.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// equalFold reports whether s is low, but for the case of ASCII letters. low
// has none in upper case.
func equalFold(s, low string) bool {
	return len(s) == len(low) && hasPrefixFold(s, low)
}

func hasPrefixFold(s, low string) bool {
	if len(s) < len(low) {
		return false
	}
	for i := range len(low) {
		c := s[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != low[i] {
			return false
		}
	}
	return true
}
