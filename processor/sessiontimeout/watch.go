package sessiontimeout

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

const (
	// tick is how often verdicts that have waited long enough are reached.
	tick = time.Second
	// patience is how long findings wait for a logs pipeline to start.
	patience = time.Minute
)

// watch is what all instances of one component id share: one engine, and the
// one way out for its findings. Safe for concurrent use.
type watch struct {
	id        component.ID
	cfg       *Config
	set       component.TelemetrySettings
	telemetry *telemetry
	instances int // guarded by the factory
	batches   sync.Pool

	startOnce sync.Once
	startErr  error
	stopOnce  sync.Once
	stopErr   error
	running   context.Context // until the watch stops
	halt      context.CancelFunc
	loop      sync.WaitGroup

	kept  *store // nil without storage; set by start, read-only until stop ends
	alive struct {
		turn   // held while it is written
		failed bool
	}
	checkpoints struct {
		turn   // held while one is written
		failed bool
		room   []byte // for chunks: fresh memory is slow to write to, under a lock
	}
	checkpointAt  atomic.Int64 // when the last one began that was stored
	journalWake   chan struct{}
	journalFailed bool // used by commit

	extractor *extract.Extractor // set by start, read-only from then on

	// counts are of what needs no engine.
	counts struct {
		sync.Mutex
		refused [extract.ReasonCount]int64
		seen    seenCounts
	}
	// mu is held for reading by batches that the engine takes side by side.
	mu struct {
		sync.RWMutex
		engine *session.Engine
		closed bool

		undelivered    undelivered
		journal        journal
		checkpointTook time.Duration
	}
	delivery delivery
}

func newWatch(set processor.Settings, cfg *Config) (*watch, error) {
	w := &watch{
		id: set.ID, cfg: cfg, set: dropSignal(set.TelemetrySettings),
		batches: sync.Pool{New: func() any { return &extract.Batch{} }},
	}
	w.running, w.halt = context.WithCancel(context.Background())
	w.delivery.running, w.delivery.halt = context.WithCancel(w.running)
	w.alive.turn, w.checkpoints.turn = newTurn(), newTurn()
	w.journalWake = make(chan struct{}, 1)
	w.mu.journal.wake = w.journalWake
	w.counts.seen = newSeenCounts(cfg.MaxServices)
	var err error
	w.telemetry, err = newTelemetry(w)
	return w, err
}

func (w *watch) capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: w.cfg.Mark}
}

// start starts the watch with the first of its instances.
func (w *watch) start(ctx context.Context, host component.Host) error {
	w.startOnce.Do(func() { w.startErr = w.begin(ctx, host) })
	return w.startErr
}

func (w *watch) begin(ctx context.Context, host component.Host) error {
	if err := w.openStorage(ctx, host); err != nil {
		return err
	}
	key, err := w.hashKey(ctx)
	if err != nil {
		return err
	}
	x, err := extract.New(w.cfg.extraction(key))
	if err != nil {
		return err
	}
	w.extractor = x
	cfg := w.cfg.engine(x.Pseudonym)
	cfg.KeyID = keyID(key)
	w.restore(ctx, cfg, time.Now())
	if err := w.telemetry.register(); err != nil {
		return err
	}
	w.loop.Go(w.run)
	if w.kept != nil {
		w.loop.Go(w.keep)
		if w.mu.journal.on {
			w.loop.Go(w.commit)
		}
	}
	return nil
}

// run reaches the verdicts as their time comes.
func (w *watch) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	warned, began := false, time.Now()
	for {
		select {
		case <-w.running.Done():
			return
		case now := <-t.C:
			w.advance()
			if now.Sub(began) > patience {
				w.giveUpWayOut()
			}
			if !warned && !w.hasWayOut() {
				warned = true
				w.set.Logger.Warn("Findings have no way out, since this processor stands in no logs pipeline: they are counted and marked, not reported. " +
					"Add it to one, for example `logs/sessions: {receivers: [nop], processors: [session_timeout], exporters: [alerts]}`")
			}
		}
	}
}

