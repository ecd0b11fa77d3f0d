package keeper

import (
	"bytes"
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/safestore"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// memory is a storage in memory. Its batches are atomic.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	fault  func(op *storage.Operation) error
}

func newMemory(values map[string][]byte) *memory {
	m := &memory{values: map[string][]byte{}}
	maps.Copy(m.values, values)
	return m
}

func (m *memory) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := m.Batch(ctx, op)
	return op.Value, err
}

func (m *memory) Set(ctx context.Context, key string, value []byte) error {
	return m.Batch(ctx, storage.SetOperation(key, value))
}

func (m *memory) Delete(ctx context.Context, key string) error {
	return m.Batch(ctx, storage.DeleteOperation(key))
}

func (m *memory) Batch(ctx context.Context, ops ...*storage.Operation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range ops {
		if m.fault == nil {
			break
		}
		if err := m.fault(op); err != nil {
			return err
		}
	}
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = bytes.Clone(m.values[op.Key])
		case storage.Set:
			m.values[op.Key] = bytes.Clone(op.Value)
		case storage.Delete:
			delete(m.values, op.Key)
		}
	}
	return ctx.Err()
}

func (m *memory) Close(context.Context) error { return nil }

func (m *memory) snapshot() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.values)
}

// counted is what a keeper's telemetry was told.
type counted struct {
	mu          sync.Mutex
	checkpoints []error
	segments    []error
	lost        map[string]int64
}

func (c *counted) CheckpointWritten(_ time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkpoints = append(c.checkpoints, err)
}

func (c *counted) JournalWritten(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.segments = append(c.segments, err)
}

func (c *counted) StateLost(reason string, parts int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost[reason] += parts
}

// open opens a keeper on what m holds, with one policy of 30 minutes idle.
func open(t *testing.T, m *memory, change ...func(*Config)) (*Keeper, *counted) {
	t.Helper()
	c := &counted{lost: map[string]int64{}}
	cfg := Config{
		Engine: session.Config{
			Policies:     []session.Policy{{Name: "default", IdleTimeout: 30 * time.Minute}},
			DecisionWait: time.Minute, ReorderWindow: 10 * time.Minute, MaxAhead: time.Minute,
			Shards: 1, MaxSessions: 1000, MaxRecentRequests: 1000, MaxServices: 10, Retention: 24 * time.Hour,
			Pseudonym: func(raw string) (p fact.Pseudonym) { copy(p[:], raw); return p },
		},
		Acknowledged: true, CheckpointInterval: 10 * time.Second,
		Record:    func(f *fact.Finding) findinglog.Record { return findinglog.Record{Finding: *f, PolicyName: "default"} },
		Telemetry: c, Logger: zap.NewNop(),
	}
	if m != nil {
		cfg.Store = safestore.New(m)
	}
	for _, c := range change {
		c(&cfg)
	}
	return Open(t.Context(), cfg), c
}

var shop = &fact.Resource{ServiceName: "shop"}

// request is of the n-th session at an instant.
func request(n int, at time.Time) fact.Fact {
	ns := at.UnixNano()
	return fact.Fact{
		Start: ns, End: ns, At: ns, Resource: shop, Trace: [16]byte{byte(n >> 8), byte(n), 1}, Span: [8]byte{byte(ns >> 8), byte(ns), 1},
		Session: fact.Name{ID: fact.ID{uint64(n) + 1, 1}, Raw: string(rune('a' + n))},
	}
}

func unmarked(int, session.Mark) {}

// stop ends k as a collector that is told to.
func stop(t *testing.T, k *Keeper) {
	t.Helper()
	k.Close(t.Context())
	require.NoError(t, k.Stop(t.Context()))
}

// blind are the blind times that an engine has, by reason.
func blind(k *Keeper) map[string]int64 {
	all := map[string]int64{}
	k.Snapshot().Blind(func(reason string, ns int64) { all[reason] = ns })
	return all
}

// numbered are findings whose ids are from up to to.
func numbered(from, to uint64) (records []findinglog.Record) {
	for id := from; id < to; id++ {
		records = append(records, findinglog.Record{
			Finding:    fact.Finding{ID: id, Revision: 1, Requests: 1, Session: fact.Pseudonym{1}, At: 7, LastActivityAt: 1},
			PolicyName: "default", Limit: time.Minute, Severity: findinglog.Critical,
		})
	}
	return records
}
