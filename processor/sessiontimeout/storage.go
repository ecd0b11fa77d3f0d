package sessiontimeout

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/safestore"
)

// openStorage opens the client that all is kept with, or nothing
// where none is configured. A storage that cannot be opened is an error only
// where the hash key is in it; otherwise the processor does without.
func (s *shared) openStorage(ctx context.Context, host component.Host) error {
	if s.cfg.Storage == nil {
		return nil
	}
	extension, ok := host.GetExtensions()[*s.cfg.Storage]
	if !ok {
		return fmt.Errorf("storage: must be the id of an extension that is configured under service::extensions (got %q)", s.cfg.Storage)
	}
	opener, ok := extension.(storage.Extension)
	if !ok {
		return fmt.Errorf("storage: must be the id of a storage extension (got %q, which is none)", s.cfg.Storage)
	}
	client, err := safestore.Open(ctx, opener, component.KindProcessor, s.id, "")
	switch {
	case err == nil:
		s.store = client
	case s.cfg.SessionID.HashKey == "":
		return fmt.Errorf("storage: cannot be opened, and the generated hash key is in it: %w", err)
	default:
		s.set.Logger.Error("The storage cannot be opened: what was known of sessions is lost, and nothing will be kept", zap.Error(err))
	}
	return nil
}

// closeStorage ends what openStorage began.
func (s *shared) closeStorage(ctx context.Context) error {
	if s.store == nil {
		return nil
	}
	return s.store.Close(ctx)
}
