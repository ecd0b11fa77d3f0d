package advice

import (
	"crypto/md5"  //nolint:gosec // to know what others hashed
	"crypto/sha1" //nolint:gosec // to know what others hashed
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// difference is what two spellings of one id differ in.
type difference uint8

// The differences, the simplest first.
const (
	inCase difference = iota
	inQuotes
	inHyphens
	inSuffix
	inPrefix
	inBoth
	inBase64
	inPseudonym
	inSHA256
	inSHA1
	inMD5
	inSHA512
	inLength8
	inLength12
	inLength16
	inLength32

	differenceCount
)

// sides say whose ids have to be changed.
type sides uint8

const (
	ofRequests sides = iota
	ofEnds
	ofBoth

	sideCount
)

// differences have the name that is shown, and what is to be said: {side} and {other}
// are requests or ends.
var differences = [differenceCount]struct{ name, said string }{
	inCase:   {"case", "they are the same but for upper and lower case: write both alike, with ToLowerCase in a transform"},
	inQuotes: {"quotes", "they are the same but for quotes, blanks or percent-encoding: take them off in a transform, or by a source with `cookie`, which does"},
	inHyphens: {
		"hyphens", "they are the same but for hyphens: write both alike, with replace_pattern in a transform",
	},
	inSuffix:    {"suffix", "those of {side} have a suffix, of a node or a signature: set `until: \".!~\"` on {source}"},
	inPrefix:    {"prefix", "those of {side} have a prefix: set `strip_prefix` on {source}"},
	inBoth:      {"prefix_and_suffix", "those of {side} have a prefix and a suffix, of a node or a signature: set `strip_prefix` and `until` on {source}"},
	inBase64:    {"base64", "those of {side} are in base64: set `decode: base64` on {source}"},
	inPseudonym: {"pseudonym", "those of {other} are pseudonyms already: `redaction` stands before session_timeout in one pipeline; put it behind it in all, or before it in all and set already_hashed"},
	inSHA256:    {"sha256", "those of {other} are SHA-256 of those of {side}: send the same on both"},
	inSHA1:      {"sha1", "those of {other} are SHA-1 of those of {side}: send the same on both"},
	inMD5:       {"md5", "those of {other} are MD5 of those of {side}: send the same on both"},
	inSHA512:    {"sha512", "those of {other} are SHA-512 of those of {side}: send the same on both"},
	inLength8:   {"first_8", "those of {other} are only the first 8 characters of those of {side}: send whole ids"},
	inLength12:  {"first_12", "those of {other} are only the first 12 characters of those of {side}: send whole ids"},
	inLength16:  {"first_16", "those of {other} are only the first 16 characters of those of {side}: send whole ids"},
	inLength32:  {"first_32", "those of {other} are only the first 32 characters of those of {side}: send whole ids"},
}

var sideNames = [sideCount][2]string{{"requests", "ends"}, {"ends", "requests"}, {"both", "both"}}

var sideSources = [sideCount]string{
	"their source in session_id::sources", "a source of the event in events::ended, {name: NAME, session: [{attribute: session.id, ...}]}", "their sources in session_id::sources",
}

// label is the name of the difference, and of the side that it changes.
func (d difference) label(side sides) string {
	switch {
	case d <= inHyphens: // of either
		return differences[d].name
	}
	return differences[d].name + " of " + sideNames[side][0]
}

// saidOf is what is to be said of a label, and keyOf what to set, empty where ids have
// to be sent otherwise.
var saidOf, keyOf = func() (said, keys map[string]string) {
	said, keys = map[string]string{}, map[string]string{}
	for d := range differenceCount {
		form := differences[d].said
		for side := range sideCount {
			label := d.label(side)
			said[label] = strings.NewReplacer(
				"{side}", sideNames[side][0], "{other}", sideNames[side][1], "{source}", sideSources[side],
			).Replace(form)
			switch {
			case strings.Contains(form, "{source}") && side == ofEnds:
				keys[label] = "events::ended"
			case strings.Contains(form, "{source}"):
				keys[label] = "session_id::sources"
			case d == inPseudonym:
				keys[label] = "session_id::already_hashed"
			}
		}
	}
	return said, keys
}()

// differ makes of an id what it may be on the other side.
type differ struct {
	hash      hasher
	pseudonym func(raw string) fact.Pseudonym // nil where there is none
}

// each calls note with the hash of what each difference makes of an id.
func (d *differ) each(raw string, note func(difference, uint64)) {
	say := func(i difference, changed string) {
		if changed != "" {
			note(i, d.hash.of(changed))
		}
	}
	plain := bare(raw)
	say(inCase, strings.ToLower(raw))
	say(inQuotes, plain)
	say(inHyphens, strings.ToLower(strings.ReplaceAll(raw, "-", "")))
	say(inSuffix, head(raw))
	say(inPrefix, tail(raw))
	say(inBoth, head(tail(plain)))
	say(inBase64, decoded(plain))
	for _, n := range [...]struct {
		difference
		length int
	}{{inLength8, 8}, {inLength12, 12}, {inLength16, 16}, {inLength32, 32}} {
		if len(raw) > n.length {
			say(n.difference, raw[:n.length])
		}
	}
	d.digests(raw, say)
}

// digests are what an id is hashed to.
func (d *differ) digests(raw string, say func(difference, string)) {
	if d.pseudonym != nil {
		p := d.pseudonym(raw)
		say(inPseudonym, hex.EncodeToString(p[:]))
	}
	text := []byte(raw)
	a, b, c, e := sha256.Sum256(text), sha1.Sum(text), md5.Sum(text), sha512.Sum512(text) //nolint:gosec // see the imports
	say(inSHA256, hex.EncodeToString(a[:]))
	say(inSHA1, hex.EncodeToString(b[:]))
	say(inMD5, hex.EncodeToString(c[:]))
	say(inSHA512, hex.EncodeToString(e[:]))
}

// bare is an id without quotes and blanks, percent-decoded.
func bare(raw string) string {
	raw = strings.Trim(raw, "\"' \t\r\n")
	if plain, err := url.PathUnescape(raw); err == nil {
		return plain
	}
	return raw
}

// head is what stands before a suffix, all where there is none.
func head(raw string) string {
	if i := strings.IndexAny(raw, ".!~"); i >= 0 {
		return raw[:i]
	}
	return raw
}

// tail is what stands behind a prefix, all where there is none.
func tail(raw string) string {
	if i := strings.LastIndexAny(raw, ":/"); i >= 0 {
		return raw[i+1:]
	}
	return strings.TrimPrefix(raw, "sess_")
}

// decoded is what an id is in base64, of either alphabet; empty where it is not.
func decoded(raw string) string {
	raw = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(raw, "="))
	text, err := base64.RawStdEncoding.DecodeString(raw)
	if err != nil {
		return ""
	}
	return string(text)
}

func isHex(text string) bool {
	return text != "" && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}
