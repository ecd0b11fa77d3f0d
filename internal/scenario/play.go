package scenario

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// Delivery says how the telemetry of a scenario is brought to the processor.
type Delivery struct {
	// Twice: everything arrives, and then all that arrived with it once more.
	Twice bool
	// Shuffled: what arrives at one instant does so in an order that Seed gives.
	Shuffled bool
	// Apart: each record is a batch of its own.
	Apart bool
	// Replayed: all arrives when the last record does, in an order that Seed
	// gives, and the reorder window reaches back as far as that needs.
	Replayed bool
	Seed     uint64
	// Delayed: each record arrives up to this much later than it does, by chance
	// that Seed gives, and the reorder window is long enough for it.
	Delayed time.Duration
	// PerRequest: every violating request has a finding of its own.
	PerRequest bool
}

// player is one run of a scenario.
type player struct {
	*Scenario
	how    Delivery
	random *rand.Rand
	// arranged are the deliveries as how says.
	arranged []delivery
	traces   consumer.Traces
	logs     consumer.Logs

	mu struct {
		sync.Mutex
		findings []plog.Logs
		out      []string // what passed on, for comparison
		marks    []string
	}
}

// Play brings the telemetry to both instances of one processor. Call it in a
// bubble of testing/synctest, once in each: its clock only goes forward.
func (s *Scenario) Play(factory processor.Factory, how Delivery) (*Outcome, error) {
	p := &player{Scenario: s, how: how, random: rand.New(rand.NewPCG(how.Seed, 1))} //nolint:gosec // no secret
	cfg, err := p.configure(factory)
	if err != nil {
		return nil, err
	}
	telemetry := componenttest.NewTelemetry()
	set := processortest.NewNopSettings(factory.Type())
	set.ID = component.NewID(factory.Type())
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	ctx := context.Background()
	traceSink, err := consumer.NewTraces(p.tracesPassed)
	if err != nil {
		return nil, err
	}
	logSink, err := consumer.NewLogs(p.logsPassed)
	if err != nil {
		return nil, err
	}
	traces, err := factory.CreateTraces(ctx, set, cfg, traceSink)
	if err != nil {
		return nil, err
	}
	logs, err := factory.CreateLogs(ctx, set, cfg, logSink)
	if err != nil {
		return nil, err
	}
	p.traces, p.logs = traces, logs
	p.arranged = p.arrange()
	deliveries := p.arranged
	// The processor's clock ticks at whole seconds.
	time.Sleep(time.Until(deliveries[0].at.Truncate(time.Second).Add(-time.Second)))
	host := componenttest.NewNopHost()
	if err := errors.Join(logs.Start(ctx, host), traces.Start(ctx, host)); err != nil {
		return nil, err
	}
	for _, d := range deliveries {
		time.Sleep(time.Until(d.at))
		synctest.Wait() // what is due at this instant comes before what arrives
		if err := p.deliver(ctx, d.records); err != nil {
			return nil, err
		}
	}
	last := s.shutdown
	if last.IsZero() {
		last = p.drained()
	}
	time.Sleep(time.Until(last))
	synctest.Wait()
	// The logs instance first: what it lets out at its end is counted, too.
	err = logs.Shutdown(ctx)
	o := &Outcome{}
	metrics, merr := s.metrics(telemetry)
	err = errors.Join(err, merr, traces.Shutdown(ctx), telemetry.Shutdown(ctx))
	if err != nil {
		return nil, err
	}
	o.Metrics, o.Verdicts = metrics.shown, metrics.verdicts
	p.mu.Lock()
	defer p.mu.Unlock()
	o.Logs = p.mu.findings
	o.Passed = p.mu.out
	o.Marks = joinLines(p.mu.marks)
	s.read(o)
	return o, nil
}

