package sessiontimeout

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
)

// maxUndelivered bounds the findings that wait for the next component to take
// them.
const maxUndelivered = 10_000

// maxBatch bounds the findings that leave at once: more might not fit into what
// the next component can send.
const maxBatch = 500

// delivery is the one way out for findings. Its lock is held while they leave,
// so that they leave in order.
type delivery struct {
	sync.Mutex
	wayOut consumer.Logs
	opened bool // there is or was one
	// hopeless: there has been none for so long that none will come.
	hopeless bool
	lost     atomic.Int64

	// running ends when the way out is to close, so that whoever is blocked in
	// it lets go.
	running context.Context
	halt    context.CancelFunc
}

// open makes next the way out for findings.
func (w *watch) open(next consumer.Logs) error {
	w.delivery.Lock()
	defer w.delivery.Unlock()
	if w.delivery.wayOut != nil {
		return errSecondLogsPipeline
	}
	w.delivery.wayOut, w.delivery.opened, w.delivery.hopeless = next, true, false
	return nil
}

func (w *watch) hasWayOut() bool {
	w.delivery.Lock()
	defer w.delivery.Unlock()
	return w.delivery.wayOut != nil
}

// giveUpWayOut says that no way out will come, unless there was one.
func (w *watch) giveUpWayOut() {
	w.delivery.Lock()
	defer w.delivery.Unlock()
	w.delivery.hopeless = !w.delivery.opened
}

// collect takes from the engine what was decided. The caller holds w.mu.
func (w *watch) collect() {
	w.mu.undelivered.add(w.mu.engine.TakeFindings(), w.kept != nil)
}

// deliver hands what was decided to the next component of the logs pipeline.
// What it refuses for now waits for the next time; so does, where there is a
// storage to keep it, what comes while there is no way out.
func (w *watch) deliver(ctx context.Context) {
	w.delivery.Lock()
	defer w.delivery.Unlock()
	w.mu.Lock()
	w.collect()
	confirmations := w.mu.engine.TakeConfirmations()
	lifetimes := w.mu.engine.TakeLifetimes()
	w.mu.Unlock()
	w.telemetry.record(ctx, confirmations, lifetimes)

	d := &w.delivery
	for {
		w.mu.Lock()
		ld, findings := w.mu.undelivered.next()
		waiting := w.mu.undelivered.len()
		w.mu.Unlock()
		switch {
		case waiting == 0:
			return
		case d.wayOut == nil && (w.kept == nil || d.hopeless):
			w.lose(waiting)
			return
		case d.wayOut == nil:
			w.lose(waiting - maxUndelivered)
			return
		}
		n, records := len(findings), plog.NewLogs()
		switch {
		case n > 0:
			records = findingRecords(findings, w.cfg)
		case ld != plog.Logs{}:
			n = ld.LogRecordCount()
			ld.CopyTo(records) // it may have to be sent again
		default:
			w.lose(waiting - maxUndelivered)
			return // the others are held
		}
		err := d.wayOut.ConsumeLogs(ctx, records)
		switch {
		case err == nil:
			w.mu.Lock()
			w.mu.undelivered.drop(n)
			w.mu.Unlock()
		case consumererror.IsPermanent(err):
			w.lose(n)
		default:
			w.lose(waiting - maxUndelivered)
			return
		}
	}
}

// lose gives up the n oldest findings that wait.
func (w *watch) lose(n int) {
	if n <= 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delivery.lost.Add(int64(w.mu.undelivered.drop(n)))
}

// close lets out what can still leave through next, which stops afterwards.
// Suspicions that have not waited long enough wait on in the storage, and
// without one are inconclusive.
func (w *watch) close(ctx context.Context, next consumer.Logs) {
	w.delivery.halt() // run may be blocked in it
	if w.hasEngine() {
		w.mu.Lock()
		if !w.mu.closed {
			w.decideLast()
			w.collect()
		}
		held := w.mu.undelivered.held
		w.mu.Unlock()
		if w.kept != nil && held > 0 {
			_ = w.checkpoint(ctx, false) // it says so
		}
		w.deliver(ctx)
	}
	w.delivery.Lock()
	defer w.delivery.Unlock()
	if w.delivery.wayOut == next {
		w.delivery.wayOut = nil
	}
}

// decideLast decides what can still be decided. The caller holds w.mu.
func (w *watch) decideLast() {
	if now := time.Now().UnixNano(); w.kept != nil {
		w.mu.engine.Advance(now)
	} else {
		w.mu.engine.Shutdown(now)
	}
}
