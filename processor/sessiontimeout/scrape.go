package sessiontimeout

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout/internal/metadata"
)

// register lets everything that is counted elsewhere be read when somebody asks
// for it: all at once, so that a scrape shows one instant and takes each lock
// once.
func (t *telemetry) register() (err error) {
	b := t.builder
	t.registration, err = metadata.Meter(t.shared.set).RegisterCallback(t.scrape,
		b.ProcessorSessionTimeoutAdvice,
		b.ProcessorSessionTimeoutAdviceEvidence,
		b.ProcessorSessionTimeoutBacklog,
		b.ProcessorSessionTimeoutBlind,
		b.ProcessorSessionTimeoutCheckpointAge,
		b.ProcessorSessionTimeoutEffectiveAbsoluteTimeout,
		b.ProcessorSessionTimeoutEffectiveIdleTimeout,
		b.ProcessorSessionTimeoutEvidenceLost,
		b.ProcessorSessionTimeoutFacts,
		b.ProcessorSessionTimeoutFactsLate,
		b.ProcessorSessionTimeoutFactsRefused,
		b.ProcessorSessionTimeoutFindings,
		b.ProcessorSessionTimeoutFindingsPending,
		b.ProcessorSessionTimeoutFindingsUndelivered,
		b.ProcessorSessionTimeoutFindingsWaiting,
		b.ProcessorSessionTimeoutJournalSize,
		b.ProcessorSessionTimeoutPolicyInfo,
		b.ProcessorSessionTimeoutPolicyLimit,
		b.ProcessorSessionTimeoutRecords,
		b.ProcessorSessionTimeoutRequests,
		b.ProcessorSessionTimeoutSessions,
		b.ProcessorSessionTimeoutSessionsEvicted,
		b.ProcessorSessionTimeoutSessionsLimit,
		b.ProcessorSessionTimeoutViolations,
	)
	return err
}

// readCounts copies what needs no engine.
func (s *shared) readCounts() (seen map[string]coverage, refused map[string]refusals) {
	s.counts.Lock()
	defer s.counts.Unlock()
	return s.counts.coverage.clone(), s.counts.refused.clone()
}

func (t *telemetry) scrape(_ context.Context, o metric.Observer) error {
	r := t.shared.keeper.Snapshot()
	t.scrapePolicies(o)
	t.scrapeVerdicts(o, r.Stats)
	t.scrapeFacts(o, r.Stats)
	t.scrapeAdvice(o, &r.Snapshot)
	b := t.builder
	o.ObserveInt64(b.ProcessorSessionTimeoutBacklog, int64(r.Backlog), t.with())
	o.ObserveInt64(b.ProcessorSessionTimeoutFindingsPending, int64(r.Pending), t.with())
	o.ObserveInt64(b.ProcessorSessionTimeoutFindingsWaiting, int64(r.Waiting), t.with())
	o.ObserveInt64(b.ProcessorSessionTimeoutFindingsUndelivered, r.Lost, t.with())
	o.ObserveInt64(b.ProcessorSessionTimeoutSessions, int64(r.Sessions), t.with())
	o.ObserveInt64(b.ProcessorSessionTimeoutSessionsLimit, int64(t.shared.cfg.MaxSessions), t.with())
	if !r.CheckpointAt.IsZero() {
		o.ObserveFloat64(b.ProcessorSessionTimeoutCheckpointAge, time.Since(r.CheckpointAt).Seconds(), t.with())
	}
	if r.Journaled {
		o.ObserveInt64(b.ProcessorSessionTimeoutJournalSize, r.JournalSize, t.with())
	}
	return nil
}

func (t *telemetry) scrapeVerdicts(o metric.Observer, s *session.Stats) {
	b := t.builder
	s.Requests(func(policy int, service string, v session.Verdict, n int64) {
		o.ObserveInt64(b.ProcessorSessionTimeoutRequests, n,
			t.with(t.policy(policy), attribute.String("service_name", service), attribute.String("verdict", v.String())))
	})
	s.Violations(func(policy int, service string, typ fact.Type, n int64) {
		o.ObserveInt64(b.ProcessorSessionTimeoutViolations, n,
			t.with(t.policy(policy), attribute.String("service_name", service), attribute.String("type", typ.String())))
	})
	s.IdleBounds(t.scrapeBounds(o, b.ProcessorSessionTimeoutEffectiveIdleTimeout))
	s.AbsoluteBounds(t.scrapeBounds(o, b.ProcessorSessionTimeoutEffectiveAbsoluteTimeout))
	for st := range fact.StateCount {
		o.ObserveInt64(b.ProcessorSessionTimeoutFindings, s.Findings(st), t.with(attribute.String("state", st.String())))
	}
}

