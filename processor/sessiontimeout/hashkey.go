package sessiontimeout

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// hashKeyName is what a generated key is stored under.
const hashKeyName = "hash_key"

// hashKey returns the configured key, else the one that an earlier start
// generated and kept, else a new one. A kept key that cannot be read is an
// error: under another one all pseudonyms and ids of findings would change.
func (s *shared) hashKey(ctx context.Context) (key []byte, err error) {
	if k := s.cfg.SessionID.HashKey; k != "" {
		return []byte(k), nil
	}
	if s.store == nil {
		return newHashKey(), nil // Warnings says so
	}
	key, err = s.store.Get(ctx, hashKeyName)
	if err != nil {
		return nil, fmt.Errorf("storage: cannot read the generated hash key: %w", err)
	}
	switch {
	case len(key) == minHashKey:
		return key, nil
	case len(key) > 0:
		return nil, fmt.Errorf("storage: the generated hash key is damaged: it must have %d bytes (got %d)", minHashKey, len(key))
	}
	key = newHashKey()
	if err := s.store.Batch(ctx, storage.SetOperation(hashKeyName, key)); err != nil {
		return nil, fmt.Errorf("storage: cannot keep the generated hash key: %w", err)
	}
	s.set.Logger.Warn("session_id::hash_key is not set: a random key was generated and is kept in the storage", zap.Stringer("storage", s.cfg.Storage))
	return key, nil
}

func newHashKey() []byte {
	key := make([]byte, minHashKey)
	_, _ = rand.Read(key) // never fails: see its documentation
	return key
}

// keyID is a fingerprint of the key, by which what is stored is known to belong
// to it.
func keyID(key []byte) (id [16]byte) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("session_timeout: fingerprint of the hash key"))
	copy(id[:], mac.Sum(nil))
	return id
}

// warnHashKey warns of a key that is missing or can be guessed.
func (c *Config) warnHashKey() []string {
	switch key := string(c.SessionID.HashKey); {
	case key == "" && c.Storage == nil:
		return []string{"session_id::hash_key is not set: pseudonyms are made with a random key and change with every start"}
	case key == "":
		return nil // told when one is made
	default:
		if why := weakness(key); why != "" {
			return []string{fmt.Sprintf("session_id::hash_key: can be guessed, and with it ids behind pseudonyms, since it %s: "+
				"make one with `openssl rand -hex 32` and give it as ${env:SESSION_HASH_KEY} (got one of %d bytes)", why, len(key))}
		}
		return nil
	}
}

// published are keys that were public in this repository: whoever copied them
// may have them still.
var published = []string{"not a secret, so that a recording has the same pseudonyms each time"}

var (
	// placeholderParts stand in keys that wait for others, blanks aside. They are
	// so long that no random text has one by chance.
	placeholderParts = []string{
		"changeme", "changeit", "pleasechange", "example", "placeholder", "password", "passphrase", "secret",
		"yourkey", "keyhere", "keygoeshere", "hashkey", "replace", "default", "insert",
	}
	// placeholderWords do, too, where they are whole words.
	placeholderWords = []string{"test", "tests", "testing", "testkey", "sample", "dummy"}
)

// weakness says why a key can be guessed; empty if nothing shows that.
func weakness(key string) string {
	const fewest = 8
	distinct := map[byte]struct{}{}
	steps := 0
	for i := range len(key) {
		distinct[key[i]] = struct{}{}
		if i > 0 && key[i]-key[i-1]+1 <= 2 {
			steps++
		}
	}
	switch {
	case slices.Contains(published, key):
		return "is published with this project"
	case len(distinct) < fewest:
		return fmt.Sprintf("has fewer than %d different bytes", fewest)
	case strings.Contains((key + key)[1:2*len(key)-1], key):
		return "repeats itself"
	case steps > len(key)*2/3:
		return "is a sequence"
	}
	lower := strings.ToLower(key)
	plain := strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(lower)
	if slices.ContainsFunc(placeholderParts, func(part string) bool { return strings.Contains(plain, part) }) ||
		slices.ContainsFunc(strings.FieldsFunc(lower, func(r rune) bool { return r < 'a' || r > 'z' }),
			func(word string) bool { return slices.Contains(placeholderWords, word) }) {
		return "reads like a placeholder"
	}
	return ""
}
