package keeper

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// deleteSegments deletes those from first up to end. What cannot be deleted is
// in nobody's way, but for the bound, and deleted next time.
func (k *Keeper) deleteSegments(ctx context.Context, first, end uint64, m journalMark) {
	for first < end {
		next := min(first+deletedAtOnce, end)
		var ops []*storage.Operation
		for i := first; i < next; i++ {
			ops = append(ops, storage.DeleteOperation(segmentKey(i)))
		}
		if k.cfg.Store.Batch(ctx, ops...) != nil {
			return
		}
		first = next
		k.mu.Lock()
		k.mu.journal.first = first
		k.mu.Unlock()
	}
	k.mu.Lock()
	k.mu.journal.released = min(m.stored, k.mu.journal.stored)
	k.mu.Unlock()
}

// commitLoop writes what gathers, until the keeper is closed.
func (k *Keeper) commitLoop() {
	for {
		select {
		case <-k.running.Done():
			k.commitBuffer()
			return
		case <-k.commitWake:
			k.commitBuffer()
		}
	}
}

// commitBuffer writes one segment. It is not broken off with the loop: somebody
// waits for it.
func (k *Keeper) commitBuffer() {
	k.mu.Lock()
	j := &k.mu.journal
	if j.group == nil {
		k.mu.Unlock()
		return
	}
	full := j.full()
	segment, since, g := j.take()
	n := j.next
	if !full {
		j.next++
		j.flight = int64(len(segment))
	}
	k.mu.Unlock()

	ctx, err := k.committing, ErrJournalFull
	if !full {
		err = k.cfg.Store.Batch(ctx, storage.SetOperation(segmentKey(n), seal(segment, segmentKey(n))))
	}
	k.cfg.Telemetry.JournalWritten(err)
	k.mu.Lock()
	j.flight = 0
	if !full {
		j.written = n + 1
	}
	if err != nil {
		if ctx.Err() != nil { // broken off by stop: the last checkpoint may fail, too
			j.abandon(ErrStopped)
		}
		j.suspend(since)
	} else {
		j.spare = segment
		j.stored += int64(len(segment))
	}
	k.mu.Unlock()
	if err != nil {
		if !k.commitFailed {
			k.cfg.Logger.Error("The storage does not take what is acknowledged: until the next checkpoint, a crash loses what came since",
				zap.Time("since", time.Unix(0, since)), zap.Error(err))
		}
		_ = k.beat(ctx, false) // it says so
	}
	k.commitFailed = err != nil
	k.mu.Lock()
	j.writing = nil
	g.end(nil)
	k.mu.Unlock()
}
