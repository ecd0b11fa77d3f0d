package extract

import (
	"fmt"
	"strings"
)

// routeSet matches routes, in any case.
type routeSet struct {
	segments []string // last segments
	begins   []string // what last segments begin with
	whole    []string // whole routes
	under    []string // what whole routes begin with
}

// newRouteSet reads entries as [Rule] describes them.
func newRouteSet(key string, entries []string) (*routeSet, error) {
	r := &routeSet{}
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
		default:
			r.segments = append(r.segments, e)
		}
	}
	return r, nil
}

// match reports whether p is in the set.
func (r *routeSet) match(p *routeParts) bool {
	if p.full == "" {
		return false
	}
	if r.matchSegment(p.segment) || len(p.name) != len(p.segment) && r.matchSegment(p.name) {
		return true
	}
	for _, u := range r.under {
		if hasPrefixFold(p.full, u) {
			return true
		}
	}
	if len(r.whole) > 0 {
		trimmed := trimSlashes(p.full)
		bare := strings.TrimSuffix(trimmed, p.segment[len(p.name):])
		for _, w := range r.whole {
			if equalFold(trimmed, w) || equalFold(bare, w) {
				return true
			}
		}
	}
	return false
}

func (r *routeSet) matchSegment(segment string) bool {
	for _, s := range r.segments {
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
	p := newRouteParts(pathOfURL(location))
	if r.match(&p) {
		return true
	}
	name, _, ok := strings.Cut(p.segment, ".")
	return ok && r.matchSegment(name)
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
