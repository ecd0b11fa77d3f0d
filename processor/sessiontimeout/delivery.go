package sessiontimeout

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/otelcol-session/otelcol-session/internal/session"
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
	wayOut  consumer.Logs
	waiting []session.Finding
	lost    atomic.Int64

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
	w.delivery.wayOut = next
	return nil
}

func (w *watch) hasWayOut() bool {
	w.delivery.Lock()
	defer w.delivery.Unlock()
	return w.delivery.wayOut != nil
}

// deliver hands what was decided to the next component of the logs pipeline.
// What it refuses for now waits for the next time.
func (w *watch) deliver(ctx context.Context) {
	w.delivery.Lock()
	defer w.delivery.Unlock()
	w.mu.Lock()
	findings := w.mu.engine.TakeFindings()
	confirmations := w.mu.engine.TakeConfirmations()
	lifetimes := w.mu.engine.TakeLifetimes()
	w.mu.Unlock()
	w.telemetry.record(ctx, confirmations, lifetimes)

	d := &w.delivery
	d.waiting = append(d.waiting, findings...)
	if len(d.waiting) == 0 {
		return
	}
	if d.wayOut == nil {
		w.lose(len(d.waiting))
		return
	}
	for len(d.waiting) > 0 {
		n := min(len(d.waiting), maxBatch)
		err := d.wayOut.ConsumeLogs(ctx, findingRecords(d.waiting[:n], w.cfg))
		switch {
		case err == nil:
			d.waiting = d.waiting[n:]
		case consumererror.IsPermanent(err):
			w.lose(n)
		default:
			w.lose(len(d.waiting) - maxUndelivered)
			return
		}
	}
	d.waiting = nil
}

// lose gives up the n oldest findings that wait.
func (w *watch) lose(n int) {
	if n <= 0 {
		return
	}
	d := &w.delivery
	d.lost.Add(int64(n))
	d.waiting = append([]session.Finding(nil), d.waiting[n:]...)
}

// close lets out what can still leave through next, which stops afterwards.
// Suspicions that have not waited long enough are inconclusive.
func (w *watch) close(ctx context.Context, next consumer.Logs) {
	w.delivery.halt() // run may be blocked in it
	if w.hasEngine() {
		w.mu.Lock()
		if !w.mu.closed {
			w.mu.engine.Shutdown(time.Now().UnixNano())
		}
		w.mu.Unlock()
		w.deliver(ctx)
	}
	w.delivery.Lock()
	defer w.delivery.Unlock()
	if w.delivery.wayOut == next {
		w.delivery.wayOut = nil
	}
}
