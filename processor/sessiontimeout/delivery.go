package sessiontimeout

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/keeper"
	"github.com/otelcol-session/otelcol-session/internal/safestore"
)

const (
	// consumeTimeout bounds one call of the next component. An exporter's own
	// timeout is 5 s by default; one that retries without a queue, or blocks on
	// a full one, does not hold the same findings for longer than this before
	// they are offered anew, with what has come since.
	consumeTimeout = 30 * time.Second
	// flushTimeout bounds how long findings may take to leave when the next
	// component stops, so that the collector stops within what its supervisor allows.
	flushTimeout = 5 * time.Second
)

// delivery is how findings leave. Only what sends waits for the next component;
// what decides never does.
type delivery struct {
	wake  chan struct{}  // of one slot: something may leave
	order safestore.Turn // held while findings leave, so that they leave in order

	mu struct { // taken before the queue's
		sync.Mutex
		queue  *keeper.Queue // nil before the start
		next   consumer.Logs // of the logs pipeline, nil where there is none now
		opened bool          // there is or was one
		// noLogsPipeline: there has been none for so long that none will come.
		noLogsPipeline bool
		// running ends when next is to stop, so that whoever is blocked in it lets go.
		running context.Context
		halt    context.CancelFunc
	}
}

// open lets findings leave through next.
func (w *watch) open(next consumer.Logs) {
	d := &w.delivery.mu
	d.Lock()
	defer d.Unlock()
	d.next, d.opened, d.noLogsPipeline = next, true, false
	d.running, d.halt = context.WithCancel(w.running)
	w.admit()
}

// takeFrom lets the findings of queue leave.
func (w *watch) takeFrom(queue *keeper.Queue) {
	w.delivery.mu.Lock()
	defer w.delivery.mu.Unlock()
	w.delivery.mu.queue = queue
	w.admit()
}

// expectNoLogsPipeline says that no logs pipeline will come, unless there was one.
func (w *watch) expectNoLogsPipeline() {
	w.delivery.mu.Lock()
	defer w.delivery.mu.Unlock()
	w.delivery.mu.noLogsPipeline = !w.delivery.mu.opened
	w.admit()
}

// admit tells the queue whether findings may wait: not where nothing will ever
// take them. The caller holds the delivery's lock.
func (w *watch) admit() {
	if d := &w.delivery.mu; d.queue != nil {
		d.queue.Admit(d.next != nil || w.store != nil && !d.noLogsPipeline)
	}
}

func (w *watch) hasNext() bool {
	w.delivery.mu.Lock()
	defer w.delivery.mu.Unlock()
	return w.delivery.mu.next != nil
}

// deliver lets findings out whenever it is woken, until stop.
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
	queue := w.keeper.Queue()
	for {
		w.delivery.mu.Lock()
		next := w.delivery.mu.next
		w.delivery.mu.Unlock()
		if next == nil {
			return
		}
		findings := queue.Peek()
		if len(findings) == 0 {
			return // there are none, or they are held
		}
		err := consume(ctx, next, findinglog.Encode(findings))
		switch {
		case err == nil:
			queue.Ack()
		case consumererror.IsPermanent(err):
			queue.Reject()
		default:
			queue.Retry()
			return
		}
	}
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
	ctx, cancel := keeper.Part(ctx, flushTimeout)
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
	d := &w.delivery.mu
	d.Lock()
	if d.next == next {
		d.halt()
	}
	d.Unlock()
	if w.keeper != nil {
		w.keeper.Finish(ctx)
		w.telemetry.record(w.keeper.TakeMeasured())
		w.flush(ctx)
	}
	d.Lock()
	defer d.Unlock()
	if d.next == next {
		d.next = nil
		w.admit()
	}
}
