package sessiontimeout

import (
	"context"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/keeper"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// observe gives the engine the facts of a batch, and takes the batch back. Under
// durability: acknowledged it returns when they are stored. The error is ctx's,
// or says that not all of the facts were taken.
func (w *watch) observe(ctx context.Context, b *extract.Batch, suspected func(extract.Ref, session.Mark)) error {
	stored, err := w.take(b, suspected)
	b.Reset()
	w.batches.Put(b)
	if err != nil {
		return err
	}
	return stored.Wait(ctx)
}

// take gives the engine the facts of b, and returns what says that they are stored.
func (w *watch) take(b *extract.Batch, suspected func(extract.Ref, session.Mark)) (keeper.Receipt, error) {
	now := time.Now().UnixNano()
	w.count(b)
	if len(b.Facts) == 0 {
		return nil, nil
	}
	stored, left := w.keeper.Observe(b.Facts, now, func(i int, m session.Mark) {
		if w.cfg.Mark {
			suspected(b.Refs[i], m)
		}
	})
	if left > 0 {
		w.counts.Lock()
		defer w.counts.Unlock()
		w.counts.stopped += int64(left)
		return nil, keeper.ErrStopped
	}
	return stored, nil
}

// count counts what needs no engine.
func (w *watch) count(b *extract.Batch) {
	w.counts.Lock()
	defer w.counts.Unlock()
	for i, n := range b.Refused {
		w.counts.refused[i] += int64(n)
	}
	for i := range b.Resources {
		w.counts.coverage.add(b.Resources[i].ServiceName, &b.Seen[i])
	}
}
