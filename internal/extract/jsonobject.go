package extract

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonObject finds a member of a JSON object. It goes over the text once, keeps
// nothing but a depth, and reads no more of values than where they end.
type jsonObject struct {
	json []byte
	at   int
}

// find is the value of the member called name as it is written, with its quotes
// if it is a string. It is not ok if the text is no object, or has two members of
// this name.
func (o *jsonObject) find(name string) (value []byte, found, ok bool) {
	if o.next() != '{' {
		return nil, false, false
	}
	o.at++
	if o.next() == '}' {
		o.at++
		return nil, false, o.next() == 0
	}
	for {
		key, ok := o.text()
		if !ok || o.next() != ':' {
			return nil, false, false
		}
		o.at++
		o.next()
		from := o.at
		if !o.skip() {
			return nil, false, false
		}
		if isKey(key, name) {
			if found {
				return nil, false, false
			}
			value, found = bytes.TrimRight(o.json[from:o.at], " \t\r\n"), true
		}
		switch o.next() {
		case ',':
			o.at++
			o.next()
		case '}':
			o.at++
			return value, found, o.next() == 0
		default:
			return nil, false, false
		}
	}
}

// next is the next byte that is no blank; 0 at the end.
func (o *jsonObject) next() byte {
	for ; o.at < len(o.json); o.at++ {
		switch c := o.json[o.at]; c {
		case ' ', '\t', '\r', '\n':
		case 0:
			return 1 // nothing that means anything
		default:
			return c
		}
	}
	return 0
}

// text goes over a string, and returns what is between its quotes.
func (o *jsonObject) text() ([]byte, bool) {
	if o.at >= len(o.json) || o.json[o.at] != '"' {
		return nil, false
	}
	from := o.at + 1
	for i := from; i < len(o.json); i++ {
		switch c := o.json[i]; {
		case c == '\\':
			i++
		case c == '"':
			o.at = i + 1
			return o.json[from:i], true
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// skip goes over a value. What is in an object or a list is only looked at for
// where that ends.
func (o *jsonObject) skip() bool {
	depth := 0
	for o.at < len(o.json) {
		switch o.json[o.at] {
		case '"':
			if _, ok := o.text(); !ok {
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				o.at++
				return depth == 0
			}
		default:
			if depth == 0 {
				return o.word()
			}
		}
		o.at++
	}
	return false
}

// word goes over a number or a name.
func (o *jsonObject) word() bool {
	from := o.at
	for ; o.at < len(o.json); o.at++ {
		if c := o.json[o.at]; !isWord(c) && c != '-' && c != '+' && c != '.' {
			break
		}
	}
	return o.at > from
}

// isKey reports whether a key, as it is written, is name.
func isKey(key []byte, name string) bool {
	if string(key) == name {
		return true
	}
	if bytes.IndexByte(key, '\\') < 0 {
		return false
	}
	var a arena // somebody takes trouble to hide it
	return a.unescape(key) && string(a.text) == name
}

// unescape appends what is between the quotes of a JSON string.
func (a *arena) unescape(text []byte) bool {
	for len(text) > 0 {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			i = len(text)
		}
		a.text = append(a.text, text[:i]...)
		if text = text[i:]; len(text) == 0 {
			break
		}
		if len(text) < 2 {
			return false
		}
		c := text[1]
		text = text[2:]
		switch c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, n := unicodeEscape(text)
			if n == 0 {
				return false
			}
			a.text, text = utf8.AppendRune(a.text, r), text[n:]
			continue
		default:
			return false
		}
		a.text = append(a.text, c)
	}
	return true
}

// unicodeEscape reads what follows \u, of two halves both, and how long it is.
func unicodeEscape(text []byte) (r rune, n int) {
	if len(text) < 4 {
		return 0, 0
	}
	v, err := strconv.ParseUint(string(text[:4]), 16, 16)
	if err != nil {
		return 0, 0
	}
	r = rune(v)
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(text) < 10 || text[4] != '\\' || text[5] != 'u' {
		return 0, 0
	}
	low, err := strconv.ParseUint(string(text[6:10]), 16, 16)
	if err != nil {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, rune(low)); r == utf8.RuneError {
		return 0, 0
	}
	return r, 10
}
