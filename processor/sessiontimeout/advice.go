package sessiontimeout

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/advice"
	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// adviseAfter is when it is said in the log that nothing can be found, if so.
const adviseAfter = time.Minute

// advice is what an advisor has to know of the configuration.
func (c *Config) advice() advice.Config {
	a := advice.Config{Recording: c.MaxAge == 0, Sampled: len(c.Policies) > 0, LogAtStart: c.LogTime == logTimeStart, Linked: len(c.SessionID.Linked) > 0, EventNames: map[string]bool{}}
	for i := range c.Policies {
		a.Absolute = a.Absolute || c.Policies[i].AbsoluteTimeout > 0
		a.Idle = a.Idle || c.Policies[i].IdleTimeout > 0
		a.IdleLimit = max(a.IdleLimit, c.Policies[i].IdleTimeout)
		a.Sampled = a.Sampled && c.Policies[i].Coverage == coverageSampled
	}
	e := &c.Events
	for _, list := range [][]extract.Event{e.Started, e.Authenticated, e.Ended, e.EndedUser, e.Activity} {
		for i := range list {
			a.EventNames[list[i].Name] = true
		}
	}
	delete(a.EventNames, "") // of events by request
	return a
}

// advise is what there is to be said now.
func (s *shared) advise(snapshot *session.Snapshot) []advice.Advice {
	stats, sessions := snapshot.Stats, snapshot.Sessions
	seen, refused := s.readCounts()
	c := advice.Counts{Services: map[string]advice.ServiceCounts{}}
	for service, n := range seen {
		c.Services[service] = advice.ServiceCounts{RequestWithID: n[0], RequestWithoutID: n[1], OtherWithID: n[2], LogNotUnderstood: n[3]}
	}
	stats.Requests(func(_ int, service string, v session.Verdict, n int64) {
		of := c.Services[service]
		of.Decided += n
		if v == session.Undetermined {
			of.Indeterminate += n
		}
		c.Services[service] = of
	})
	for k := range fact.KindCount {
		c.Facts += stats.Facts(k)
	}
	c.Requests, c.For = stats.Facts(fact.Request), time.Since(s.advisor.Since())
	c.Sessions = int64(sessions)
	for r := range session.EvictionReasonCount {
		c.Sessions += stats.Evicted(r)
	}
	c.Logins = stats.Facts(fact.Authenticated) + stats.Facts(fact.Started) + stats.Facts(fact.Rotated)
	c.Ends = stats.Facts(fact.Ended) + stats.Facts(fact.EndedUser)
	c.RefusedTimes = stats.Refused(session.RefusedAhead) + stats.Refused(session.RefusedTooOld)
	for _, n := range refused {
		c.RefusedTimes += n[extract.TimestampZero] + n[extract.TimestampReversed] + n[extract.TimestampRange]
	}
	return s.advisor.Advise(&c)
}

func (t *telemetry) scrapeAdvice(o metric.Observer, snapshot *session.Snapshot) {
	b := t.builder
	for _, a := range t.shared.advise(snapshot) {
		attrs := []attribute.KeyValue{
			attribute.String("advice", a.Code.String()), attribute.String("service_name", a.Service), attribute.String("name", a.Name),
		}
		o.ObserveInt64(b.ProcessorSessionTimeoutAdvice, 1, t.with(attrs...))
		for part, n := range map[string]float64{"n": a.N, "of": a.Of} {
			o.ObserveFloat64(b.ProcessorSessionTimeoutAdviceEvidence, n, t.with(append(slices.Clip(attrs), attribute.String("part", part))...))
		}
	}
}

// sayWhyNothing says in the log why nothing can be found, while that is so. That
// nobody sends anything may be meant.
func (s *shared) sayWhyNothing() {
	snapshot := s.keeper.Snapshot()
	for _, sentence := range advice.Sentences(s.advise(&snapshot.Snapshot)) {
		if sentence.Group != advice.Nothing {
			continue
		}
		say := s.set.Logger.Warn
		if sentence.Code == advice.NothingArrived {
			say = s.set.Logger.Info
		}
		say(advice.Nothing.String()+" "+sentence.Text, zap.String("advice", sentence.Code.String()))
	}
}
