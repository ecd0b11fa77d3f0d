package sessiontimeout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// hashKeyName is what a generated key is kept under in the storage.
const hashKeyName = "hash_key"

// hashKey returns the configured key, else the one that an earlier start
// generated and kept, else a new one.
func (w *watch) hashKey(ctx context.Context, host component.Host) (key []byte, err error) {
	if k := w.cfg.SessionID.HashKey; k != "" {
		return []byte(k), nil
	}
	if w.cfg.Storage == nil {
		w.set.Logger.Warn("session_id::hash_key is not set: pseudonyms are made with a random key and change with every start")
		return newHashKey(), nil
	}
	client, err := w.storage(ctx, host)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close(ctx)) }()
	key, err = client.Get(ctx, hashKeyName)
	if err != nil {
		return nil, fmt.Errorf("storage: cannot read the generated hash key: %w", err)
	}
	if len(key) >= minHashKey {
		return key, nil
	}
	key = newHashKey()
	if err := client.Set(ctx, hashKeyName, key); err != nil {
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

func (w *watch) storage(ctx context.Context, host component.Host) (storage.Client, error) {
	extension, ok := host.GetExtensions()[*w.cfg.Storage]
	if !ok {
		return nil, fmt.Errorf("storage: must be the id of an extension that is configured under service::extensions (got %q)", w.cfg.Storage)
	}
	s, ok := extension.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: must be the id of a storage extension (got %q, which is none)", w.cfg.Storage)
	}
	client, err := s.GetClient(ctx, component.KindProcessor, w.id, "")
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return client, nil
}
