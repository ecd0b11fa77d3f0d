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
func (s *shared) observe(ctx context.Context, b *extract.Batch, suspected func(extract.Ref, session.Mark)) error {
	stored, err := s.take(b, suspected)
	b.Reset()
	s.batches.Put(b)
	if err != nil {
		return err
	}
	return stored.Wait(ctx)
}

// take gives the engine the facts of b, and returns what says that they are stored.
func (s *shared) take(b *extract.Batch, suspected func(extract.Ref, session.Mark)) (keeper.Receipt, error) {
	now := time.Now().UnixNano()
	s.count(b)
	s.keeper.ObserveCallers(b.Callers, now)
	if len(b.Facts) == 0 {
		return nil, nil
	}
	stored, left := s.keeper.Observe(b.Facts, now, func(i int, m session.Mark) {
		if s.cfg.Mark {
			suspected(b.Refs[i], m)
		}
	})
	if left > 0 {
		s.counts.Lock()
		defer s.counts.Unlock()
		s.counts.stopped(b.Facts[len(b.Facts)-left:])
		return nil, keeper.ErrStopped
	}
	return stored, nil
}

// count counts what needs no engine.
func (s *shared) count(b *extract.Batch) {
	s.counts.Lock()
	defer s.counts.Unlock()
	s.counts.add(b)
}
