package extract

import (
	"encoding/binary"
	"strings"
)

const (
	// minHidden is the length in bytes from which an id is looked for anywhere in
	// a text. A shorter one (a user called 42) is so only where it stands alone.
	minHidden = 8
	// maxSecrets bounds the ids of a record; where there are more, it quotes
	// nothing.
	maxSecrets = 64
	// hiddenText stands for an id, and for a text that is not quoted.
	hiddenText = "_"
)

// secrets are the ids of a record, which nothing that leaves may quote: neither as
// they stand nor percent-encoded, up to twice, nor in base64. Upper and lower case
// of ASCII are the same, and so are a blank and a plus.
type secrets struct {
	ids     []string
	least   int // a text of fewer bytes holds none of them
	tooMany bool
	finder  finder
}

// reset leaves id alone, which may be empty.
func (s *secrets) reset(id string) {
	s.ids, s.least, s.tooMany = s.ids[:0], maxDetail, false
	s.add(id)
}

func (s *secrets) add(id string) {
	switch {
	case id == "":
	case len(s.ids) == maxSecrets:
		s.tooMany = true
	default:
		s.ids = append(s.ids, id)
		s.least = min(s.least, leastOf(id))
	}
}

// leastOf is the length of the shortest text that holds id.
func leastOf(id string) int {
	if strings.IndexByte(id, '%') < 0 {
		return len(id)
	}
	return (len(id) + decodedShrinks - 1) / decodedShrinks // it may stand there decoded
}

// quote is what a finding may quote of text.
func (s *secrets) quote(text string) string {
	if len(text) < s.least && !s.tooMany {
		return text
	}
	return s.quoteLong(text)
}

// quoteLong allocates only where it finds an id.
func (s *secrets) quoteLong(text string) string {
	if s.tooMany && text != "" {
		return hiddenText
	}
	for _, id := range s.ids {
		if mayHold(text, id) {
			return clip(s.hide(text))
		}
	}
	return clip(text)
}

// hide takes the ids out of text.
func (s *secrets) hide(text string) string {
	f := &s.finder
	f.read(text)
	found := false
	for _, id := range s.ids {
		found = f.find(id, true) || found
	}
	if !found {
		return text
	}
	return f.rest(text)
}

// holds reports whether text, which is quoted whole or not at all, holds an id.
// Short ids do not count: web-1 and the user 1 have nothing to do with each other.
func (s *secrets) holds(text string) bool {
	for _, id := range s.ids {
		if len(id) >= minHidden && mayHold(text, id) {
			s.finder.read(text)
			if s.finder.find(id, false) {
				return true
			}
		}
	}
	return false
}

// mayHold reports, quickly, whether it is worth while to look for id in text.
func mayHold(text, id string) bool {
	if len(text) < leastOf(id) {
		return false
	}
	if strings.IndexByte(text, '%') >= 0 || strings.IndexByte(id, '%') >= 0 {
		return true
	}
	last := len(text) - len(id)
	if len(id) < minHidden {
		first := folded[id[0]]
		for i := 0; i <= last; i++ {
			if folded[text[i]] == first && equalFolded(text[i:i+len(id)], id) {
				return true
			}
		}
		return false
	}
	// Its first eight bytes, without the bits by which a byte differs from
	// what is the same.
	const same = 0x2b2b2b2b2b2b2b2b
	for i, w := 0, word(id)|same; i <= last; i++ {
		if word(text[i:])|same == w {
			return true
		}
	}
	return mayHoldBase64(text, id)
}

// mayHoldBase64 does, of an id in base64, by its first four characters, of which
// the last two signs of that alphabet are more than one.
func mayHoldBase64(text, id string) bool {
	last := len(text) - (len(id)*4+2)/3
	if last < 0 {
		return false
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	n := uint32(id[0])<<16 | uint32(id[1])<<8 | uint32(id[2])
	var begin [4]byte
	for i := range begin {
		c := alphabet[n>>(18-6*i)&63]
		if c == '+' || c == '/' {
			return true
		}
		begin[i] = c
	}
	w := binary.LittleEndian.Uint32(begin[:])
	for i := 0; i <= last; i++ {
		if uint32(text[i])|uint32(text[i+1])<<8|uint32(text[i+2])<<16|uint32(text[i+3])<<24 == w {
			return true
		}
	}
	return false
}

func equalFolded(a, b string) bool {
	for i := range len(a) {
		if folded[a[i]] != folded[b[i]] {
			return false
		}
	}
	return true
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}
