package safestore

import (
	"context"
	"maps"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// guarded is a storage extension whose clients are guarded.
type guarded struct{ storage.Extension }

// GetClient opens a client as Open does.
func (g guarded) GetClient(ctx context.Context, kind component.Kind, owner component.ID, name string) (storage.Client, error) {
	client, err := Open(ctx, g.Extension, kind, owner, name)
	if err != nil {
		return nil, err // no nil pointer in an interface
	}
	return client, nil
}

// host shows its own storage extension in place of one.
type host struct {
	component.Host
	id        component.ID
	extension component.Component
}

// Host returns h with the storage extension of this id guarded, for components that open it themselves.
// It is h where there is no such storage extension.
func Host(h component.Host, id component.ID) component.Host {
	extension, ok := h.GetExtensions()[id].(storage.Extension)
	if !ok {
		return h
	}
	return host{h, id, guarded{extension}}
}

// GetExtensions returns the extensions of the host, one of them guarded.
func (h host) GetExtensions() map[component.ID]component.Component {
	inner := h.Host.GetExtensions()
	extensions := make(map[component.ID]component.Component, len(inner))
	maps.Copy(extensions, inner)
	extensions[h.id] = h.extension
	return extensions
}
