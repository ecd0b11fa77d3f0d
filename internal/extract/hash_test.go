package extract

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // what others may have used
	"crypto/sha1" //nolint:gosec // what others may have used
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// hexOf is the hash of s as text.
func hexOf(h hash.Hash, s string) string {
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

func pseudonymText(p fact.Pseudonym) string { return hex.EncodeToString(p[:]) }

func alreadyHashed(c *Config) { c.SessionID.AlreadyHashed = true }

func TestPseudonymIsTheHMAC(t *testing.T) {
	x := newExtractor(t)
	for _, raw := range []string{"", "s1", strings.Repeat("x", 4096), strings.Repeat("a", 64), "\xff"} {
		require.Equal(t, hexOf(hmac.New(sha256.New, testKey), raw), pseudonymText(x.Pseudonym(raw)))
	}
	// By another hand: printf s1 | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
	require.Equal(t, "bafa0f3c99f9abea4f499b70a17e6a429dd6adc41d00bc59da209302c0398c94", pseudonymText(x.Pseudonym("s1")))
}

func TestPseudonymOfWhatIsHashedAlready(t *testing.T) {
	x := newExtractor(t, alreadyHashed)
	hashed := hexOf(hmac.New(sha256.New, testKey), "s1")
	require.Equal(t, hashed, pseudonymText(x.Pseudonym(hashed)))
	require.Equal(t, hashed, pseudonymText(x.Pseudonym(strings.ToUpper(hashed))))
	// What no redaction reached, or another function hashed, is not shown.
	for _, raw := range []string{"s1", hashed[:63], hashed + "0", "g" + hashed[1:], hexOf(sha512.New(), "s1")} {
		require.Equal(t, hexOf(hmac.New(sha256.New, testKey), raw), pseudonymText(x.Pseudonym(raw)))
	}
}

func TestIDs(t *testing.T) {
	x, y := newExtractor(t), newExtractor(t)
	require.Equal(t, x.hash.session.id("s1"), y.hash.session.id("s1"), "the same key gives the same ids")
	z := newExtractor(t, func(c *Config) { c.SessionID.HashKey = []byte(strings.Repeat("z", 32)) })
	require.NotEqual(t, x.hash.session.id("s1"), z.hash.session.id("s1"), "another key gives others")
	require.NotEqual(t, x.hash.session.id("s1"), x.hash.user.id("s1"), "a session is no user")
	require.Equal(t, fact.ID{0x62a33fc5fe4591ef, 0xd30a4929ddb657de}, x.hash.session.id("s1"), "what is stored stays readable")
	seen := map[fact.ID]bool{}
	for n := range 4096 {
		id := x.hash.session.id(strings.Repeat("a", n))
		require.False(t, seen[id])
		seen[id] = true
	}
}

func TestTheKeyIsCopied(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	x := newExtractor(t, func(c *Config) { c.SessionID.HashKey = key })
	want := x.Pseudonym("s1")
	clear(key)
	require.Equal(t, want, x.Pseudonym("s1"))
}

func TestHashesOfPlaceholdersAreNoIDs(t *testing.T) {
	functions := map[string]func() hash.Hash{
		"hmac-sha256": func() hash.Hash { return hmac.New(sha256.New, testKey) },
		"hmac-sha512": func() hash.Hash { return hmac.New(sha512.New, testKey) },
		"md5":         md5.New,
		"sha1":        sha1.New,
		"sha3":        func() hash.Hash { return sha3.New256() },
	}
	x, plain := newExtractor(t, alreadyHashed), newExtractor(t)
	for name, f := range functions {
		for _, s := range []string{"", "null", "Undefined", "DELETED", "[REDACTED]", "-", "0", strings.Repeat("0", 32), "00000000-0000-0000-0000-000000000000"} {
			a := served.with(attrs{"session.id": hexOf(f(), s), "user.id": hexOf(f(), s)})
			b := ofTraces(x, oneSpan(t, a))
			require.Empty(t, b.Facts, "%s of %q", name, s)
			require.Equal(t, 1, refusedIn(b)[SessionIDPlaceholder])
			if !strings.Contains(s, "0") { // zeros may be users
				require.Zero(t, spanFact(t, x, a.with(attrs{"session.id": hexOf(f(), "s1")})).User)
			}
			require.Len(t, ofTraces(plain, oneSpan(t, a)).Facts, 1, "where ids come raw, it is one")
		}
	}
	require.Empty(t, ofTraces(x, oneSpan(t, served.with(attrs{"session.id": "****"}))).Facts, "what redaction masks without a function")
}

// TestHashSpreads: ids that differ in their last characters only, and ids that
// some hash without a key takes for one, lie as far apart as any.
func TestHashSpreads(t *testing.T) {
	h := newHasher(SessionID{HashKey: []byte("0123456789abcdef0123456789abcdef")})
	families := map[string]func(n int) string{
		"one prefix": func(n int) string { return strings.Repeat("a", 200) + strconv.Itoa(n) },
		// Java's String.hashCode is the same for "Aa" and "BB".
		"equal for String.hashCode": func(n int) string {
			var b strings.Builder
			for bit := range 17 {
				b.WriteString([...]string{"Aa", "BB"}[n>>bit&1])
			}
			return b.String()
		},
	}
	for name, id := range families {
		t.Run(name, func(t *testing.T) {
			const ids, cells = 1 << 17, 1 << 10
			var high, low [cells]int
			seen := map[fact.ID]bool{}
			for n := range ids {
				x := h.session.id(id(n))
				seen[x] = true
				high[x[0]>>54]++
				low[x[1]%cells]++
			}
			require.Len(t, seen, ids)
			for i := range cells {
				require.InDelta(t, ids/cells, high[i], ids/cells*3/4)
				require.InDelta(t, ids/cells, low[i], ids/cells*3/4)
			}
		})
	}
}
