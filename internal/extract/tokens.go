package extract

import "strings"

// minToken is the length in bytes from which letters and digits in one piece may be
// somebody's id: 64 bits in hexadecimal, the least that a session id should have.
const minToken = 16

// hideTokens takes out of a path what looks like an id, though no attribute of the
// record says so: the other id of a rotation, or of whoever an administrator looks
// at. That is a piece of a text of letters, digits, hyphens and underscores with a
// UUID in it, or with at least minToken letters and digits in a row, two of each.
// It allocates only where it finds one.
func hideTokens(path string) string {
	// Whatever is as long as that stands at one of these places.
	for i := minToken - 1; i < len(path); i += minToken {
		if !isToken(path[i]) {
			continue
		}
		from, to := i, i+1
		for from > 0 && isToken(path[from-1]) {
			from--
		}
		for to < len(path) && isToken(path[to]) {
			to++
		}
		if from > 0 && path[from-1] == '%' {
			from += 2 // an escaped sign before it
		}
		if to-from >= minToken && isRandom(path[from:to]) {
			return path[:from] + hiddenText + hideTokens(path[to:])
		}
		i = to
	}
	return path
}

func isToken(c byte) bool { return tokenBytes[c] }

var tokenBytes = func() (is [256]bool) {
	for c := range 0x80 {
		is[c] = isWord(byte(c)) || c == '-' || c == '_'
	}
	return is
}()

func isRandom(text string) bool {
	pieces := [5]int{} // the lengths of the last ones that are hexadecimal
	for len(text) > 0 {
		end := strings.IndexAny(text, "-_")
		piece := text
		if end >= 0 {
			piece, text = text[:end], text[end+1:]
		} else {
			text = ""
		}
		var digits, hex int
		for i := range len(piece) {
			switch c := piece[i] | 0x20; {
			case c <= '9':
				digits, hex = digits+1, hex+1
			case c <= 'f':
				hex++
			}
		}
		if len(piece) >= minToken && digits >= 2 && len(piece)-digits >= 2 {
			return true
		}
		copy(pieces[:], pieces[1:])
		if pieces[4] = 0; hex == len(piece) {
			pieces[4] = hex
		}
		if pieces == [...]int{8, 4, 4, 4, 12} {
			return true
		}
	}
	return false
}
