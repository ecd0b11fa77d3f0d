package extract

import "strings"

// minHidden is the length in bytes from which an id is looked for anywhere in
// a text. A shorter one (a user called 42) is so only where it stands alone.
const minHidden = 8

// secrets are the ids that no finding may quote.
type secrets struct {
	session, user string
	short         int // a text of fewer bytes holds neither and is quoted whole
}

func newSecrets(session, user string) secrets {
	short := maxDetail
	if session != "" {
		short = min(short, len(session))
	}
	if user != "" {
		short = min(short, len(user))
	}
	return secrets{session, user, short}
}

// quote is what a finding may quote of text.
func (s *secrets) quote(text string) string {
	if len(text) < s.short {
		return text
	}
	return s.quoteLong(text)
}

func (s *secrets) quoteLong(text string) string {
	return clip(s.hide(text))
}

// hide takes ids out of what a finding quotes of a request: a path may name the
// session or the user that it is about. It allocates only where it finds one.
func (s *secrets) hide(text string) string {
	for _, id := range [...]string{s.session, s.user} {
		switch {
		case id == "" || !strings.Contains(text, id):
		case len(id) >= minHidden:
			text = strings.ReplaceAll(text, id, "_")
		default:
			text = hideSegment(text, id)
		}
	}
	return text
}

// hideSegment takes id out of text where it stands between two signs that are
// neither letters nor digits.
func hideSegment(text, id string) string {
	var b strings.Builder
	rest := text
	for {
		i := strings.Index(rest, id)
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		end := i + len(id)
		b.WriteString(rest[:i])
		if (i == 0 || !isWord(rest[i-1])) && (end == len(rest) || !isWord(rest[end])) {
			b.WriteByte('_')
		} else {
			b.WriteString(id)
		}
		rest = rest[end:]
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}
