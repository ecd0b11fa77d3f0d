package alerts

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/safestore"
)

const (
	// minPause is between the end of one save and the beginning of the next, at least.
	minPause = time.Second
	// pauseFactor has saves take no more than a fifth of the time, however much there is to write.
	pauseFactor = 4
	// maxPause is what a storage that hangs holds the next save up for, at most.
	maxPause = time.Minute
)

// saver writes what the table holds to the storage, on a goroutine of its own: nobody who brings findings
// waits for a disk. One save is under way at a time, and the next one takes everything that came since.
type saver struct {
	store     *store
	table     *table
	telemetry *telemetry
	logger    *zap.Logger

	wake   chan struct{}
	cancel context.CancelFunc // of the goroutine; nil before start
	done   chan struct{}      // closed when the goroutine has ended

	turn   safestore.CtxMutex // held while one saves
	failed bool               // the last one; guarded by turn
}

func newSaver(s *store, t *table, m *telemetry, logger *zap.Logger) *saver {
	return &saver{
		store: s, table: t, telemetry: m, logger: logger,
		wake: make(chan struct{}, 1), done: make(chan struct{}), turn: safestore.NewCtxMutex(),
	}
}

func (s *saver) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.run(ctx)
}

// soon has what changed saved: at once, unless the last save is hardly over. It never blocks.
func (s *saver) soon() {
	select {
	case s.wake <- struct{}{}:
	default: // it will be
	}
}

func (s *saver) run(ctx context.Context) {
	defer close(s.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		began := time.Now()
		// A stop lets a write end that has begun. It does not wait for it longer than it wants to.
		_ = s.save(context.WithoutCancel(ctx)) // it says so
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(max(minPause, pauseFactor*time.Since(began)), maxPause)):
		}
	}
}

// save writes the table if it has changed since it was written. What fails costs nothing now, only after
// a restart, and is written with the next save. Safe for concurrent use.
func (s *saver) save(ctx context.Context) error {
	if err := s.turn.Lock(ctx); err != nil {
		return err
	}
	defer s.turn.Unlock()
	snap, changed := s.table.snapshot()
	if !changed {
		return nil
	}
	err := s.store.save(ctx, snap)
	s.telemetry.saved(ctx, err)
	if err != nil {
		s.table.touch()
	}
	switch {
	case err != nil && !s.failed:
		s.logger.Error("The storage does not take the active alerts. They would not survive a restart.", zap.Error(err))
	case err == nil && s.failed:
		s.logger.Info("The storage takes the active alerts again.")
	}
	s.failed = err != nil
	return err
}

// stop saves once more and ends what start and openStore began, as far as the context lets it.
func (s *saver) stop(ctx context.Context) (saved, closed error) {
	saved = s.save(ctx)
	if s.cancel != nil {
		s.cancel()
		select {
		case <-s.done:
		case <-ctx.Done():
		}
	}
	return saved, s.store.close(ctx)
}
