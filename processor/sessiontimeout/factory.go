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

// factory creates instances. Safe for concurrent use.
type factory struct {
	mu struct {
		sync.Mutex
		all    map[*Config]*shared
		inLogs map[*Config]bool // whether one stands in a logs pipeline
	}
}

func newFactory() *factory {
	f := &factory{}
	f.mu.all, f.mu.inLogs = map[*Config]*shared{}, map[*Config]bool{}
	return f
}

// join returns one more instance of what is shared under cfg. Through the one in a
// logs pipeline findings leave, so that a second one is an error.
func (f *factory) join(set processor.Settings, cfg *Config, next consumer.Logs) (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if next != nil && f.mu.inLogs[cfg] {
		return nil, errSecondLogsPipeline
	}
	s := f.mu.all[cfg]
	if s == nil {
		var err error
		if s, err = newShared(set, cfg); err != nil {
			return nil, err
		}
		f.mu.all[cfg] = s
		for _, warning := range cfg.Warnings() {
			s.set.Logger.Warn(warning)
		}
	}
	s.instances++
	f.mu.inLogs[cfg] = f.mu.inLogs[cfg] || next != nil
	return &instance{shared: s, next: next, leave: func() (last bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		s.instances--
		if next != nil {
			f.mu.inLogs[cfg] = false
		}
		if s.instances == 0 {
			delete(f.mu.all, cfg)
			delete(f.mu.inLogs, cfg)
		}
		return s.instances == 0
	}}, nil
}

func (f *factory) createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	i, err := f.join(set, cfg.(*Config), nil)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, i.shared.processTraces,
		processorhelper.WithCapabilities(i.shared.capabilities()),
		processorhelper.WithStart(i.start), processorhelper.WithShutdown(i.shutdown))
}

func (f *factory) createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	i, err := f.join(set, cfg.(*Config), next)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, i.shared.processLogs,
		processorhelper.WithCapabilities(i.shared.capabilities()),
		processorhelper.WithStart(i.start), processorhelper.WithShutdown(i.shutdown))
}
