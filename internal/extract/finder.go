package extract

import (
	"bytes"
	"encoding/base64"
	"strings"
)

const (
	// readings are a text as it stands, decoded once, and decoded twice; of an id
	// the first two.
	readings, idReadings = 3, 2
	// escapedLength is how many bytes one byte takes at most that was encoded as
	// often as that.
	escapedLength = 9
	// decodedShrinks is how many times as long an id is at most as it is decoded.
	decodedShrinks = 3
	// maxLooked is how much of a text is looked at. The end of an id that begins
	// in its last part might not be.
	maxLooked  = 64 << 10
	notQuoted  = escapedLength * maxIDSize
	maxScratch = 4 << 10 // memory for longer texts is not kept
)

// folded is a byte as it is compared.
var folded = func() (f [256]byte) {
	for i := range f {
		f[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			f[i] |= 0x20
		}
	}
	f['+'] = ' '
	return f
}()

// finder looks for ids in a text. It keeps its memory from one text to the next.
type finder struct {
	text   [readings]reading
	id     [idReadings]reading
	base64 []byte
	hidden []bool // by byte of the text, the bytes of ids
}

// reading is a text, folded and decoded.
type reading struct {
	bytes []byte
	at    []int32 // where each begins in the text, and where that ends
}

// read looks at another text from here on.
func (f *finder) read(text string) {
	if cap(f.hidden) > maxScratch {
		*f = finder{}
	}
	text = text[:min(len(text), maxLooked)]
	read(f.text[:], text)
	f.hidden = append(f.hidden[:0], make([]bool, len(text))...)
}

func read(readings []reading, text string) {
	first := &readings[0]
	first.bytes, first.at = first.bytes[:0], first.at[:0]
	for i := range len(text) {
		first.bytes = append(first.bytes, folded[text[i]])
		first.at = append(first.at, int32(i))
	}
	first.at = append(first.at, int32(len(text)))
	for i := range readings[1:] {
		readings[i+1].decode(&readings[i])
	}
}

// decode makes r what is percent-encoded in from; nothing, where nothing is.
func (r *reading) decode(from *reading) {
	r.bytes, r.at = r.bytes[:0], r.at[:0]
	src := from.bytes
	if bytes.IndexByte(src, '%') < 0 {
		return
	}
	for i := 0; i < len(src); i++ {
		c, at := src[i], from.at[i]
		if c == '%' && i+2 < len(src) && isHex(src[i+1]) && isHex(src[i+2]) {
			c = folded[hexDigit(src[i+1])<<4|hexDigit(src[i+2])]
			i += 2
		}
		r.bytes, r.at = append(r.bytes, c), append(r.at, at)
	}
	r.at = append(r.at, from.at[len(src)])
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'a' + 10
}

// find marks id wherever it stands in the text, if that is asked for, and reports
// whether it does.
func (f *finder) find(id string, mark bool) (found bool) {
	read(f.id[:], id)
	for i := range f.id {
		if id := f.id[i].bytes; len(id) > 0 {
			found = f.findBytes(id, mark) || found
		}
	}
	if len(id) < minHidden {
		return found
	}
	for _, alphabet := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		raw := append(f.base64[:0], id...)
		f.base64 = alphabet.AppendEncode(raw, raw)
		encoded := f.base64[len(id):]
		for i, c := range encoded {
			encoded[i] = folded[c]
		}
		found = f.findBytes(encoded, mark) || found
	}
	return found
}

func (f *finder) findBytes(id []byte, mark bool) (found bool) {
	for i := range f.text {
		found = f.findIn(&f.text[i], id, mark) || found
	}
	return found
}

func (f *finder) findIn(r *reading, id []byte, mark bool) (found bool) {
	for from := 0; ; {
		i := bytes.Index(r.bytes[from:], id)
		if i < 0 {
			return found
		}
		i += from
		end := i + len(id)
		if len(id) < minHidden && (i > 0 && isWord(r.bytes[i-1]) || end < len(r.bytes) && isWord(r.bytes[end])) {
			from = i + 1
			continue
		}
		found, from = true, end
		if !mark {
			return found
		}
		for at := r.at[i]; at < r.at[end]; at++ {
			f.hidden[at] = true
		}
	}
}

// rest is what a finding quotes of the text without what is marked in it.
func (f *finder) rest(text string) string {
	n := len(text)
	if n > maxLooked {
		n = maxLooked - notQuoted
	}
	var b strings.Builder
	for i := 0; i < n && b.Len() <= maxDetail; i++ {
		switch {
		case !f.hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !f.hidden[i-1]:
			b.WriteString(hiddenText)
		}
	}
	return b.String()
}
