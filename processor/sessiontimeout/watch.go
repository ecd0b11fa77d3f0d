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
	"github.com/otelcol-session/otelcol-session/internal/safestore"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

const (
	// tick is how often verdicts that have waited long enough are reached.
	tick = time.Second
	// patience is how long findings wait for a logs pipeline to start.
	patience = time.Minute
	// loopsTimeout is how long stop waits for goroutines that hang.
	loopsTimeout = 5 * time.Second
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
	loops     sync.WaitGroup

	kept  *safestore.Client // nil without storage; set by start, read-only until stop ends
	alive struct {
		safestore.Turn // held while it is written
		failed         bool
	}
	checkpoints struct {
		safestore.Turn // held while one is written
		failed         bool
		room           []byte // for chunks: fresh memory is slow to write to, under a lock
	}
	checkpointAt  atomic.Int64 // when the last one began that was stored
	journalWake   chan struct{}
	journalFailed bool            // used by commit
	committing    context.Context // longer than running: somebody waits for what is written
	breakOff      context.CancelFunc

	extractor *extract.Extractor // set by start, read-only from then on

	// counts are of what needs no engine.
	counts struct {
		sync.Mutex
		refused [extract.ReasonCount]int64
		stopped int64 // facts that were turned away because the watch had stopped
		coverage coverage
	}
	// engine is set by start, read-only from then on; nil where that failed.
	engine *session.Engine

	// mu is held around what the engine is told where the order is that of the journal,
	// and where a checkpoint begins.
	mu struct {
		sync.Mutex
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
	w.committing, w.breakOff = context.WithCancel(context.Background())
	w.delivery.wake, w.delivery.order = make(chan struct{}, 1), safestore.NewTurn()
	w.alive.Turn, w.checkpoints.Turn = safestore.NewTurn(), safestore.NewTurn()
	w.journalWake = make(chan struct{}, 1)
	w.mu.journal.wake, w.mu.journal.limit = w.journalWake, maxJournal
	w.counts.coverage = newCoverage(cfg.MaxServices)
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
	w.loops.Go(w.run)
	w.loops.Go(w.deliver)
	if w.kept != nil {
		w.loops.Go(w.keep)
		if w.mu.journal.on {
			w.loops.Go(w.commit)
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

// advance decides what has waited long enough, and waits for nobody.
func (w *watch) advance() {
	until := time.Now().Add(tick)
	for w.advanceSome() && time.Now().Before(until) {
	}
}

// advanceSome does what one hold of the engine's lock allows, and reports whether
// there is more to be done at once.
func (w *watch) advanceSome() (more bool) {
	more = w.engine.Advance(time.Now().UnixNano())
	w.mu.Lock()
	w.collect()
	waiting := w.mu.undelivered.len()
	w.mu.Unlock()
	w.telemetry.record(w.engine.TakeMeasured())
	if waiting > 0 {
		w.wakeDelivery()
	}
	return more && w.running.Err() == nil
}

// decideLast decides what can still be decided.
func (w *watch) decideLast() {
	if now := time.Now().UnixNano(); w.kept == nil {
		w.engine.Shutdown(now)
	} else {
		for w.engine.Advance(now) {
		}
	}
	w.mu.Lock()
	w.collect()
	w.mu.Unlock()
	w.telemetry.record(w.engine.TakeMeasured())
}

// stop ends the watch with the last of its instances. The way out has been
// closed by then.
func (w *watch) stop(ctx context.Context) error {
	w.stopOnce.Do(func() {
		w.closeEngine()
		w.halt()
		w.endLoops(ctx)
		if w.engine != nil {
			w.decideLast()
			if w.kept != nil {
				w.stopErr = w.checkpoint(ctx, true)
			}
			w.mu.Lock()
			if w.kept == nil || w.stopErr != nil {
				w.delivery.lost.Add(int64(w.mu.undelivered.abandon()))
			}
			w.mu.Unlock()
			if n := w.delivery.lost.Load(); n > 0 {
				w.set.Logger.Warn("Findings were decided and found no way out", zap.Int64("findings", n))
			}
		}
		w.telemetry.shutdown()
		w.stopErr = errors.Join(w.stopErr, w.closeStorage(ctx))
	})
	return w.stopErr
}

// closeEngine lets the engine take nothing any more, between two batches.
func (w *watch) closeEngine() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.engine != nil {
		w.engine.Close()
	}
}

// endLoops waits for the goroutines of begin to end, which have been told to.
// What hangs in a storage or in the next component is left behind: it holds
// nothing that anybody needs, and ends when that returns.
func (w *watch) endLoops(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		w.loops.Wait()
		close(ended)
	}()
	// A write that somebody waits for has half of the time to be done.
	for _, giveUp := range []func(){w.breakOff, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.mu.journal.abandon(errStopped)
	}} {
		patient, cancel := part(ctx, loopsTimeout/2)
		select {
		case <-ended:
		case <-patient.Done():
		}
		cancel()
		giveUp()
	}
}

// part bounds a step of a stop by d, and by half of the time that is left, so
// that some is left for the last checkpoint.
func part(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, d)
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
