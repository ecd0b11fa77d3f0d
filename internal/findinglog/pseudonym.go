package findinglog

import (
	"encoding/hex"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// ParsePseudonym reads a pseudonym as records and alerts have it: 64 hex digits in lower case. Whatever
// else stands there is none.
func ParsePseudonym(s string) (p fact.Pseudonym, ok bool) {
	if len(s) != hex.EncodedLen(len(p)) || strings.ContainsAny(s, "ABCDEF") {
		return p, false
	}
	if _, err := hex.Decode(p[:], []byte(s)); err != nil {
		return fact.Pseudonym{}, false
	}
	return p, true
}
