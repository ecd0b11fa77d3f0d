package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-session/otelcol-session/internal/safestore"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// Where leases are kept in the storage of the sending queue.
const (
	storeName = "leases"
	storeKey  = "leases"
	storeKind = 'a'
	// firstStoreKey is where the first version kept them, as JSON without an envelope.
	firstStoreKey = "leases.v1"
)

// store keeps leases over a restart. The queue holds only which alerts are to be sent, and what they say
// comes from here.
type store struct {
	client *safestore.Client
}

var (
	// errUnopened is a storage that there is, but that does not open: perhaps a damaged file.
	errUnopened = errors.New("cannot open the storage of sending_queue::storage")
	// errNewer is of leases that this version does not understand.
	errNewer = errors.New("a newer version has written them")
)

func openStore(ctx context.Context, host component.Host, owner, id component.ID) (*store, error) {
	extension, ok := host.GetExtensions()[id].(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("sending_queue::storage must name a storage extension that runs (got %q)", id)
	}
	client, err := safestore.Open(ctx, extension, component.KindExporter, owner, storeName)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnopened, err)
	}
	return &store{client: client}, nil
}

// save stores a snapshot in place of the one before.
func (s *store) save(ctx context.Context, snap snapshot) error {
	data, err := json.Marshal(snap)
	if err != nil {
		return err
	}
	value := append(wire.Begin(make([]byte, 0, wire.Header+len(data))), data...)
	wire.Seal(value, storeKind, storeKey)
	return s.client.Batch(ctx, storage.SetOperation(storeKey, value), storage.DeleteOperation(firstStoreKey))
}

// load reads what save has stored, or what the first version has; an empty snapshot where there is neither.
func (s *store) load(ctx context.Context) (snapshot, error) {
	now, first := storage.GetOperation(storeKey), storage.GetOperation(firstStoreKey)
	if err := s.client.Batch(ctx, now, first); err != nil {
		return snapshot{}, err
	}
	data := first.Value
	if now.Value != nil {
		opened, err := wire.Open(now.Value, storeKind, storeKey)
		if errors.Is(err, wire.ErrNewer) {
			return snapshot{}, errNewer
		} else if err != nil {
			return snapshot{}, err
		}
		data = opened.Body
	}
	var snap snapshot
	if data == nil {
		return snap, nil
	}
	if err := json.Unmarshal(data, &snap); err != nil {
		return snapshot{}, err
	}
	if snap.Version > snapshotVersion {
		return snapshot{}, errNewer
	}
	return snap, nil
}

func (s *store) close(ctx context.Context) error { return s.client.Close(ctx) }
