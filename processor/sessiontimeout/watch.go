package sessiontimeout

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// tick is how often verdicts that have waited long enough are reached.
const tick = time.Second

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

	// Of the storage; used by start, then by run, then by stop.
	kept        storage.Client
	aliveAt     time.Time
	aliveFailed bool

	extractor *extract.Extractor // set by start, read-only from then on

	mu struct {
		sync.Mutex
		engine  *session.Engine
		refused [extract.ReasonCount]int64
		seen    seenCounts
		closed  bool
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
	w.mu.seen = seenCounts{limit: cfg.MaxServices}
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
	w.mu.engine = session.New(w.cfg.engine(x.Pseudonym))
	if err := w.learnDowntime(ctx, time.Now()); err != nil {
		return err
	}
	if err := w.telemetry.register(); err != nil {
		return err
	}
	w.loop.Go(w.run)
	return nil
}

// run reaches the verdicts as their time comes.
func (w *watch) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	warned := false
	for {
		select {
		case <-w.running.Done():
			return
		case now := <-t.C:
			w.stayAlive(w.running, now)
			w.advance()
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
		w.halt()
		w.loop.Wait()
		if w.mu.engine != nil {
			w.mu.Lock()
			w.mu.engine.Shutdown(time.Now().UnixNano())
			w.mu.closed = true
			w.mu.Unlock()
			w.deliver(ctx)
			if n := w.delivery.lost.Load(); n > 0 {
				w.set.Logger.Warn("Findings were decided and found no way out", zap.Int64("findings", n))
			}
		}
		w.telemetry.shutdown()
		w.stopErr = w.closeStorage(ctx, time.Now())
	})
	return w.stopErr
}

func (w *watch) processTraces(_ context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	b := w.batches.Get().(*extract.Batch)
	w.extractor.Traces(td, b)
	w.observe(b, func(ref extract.Ref, m session.Mark) {
		span := td.ResourceSpans().At(int(ref.Resource)).ScopeSpans().At(int(ref.Scope)).Spans().At(int(ref.Record))
		w.mark(span.Attributes(), m)
	})
	return td, nil
}

func (w *watch) processLogs(_ context.Context, ld plog.Logs) (plog.Logs, error) {
	b := w.batches.Get().(*extract.Batch)
	w.extractor.Logs(ld, b)
	w.observe(b, func(ref extract.Ref, m session.Mark) {
		record := ld.ResourceLogs().At(int(ref.Resource)).ScopeLogs().At(int(ref.Scope)).LogRecords().At(int(ref.Record))
		w.mark(record.Attributes(), m)
	})
	return ld, nil
}

// observe gives the engine the facts of a batch and takes the batch back.
func (w *watch) observe(b *extract.Batch, suspected func(extract.Ref, session.Mark)) {
	defer func() {
		b.Reset()
		w.batches.Put(b)
	}()
	now := time.Now().UnixNano()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, n := range b.Refused {
		w.mu.refused[i] += int64(n)
	}
	for i := range b.Resources {
		w.mu.seen.add(b.Resources[i].ServiceName, &b.Seen[i])
	}
	if w.mu.closed {
		return
	}
	w.mu.engine.ObserveBatch(b.Facts, now, func(i int, m session.Mark) {
		if w.cfg.Mark {
			suspected(b.Refs[i], m)
		}
	})
	w.mu.engine.ForgetPointers()
}