// configure makes the processor's configuration as the collector would.
func (p *player) configure(factory processor.Factory) (component.Config, error) {
	cfg := factory.CreateDefaultConfig()
	conf := confmap.NewFromStringMap(p.config)
	changed := map[string]any{}
	if p.how.Replayed || p.how.Delayed > 0 {
		changed["reorder_window"], changed["max_age"] = "1000000h", "0s"
	}
	if p.how.PerRequest {
		changed["findings"] = map[string]any{"per": "request"}
	}
	if err := conf.Merge(confmap.NewFromStringMap(changed)); err != nil {
		return nil, err
	}
	if err := conf.Unmarshal(&cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

// arrange puts the deliveries as p.how says.
func (p *player) arrange() []delivery {
	deliveries := slices.Clone(p.deliveries)
	if p.how.Replayed {
		all := delivery{at: deliveries[len(deliveries)-1].at}
		for _, d := range deliveries {
			all.records = append(all.records, d.records...)
		}
		deliveries = []delivery{all}
	}
	if p.how.Delayed > 0 {
		var scattered []delivery
		for _, d := range deliveries {
			for _, r := range d.records {
				at := d.at.Add(time.Duration(p.random.Int64N(int64(p.how.Delayed))))
				scattered = append(scattered, delivery{at: at, records: []*record{r}})
			}
		}
		slices.SortStableFunc(scattered, func(a, b delivery) int { return a.at.Compare(b.at) })
		deliveries = scattered
	}
	// What arrives at one instant may do so in any order.
	if p.how.Shuffled || p.how.Replayed {
		var merged []delivery
		for _, d := range deliveries {
			if n := len(merged); n > 0 && merged[n-1].at.Equal(d.at) {
				merged[n-1].records = slices.Concat(merged[n-1].records, d.records)
				continue
			}
			merged = append(merged, d)
		}
		for i := range merged {
			records := slices.Clone(merged[i].records)
			p.random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			merged[i].records = records
		}
		deliveries = merged
	}
	return deliveries
}

// drained is when everything that arrived has been decided and reported.
func (p *player) drained() time.Time {
	last := p.arranged[len(p.arranged)-1].at.Truncate(time.Second).Add(3 * time.Second)
	conf := confmap.NewFromStringMap(p.config)
	for key, wait := range map[string]time.Duration{"idle_decision_wait": 5 * time.Minute, "decision_wait": time.Minute, "findings::update_interval": time.Minute} {
		if s, ok := conf.Get(key).(string); ok {
			if d, err := time.ParseDuration(s); err == nil {
				wait = d
			}
		}
		last = last.Add(wait)
	}
	if p.end.After(last) {
		return p.end
	}
	return last
}

// deliver brings records: those that stand together and are of one signal in
// one batch.
func (p *player) deliver(ctx context.Context, records []*record) error {
	times := 1
	if p.how.Twice {
		times = 2
	}
	for range times {
		for from := 0; from < len(records); {
			to := from + 1
			for to < len(records) && !p.how.Apart && records[to].isLog == records[from].isLog {
				to++
			}
			if err := p.consume(ctx, records[from:to]); err != nil {
				return err
			}
			from = to
		}
	}
	return nil
}

func (p *player) consume(ctx context.Context, records []*record) error {
	if records[0].isLog {
		return p.logs.ConsumeLogs(ctx, logsOf(records))
	}
	return p.traces.ConsumeTraces(ctx, tracesOf(records))
}

// tracesOf is a batch of spans: those that follow each other and have one
// resource and scope under one.
func tracesOf(records []*record) ptrace.Traces {
	td := ptrace.NewTraces()
	var spans ptrace.SpanSlice
	for i, r := range records {
		if i == 0 || !r.beside(records[i-1]) {
			rs := td.ResourceSpans().AppendEmpty()
			r.resource.CopyTo(rs.Resource().Attributes())
			ss := rs.ScopeSpans().AppendEmpty()
			ss.Scope().SetName(r.scope)
			r.scoped.CopyTo(ss.Scope().Attributes())
			spans = ss.Spans()
		}
		r.span.CopyTo(spans.AppendEmpty())
	}
	return td
}

func logsOf(records []*record) plog.Logs {
	ld := plog.NewLogs()
	var logs plog.LogRecordSlice
	for i, r := range records {
		if i == 0 || !r.beside(records[i-1]) {
			rl := ld.ResourceLogs().AppendEmpty()
			r.resource.CopyTo(rl.Resource().Attributes())
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(r.scope)
			r.scoped.CopyTo(sl.Scope().Attributes())
			logs = sl.LogRecords()
		}
		r.log.CopyTo(logs.AppendEmpty())
	}
	return ld
}

// beside reports whether r and o are of one resource and scope.
func (r *record) beside(o *record) bool {
	return r.resource.Equal(o.resource) && r.scoped.Equal(o.scoped) && r.scope == o.scope
}

func (p *player) tracesPassed(_ context.Context, td ptrace.Traces) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				p.unmark(span.Attributes(), span.StartTimestamp().AsTime(), rs.Resource().Attributes())
			}
		}
	}
	return p.passed((&ptrace.JSONMarshaler{}).MarshalTraces(td))
}

func (p *player) logsPassed(_ context.Context, ld plog.Logs) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			if sl.Scope().Name() == findinglog.Scope {
				if events := plog.NewLogs(); isFindings(sl) {
					ld.CopyTo(events)
					p.mu.findings = append(p.mu.findings, events)
					return nil
				}
			}
			for _, r := range sl.LogRecords().All() {
				p.unmark(r.Attributes(), r.Timestamp().AsTime(), rl.Resource().Attributes())
			}
		}
	}
	return p.passed((&plog.JSONMarshaler{}).MarshalLogs(ld))
}

func (p *player) passed(json []byte, err error) error {
	p.mu.out = append(p.mu.out, string(json))
	return err
}

// Sent is what a processor that changes nothing passes on.
func (s *Scenario) Sent() ([]string, error) {
	p := &player{Scenario: s}
	var err error
	if p.traces, err = consumer.NewTraces(p.tracesPassed); err != nil {
		return nil, err
	}
	if p.logs, err = consumer.NewLogs(p.logsPassed); err != nil {
		return nil, err
	}
	for _, d := range p.deliveries {
		if err := p.deliver(context.Background(), d.records); err != nil {
			return nil, err
		}
	}
	return p.mu.out, nil
}
