package extract

import (
	"encoding/base64"
	"strconv"
	"unsafe"
)

// maxArena is how much memory for decoded ids a batch keeps for the next one.
const maxArena = 64 << 10

// arena has the texts that a batch makes: numbers as text, and what was encoded.
// What is written stays until the batch is reset, and nothing of it longer.
type arena struct {
	text  []byte
	token []byte // a decoded one, while it is looked at
}

// since is what was appended from a length on.
func (a *arena) since(from int) string {
	if from == len(a.text) {
		return ""
	}
	// What lies below len(a.text) is not written again until reset.
	return unsafe.String(&a.text[from], len(a.text)-from)
}

// itoa is n as text that lives as long as the batch.
func (a *arena) itoa(n int64) string {
	from := len(a.text)
	a.text = strconv.AppendInt(a.text, n, 10)
	return a.since(from)
}

// decode is what text encodes, with padding or without.
func (a *arena) decode(encoding *base64.Encoding, text string) (string, bool) {
	for range 2 {
		if n := len(text); n > 0 && text[n-1] == '=' {
			text = text[:n-1]
		}
	}
	from := len(a.text)
	var err error
	a.text, err = encoding.AppendDecode(a.text, bytesOf(text))
	if err != nil {
		a.text = a.text[:from]
		return "", false
	}
	return a.since(from), true
}

// percentDecode is text without its percent-encoding. One with a sign that begins
// none was not encoded, and is left as it is.
func (a *arena) percentDecode(text string) string {
	from := len(a.text)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 >= len(text) || !isHex(folded[text[i+1]]) || !isHex(folded[text[i+2]]) {
				a.text = a.text[:from]
				return text
			}
			c = hexDigit(folded[text[i+1]])<<4 | hexDigit(folded[text[i+2]])
			i += 2
		}
		a.text = append(a.text, c)
	}
	return a.since(from)
}

// append is text, which does not live as long, kept as long as the batch.
func (a *arena) append(text []byte) string {
	from := len(a.text)
	a.text = append(a.text, text...)
	return a.since(from)
}

// forgetToken leaves nothing of the token.
func (a *arena) forgetToken() {
	clear(a.token)
	a.token = a.token[:0]
}

func (a *arena) reset() {
	clear(a.text[:cap(a.text)])
	if a.text = a.text[:0]; cap(a.text) > maxArena {
		a.text = nil
	}
}

// bytesOf are the bytes of a text, which must not be written.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }
