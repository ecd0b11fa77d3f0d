package alerts

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/safestore"
)

var errShutdown = errors.New("the exporter is shut down")

// alertsExporter takes findings into the table, from which every target sends.
type alertsExporter struct {
	set       exporter.Settings
	cfg       *Config
	table     *table
	telemetry *telemetry
	targets   []*target

	saver  *saver             // nil without a storage
	cancel context.CancelFunc // of keep
	done   chan struct{}      // closed when keep has ended

	closed   atomic.Bool
	stopOnce sync.Once
	stopErr  error
}

var _ exporter.Logs = (*alertsExporter)(nil)

func newExporter(set exporter.Settings, cfg *Config) (*alertsExporter, error) {
	endpoints, err := cfg.endpoints()
	if err != nil {
		return nil, err
	}
	e := &alertsExporter{set: set, cfg: cfg, table: newTable(cfg)}
	if e.telemetry, err = newTelemetry(set, cfg, e.table); err != nil {
		return nil, err
	}
	for _, endpoint := range endpoints {
		t, err := newTarget(targetSettings(set, cfg, endpoint), cfg, endpoint, e.table, e.telemetry)
		if err != nil {
			e.telemetry.shutdown()
			return nil, err
		}
		e.targets = append(e.targets, t)
	}
	return e, nil
}

// targetSettings gives each of several endpoints a component id of its own. Queues with one id would
// share their place in the storage, and their sizes would overwrite each other's in the metrics.
func targetSettings(set exporter.Settings, cfg *Config, e endpoint) exporter.Settings {
	if len(cfg.Endpoints) == 0 {
		return set
	}
	name := e.name
	if own := set.ID.Name(); own != "" {
		name = own + "/" + name
	}
	set.ID = component.NewIDWithName(set.ID.Type(), name)
	set.Logger = set.Logger.With(zap.String("endpoint", e.name))
	return set
}

// Capabilities says that logs pass unchanged.
func (*alertsExporter) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// Start restores what was held before, and begins to send.
func (e *alertsExporter) Start(ctx context.Context, host component.Host) error {
	if queue := e.cfg.QueueConfig.Get(); queue != nil && queue.StorageID != nil {
		if err := e.restore(ctx, host, *queue.StorageID); err != nil {
			return err
		}
		host = safestore.Host(host, *queue.StorageID) // the queues open it themselves
	}
	for _, t := range e.targets {
		if err := t.start(ctx, host); err != nil {
			return err
		}
	}
	if live := e.table.live(time.Now()); len(live) > 0 {
		e.raise(live)
	}
	if e.saver != nil {
		e.saver.start()
	}
	background, cancel := context.WithCancel(context.Background())
	e.cancel, e.done = cancel, make(chan struct{})
	go e.keep(background)
	return nil
}

func (e *alertsExporter) restore(ctx context.Context, host component.Host, id component.ID) error {
	store, err := openStore(ctx, host, e.set.ID, id)
	if errors.Is(err, errUnopened) {
		e.set.Logger.Error("The alerts that were active before are lost, and those of this run will be. They are raised again by their next findings.", zap.Error(err))
		return nil
	}
	if err != nil {
		return err
	}
	e.saver = newSaver(store, e.table, e.telemetry, e.set.Logger)
	snap, err := store.load(ctx)
	if err != nil {
		e.set.Logger.Error("Cannot read the alerts that were active before. They are raised again by their next findings.", zap.Error(err))
		return nil
	}
	e.table.restore(snap, time.Now())
	return nil
}

// Shutdown sends what is due, once, saves the alerts and ends everything. It keeps the context's deadline,
// and its own where there is none; what could not be sent then is an error, and counted where no storage
// keeps it. It may be called twice and without Start.
func (e *alertsExporter) Shutdown(ctx context.Context) error {
	e.stopOnce.Do(func() { e.stopErr = e.stop(ctx) })
	return e.stopErr
}

func (e *alertsExporter) stop(ctx context.Context) error {
	e.closed.Store(true)
	if e.cancel != nil {
		e.cancel()
		<-e.done
	}
	// Side by side: one that hangs until its timeout takes no time from another.
	errs := make([]error, len(e.targets), len(e.targets)+2)
	unsent := make([]int64, len(e.targets))
	var wg sync.WaitGroup
	for i, t := range e.targets {
		wg.Go(func() { unsent[i], errs[i] = t.stop(ctx) })
	}
	kept := false
	if e.saver != nil {
		wg.Go(func() { _ = e.saver.save(ctx) }) // the last one below may have little time left
	}
	wg.Wait()
	if e.saver != nil {
		saved, closed := e.saver.stop(ctx)
		kept = saved == nil
		errs = append(errs, saved, closed)
	}
	if !kept {
		for _, n := range unsent {
			e.telemetry.dropped(ctx, reasonShutdown, n)
		}
	}
	e.telemetry.shutdown()
	return errors.Join(errs...)
}

// ConsumeLogs takes the findings among the logs. It waits neither for an Alertmanager nor for the storage:
// an alert that cannot be sent now is requested again until it has run out.
func (e *alertsExporter) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	if e.closed.Load() {
		return errShutdown
	}
	var in intake
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			if scope.Scope().Name() == findinglog.Scope {
				in.take(e.table, resource.Resource().Attributes(), scope.LogRecords())
			}
		}
	}
	if in.empty() {
		return nil
	}
	in.report(ctx, e.telemetry)
	if len(in.raised) > 0 {
		e.save()
		e.raise(in.raised)
	}
	return nil
}

func (e *alertsExporter) raise(ids []identity) {
	for _, t := range e.targets {
		t.raise(ids)
	}
}

// keep forgets and has the rest stored, every resend interval.
func (e *alertsExporter) keep(ctx context.Context) {
	defer close(e.done)
	ticker := time.NewTicker(e.cfg.ResendInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.table.prune(time.Now())
			e.save()
		}
	}
}

// save has the leases stored where there is a storage.
func (e *alertsExporter) save() {
	if e.saver != nil {
		e.saver.soon()
	}
}
