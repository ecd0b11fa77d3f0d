package extract

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// claim takes a top-level claim of a JSON Web Token, behind Bearer or alone. The
// token is decoded, not verified: whoever sends it may have written it himself.
func (t *taken) claim(header string) {
	token := trimBlanks(header)
	const bearer = "bearer "
	if hasPrefixFold(token, bearer) {
		token = trimBlanks(token[len(bearer):])
	}
	if !isToken64(token) {
		return // an opaque token, or other credentials: they have no claims
	}
	if len(token) > maxToken {
		t.none(SessionIDSize)
		return
	}
	payload, ok := payloadOf(token)
	if !ok {
		t.none(SessionIDToken)
		return
	}
	a := &t.batch.arena
	defer a.forgetToken()
	var err error
	if a.token, err = base64.RawURLEncoding.AppendDecode(a.token[:0], bytesOf(payload)); err != nil || !utf8.Valid(a.token) {
		a.token = a.token[:cap(a.token)] // of which some was written
		t.none(SessionIDToken)
		return
	}
	o := jsonObject{json: a.token}
	value, found, ok := o.find(t.name)
	switch {
	case !ok:
		t.none(SessionIDToken)
	case !found:
	case value[0] == '"':
		value = value[1 : len(value)-1]
		from := len(a.text)
		if !a.unescape(value) {
			t.none(SessionIDToken)
			return
		}
		t.take(a.since(from))
	case isInteger(value):
		t.take(a.append(value))
	default:
		t.none(SessionIDType)
	}
}

// isToken64 reports whether text begins as a token does: with a JSON object in
// base64url. It may be none all the same.
func isToken64(text string) bool {
	return len(text) > 2 && text[0] == 'e' && (text[1] == 'y' || text[1] == 'w') && strings.IndexByte(text, '.') > 0
}

// payloadOf is the second of three parts. An encrypted token has five.
func payloadOf(token string) (string, bool) {
	_, rest, _ := strings.Cut(token, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || payload == "" || strings.IndexByte(signature, '.') >= 0 {
		return "", false
	}
	return strings.TrimRight(payload, "="), true
}

// isInteger reports whether a JSON value is a whole number, written as one.
func isInteger(value []byte) bool {
	if value[0] == '-' {
		value = value[1:]
	}
	for _, c := range value {
		if c-'0' > 9 {
			return false
		}
	}
	return len(value) > 0
}
