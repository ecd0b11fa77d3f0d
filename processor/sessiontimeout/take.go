package sessiontimeout

import (
	"context"
	"errors"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// errStopped is the answer to a batch that comes when the last checkpoint may
// have begun. Senders keep it and send it again.
var errStopped = errors.New("the session_timeout processor has stopped")

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
	return stored.wait(ctx)
}

// take gives the engine the facts of b, and returns who waits until they are
// stored.
func (w *watch) take(b *extract.Batch, suspected func(extract.Ref, session.Mark)) (groups, error) {
	now := time.Now().UnixNano()
	w.count(b)
	if len(b.Facts) == 0 {
		return nil, nil
	}
	mark := func(i int, m session.Mark) {
		if w.cfg.Mark {
			suspected(b.Refs[i], m)
		}
	}
	// The order in a journal is that in which facts were observed, so there
	// one batch waits for the other. There is one from the start on or never.
	if w.mu.journal.on {
		return w.takeInOrder(b, now, mark)
	}
	if left := w.engine.Observe(b.Facts, now, mark); left > 0 {
		return nil, w.turnAway(left)
	}
	return nil, nil
}

// takeInOrder takes facts and journals them, so many at once as one hold of the
// lock allows.
func (w *watch) takeInOrder(b *extract.Batch, now int64, mark func(int, session.Mark)) (stored groups, err error) {
	for from := 0; from < len(b.Facts); from += session.FactsOfHold {
		to := min(from+session.FactsOfHold, len(b.Facts))
		g, err := w.takePart(b.Facts[from:to], now, func(i int, m session.Mark) { mark(from+i, m) })
		if err != nil {
			return nil, errors.Join(err, w.turnAway(len(b.Facts)-to))
		}
		stored = stored.with(g)
	}
	return stored, nil
}

func (w *watch) takePart(facts []fact.Fact, now int64, mark func(int, session.Mark)) (*group, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left := w.engine.Observe(facts, now, mark); left > 0 { // all: Close waits for the lock
		return nil, w.turnAway(left)
	}
	for i := range facts {
		w.mu.journal.add(&facts[i], now, w.extractor.Pseudonym)
	}
	if w.mu.journal.overflow() {
		w.telemetry.stored(context.Background(), w.telemetry.builder.ProcessorSessionTimeoutJournalWrites, errJournalFull)
	}
	return w.mu.journal.waiting(), nil
}

// groups are what a batch waits for: all that it was journaled with.
type groups []*group

func (s groups) with(g *group) groups {
	if g == nil || len(s) > 0 && s[len(s)-1] == g {
		return s
	}
	return append(s, g)
}

// wait returns when all are stored, or the first error.
func (s groups) wait(ctx context.Context) error {
	for _, g := range s {
		if err := g.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// turnAway counts facts that come too late.
func (w *watch) turnAway(facts int) error {
	w.counts.Lock()
	defer w.counts.Unlock()
	w.counts.stopped += int64(facts)
	return errStopped
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
