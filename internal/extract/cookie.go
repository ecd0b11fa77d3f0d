package extract

import "strings"

// cookies takes the values of the cookies of this name in a Cookie header. Of
// several that are usable one counts; others are passed over.
func (t *taken) cookies(header string) {
	for header != "" {
		pair := header
		if i := strings.IndexByte(header, ';'); i >= 0 {
			pair, header = header[:i], header[i+1:]
		} else {
			header = ""
		}
		for pair != "" && isBlank(pair[0]) {
			pair = pair[1:]
		}
		n := len(t.name)
		if len(pair) <= n || pair[0] != t.name[0] || pair[:n] != t.name {
			continue
		}
		// Blanks before the sign are not a part of the name.
		value := pair[n:]
		for value != "" && isBlank(value[0]) {
			value = value[1:]
		}
		if value == "" || value[0] != '=' {
			continue
		}
		t.cookie(value[1:])
	}
}

// cookie takes the value of one cookie.
func (t *taken) cookie(value string) {
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
