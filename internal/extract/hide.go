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
	ids   []string
	rules *idRules // what is no id and not hidden
	// A text of fewer bytes than least holds none of them, and one of fewer than
	// leastLong none that is long enough to be looked for anywhere.
	least, leastLong int
	escaped          bool // one has a percent sign, and may stand somewhere decoded
	tooMany          bool
	finder           finder
}

// reset leaves none.
func (s *secrets) reset() {
	s.ids, s.least, s.leastLong = s.ids[:0], maxDetail, maxIDSize+1
	s.escaped, s.tooMany = false, false
}

// add adds an id, which is not empty.
func (s *secrets) add(id string) {
	least := len(id)
	switch {
	case len(s.ids) == maxSecrets:
		s.tooMany = true
		return
	case strings.IndexByte(id, '%') >= 0:
		s.escaped = true
		least = (least + decodedShrinks - 1) / decodedShrinks
	}
	s.ids = append(s.ids, id)
	s.least = min(s.least, least)
	if len(id) >= minHidden {
		s.leastLong = min(s.leastLong, least)
	}
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
	odd := s.isOdd(text)
	for _, id := range s.ids {
		if odd || mayHold(text, id) {
			return clip(s.hide(text))
		}
	}
	return clip(text)
}

// isOdd reports whether an id may stand in text other than as it is.
func (s *secrets) isOdd(text string) bool { return s.escaped || strings.IndexByte(text, '%') >= 0 }

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

// mayHoldLong reports, quickly, whether holds is worth while.
func (s *secrets) mayHoldLong(text string, odd bool) bool {
	if len(text) < s.leastLong {
		return false
	}
	if odd {
		return true
	}
	for _, id := range s.ids {
		if len(id) >= minHidden && len(id) <= len(text) && mayHold(text, id) {
			return true
		}
	}
	return false
}

// holds reports whether text, which is quoted whole or not at all, holds an id.
// Short ids do not count: web-1 and the user 1 have nothing to do with each other.
func (s *secrets) holds(text string) bool {
	s.finder.read(text)
	for _, id := range s.ids {
		if len(id) >= minHidden && s.finder.find(id, false) {
			return true
		}
	}
	return false
}

// mayHold reports, quickly, whether it is worth while to look for id in text, where
// neither is odd.
func mayHold(text, id string) bool {
	last := len(text) - len(id)
	switch {
	case last < 0:
		return false
	case len(id) < minHidden:
		return mayHoldShort(text, id)
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

// mayHoldShort looks for the first byte of an id, which has two spellings at most.
func mayHoldShort(text, id string) bool {
	c := id[0]
	if strings.IndexByte(text, c) >= 0 {
		return c|0x20 >= 'a' || strings.Contains(text, id) || isCased(id)
	}
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return strings.IndexByte(text, c^0x20) >= 0
	case c == ' ' || c == '+':
		return strings.ContainsAny(text, " +")
	}
	return false
}

// isCased reports whether there is another spelling of id.
func isCased(id string) bool {
	for i := range len(id) {
		if c := id[i]; folded[c] != c || c == ' ' || c >= 'a' && c <= 'z' {
			return true
		}
	}
	return false
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
		if halfWord(text[i:]) == w {
			return true
		}
	}
	return false
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}