// advance decides what has waited long enough and lets it out, for as long as
// there is a way out.
func (w *watch) advance() {
	w.mu.Lock()
	if !w.mu.closed {
		w.mu.engine.Advance(time.Now().UnixNano())
	}
	w.mu.Unlock()
	w.deliver(w.delivery.running)
}

func (w *watch) hasEngine() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mu.engine != nil
}

// stop ends the watch with the last of its instances.
func (w *watch) stop(ctx context.Context) error {
	w.stopOnce.Do(func() {
		w.mu.Lock()
		w.mu.closed = true
		w.mu.Unlock()
		w.halt()
		w.loop.Wait()
		if w.mu.engine != nil {
			w.mu.Lock()
			w.decideLast()
			w.mu.Unlock()
			w.deliver(ctx)
			if w.kept != nil {
				w.stopErr = w.checkpoint(ctx, true)
			}
			if n := w.delivery.lost.Load(); n > 0 {
				w.set.Logger.Warn("Findings were decided and found no way out", zap.Int64("findings", n))
			}
		}
		w.telemetry.shutdown()
		w.stopErr = errors.Join(w.stopErr, w.closeStorage(ctx))
	})
	return w.stopErr
}

func (w *watch) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	b := w.batches.Get().(*extract.Batch)
	w.extractor.Traces(td, b)
	err := w.observe(ctx, b, func(ref extract.Ref, m session.Mark) {
		span := td.ResourceSpans().At(int(ref.Resource)).ScopeSpans().At(int(ref.Scope)).Spans().At(int(ref.Record))
		w.mark(span.Attributes(), m)
	})
	return td, err
}

func (w *watch) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	b := w.batches.Get().(*extract.Batch)
	w.extractor.Logs(ld, b)
	err := w.observe(ctx, b, func(ref extract.Ref, m session.Mark) {
		record := ld.ResourceLogs().At(int(ref.Resource)).ScopeLogs().At(int(ref.Scope)).LogRecords().At(int(ref.Record))
		w.mark(record.Attributes(), m)
	})
	return ld, err
}

// observe gives the engine the facts of a batch, and takes the batch back. Under
// durability: acknowledged it returns when they are stored; the error is ctx's.
func (w *watch) observe(ctx context.Context, b *extract.Batch, suspected func(extract.Ref, session.Mark)) error {
	stored := w.take(b, suspected)
	b.Reset()
	w.batches.Put(b)
	return stored.wait(ctx)
}

// take gives the engine the facts of b, and returns who waits until they are
// stored.
func (w *watch) take(b *extract.Batch, suspected func(extract.Ref, session.Mark)) *group {
	now := time.Now().UnixNano()
	w.count(b)
	if len(b.Facts) == 0 {
		return nil
	}
	w.mu.RLock()
	if w.mu.closed {
		w.mu.RUnlock()
		return nil
	}
	mark := func(i int, m session.Mark) {
		if w.cfg.Mark {
			suspected(b.Refs[i], m)
		}
	}
	// The order in a journal is that in which facts were observed, so there
	// one batch waits for the other.
	if !w.mu.journal.on {
		rest := w.mu.engine.ObserveReady(b.Facts, now)
		if rest.Len() == 0 {
			w.mu.engine.ObserveRest(b.Facts, now, rest, mark) // nothing but to give it back
			w.mu.RUnlock()
			return nil
		}
		w.mu.RUnlock()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.mu.engine.ObserveRest(b.Facts, now, rest, mark)
		w.mu.engine.ForgetPointers()
		return nil
	}
	w.mu.RUnlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.engine.ObserveBatch(b.Facts, now, mark)
	for i := range b.Facts {
		w.mu.journal.add(&b.Facts[i], now, w.extractor.Pseudonym)
	}
	w.mu.engine.ForgetPointers()
	return w.mu.journal.waiting()
}

// count counts what needs no engine.
func (w *watch) count(b *extract.Batch) {
	w.counts.Lock()
	defer w.counts.Unlock()
	for i, n := range b.Refused {
		w.counts.refused[i] += int64(n)
	}
	for i := range b.Resources {
		w.counts.seen.add(b.Resources[i].ServiceName, &b.Seen[i])
	}
}
