package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// smallManifest is the least that can be read.
func smallManifest() manifest {
	return manifest{at: sessiontest.Epoch, ringLimit: 1, shards: []manifestShard{{next: 1}}}
}

// addPolicies lets h have n policies.
func (h *manifest) addPolicies(n int) {
	h.policies, h.watched = make([]manifestPolicy, n), make([]int64, n)
}

// TestManifestLimits: what an engine can have at most is read, and nothing beyond it.
func TestManifestLimits(t *testing.T) {
	shard := func(change func(*manifestShard)) func(*manifest) {
		return func(h *manifest) { change(&h.shards[0]) }
	}
	for name, c := range map[string]struct{ most, beyond func(*manifest) }{
		"shards":     {func(h *manifest) { h.addShards(maxShards) }, func(h *manifest) { h.addShards(maxShards + 1) }},
		"one shard":  {func(*manifest) {}, func(h *manifest) { h.shards = nil }},
		"policies":   {func(h *manifest) { h.addPolicies(fact.MaxPolicies) }, func(h *manifest) { h.addPolicies(fact.MaxPolicies + 1) }},
		"blinds":     {func(h *manifest) { h.blinds = make(blinds, maxBlind) }, func(h *manifest) { h.blinds = make(blinds, maxBlind+1) }},
		"ring":       {func(h *manifest) { h.ringLimit = maxPosition - 1 }, func(h *manifest) { h.ringLimit = maxPosition }},
		"no ring":    {func(*manifest) {}, func(h *manifest) { h.ringLimit = 0 }},
		"cursor":     {shard(func(l *manifestShard) { l.cursor = maxPosition - 1 }), shard(func(l *manifestShard) { l.cursor = maxPosition })},
		"next":       {shard(func(l *manifestShard) { l.next = maxPosition - 1 }), shard(func(l *manifestShard) { l.next = maxPosition })},
		"no next":    {func(*manifest) {}, shard(func(l *manifestShard) { l.next = 0 })},
		"sessions":   {shard(func(l *manifestShard) { l.sessions = compact.MaxSlots }), shard(func(l *manifestShard) { l.sessions = compact.MaxSlots + 1 })},
		"slots":      {shard(func(l *manifestShard) { l.slots = compact.MaxSlots }), shard(func(l *manifestShard) { l.slots = compact.MaxSlots + 1 })},
		"tombstones": {func(h *manifest) { h.tombstoneSlots = 1<<32 - 1 }, func(h *manifest) { h.tombstoneSlots = 1 << 32 }},
		"copies": {
			func(h *manifest) { h.ranges[kindRecent] = []chunkRange{{deltas: []delta{{copy: maxCopies - 1}}}} },
			func(h *manifest) { h.ranges[kindRecent] = []chunkRange{{deltas: []delta{{copy: maxCopies}}}} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := smallManifest()
			c.most(&h)
			d := wire.NewDecoder(h.append(nil))
			got, err := readManifest(&d)
			require.NoError(t, err)
			require.Equal(t, h, got)

			h = smallManifest()
			c.beyond(&h)
			d = wire.NewDecoder(h.append(nil))
			_, err = readManifest(&d)
			require.ErrorIs(t, err, wire.ErrCorrupt)
		})
	}
}

// addShards lets h have n shards.
func (h *manifest) addShards(n int) {
	h.shards = make([]manifestShard, n)
	for i := range h.shards {
		h.shards[i].next = 1
	}
}

// TestStoredKinds: the numbers in what is stored are what they have always been.
func TestStoredKinds(t *testing.T) {
	var names [kindCount + 1]string
	for kind, name := range chunkKindNames {
		names[chunkKind(kind).stored()] = name
	}
	names[kindManifest.stored()] = manifestKey
	require.Equal(t, [...]string{
		"services", "tombs", "users", "suspects", "recent", "sessions", manifestKey, "generations", "fingerprints", "findings", "closed", "callers",
	}, names)
}

// TestParts: a body that is full is not added to, and none is begun before.
func TestParts(t *testing.T) {
	var p parts
	for range 3 {
		for n := 1; n <= maxChunkBytes; n++ {
			p.set(append(p.next(), 0))
		}
	}
	require.Len(t, p.bodies, 3)
	for _, body := range p.bodies {
		require.Len(t, body, maxChunkBytes)
	}
}
