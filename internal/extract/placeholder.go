package extract

import (
	"errors"
	"fmt"
	"strings"
)

// maxIDSize is the longest id in bytes: what a user agent must at least take
// for a whole cookie (RFC 6265, section 6.1).
const maxIDSize = 4096

// idRules say which texts are ids, of sessions or of users.
type idRules struct {
	words  [][]string  // placeholders, in lower case, by their lengths
	zeros  bool        // zeros are none
	hashed hashedWords // what placeholders become where ids arrive hashed
}

func newIDRules(zeros bool, words []string) idRules {
	r := idRules{zeros: zeros}
	for _, word := range words {
		for len(r.words) <= len(word) {
			r.words = append(r.words, nil)
		}
		r.words[len(word)] = append(r.words[len(word)], lower(word))
	}
	return r
}

// checkPlaceholders returns what is wrong with a list of them.
func checkPlaceholders(key string, words []string) error {
	var errs []error
	for i, word := range words {
		if word == "" {
			errs = append(errs, fmt.Errorf("%s::%d: must not be empty, which is never an id (got %q)", key, i, word))
		}
		if len(word) > maxIDSize {
			errs = append(errs, fmt.Errorf("%s::%d: must not be longer than an id may be, %d bytes (got %d)", key, i, maxIDSize, len(word)))
		}
	}
	return errors.Join(errs...)
}

// check is why a text is no id, or usable.
func (r *idRules) check(raw string) Reason {
	switch {
	case raw == "":
		return SessionIDEmpty
	case len(raw) > maxIDSize:
		return SessionIDSize
	case r.mayBePlaceholder(raw) && r.isPlaceholder(raw):
		return SessionIDPlaceholder
	case r.hashed != nil && r.hashed.has(raw):
		return SessionIDPlaceholder
	}
	return usable
}

// mayBePlaceholder reports, quickly, whether it is worth while to ask whether raw,
// which is not empty, stands for no id: it is no longer than a word, or begins and
// ends as zeros and asterisks do.
func (r *idRules) mayBePlaceholder(raw string) bool {
	return len(raw) < len(r.words) || raw[0] <= '0' && raw[len(raw)-1] <= '0'
}

// isPlaceholder reports whether raw, which is not empty, stands for no id.
func (r *idRules) isPlaceholder(raw string) bool {
	switch c := raw[0]; {
	case c == '*' && isAll(raw, '*', '*'):
		return true
	case (c == '0' || c == '-') && r.zeros && isAll(raw, '0', '-') && strings.IndexByte(raw, '0') >= 0:
		return true
	case len(raw) >= len(r.words):
		return false
	}
	for _, word := range r.words[len(raw)] {
		if raw[0]|0x20 == word[0]|0x20 && equalFold(raw, word) {
			return true
		}
	}
	return false
}

// isAll reports whether text is nothing but these.
func isAll(text string, a, b byte) bool {
	for i := range len(text) {
		if c := text[i]; c != a && c != b {
			return false
		}
	}
	return true
}
