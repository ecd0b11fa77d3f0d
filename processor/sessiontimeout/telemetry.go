package sessiontimeout

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/session"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout/internal/metadata"
)

// telemetry reports what the engine counts.
type telemetry struct {
	watch     *watch
	builder   *metadata.TelemetryBuilder
	processor attribute.KeyValue
}

func newTelemetry(w *watch) (*telemetry, error) {
	b, err := metadata.NewTelemetryBuilder(w.set)
	return &telemetry{watch: w, builder: b, processor: attribute.String("processor", w.id.String())}, err
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }

func (t *telemetry) with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(attrs, t.processor)...))
}

// record measures what was decided since the last time.
func (t *telemetry) record(ctx context.Context, confirmations []session.Confirmation, lifetimes []session.Lifetime) {
	for _, c := range confirmations {
		policy, service := t.policy(c.Policy), attribute.String("service_name", c.Service)
		t.builder.ProcessorSessionTimeoutOverrun.Record(ctx, seconds(c.Overrun),
			t.with(policy, attribute.String("type", c.Type.String())))
		if c.Propagation >= 0 {
			t.builder.ProcessorSessionTimeoutEndPropagation.Record(ctx, seconds(c.Propagation), t.with(service))
		}
	}
	for _, l := range lifetimes {
		t.builder.ProcessorSessionTimeoutSessionLifetime.Record(ctx, seconds(l.Duration), t.with(t.policy(l.Policy)))
	}
}

// stored counts what was written to the storage, by whether it took it.
func (t *telemetry) stored(ctx context.Context, counter metric.Int64Counter, err error) {
	result := "stored"
	if err != nil {
		result = "failed"
	}
	counter.Add(ctx, 1, t.with(attribute.String("result", result)))
}

// policy is the attribute of a policy; of none, an empty one.
func (t *telemetry) policy(i int) attribute.KeyValue {
	name := ""
	if i < len(t.watch.cfg.Policies) {
		name = t.watch.cfg.Policies[i].Name
	}
	return attribute.String("policy", name)
}

// register lets the counters be read when somebody asks for them.
func (t *telemetry) register() error {
	b := t.builder
	w := t.watch
	// read calls f with the lock held.
	read := func(f func(e *session.Engine, s *session.Stats)) {
		w.mu.Lock()
		defer w.mu.Unlock()
		f(w.mu.engine, w.mu.engine.Stats())
	}
	return errors.Join(
		b.RegisterProcessorSessionTimeoutRequestsCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				s.Requests(func(policy int, service string, v session.Verdict, n int64) {
					o.Observe(n, t.with(t.policy(policy), attribute.String("service_name", service), attribute.String("verdict", v.String())))
				})
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutViolationsCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				s.Violations(func(policy int, service string, typ session.Type, n int64) {
					o.Observe(n, t.with(t.policy(policy), attribute.String("service_name", service), attribute.String("type", typ.String())))
				})
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutEffectiveIdleTimeoutCallback(func(_ context.Context, o metric.Float64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				s.IdleBounds(func(policy int, service string, bounds session.Bounds) {
					for bound, ns := range map[string]int64{"served_max": bounds.ServedMax, "rejected_min": bounds.RejectedMin} {
						if ns > 0 {
							o.Observe(seconds(ns), t.with(t.policy(policy), attribute.String("service_name", service), attribute.String("bound", bound)))
						}
					}
				})
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutFindingsCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				for st := range session.StateCount {
					o.Observe(s.Findings(st), t.with(attribute.String("state", st.String())))
				}
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutFindingsPendingCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(e *session.Engine, _ *session.Stats) { o.Observe(int64(e.Pending()), t.with()) })
			return nil
		}),
		b.RegisterProcessorSessionTimeoutFindingsUndeliveredCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(w.delivery.lost.Load(), t.with())
			return nil
		}),
		b.RegisterProcessorSessionTimeoutCheckpointAgeCallback(func(_ context.Context, o metric.Float64Observer) error {
			if w.kept != nil {
				o.Observe(time.Since(time.Unix(0, w.checkpointAt.Load())).Seconds(), t.with())
			}
			return nil
		}),
		b.RegisterProcessorSessionTimeoutSessionsCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(e *session.Engine, _ *session.Stats) { o.Observe(int64(e.Sessions()), t.with()) })
			return nil
		}),
		b.RegisterProcessorSessionTimeoutSessionsLimitCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(w.cfg.MaxSessions), t.with())
			return nil
		}),
		b.RegisterProcessorSessionTimeoutSessionsEvictedCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				for r := range session.EvictionReasonCount {
					o.Observe(s.Evicted(r), t.with(attribute.String("reason", r.String())))
				}
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutBlindCallback(func(_ context.Context, o metric.Float64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				s.Blind(func(reason string, ns int64) { o.Observe(seconds(ns), t.with(attribute.String("reason", reason))) })
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutRecordsCallback(func(_ context.Context, o metric.Int64Observer) error {
			w.counts.Lock()
			defer w.counts.Unlock()
			for service, counts := range w.counts.seen.counts {
				for i, seen := range [...]string{"request_with_id", "request_without_id", "other_with_id"} {
					o.Observe(counts[i], t.with(attribute.String("service_name", service), attribute.String("seen", seen)))
				}
			}
			return nil
		}),
		b.RegisterProcessorSessionTimeoutEvidenceLostCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				o.Observe(s.Unreachable(), t.with(attribute.String("reason", "unreachable")))
				o.Observe(s.Truncated(), t.with(attribute.String("reason", "truncated")))
				o.Observe(s.Closed(), t.with(attribute.String("reason", "closed")))
				o.Observe(s.Forgotten(), t.with(attribute.String("reason", "forgotten")))
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutFactsCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				for k := range session.Exempt {
					o.Observe(s.Facts(k), t.with(attribute.String("kind", k.String())))
				}
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutFactsLateCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				for k := range session.Exempt {
					o.Observe(s.FactsLate(k), t.with(attribute.String("kind", k.String())))
				}
			})
			return nil
		}),
		b.RegisterProcessorSessionTimeoutFactsRefusedCallback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(_ *session.Engine, s *session.Stats) {
				for r := range session.RefusedReasonCount {
					o.Observe(s.Refused(r), t.with(attribute.String("reason", r.String())))
				}
			})
			w.counts.Lock()
			defer w.counts.Unlock()
			for r := range extract.ReasonCount {
				o.Observe(w.counts.refused[r], t.with(attribute.String("reason", r.String())))
			}
			return nil
		}),
	)
}

// dropSignal takes the attributes that name one instance's pipeline off the
// telemetry that all instances share. The collector injects them and offers no
// other way out to components of other modules.
func dropSignal(set component.TelemetrySettings) component.TelemetrySettings {
	type dropper interface {
		DropInjectedAttributes(dropped ...string) metric.MeterProvider
	}
	if d, ok := set.MeterProvider.(dropper); ok {
		set.MeterProvider = d.DropInjectedAttributes("otelcol.signal", "otelcol.pipeline.id", "otelcol.component.id")
	}
	return set
}
