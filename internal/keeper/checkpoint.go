package keeper

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/session"
)

const (
	// checkpointBatch is how many bytes of chunks go to the storage at once,
	// about.
	checkpointBatch = 4 << 20
	// cheapCheckpoint is how long a checkpoint may take that is written as
	// soon as findings wait for it, once a second at most.
	cheapCheckpoint = 50 * time.Millisecond
	// deletedAtOnce is how many keys are deleted at once.
	deletedAtOnce = 256
)

// checkpointLoop stores what is known as time goes on, and that the collector is up.
func (k *Keeper) checkpointLoop() {
	t := time.NewTicker(heartbeatEvery)
	defer t.Stop()
	var due time.Time // the first at once: it makes the journal before it needless
	for {
		select {
		case <-k.running.Done():
			return
		case now := <-t.C:
			if now.Before(due) && !k.findingsAreHeld() {
				_ = k.beat(k.running, false) // it says so
				continue
			}
			due = now.Add(k.cfg.CheckpointInterval)
			_ = k.checkpoint(k.running, false) // it says so
		}
	}
}

// findingsAreHeld reports whether findings wait for a checkpoint that costs next to
// nothing.
func (k *Keeper) findingsAreHeld() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.queue.held() > 0 && k.mu.checkpointTook < cheapCheckpoint
}

// checkpoint stores what has changed since the last one. clean: it is the last
// one. Safe for concurrent use.
func (k *Keeper) checkpoint(ctx context.Context, clean bool) error {
	if err := k.checkpoints.Lock(ctx); err != nil {
		return err
	}
	defer k.checkpoints.Unlock()
	began := time.Now()
	err := k.writeCheckpoint(ctx, began.UnixNano(), clean)
	if err != nil && !clean && ctx.Err() != nil {
		return err // broken off for the last one
	}
	took := time.Since(began)
	k.mu.Lock()
	k.mu.checkpointTook = took
	if err != nil {
		k.queue.releaseAll() // rather than never
	}
	k.mu.Unlock()
	k.cfg.Telemetry.CheckpointWritten(took, err)
	switch {
	case err == nil:
		k.checkpointAt.Store(began.UnixNano())
		if k.checkpoints.failed {
			k.cfg.Logger.Info("The storage takes checkpoints again")
		}
	case clean || !k.checkpoints.failed:
		k.cfg.Logger.Error("The storage does not take the checkpoint: a restart loses what came since the last one",
			zap.Time("since", time.Unix(0, k.checkpointAt.Load())), zap.Error(err))
	}
	k.checkpoints.failed = err != nil
	if err != nil {
		return fmt.Errorf("storage: cannot store a checkpoint: %w", err)
	}
	return nil
}

// writeCheckpoint stores what is known at now: the chunks that have changed
// beside the older ones, a few at once, letting go of the lock between two.
// The manifest, which says what belongs together, comes last; with it the findings
// that had not left, and where the journal goes on.
func (k *Keeper) writeCheckpoint(ctx context.Context, now int64, clean bool) (err error) {
	k.mu.Lock()
	c, findings := k.engine.BeginCheckpoint(now)
	k.collect(findings) // a finding is either not decided yet, or in the queue
	waiting := k.queue.snapshot()
	mark := k.mu.journal.checkpointBegins(!k.checkpoints.failed)
	k.mu.Unlock()
	stored := false
	defer func() {
		if !stored {
			c.Abort()
		}
	}()

	queue, err := waiting.sealed()
	if err != nil {
		return err
	}
	manifest, err := k.writeChunks(ctx, c)
	if err != nil {
		k.checkpoints.buffer = nil // a storage that hangs may still read from it
		return err
	}
	if err := k.beat(ctx, clean,
		storage.SetOperation(findingsKey, queue), manifest,
		storage.SetOperation(journalKey, k.journalState(mark.segment, true))); err != nil {
		return err
	}
	k.mu.Lock()
	c.Commit()
	stored = true
	k.queue.release(waiting.pushed)
	first, end := k.mu.journal.checkpointStored(now, mark)
	k.mu.Unlock()
	k.deleteSegments(ctx, first, end, mark)
	k.deleteNeedless(ctx, c.Needless())
	return nil
}

// deleteNeedless makes room for the next checkpoint. What it cannot delete is in
// nobody's way, and overwritten some time.
func (k *Keeper) deleteNeedless(ctx context.Context, keys []string) {
	for keys := range slices.Chunk(keys, deletedAtOnce) {
		ops := make([]*storage.Operation, len(keys))
		for i, key := range keys {
			ops[i] = storage.DeleteOperation(key)
		}
		if k.cfg.Store.Batch(ctx, ops...) != nil {
			return
		}
	}
}

// writeChunks stores all chunks but the manifest, which it returns.
func (k *Keeper) writeChunks(ctx context.Context, c *session.Checkpoint) (manifest *storage.Operation, err error) {
	var ops []*storage.Operation
	buffer, size, most := k.checkpoints.buffer[:0], 0, 0
	for {
		key, value, _ := c.Next(buffer[len(buffer):])
		op := storage.SetOperation(key, value)
		if c.Sealed() {
			manifest = op
			break
		}
		ops, size = append(ops, op), size+len(value)
		if n := len(buffer) + len(value); n <= cap(buffer) { // else it has memory of its own
			buffer = buffer[:n]
		}
		if size < checkpointBatch {
			continue
		}
		if err := k.beat(ctx, false, ops...); err != nil {
			k.checkpoints.buffer = nil // one that hangs may still read it
			return nil, err
		}
		ops, buffer, size, most = nil, buffer[:0], 0, max(most, size)
	}
	if most = max(most, size); most > cap(buffer) {
		k.checkpoints.buffer = make([]byte, 0, most) // the next one is as large, probably
	}
	if len(ops) == 0 {
		return manifest, nil
	}
	if err := k.beat(ctx, false, ops...); err != nil {
		k.checkpoints.buffer = nil
		return nil, err
	}
	return manifest, nil
}
