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

	"github.com/otelcol-session/otelcol-session/internal/advice"
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

// shared is what all instances of one component id share: one engine, and one
// next component for its findings. Safe for concurrent use.
type shared struct {
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
	advisor   *advice.Advisor
	nearby    nearby

	// counts are of what needs no engine.
	counts struct {
		sync.Mutex
		counts
	}
	store *safestore.Client // nil where nothing is kept; set by start, read-only until stop ends
	// keeper is set by start, read-only from then on; nil where that failed.
	keeper     *keeper.Keeper
	maxJournal int64 // of the keeper; 0 is its own
	delivery   delivery
	consoles   consoles // set by start, read-only from then on
}

func newShared(set processor.Settings, cfg *Config) (*shared, error) {
	s := &shared{
		id: set.ID, cfg: cfg, set: dropSignal(set.TelemetrySettings),
		batches: sync.Pool{New: func() any { return &extract.Batch{} }},
		advisor: advice.New(cfg.advice()),
	}
	s.running, s.halt = context.WithCancel(context.Background())
	s.delivery.wake, s.delivery.order = make(chan struct{}, 1), safestore.NewCtxMutex()
	s.counts.counts = newCounts(cfg.MaxServices)
	var err error
	s.telemetry, err = newTelemetry(s)
	return s, err
}

func (s *shared) capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: s.cfg.Mark}
}

// start begins with the first of its instances.
func (s *shared) start(ctx context.Context, host component.Host) error {
	s.startOnce.Do(func() { s.startErr = s.begin(ctx, host) })
	return s.startErr
}

func (s *shared) begin(ctx context.Context, host component.Host) error {
	if err := s.openStorage(ctx, host); err != nil {
		return err
	}
	key, err := s.hashKey(ctx)
	if err != nil {
		return err
	}
	x, err := extract.New(s.cfg.extraction(key))
	if err != nil {
		return err
	}
	s.extractor = x
	s.advisor.SetPseudonym(x.Pseudonym)
	engine := s.cfg.engine(x.Pseudonym)
	engine.KeyID = keyID(key)
	s.consoles = findConsoles(host)
	engine.Timelines = s.consoles.history()
	if engine.Timelines > 0 {
		s.nearby.open()
	}
	s.keeper = keeper.Open(ctx, keeper.Config{
		Engine: engine, Store: s.store, StoreLost: s.store == nil && s.cfg.Storage != nil,
		Acknowledged: s.cfg.Durability == durabilityAcknowledged, DowntimeLost: s.cfg.Downtime == downtimeLost,
		CheckpointInterval: s.cfg.CheckpointInterval, MaxJournal: s.maxJournal,
		Record: s.cfg.record, Found: s.consoles.found, Telemetry: s.telemetry, Logger: s.set.Logger,
	})
	s.takeFrom(s.keeper.Queue())
	s.counts.know(s.keeper.Services())
	if err := s.telemetry.register(); err != nil {
		return err
	}
	s.consoles.register(s.id, shownEngine{s, engine.KeyID})
	s.keeper.Start()
	s.loops.Go(s.run)
	s.loops.Go(s.deliver)
	return nil
}

// run reaches the verdicts as their time comes.
func (s *shared) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	warned, advised, began := false, false, time.Now()
	for {
		select {
		case <-s.running.Done():
			return
		case now := <-t.C:
			s.advance()
			if now.Sub(began) > startupGrace {
				s.expectNoLogsPipeline()
			}
			if !advised && now.Sub(began) >= adviseAfter {
				advised = true
				s.sayWhyNothing()
			}
			if !warned && !s.hasNext() {
				warned = true
				s.set.Logger.Warn("Findings have no way out, since this processor stands in no logs pipeline: they are counted and marked, not reported. " +
					"Add it to one, for example `logs/sessions: {receivers: [nop], processors: [session_timeout], exporters: [alerts]}`")
			}
		}
	}
}

// advance decides what has waited long enough, and waits for nobody.
func (s *shared) advance() {
	until := time.Now().Add(tick)
	for s.advanceSome() && time.Now().Before(until) {
	}
}

// advanceSome does what one hold of the engine's lock allows, and reports whether
// there is more to be done at once.
func (s *shared) advanceSome() (more bool) {
	more = s.keeper.Advance(time.Now().UnixNano())
	s.telemetry.record(s.keeper.TakeMeasured())
	if s.keeper.Queue().Len() > 0 {
		s.wakeDelivery()
	}
	return more && s.running.Err() == nil
}

// stop ends with the last of its instances. The next component for findings has
// stopped by then.
func (s *shared) stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.halt()
		s.endLoops(ctx)
		if s.keeper != nil {
			s.stopErr = s.keeper.Stop(ctx)
			s.telemetry.record(s.keeper.TakeMeasured())
			if n := s.keeper.Queue().Lost(); n > 0 {
				s.set.Logger.Warn("Findings were decided and found no way out", zap.Int64("findings", n))
			}
		}
		s.telemetry.shutdown()
		s.consoles.end()
		s.stopErr = errors.Join(s.stopErr, s.closeStorage(ctx))
	})
	return s.stopErr
}

// endLoops waits for all goroutines to end, which have been told to, and lets the
// engine take nothing any more. What hangs in the storage or in the next component
// is left behind: it holds nothing that anybody needs, and ends when that returns.
func (s *shared) endLoops(ctx context.Context) {
	patient, cancel := keeper.Part(ctx, keeper.LoopsTimeout)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		s.loops.Wait()
		close(ended)
	}()
	if s.keeper != nil {
		s.keeper.Close(ctx)
	}
	select {
	case <-ended:
	case <-patient.Done():
	}
}

func (s *shared) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	b := s.batches.Get().(*extract.Batch)
	s.extractor.Traces(td, b)
	s.advisor.Traces(td, b)
	s.nearby.look(td, b)
	err := s.observe(ctx, b, func(ref extract.Ref, m session.Mark) {
		span := td.ResourceSpans().At(int(ref.Resource)).ScopeSpans().At(int(ref.Scope)).Spans().At(int(ref.Record))
		s.mark(span.Attributes(), m)
	})
	return td, err
}

func (s *shared) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	b := s.batches.Get().(*extract.Batch)
	s.extractor.Logs(ld, b)
	s.advisor.Logs(ld, b)
	err := s.observe(ctx, b, func(ref extract.Ref, m session.Mark) {
		record := ld.ResourceLogs().At(int(ref.Resource)).ScopeLogs().At(int(ref.Scope)).LogRecords().At(int(ref.Record))
		s.mark(record.Attributes(), m)
	})
	return ld, err
}