func (t *telemetry) scrapeBounds(o metric.Observer, gauge metric.Float64Observable) func(policy int, service string, b session.Bounds) {
	return func(policy int, service string, bounds session.Bounds) {
		for bound, ns := range map[string]int64{"served_max": bounds.ServedMax, "rejected_min": bounds.RejectedMin} {
			if ns > 0 {
				o.ObserveFloat64(gauge, seconds(ns),
					t.with(t.policy(policy), attribute.String("service_name", service), attribute.String("bound", bound)))
			}
		}
	}
}

// scrapePolicies says what was configured.
func (t *telemetry) scrapePolicies(o metric.Observer) {
	o.ObserveInt64(t.builder.ProcessorSessionTimeoutPolicyInfo, 1, t.with(attribute.String("hash", t.policyHash)))
	for i := range t.shared.cfg.Policies {
		p := &t.shared.cfg.Policies[i]
		for limit, d := range map[string]time.Duration{
			"idle_timeout": p.IdleTimeout, "absolute_timeout": p.AbsoluteTimeout,
			"end_grace": p.EndGrace, "rotation_grace": p.RotationGrace, "tolerance": p.Tolerance,
		} {
			if d > 0 {
				o.ObserveFloat64(t.builder.ProcessorSessionTimeoutPolicyLimit, d.Seconds(), t.with(t.policy(i), attribute.String("limit", limit)))
			}
		}
	}
}

func (t *telemetry) scrapeFacts(o metric.Observer, s *session.Stats) {
	b := t.builder
	by := func(key, value string) metric.MeasurementOption { return t.with(attribute.String(key, value)) }
	for k := range fact.KindCount {
		o.ObserveInt64(b.ProcessorSessionTimeoutFacts, s.Facts(k), by("kind", k.String()))
	}
	s.FactsLate(func(service string, n int64) {
		o.ObserveInt64(b.ProcessorSessionTimeoutFactsLate, n, by("service_name", service))
	})
	for r := range session.EvictionReasonCount {
		o.ObserveInt64(b.ProcessorSessionTimeoutSessionsEvicted, s.Evicted(r), by("reason", r.String()))
	}
	s.Blind(func(reason string, ns int64) {
		o.ObserveFloat64(b.ProcessorSessionTimeoutBlind, seconds(ns), by("reason", reason))
	})
	o.ObserveInt64(b.ProcessorSessionTimeoutEvidenceLost, s.Unreachable(), by("reason", "unreachable"))
	o.ObserveInt64(b.ProcessorSessionTimeoutEvidenceLost, s.Truncated(), by("reason", "truncated"))
	o.ObserveInt64(b.ProcessorSessionTimeoutEvidenceLost, s.Closed(), by("reason", "closed"))
	o.ObserveInt64(b.ProcessorSessionTimeoutEvidenceLost, s.Forgotten(), by("reason", "forgotten"))
	refuses := func(service, why string, n int64) {
		o.ObserveInt64(b.ProcessorSessionTimeoutFactsRefused, n, t.with(attribute.String("reason", why), attribute.String("service_name", service)))
	}
	s.RefusedOf(refusedReasons, func(service string, why session.RefusedReason, n int64) { refuses(service, why.String(), n) })
	seen, refused := t.shared.readCounts()
	for service, counts := range refused {
		for why, n := range counts {
			if n > 0 || service == session.OtherService {
				refuses(service, refusedName(extract.Reason(why)), n)
			}
		}
	}
	for service, counts := range seen {
		for i, what := range coverageNames {
			o.ObserveInt64(b.ProcessorSessionTimeoutRecords, counts[i],
				t.with(attribute.String("service_name", service), attribute.String("seen", what)))
		}
	}
}
