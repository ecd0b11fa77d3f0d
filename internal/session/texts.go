package session

import (
	"strings"
	"unicode/utf8"
)

// MaxText is the longest text in bytes that leaves in a finding or a metric.
const MaxText = 1024

// Clean returns s as it may leave: valid UTF-8 without control characters, no
// longer than [MaxText], cut between characters. What is neither is U+FFFD, as
// are line separators and the characters that turn the direction of a text, by
// which one text passes for another. It allocates only for what is not clean, and
// what it returns is. Ids are never cleaned: they are compared byte by byte.
func Clean(s string) string {
	if len(s) <= MaxText && isClean(s) {
		return s
	}
	return cleaned(s)
}

func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return areClean(s[i:])
		}
	}
	return true
}

func areClean(s string) bool {
	for i, r := range s {
		if isUnclean(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return false
		}
	}
	return true
}

// isUnclean reports whether r is shown as something else, or as nothing.
func isUnclean(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f: // C0, DEL and C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // bidirectional
		return true
	case r == 0x2028, r == 0x2029: // line and paragraph separator
		return true
	}
	return false
}

func cleaned(s string) string {
	var b strings.Builder
	for _, r := range s { // a byte that is no character is utf8.RuneError
		if isUnclean(r) {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > MaxText {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// clean makes of r what may leave.
func (r *Resource) clean() {
	for _, s := range [...]*string{&r.ServiceName, &r.ServiceNamespace, &r.ServiceInstance, &r.Environment} {
		*s = Clean(*s)
	}
}

// Clean makes of all texts of f what may leave, wherever they came from: a
// finding may have been stored by a version that took what came.
func (f *Finding) Clean() {
	f.Resource.clean()
	f.EndedBy, f.Reason = Clean(f.EndedBy), Clean(f.Reason)
	d := &f.Details
	for _, s := range [...]*string{&d.Method, &d.Route, &d.Path, &d.RPCMethod, &d.Destination} {
		*s = Clean(*s)
	}
}
