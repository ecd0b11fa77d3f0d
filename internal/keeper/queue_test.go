package keeper

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// TestQueue: the oldest leave first, none that is held, and what is stored of them is what comes back.
func TestQueue(t *testing.T) {
	q := newQueue(true)
	all := numbered(0, maxBatch+5)
	q.Push(all[:maxBatch+2]...)
	require.Empty(t, q.Peek(), "all are held")
	pushed := q.snapshot().pushed
	q.Push(all[maxBatch+2:]...)
	q.release(pushed)
	require.Equal(t, all[:maxBatch], q.Peek())
	q.Ack()
	require.Equal(t, all[maxBatch:maxBatch+2], q.Peek())
	q.Retry()
	require.Equal(t, all[maxBatch:maxBatch+2], q.Peek(), "they are the next again")
	q.Retry()

	value, err := q.snapshot().sealed()
	require.NoError(t, err)
	stored, corrupt, err := readFindings(value)
	require.NoError(t, err)
	require.Zero(t, corrupt)
	require.Equal(t, all[maxBatch:], stored)
	back := newQueue(true)
	back.restore(stored)
	require.Equal(t, all[maxBatch:], back.Peek(), "a checkpoint knows of them")
	back.Reject()
	require.EqualValues(t, 5, back.Lost())
	require.Zero(t, back.Len())
	for i := range value {
		_, _, err := readFindings(value[:i])
		require.Error(t, err)
	}
}

// TestLeaving: what is with the next component is nobody's to give up; of the others the oldest go.
func TestLeaving(t *testing.T) {
	q := newQueue(true)
	all := numbered(0, MaxQueued+25)
	q.Push(all[:MaxQueued-5]...)
	q.release(q.snapshot().pushed)
	leaving := q.Peek()
	q.Push(all[MaxQueued-5 : MaxQueued+15]...)
	require.EqualValues(t, 15, q.Lost())
	require.Equal(t, 20, q.held())
	require.Equal(t, all[:maxBatch], leaving, "they are being read")
	require.Equal(t, append(numbered(0, maxBatch), all[maxBatch+15:MaxQueued+15]...), q.snapshot().records)
	q.Admit(false)
	require.Equal(t, maxBatch, q.Len())
	require.Zero(t, q.held())
	q.Admit(true)
	q.Push(all[MaxQueued+15 : MaxQueued+18]...)
	q.Ack()
	require.Equal(t, all[MaxQueued+15:MaxQueued+18], q.snapshot().records)
	require.Equal(t, 3, q.held())
	require.Empty(t, q.Peek())
	q.Retry()
	q.releaseAll()
	require.Len(t, q.Peek(), 3)
	lost := q.Lost()
	q.abandon()
	q.Ack()
	require.Zero(t, q.Len(), "they return to nobody")
	require.Equal(t, lost+3, q.Lost())
}

// TestCorruptFindings: stored findings that cannot be read are counted, and the others leave.
func TestCorruptFindings(t *testing.T) {
	sealed := func(batches ...plog.Logs) []byte {
		b := wire.Begin(nil)
		for _, ld := range batches {
			records, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
			require.NoError(t, err)
			b = append(binary.AppendUvarint(b, uint64(len(records))), records...)
		}
		return seal(b, findingsKey)
	}
	record := func(ld plog.Logs) plog.LogRecord { return ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1) }
	sound := findinglog.Encode(numbered(10, 12))
	for name, c := range map[string]struct {
		spoil func(plog.Logs)
		left  int
	}{
		"sound":         {func(plog.Logs) {}, 5},
		"a flaw":        {func(ld plog.Logs) { record(ld).Attributes().PutStr(findinglog.AttrSession, "none") }, 4},
		"no finding":    {func(ld plog.Logs) { record(ld).SetEventName("something else") }, 4},
		"not our scope": {func(ld plog.Logs) { ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().SetName("else") }, 2},
		"empty":         {func(ld plog.Logs) { record(ld).Attributes().Clear() }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			spoilt := findinglog.Encode(numbered(0, 3))
			c.spoil(spoilt)
			k, counted := open(t, newMemory(map[string][]byte{findingsKey: sealed(spoilt, sound)}))
			require.Len(t, k.Queue().Peek(), c.left)
			require.EqualValues(t, 5-c.left, counted.lost["corrupt"])
			stop(t, k)
		})
	}
	bytes := []byte{3, 0xff, 0xff, 0xff} // no records at all
	k, counted := open(t, newMemory(map[string][]byte{findingsKey: seal(append(wire.Begin(nil), bytes...), findingsKey)}))
	require.EqualValues(t, 1, counted.lost["corrupt"])
	stop(t, k)
}

// TestHeld: a finding leaves when a checkpoint is stored that knows it, not before, and none is stored that
// began before it was found.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		k, _ := open(t, m)
		defer stop(t, k)
		push := func(n uint64) { k.Queue().Push(numbered(n, n+1)...) }
		push(0)
		require.Empty(t, k.Queue().Peek())
		m.fault = func(op *storage.Operation) error { // while the checkpoint is written
			if op.Key == findingsKey {
				m.fault = nil
				push(1)
			}
			return nil
		}
		require.NoError(t, k.checkpoint(t.Context(), false))
		require.Equal(t, numbered(0, 1), k.Queue().Peek())
		k.Queue().Ack()
		require.Empty(t, k.Queue().Peek(), "it is in no checkpoint")
		crashed, counted := open(t, newMemory(m.snapshot()))
		require.Equal(t, numbered(0, 1), crashed.Queue().Peek(), "nobody knows that it had left")
		require.Empty(t, counted.lost)
		stop(t, crashed)
		k.Finish(t.Context())
		require.Equal(t, numbered(1, 2), k.Queue().Peek())
		time.Sleep(time.Second)
	})
}
