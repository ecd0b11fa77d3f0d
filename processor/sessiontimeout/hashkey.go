package sessiontimeout

import (
	"context"
	"crypto/rand"
	"fmt"

	"go.uber.org/zap"
)

// hashKeyName is what a generated key is kept under in the storage.
const hashKeyName = "hash_key"

// hashKey returns the configured key, else the one that an earlier start
// generated and kept, else a new one.
func (w *watch) hashKey(ctx context.Context) (key []byte, err error) {
	if k := w.cfg.SessionID.HashKey; k != "" {
		return []byte(k), nil
	}
	if w.kept == nil {
		w.set.Logger.Warn("session_id::hash_key is not set: pseudonyms are made with a random key and change with every start")
		return newHashKey(), nil
	}
	key, err = w.kept.Get(ctx, hashKeyName)
	if err != nil {
		return nil, fmt.Errorf("storage: cannot read the generated hash key: %w", err)
	}
	if len(key) >= minHashKey {
		return key, nil
	}
	key = newHashKey()
	if err := w.kept.Set(ctx, hashKeyName, key); err != nil {
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
