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
	wake  chan struct{}      // of one slot: something may leave
	order safestore.CtxMutex // held while findings leave, so that they leave in order

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
func (s *shared) open(next consumer.Logs) {
	d := &s.delivery.mu
	d.Lock()
	defer d.Unlock()
	d.next, d.opened, d.noLogsPipeline = next, true, false
	d.running, d.halt = context.WithCancel(s.running)
	s.admit()
}

// takeFrom lets the findings of queue leave.
func (s *shared) takeFrom(queue *keeper.Queue) {
	s.delivery.mu.Lock()
	defer s.delivery.mu.Unlock()
	s.delivery.mu.queue = queue
	s.admit()
}

// expectNoLogsPipeline says that no logs pipeline will come, unless there was one.
func (s *shared) expectNoLogsPipeline() {
	s.delivery.mu.Lock()
	defer s.delivery.mu.Unlock()
	s.delivery.mu.noLogsPipeline = !s.delivery.mu.opened
	s.admit()
}

// admit tells the queue whether findings may wait: not where nothing will ever
// take them. The caller holds the delivery's lock.
func (s *shared) admit() {
	if d := &s.delivery.mu; d.queue != nil {
		d.queue.Admit(d.next != nil || s.store != nil && !d.noLogsPipeline)
	}
}

func (s *shared) hasNext() bool {
	s.delivery.mu.Lock()
	defer s.delivery.mu.Unlock()
	return s.delivery.mu.next != nil
}

// deliver lets findings out whenever it is woken, until stop.
func (s *shared) deliver() {
	for {
		select {
		case <-s.running.Done():
			return
		case <-s.delivery.wake:
			if s.delivery.order.Lock(s.running) != nil {
				return
			}
			s.delivery.mu.Lock()
			ctx, opened := s.delivery.mu.running, s.delivery.mu.opened
			s.delivery.mu.Unlock()
			if opened {
				s.letOut(ctx)
			}
			s.delivery.order.Unlock()
		}
	}
}

// wakeDelivery never waits.
func (s *shared) wakeDelivery() {
	select {
	case s.delivery.wake <- struct{}{}:
	default: // it is awake
	}
}

// letOut hands findings to the next component of the logs pipeline until it
// refuses some for now, which wait for the next time. The caller holds the
// delivery's order.
func (s *shared) letOut(ctx context.Context) {
	queue := s.keeper.Queue()
	for {
		s.delivery.mu.Lock()
		next := s.delivery.mu.next
		s.delivery.mu.Unlock()
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
func (s *shared) flush(ctx context.Context) {
	ctx, cancel := keeper.Part(ctx, flushTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() { // left behind where next does not return
		defer close(done)
		if s.delivery.order.Lock(ctx) == nil {
			defer s.delivery.order.Unlock()
			s.letOut(ctx)
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
func (s *shared) close(ctx context.Context, next consumer.Logs) {
	d := &s.delivery.mu
	d.Lock()
	if d.next == next {
		d.halt()
	}
	d.Unlock()
	if s.keeper != nil {
		s.keeper.Finish(ctx)
		s.telemetry.record(s.keeper.TakeMeasured())
		s.flush(ctx)
	}
	d.Lock()
	defer d.Unlock()
	if d.next == next {
		d.next = nil
		s.admit()
	}
}
