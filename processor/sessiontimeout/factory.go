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
	f := &factory{}
	f.mu.watches = map[*Config]*watch{}
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
	}
}

// join returns one more instance of what watches under cfg.
func (f *factory) join(set processor.Settings, cfg *Config) (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.mu.watches[cfg]
	if w == nil {
		var err error
		if w, err = newWatch(set, cfg); err != nil {
			return nil, err
		}
		f.mu.watches[cfg] = w
	}
	w.instances++
	return &instance{watch: w, leave: func() (last bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		w.instances--
		if w.instances == 0 {
			delete(f.mu.watches, cfg)
		}
		return w.instances == 0
	}}, nil
}

func (f *factory) createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	i, err := f.join(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, i.watch.processTraces,
		processorhelper.WithCapabilities(i.watch.capabilities()),
		processorhelper.WithStart(i.start), processorhelper.WithShutdown(i.shutdown))
}

func (f *factory) createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	i, err := f.join(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	i.wayOut = next
	return processorhelper.NewLogs(ctx, set, cfg, next, i.watch.processLogs,
		processorhelper.WithCapabilities(i.watch.capabilities()),
		processorhelper.WithStart(i.start), processorhelper.WithShutdown(i.shutdown))
}
