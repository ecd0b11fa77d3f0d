package sessiontimeout

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout/internal/metadata"
)

// NewFactory returns the processor's factory. Instances that it creates from
// one *Config share one engine.
func NewFactory() processor.Factory {
	f := newFactory()
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithTraces(f.createTraces, metadata.TracesStability),
		processor.WithLogs(f.createLogs, metadata.LogsStability),
	)
}

type factory struct {
	mu struct {
		sync.Mutex
		watches map[*Config]*watch
		inLogs  map[*Config]bool // whether one stands in a logs pipeline
	}
}

func newFactory() *factory {
	f := &factory{}
	f.mu.watches, f.mu.inLogs = map[*Config]*watch{}, map[*Config]bool{}
	return f
}

// join returns one more instance of what watches under cfg. Through the one in a
// logs pipeline findings leave, so that a second one is an error.
func (f *factory) join(set processor.Settings, cfg *Config, next consumer.Logs) (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if next != nil && f.mu.inLogs[cfg] {
		return nil, errSecondLogsPipeline
	}
	w := f.mu.watches[cfg]
	if w == nil {
		var err error
		if w, err = newWatch(set, cfg); err != nil {
			return nil, err
		}
		f.mu.watches[cfg] = w
		for _, warning := range cfg.Warnings() {
			w.set.Logger.Warn(warning)
		}
	}
	w.instances++
	f.mu.inLogs[cfg] = f.mu.inLogs[cfg] || next != nil
	return &instance{watch: w, next: next, leave: func() (last bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		w.instances--
		if next != nil {
			f.mu.inLogs[cfg] = false
		}
		if w.instances == 0 {
			delete(f.mu.watches, cfg)
			delete(f.mu.inLogs, cfg)
		}
		return w.instances == 0
	}}, nil
}

func (f *factory) createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	i, err := f.join(set, cfg.(*Config), nil)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, i.watch.processTraces,
		processorhelper.WithCapabilities(i.watch.capabilities()),
		processorhelper.WithStart(i.start), processorhelper.WithShutdown(i.shutdown))
}

func (f *factory) createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	i, err := f.join(set, cfg.(*Config), next)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, i.watch.processLogs,
		processorhelper.WithCapabilities(i.watch.capabilities()),
		processorhelper.WithStart(i.start), processorhelper.WithShutdown(i.shutdown))
}
