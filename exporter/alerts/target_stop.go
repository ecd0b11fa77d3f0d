package alerts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// flushTimeout bounds how long a stopping exporter waits for room in a full queue.
	flushTimeout = 5 * time.Second
	// stopTimeout bounds how long it waits for an Alertmanager that does not answer, where whoever stops
	// it sets no deadline: for a request of the default timeout, and most of another.
	stopTimeout = 20 * time.Second
)

var errUnsent = errors.New("stopped before everything was sent")

// stop sends what is due, drains the queue and ends what start began, as far as the context lets it. An
// Alertmanager that asked for a pause is left alone. It returns how many alerts were not sent, and an
// error if that is for want of time.
func (t *target) stop(ctx context.Context) (unsent int64, err error) {
	defer t.giveUp()
	if t.cancel == nil {
		return 0, t.queue.Shutdown(ctx)
	}
	t.cancel()
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	// A tenth of the time is for what is left to do when the rest has passed in vain.
	deadline, _ := ctx.Deadline()
	patient, cancel := context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- t.drain(patient) }() // neither the queue nor its storage obeys a context
	select {
	case err := <-drained:
		return t.countUnsent(), err
	case <-patient.Done():
	}
	t.giveUp()
	select {
	case err = <-drained:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return t.countUnsent(), errors.Join(fmt.Errorf("%s: %w", t.name, errUnsent), err)
}

func (t *target) drain(ctx context.Context) error {
	<-t.done
	if t.cfg.QueueConfig.HasValue() {
		flush, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		t.requestDue(flush)
		return t.queue.Shutdown(ctx)
	}
	err := t.queue.Shutdown(ctx)
	if t.backoff(time.Now()) > 0 {
		return err
	}
	if due := t.takeDue(); len(due) > 0 {
		err = errors.Join(err, t.push(ctx, encodeRequests(due)))
	}
	return err
}
