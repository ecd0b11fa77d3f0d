// Package clean has the one rule of what a text may hold that others have written and
// that leaves: in a finding, a metric or an alert.
package clean

import (
	"strings"
	"unicode/utf8"
)

// Text returns s as it may leave: valid UTF-8 without control characters, of at
// most limit bytes, cut between characters. What is neither is U+FFFD, as are line
// separators and the characters that turn the direction of a text, by which one
// text passes for another. It allocates only for what is not clean, and what it
// returns is.
func Text(s string, limit int) string {
	if len(s) <= limit && isClean(s) {
		return s
	}
	return cleaned(s, limit)
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

func cleaned(s string, limit int) string {
	var b strings.Builder
	for _, r := range s { // a byte that is no character is utf8.RuneError
		if isUnclean(r) {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
