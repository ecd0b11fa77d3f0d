package sessiontimeout

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const (
	// aliveName is what the last instant of the collector is kept under.
	aliveName = "alive"
	// aliveEvery is how often it is written: after a crash that much more may
	// be lost than is known.
	aliveEvery = 10 * time.Second

	reasonCrash    = "crash"
	reasonDowntime = "downtime"
)

// openStorage opens the client that the engine keeps things with, or nothing
// where none is configured.
func (w *watch) openStorage(ctx context.Context, host component.Host) error {
	if w.cfg.Storage == nil {
		return nil
	}
	extension, ok := host.GetExtensions()[*w.cfg.Storage]
	if !ok {
		return fmt.Errorf("storage: must be the id of an extension that is configured under service::extensions (got %q)", w.cfg.Storage)
	}
	s, ok := extension.(storage.Extension)
	if !ok {
		return fmt.Errorf("storage: must be the id of a storage extension (got %q, which is none)", w.cfg.Storage)
	}
	client, err := s.GetClient(ctx, component.KindProcessor, w.id, "")
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	w.kept = client
	return nil
}

// learnDowntime tells the engine of the time whose facts may be lost for good:
// around a crash, and while the collector was down where nobody resends.
func (w *watch) learnDowntime(ctx context.Context, now time.Time) error {
	if w.kept == nil {
		return nil
	}
	value, err := w.kept.Get(ctx, aliveName)
	if err != nil {
		return fmt.Errorf("storage: cannot read until when the collector was up: %w", err)
	}
	if len(value) == 9 {
		at, clean := int64(binary.BigEndian.Uint64(value)), value[8] == 1
		// What that collector knew of sessions is not kept.
		w.mu.engine.Restarted(at)
		switch {
		case w.cfg.Downtime == downtimeLost:
			w.mu.engine.Blind(at, now.UnixNano(), reasonDowntime)
		case !clean:
			w.mu.engine.Blind(at, min(at+int64(aliveEvery+tick), now.UnixNano()), reasonCrash)
		}
	}
	return w.keepAlive(ctx, now, false)
}

// keepAlive writes that the collector is up at now, and whether it stops here.
func (w *watch) keepAlive(ctx context.Context, now time.Time, clean bool) error {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 9), uint64(now.UnixNano()))
	if clean {
		value = append(value, 1)
	} else {
		value = append(value, 0)
	}
	w.aliveAt = now
	if err := w.kept.Set(ctx, aliveName, value); err != nil {
		return fmt.Errorf("storage: cannot keep until when the collector was up: %w", err)
	}
	return nil
}

// stayAlive is keepAlive as time goes on: what fails is said once.
func (w *watch) stayAlive(ctx context.Context, now time.Time) {
	if w.kept == nil || now.Sub(w.aliveAt) < aliveEvery {
		return
	}
	if err := w.keepAlive(ctx, now, false); err != nil && !w.aliveFailed {
		w.aliveFailed = true
		w.set.Logger.Error("Cannot write to the storage", zap.Error(err))
	}
}

// closeStorage ends what openStorage began.
func (w *watch) closeStorage(ctx context.Context, now time.Time) error {
	if w.kept == nil {
		return nil
	}
	var err error
	if w.hasEngine() { // otherwise it never was up
		err = w.keepAlive(ctx, now, true)
	}
	if closeErr := w.kept.Close(ctx); err == nil {
		err = closeErr
	}
	w.kept = nil
	return err
}
