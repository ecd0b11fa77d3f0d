package extract

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // to know what others hashed
	"crypto/sha1" //nolint:gosec // to know what others hashed
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"
	"unsafe"

	"github.com/dchest/siphash"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// minHashKey is the least length of a hash key in bytes.
const minHashKey = 32

// hasher turns raw ids into what the engine keys by and what may be shown.
// Safe for concurrent use.
type hasher struct {
	key           []byte
	session, user sipKey
	alreadyHashed bool
}

type sipKey struct{ k0, k1 uint64 }

func newHasher(cfg SessionID) hasher {
	h := hasher{key: append([]byte(nil), cfg.HashKey...), alreadyHashed: cfg.AlreadyHashed}
	h.session = h.derive("session_timeout: table key of sessions")
	h.user = h.derive("session_timeout: table key of users")
	return h
}

// derive makes a SipHash key from the hash key. Sessions and users have their
// own, so that an id of the one never stands for the other.
func (h *hasher) derive(label string) sipKey {
	sum := h.hmac(label)
	return sipKey{binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])}
}

// id is the keyed hash of raw; never the zero ID.
func (k sipKey) id(raw string) fact.ID {
	lo, hi := k.hash(raw)
	return fact.ID{lo, hi}
}

// hash is id in two words, which come in registers where an array would not.
func (k sipKey) hash(raw string) (lo, hi uint64) {
	// The bytes of raw are read during the call and not kept.
	lo, hi = siphash.Hash128(k.k0, k.k1, unsafe.Slice(unsafe.StringData(raw), len(raw)))
	if lo|hi == 0 {
		lo = 1
	}
	return lo, hi
}

// Pseudonym is what may be shown in place of a session or user id:
// HMAC-SHA-256(hash key, raw), which the redaction processor writes, too, for a
// string attribute with the same key. Where ids arrive hashed already and raw
// is 64 hex digits, it is those digits. Anything else, an id that no redaction
// reached or one that another function hashed, is hashed here as if it were
// raw: what might be a secret is never shown as it came.
func (x *Extractor) Pseudonym(raw string) fact.Pseudonym {
	return x.hash.pseudonym(raw)
}

func (h *hasher) pseudonym(raw string) fact.Pseudonym {
	if h.alreadyHashed && len(raw) == 2*len(fact.Pseudonym{}) {
		var p fact.Pseudonym
		if _, err := hex.Decode(p[:], []byte(raw)); err == nil {
			return p
		}
	}
	return h.hmac(raw)
}

func (h *hasher) hmac(s string) (sum [32]byte) {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(s))
	mac.Sum(sum[:0])
	return sum
}

// hashedWords are what placeholders become where ids arrive hashed.
type hashedWords map[string]struct{}

func (h hashedWords) has(raw string) bool {
	_, ok := h[raw]
	return ok
}

// hashedPlaceholders are placeholders as redaction would have written them with
// any of its functions. The empty string is one that matters: redaction writes
// its hash for every value that is no string, a captured header among them, and
// all sessions would be one.
func hashedPlaceholders(key []byte, zeros bool, words []string) hashedWords {
	plain := []string{""}
	for _, word := range words {
		if word != "" {
			plain = append(plain, word, lower(word), strings.ToUpper(word), strings.ToUpper(word[:1])+lower(word[1:]))
		}
	}
	for n := 1; n <= 64; n++ {
		plain = append(plain, strings.Repeat("*", n))
		if zeros {
			plain = append(plain, strings.Repeat("0", n))
		}
	}
	if zeros {
		plain = append(plain, "00000000-0000-0000-0000-000000000000")
	}
	hashed := hashedWords{}
	for _, f := range []hash.Hash{
		hmac.New(sha256.New, key), hmac.New(sha512.New, key), md5.New(), sha1.New(), sha3.New256(), //nolint:gosec // see the imports
	} {
		for _, s := range plain {
			f.Reset()
			f.Write([]byte(s))
			hashed[hex.EncodeToString(f.Sum(nil))] = struct{}{}
		}
	}
	return hashed
}
