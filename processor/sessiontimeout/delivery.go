package sessiontimeout

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/safestore"
)

const (
	// maxUndelivered bounds the findings that wait for the next component to
	// take them.
	maxUndelivered = 10_000
	// maxBatch bounds the findings that leave at once: more might not fit into
	// what the next component can send.
	maxBatch = 500
	// consumeTimeout bounds one call of the next component. An exporter's own
	// timeout is 5 s by default; one that retries without a queue, or blocks on
	// a full one, does not hold the same findings for longer than this before
	// they are offered anew, with what has come since.
	consumeTimeout = 30 * time.Second
	// flushTimeout bounds how long findings may take to leave when the way out
	// stops, so that the collector stops within what its supervisor allows.
	flushTimeout = 5 * time.Second
)

// delivery is the one way out for findings. Only what sends waits for the next
// component; what decides never does.
type delivery struct {
	wake  chan struct{}  // of one slot: something may leave
	order safestore.Turn // held while findings leave, so that they leave in order
	lost  atomic.Int64

	mu struct { // taken with watch.mu held, not the other way round
		sync.Mutex
		wayOut consumer.Logs
		opened bool // there is or was one
		// hopeless: there has been none for so long that none will come.
		hopeless bool
		// running ends when the way out is to close, so that whoever is
		// blocked in it lets go.
		running context.Context
		halt    context.CancelFunc
	}
}

// open makes next the way out for findings.
func (w *watch) open(next consumer.Logs) {
	d := &w.delivery.mu
	d.Lock()
	defer d.Unlock()
	d.wayOut, d.opened, d.hopeless = next, true, false
	d.running, d.halt = context.WithCancel(w.running)
}

func (w *watch) hasWayOut() bool {
	w.delivery.mu.Lock()
	defer w.delivery.mu.Unlock()
	return w.delivery.mu.wayOut != nil
}

// giveUpWayOut says that no way out will come, unless there was one.
func (w *watch) giveUpWayOut() {
	w.delivery.mu.Lock()
	defer w.delivery.mu.Unlock()
	w.delivery.mu.hopeless = !w.delivery.mu.opened
}

// room is how many findings may wait: none where nothing will ever take them.
func (w *watch) room() int {
	w.delivery.mu.Lock()
	defer w.delivery.mu.Unlock()
	if w.delivery.mu.wayOut == nil && (w.kept == nil || w.delivery.mu.hopeless) {
		return 0
	}
	return maxUndelivered
}

// collect takes from the engine what was decided, and gives up the oldest
// findings where more wait than may. The caller holds w.mu.
func (w *watch) collect() {
	w.mu.undelivered.add(w.engine.TakeFindings(), w.kept != nil)
	w.delivery.lost.Add(int64(w.mu.undelivered.drop(w.mu.undelivered.len() - w.room())))
}

// deliver lets findings out whenever it is woken, until the watch stops.
func (w *watch) deliver() {
	for {
		select {
		case <-w.running.Done():
			return
		case <-w.delivery.wake:
			if w.delivery.order.Take(w.running) != nil {
				return
			}
			w.delivery.mu.Lock()
			ctx, opened := w.delivery.mu.running, w.delivery.mu.opened
			w.delivery.mu.Unlock()
			if opened {
				w.letOut(ctx)
			}
			w.delivery.order.Pass()
		}
	}
}

// wakeDelivery never waits.
func (w *watch) wakeDelivery() {
	select {
	case w.delivery.wake <- struct{}{}:
	default: // it is awake
	}
}

// letOut hands findings to the next component of the logs pipeline until it
// refuses some for now, which wait for the next time. The caller holds the
// delivery's order.
func (w *watch) letOut(ctx context.Context) {
	for {
		w.delivery.mu.Lock()
		next := w.delivery.mu.wayOut
		w.delivery.mu.Unlock()
		if next == nil {
			return
		}
		w.mu.Lock()
		ld, findings := w.mu.undelivered.next()
		w.mu.Unlock()
		if len(findings) == 0 && ld == (plog.Logs{}) {
			return // there are none, or they are held
		}
		err := consume(ctx, next, w.records(ld, findings))
		refused, permanently := err != nil, consumererror.IsPermanent(err)
		w.mu.Lock()
		gone := w.mu.undelivered.returned(refused && !permanently)
		w.mu.Unlock()
		if permanently {
			w.delivery.lost.Add(int64(gone))
		} else if refused {
			return
		}
	}
}

// records are log records to give away, of one or the other.
func (w *watch) records(ld plog.Logs, findings []fact.Finding) plog.Logs {
	if len(findings) > 0 {
		return findingRecords(findings, w.cfg)
	}
	records := plog.NewLogs()
	ld.CopyTo(records) // it may have to be sent again
	return records
}

// consume bounds the time that next is given. Nothing bounds what does not look
// at its context, which is why nobody but the delivery waits for it.
func consume(ctx context.Context, next consumer.Logs, ld plog.Logs) error {
	ctx, cancel := context.WithTimeout(ctx, consumeTimeout)
	defer cancel()
	return next.ConsumeLogs(ctx, ld)
}

// flush lets out what waits, and returns when it has left, cannot leave, or has
// taken too long.
func (w *watch) flush(ctx context.Context) {
	ctx, cancel := part(ctx, flushTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() { // left behind where next does not return
		defer close(done)
		if w.delivery.order.Take(ctx) == nil {
			defer w.delivery.order.Pass()
			w.letOut(ctx)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// close lets out what can still leave through next, which stops afterwards.
// Suspicions that have not waited long enough wait on in the storage, and
// without one are inconclusive.
func (w *watch) close(ctx context.Context, next consumer.Logs) {
	w.delivery.mu.Lock()
	if w.delivery.mu.wayOut == next {
		w.delivery.mu.halt()
	}
	w.delivery.mu.Unlock()
	if w.engine != nil {
		w.decideLast()
		w.mu.Lock()
		held := w.mu.undelivered.held
		w.mu.Unlock()
		if w.kept != nil && held > 0 {
			_ = w.checkpoint(ctx, false) // it says so
		}
		w.flush(ctx)
	}
	w.delivery.mu.Lock()
	defer w.delivery.mu.Unlock()
	if w.delivery.mu.wayOut == next {
		w.delivery.mu.wayOut = nil
	}
}
