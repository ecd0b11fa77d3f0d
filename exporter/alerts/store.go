package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// storeName and storeKey are where leases are kept in the storage of the sending queue.
const (
	storeName = "leases"
	storeKey  = "leases.v1"
)

// store keeps leases over a restart. The queue holds only which alerts are to be sent, and what they say
// comes from here.
type store struct {
	client storage.Client
}

// errUnopened is a storage that there is, but that does not open: perhaps a damaged file.
var errUnopened = errors.New("cannot open the storage of sending_queue::storage")

func openStore(ctx context.Context, host component.Host, owner, id component.ID) (*store, error) {
	extension, ok := host.GetExtensions()[id].(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("sending_queue::storage must name a storage extension that runs (got %q)", id)
	}
	client, err := extension.GetClient(ctx, component.KindExporter, owner, storeName)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnopened, err)
	}
	return &store{client: client}, nil
}

func (s *store) save(ctx context.Context, snap snapshot) error {
	data, err := json.Marshal(snap)
	if err != nil {
		return err
	}
	return s.client.Set(ctx, storeKey, data)
}

func (s *store) load(ctx context.Context) (snapshot, error) {
	var snap snapshot
	data, err := s.client.Get(ctx, storeKey)
	if err != nil || data == nil {
		return snap, err
	}
	err = json.Unmarshal(data, &snap)
	return snap, err
}

func (s *store) close(ctx context.Context) error { return s.client.Close(ctx) }
