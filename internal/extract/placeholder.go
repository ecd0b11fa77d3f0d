package extract

import (
	"errors"
	"fmt"
)

// maxIDSize is the longest id in bytes: what a user agent must at least take
// for a whole cookie (RFC 6265, section 6.1).
const maxIDSize = 4096

// idRules say which texts are ids, of sessions or of users.
type idRules struct {
	words  []string     // placeholders, in lower case
	begin  [256]beginOf // what one may begin with, in either case
	hashed hashedWords  // what placeholders become where ids arrive hashed
}

// beginOf is what a byte may be the first one of.
type beginOf uint8

const (
	ofWord beginOf = 1 << iota
	ofZeros
	ofAsterisks
)

func newIDRules(zeros bool, words []string) idRules {
	var r idRules
	for _, word := range words {
		if word == "" {
			continue
		}
		low := lower(word)
		r.words = append(r.words, low)
		r.begin[low[0]] |= ofWord
		if low[0] >= 'a' && low[0] <= 'z' {
			r.begin[low[0]-0x20] |= ofWord
		}
	}
	r.begin['*'] |= ofAsterisks
	if zeros {
		r.begin['0'] |= ofZeros
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
	case r.begin[raw[0]] != 0 && r.isPlaceholder(raw):
		return SessionIDPlaceholder
	case r.hashed != nil && r.hashed.has(raw):
		return SessionIDPlaceholder
	}
	return usable
}

// isPlaceholder reports whether raw, which is not empty, stands for no id.
func (r *idRules) isPlaceholder(raw string) bool {
	begin := r.begin[raw[0]]
	switch {
	case begin&ofZeros != 0 && isAll(raw, '0', '-'), begin&ofAsterisks != 0 && isAll(raw, '*', '*'):
		return true
	case begin&ofWord == 0:
		return false
	}
	for _, word := range r.words {
		if len(word) == len(raw) && equalFold(raw, word) {
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
