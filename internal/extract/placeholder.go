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
	words  []string    // placeholders, in lower case
	begin  [256]edgeOf // what one may begin with, in either case
	end    [256]edgeOf // and end with
	hashed hashedWords // what placeholders become where ids arrive hashed
}

// edgeOf is what a byte may be the first or the last one of.
type edgeOf uint8

const (
	ofWord edgeOf = 1 << iota
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
		for _, edge := range []struct {
			table *[256]edgeOf
			c     byte
		}{{&r.begin, low[0]}, {&r.end, low[len(low)-1]}} {
			edge.table[edge.c] |= ofWord
			if edge.c >= 'a' && edge.c <= 'z' {
				edge.table[edge.c-0x20] |= ofWord
			}
		}
	}
	r.begin['*'] |= ofAsterisks
	r.end['*'] |= ofAsterisks
	if zeros {
		r.begin['0'] |= ofZeros
		r.end['0'] |= ofZeros
		r.end['-'] |= ofZeros
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
// which is not empty, stands for no id.
func (r *idRules) mayBePlaceholder(raw string) bool { return r.edges(raw) != 0 }

func (r *idRules) edges(raw string) edgeOf { return r.begin[raw[0]] & r.end[raw[len(raw)-1]] }

// isPlaceholder reports whether raw, which is not empty, stands for no id.
func (r *idRules) isPlaceholder(raw string) bool {
	edges := r.edges(raw)
	switch {
	case edges&ofZeros != 0 && isAll(raw, '0', '-'), edges&ofAsterisks != 0 && isAll(raw, '*', '*'):
		return true
	case edges&ofWord == 0:
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
