package sessiontimeout

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// hashKeyName is what a generated key is kept under in the storage.
const hashKeyName = "hash_key"

// hashKey returns the configured key, else the one that an earlier start
// generated and kept, else a new one. A kept key that cannot be read is an
// error: under another one all pseudonyms and ids of findings would change.
func (w *watch) hashKey(ctx context.Context) (key []byte, err error) {
	if k := w.cfg.SessionID.HashKey; k != "" {
		return []byte(k), nil
	}
	if w.kept == nil {
		w.set.Logger.Warn("session_id::hash_key is not set: pseudonyms are made with a random key and change with every start")
		return newHashKey(), nil
	}
	key, err = w.kept.get(ctx, hashKeyName)
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
	if err := w.kept.batch(ctx, storage.SetOperation(hashKeyName, key)); err != nil {
		return nil, fmt.Errorf("storage: cannot keep the generated hash key: %w", err)
	}
	w.set.Logger.Warn("session_id::hash_key is not set: a random key was generated and is kept in the storage", zap.Stringer("storage", w.cfg.Storage))
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
