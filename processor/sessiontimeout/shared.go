package sessiontimeout

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/keeper"
	"github.com/otelcol-session/otelcol-session/internal/safestore"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

const (
	// tick is how often verdicts that have waited long enough are reached.
	tick = time.Second
	// startupGrace is how long findings wait for a logs pipeline to start.
	startupGrace = time.Minute
)

// watch is what all instances of one component id share: one engine, and one
// next component for its findings. Safe for concurrent use.
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
	running   context.Context // until stop
	halt      context.CancelFunc
	loops     sync.WaitGroup

	extractor *extract.Extractor // set by start, read-only from then on

	// counts are of what needs no engine.
	counts struct {
		sync.Mutex
		refused  [extract.ReasonCount]int64
		stopped  int64 // facts that were turned away because the watch had stopped
		coverage coverage
	}
	store *safestore.Client // nil where nothing is kept; set by start, read-only until stop ends
	// keeper is set by start, read-only from then on; nil where that failed.
	keeper     *keeper.Keeper
	maxJournal int64 // of the keeper; 0 is its own
	delivery   delivery
}

func newWatch(set processor.Settings, cfg *Config) (*watch, error) {
	w := &watch{
		id: set.ID, cfg: cfg, set: dropSignal(set.TelemetrySettings),
		batches: sync.Pool{New: func() any { return &extract.Batch{} }},
	}
	w.running, w.halt = context.WithCancel(context.Background())
	w.delivery.wake, w.delivery.order = make(chan struct{}, 1), safestore.NewTurn()
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
	engine := w.cfg.engine(x.Pseudonym)
	engine.KeyID = keyID(key)
	w.keeper = keeper.Open(ctx, keeper.Config{
		Engine: engine, Store: w.store, StoreLost: w.store == nil && w.cfg.Storage != nil,
		Acknowledged: w.cfg.Durability == durabilityAcknowledged, DowntimeLost: w.cfg.Downtime == downtimeLost,
		CheckpointInterval: w.cfg.CheckpointInterval, MaxJournal: w.maxJournal,
		Record: w.cfg.record, Telemetry: w.telemetry, Logger: w.set.Logger,
	})
	w.takeFrom(w.keeper.Queue())
	w.knowServices(w.keeper.Services())
	if err := w.telemetry.register(); err != nil {
		return err
	}
	w.keeper.Start()
	w.loops.Go(w.run)
	w.loops.Go(w.deliver)
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
			if now.Sub(began) > startupGrace {
				w.expectNoLogsPipeline()
			}
			if !warned && !w.hasNext() {
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
	more = w.keeper.Advance(time.Now().UnixNano())
	w.telemetry.record(w.keeper.TakeMeasured())
	if w.keeper.Queue().Len() > 0 {
		w.wakeDelivery()
	}
	return more && w.running.Err() == nil
}

// stop ends with the last of its instances. The next component for findings has
// stopped by then.
func (w *watch) stop(ctx context.Context) error {
	w.stopOnce.Do(func() {
		w.halt()
		w.endLoops(ctx)
		if w.keeper != nil {
			w.stopErr = w.keeper.Stop(ctx)
			w.telemetry.record(w.keeper.TakeMeasured())
			if n := w.keeper.Queue().Lost(); n > 0 {
				w.set.Logger.Warn("Findings were decided and found no way out", zap.Int64("findings", n))
			}
		}
		w.telemetry.shutdown()
		w.stopErr = errors.Join(w.stopErr, w.closeStorage(ctx))
	})
	return w.stopErr
}

// endLoops waits for all goroutines to end, which have been told to, and lets the
// engine take nothing any more. What hangs in the storage or in the next component
// is left behind: it holds nothing that anybody needs, and ends when that returns.
func (w *watch) endLoops(ctx context.Context) {
	patient, cancel := keeper.Part(ctx, keeper.LoopsTimeout)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		w.loops.Wait()
		close(ended)
	}()
	if w.keeper != nil {
		w.keeper.Close(ctx)
	}
	select {
	case <-ended:
	case <-patient.Done():
	}
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
