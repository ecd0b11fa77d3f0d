package sessiontimeout

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

// keep stores what is known as time goes on, and that the collector is up.
func (w *watch) keep() {
	t := time.NewTicker(aliveEvery)
	defer t.Stop()
	var due time.Time // the first at once: it makes the journal before it needless
	for {
		select {
		case <-w.running.Done():
			return
		case now := <-t.C:
			if now.Before(due) && !w.findingsWait() {
				_ = w.keepAlive(w.running, false) // it says so
				continue
			}
			due = now.Add(w.cfg.CheckpointInterval)
			_ = w.checkpoint(w.running, false) // it says so
		}
	}
}

// findingsWait reports whether findings wait for a checkpoint that costs next to
// nothing.
func (w *watch) findingsWait() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mu.undelivered.held > 0 && w.mu.checkpointTook < cheapCheckpoint
}

// checkpoint stores what has changed since the last one. clean: it is the last
// one. Safe for concurrent use.
func (w *watch) checkpoint(ctx context.Context, clean bool) error {
	if err := w.checkpoints.Take(ctx); err != nil {
		return err
	}
	defer w.checkpoints.Pass()
	began := time.Now()
	err := w.writeCheckpoint(ctx, began.UnixNano(), clean)
	if err != nil && !clean && ctx.Err() != nil {
		return err // broken off for the last one
	}
	took := time.Since(began)
	w.mu.Lock()
	w.mu.checkpointTook = took
	if err != nil {
		w.mu.undelivered.release(w.mu.undelivered.came) // rather than never
	}
	w.mu.Unlock()
	w.telemetry.stored(ctx, w.telemetry.builder.ProcessorSessionTimeoutCheckpoints, err)
	w.telemetry.builder.ProcessorSessionTimeoutCheckpointDuration.Record(ctx, took.Seconds(), w.telemetry.with())
	switch {
	case err == nil:
		w.checkpointAt.Store(began.UnixNano())
		if w.checkpoints.failed {
			w.set.Logger.Info("The storage takes checkpoints again")
		}
	case clean || !w.checkpoints.failed:
		w.set.Logger.Error("The storage does not take the checkpoint: a restart loses what came since the last one",
			zap.Time("since", time.Unix(0, w.checkpointAt.Load())), zap.Error(err))
	}
	w.checkpoints.failed = err != nil
	if err != nil {
		return fmt.Errorf("storage: cannot store a checkpoint: %w", err)
	}
	return nil
}

// writeCheckpoint stores what is known at now: the chunks that have changed
// beside the older ones, a few at once, letting go of the lock between two.
// The head, which says what belongs together, comes last; with it the findings
// that had not left, and where the journal goes on.
func (w *watch) writeCheckpoint(ctx context.Context, now int64, clean bool) (err error) {
	w.mu.Lock()
	w.collect() // a finding is either not decided yet, or among the undelivered
	c := w.engine.BeginCheckpoint(now)
	undelivered := w.mu.undelivered.clone()
	mark := w.mu.journal.checkpointBegins(!w.checkpoints.failed)
	w.mu.Unlock()
	stored := false
	defer func() {
		if !stored {
			c.Abort()
		}
	}()

	findings, err := undelivered.sealed(w.cfg)
	if err != nil {
		return err
	}
	head, err := w.writeChunks(ctx, c)
	if err != nil {
		w.checkpoints.room = nil // a storage that hangs may still read from it
		return err
	}
	if err := w.keepAlive(ctx, clean,
		storage.SetOperation(findingsName, findings), head,
		storage.SetOperation(journalName, w.journalState(mark.segment, true))); err != nil {
		return err
	}
	w.mu.Lock()
	c.Commit()
	stored = true
	w.mu.undelivered.release(undelivered.came)
	first, end := w.mu.journal.checkpointStored(now, mark)
	w.mu.Unlock()
	w.deleteSegments(ctx, first, end, mark)
	w.deleteNeedless(ctx, c.Needless())
	return nil
}

// deleteNeedless makes room for the next checkpoint. What it cannot delete is in
// nobody's way, and overwritten some time.
func (w *watch) deleteNeedless(ctx context.Context, keys []string) {
	for keys := range slices.Chunk(keys, deletedAtOnce) {
		ops := make([]*storage.Operation, len(keys))
		for i, key := range keys {
			ops[i] = storage.DeleteOperation(key)
		}
		if w.kept.Batch(ctx, ops...) != nil {
			return
		}
	}
}

// writeChunks stores all chunks but the head, which it returns.
func (w *watch) writeChunks(ctx context.Context, c *session.Checkpoint) (head *storage.Operation, err error) {
	var ops []*storage.Operation
	room, size, most := w.checkpoints.room[:0], 0, 0
	for {
		key, value, _ := c.Next(room[len(room):])
		op := storage.SetOperation(key, value)
		if c.Sealed() {
			head = op
			break
		}
		ops, size = append(ops, op), size+len(value)
		if n := len(room) + len(value); n <= cap(room) { // else it has memory of its own
			room = room[:n]
		}
		if size < checkpointBatch {
			continue
		}
		if err := w.keepAlive(ctx, false, ops...); err != nil {
			w.checkpoints.room = nil // one that hangs may still read it
			return nil, err
		}
		ops, room, size, most = nil, room[:0], 0, max(most, size)
	}
	if most = max(most, size); most > cap(room) {
		w.checkpoints.room = make([]byte, 0, most) // the next one is as large, probably
	}
	if len(ops) == 0 {
		return head, nil
	}
	if err := w.keepAlive(ctx, false, ops...); err != nil {
		w.checkpoints.room = nil
		return nil, err
	}
	return head, nil
}
