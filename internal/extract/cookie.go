package extract

import (
	"math/bits"
	"strings"
)

// cookies takes the values of the cookies of this name in a Cookie header. Of
// several that are usable one counts; others are passed over. It looks for
// semicolons in eight bytes at a time, since most of what it goes over is others'.
func (t *taken) cookies(header string) {
	t.cookieAt(header, 0)
	i := 0
	for ; i+8 <= len(header); i += 8 {
		for found := semicolons(word(header[i:])); found != 0; found &= found - 1 {
			if at := i + bits.TrailingZeros64(found)/8; header[at] == ';' {
				t.cookieAt(header, at+1)
			}
		}
	}
	for ; i < len(header); i++ {
		if header[i] == ';' {
			t.cookieAt(header, i+1)
		}
	}
}

// semicolons has the highest bit set in each byte of w that is one, and perhaps in
// one behind it.
func semicolons(w uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	w ^= ones * ';'
	return (w - ones) &^ w & high
}

// cookieAt takes the value of the cookie that begins here, if it has the name.
func (t *taken) cookieAt(header string, at int) {
	for at < len(header) && isBlank(header[at]) {
		at++
	}
	if header = header[at:]; len(header) > len(t.name) && header[0] == t.name[0] && header[:len(t.name)] == t.name {
		t.cookieValue(header[len(t.name):])
	}
}

// cookieValue takes the value of a cookie, of whose pair this is what follows the
// name, with all that comes behind it.
func (t *taken) cookieValue(value string) {
	// Blanks before the sign are not a part of the name.
	for value != "" && isBlank(value[0]) {
		value = value[1:]
	}
	if value == "" || value[0] != '=' {
		return
	}
	value = value[1:]
	if end := strings.IndexByte(value, ';'); end >= 0 {
		value = value[:end]
	}
	value = trimBlanks(value)
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = trimBlanks(value[1 : n-1])
	}
	if strings.IndexByte(value, '%') >= 0 {
		value = t.batch.percentDecode(value)
	}
	t.take(value)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trimBlanks(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
