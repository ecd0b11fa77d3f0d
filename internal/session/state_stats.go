package session

import (
	"maps"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// RefusedReason says why a fact was not taken.
type RefusedReason uint8

// The reasons.
const (
	// RefusedAhead: its time lies more than Config.MaxAhead after its arrival.
	RefusedAhead RefusedReason = iota
	// RefusedTooOld: its time lies more than Config.MaxAge before its arrival.
	RefusedTooOld
	// RefusedLimit: Config.MaxSessions was reached and nothing could be evicted.
	RefusedLimit

	// RefusedReasonCount is the number of reasons.
	RefusedReasonCount
)

var refusedReasonNames = [RefusedReasonCount]string{"ahead", "too_old", "max_sessions"}

func (r RefusedReason) String() string { return refusedReasonNames[r] }

// Bounds of a limit that a service really has, in nanoseconds; zero where none was
// seen.
type Bounds struct {
	ServedMax, RejectedMin int64
}

// boundCount is the number of bounds.
const boundCount = 2

// join makes b the bounds of all that either of the two is of.
func (b *Bounds) join(o Bounds) {
	b.ServedMax = max(b.ServedMax, o.ServedMax)
	if b.RejectedMin == 0 {
		b.RejectedMin = o.RejectedMin
	} else if o.RejectedMin != 0 {
		b.RejectedMin = min(b.RejectedMin, o.RejectedMin)
	}
}

// Stats are the engine's counters. All only grow, but Bounds.
type Stats struct {
	// requests by service and policy: row service*policies + policy. judged are the rows
	// of which a request has come that is, or will be, judged.
	requests   [][VerdictCount]int64
	judged     []bool
	policies   int
	violations map[statKey]*[fact.TypeCount]int64
	idle       map[statKey]*Bounds
	absolute   map[statKey]*Bounds
	findings   [fact.StateCount]int64
	facts      [fact.KindCount]int64
	evidence   evidence
	evicted    [EvictionReasonCount]int64
	blind      map[string]int64
	// early counts requests whose place was needed before their verdict was
	// due, lost what was given up to keep the state bounded, closed findings
	// that nothing can clear any more.
	early, lost, closed int64

	measured     Measured
	names        *services
	maxServices  int
	fingerprints *fingerprints
}

type statKey struct {
	policy  uint8
	service uint32
}

func newStats(names *services, policies, maxServices int) Stats {
	return Stats{
		policies: policies, violations: map[statKey]*[fact.TypeCount]int64{},
		idle: map[statKey]*Bounds{}, absolute: map[statKey]*Bounds{}, blind: map[string]int64{}, names: names, maxServices: maxServices,
	}
}

// evidence counts, by the number of the service that sent them, facts that are none or
// came too late. Services without any may be missing at the end.
type evidence struct {
	late    []int64
	refused [][RefusedReasonCount]int64
}

func (v *evidence) clone() evidence {
	return evidence{slices.Clone(v.late), slices.Clone(v.refused)}
}

func (v *evidence) noteLate(service uint32) {
	for int(service) >= len(v.late) {
		v.late = append(v.late, 0)
	}
	v.late[service]++
}

// refuse notes that a fact of r was not taken.
func (e *Engine) refuse(r *fact.Resource, why RefusedReason) {
	v, service := &e.stats.evidence, e.services.name(r.ServiceName)
	for int(service) >= len(v.refused) {
		v.refused = append(v.refused, [RefusedReasonCount]int64{})
	}
	v.refused[service][why]++
}

// noteLate notes that a fact of a resource came behind the reorder window.
func (e *Engine) noteLate(resource uint32) {
	e.stats.evidence.noteLate(e.services.resources[resource].service)
}

// Clone returns a copy that stays as it is, to be read beside the engine.
func (s *Stats) Clone() *Stats {
	c := *s
	c.requests = slices.Clone(s.requests)
	c.judged = slices.Clone(s.judged)
	c.violations = cloneValues(s.violations)
	c.idle = cloneValues(s.idle)
	c.absolute = cloneValues(s.absolute)
	c.evidence = s.evidence.clone()
	c.blind = maps.Clone(s.blind)
	c.names = &services{names: slices.Clip(s.names.names)} // what is there never changes
	c.measured = Measured{}
	return &c
}

func cloneValues[V any](m map[statKey]*V) map[statKey]*V {
	out := make(map[statKey]*V, len(m))
	for k, v := range m {
		value := *v
		out[k] = &value
	}
	return out
}

func counter[V any](m map[statKey]*V, policy uint8, service uint32) *V {
	k := statKey{policy, service}
	v := m[k]
	if v == nil {
		v = new(V)
		m[k] = v
	}
	return v
}

func (s *Stats) request(policy uint8, service uint32, v Verdict) {
	row := s.row(policy, service)
	s.requests[row][v]++
	s.judged[row] = true
}

func (s *Stats) rowOf(policy uint8, service uint32) int { return int(service)*s.policies + int(policy) }

// grow makes room for row.
func (s *Stats) grow(row int) {
	for row >= len(s.requests) {
		s.requests = append(s.requests, [VerdictCount]int64{})
		s.judged = append(s.judged, false)
	}
}

// row returns the row of policy and service, which it makes room for.
func (s *Stats) row(policy uint8, service uint32) int {
	i := s.rowOf(policy, service)
	s.grow(i)
	return i
}

func (s *Stats) bounds(policy uint8, service uint32) *Bounds { return counter(s.idle, policy, service) }

func (s *Stats) ages(policy uint8, service uint32) *Bounds {
	return counter(s.absolute, policy, service)
}

func (s *Stats) violation(x *suspect) {
	counter(s.violations, x.policy, x.service)[x.judgement.typ]++
	measure(&s.measured.Overruns, Rule{int(x.policy), x.judgement.typ}, x.judgement.overrun)
	switch x.judgement.typ {
	case fact.AbsoluteTimeout:
		b := s.ages(x.policy, x.service)
		b.ServedMax = max(b.ServedMax, x.EffectiveStart-x.judgement.origin.at)
	case fact.EndedSession, fact.RotatedSession, fact.RevokedSession:
		measure(&s.measured.Propagations, s.shown(x.service, 1), x.EffectiveStart-x.judgement.since)
	}
}

// shown is what a service is called by an instrument whose other attributes make
// so many series of each. It is the same for good, also over a restart.
func (s *Stats) shown(service uint32, series int) string {
	if int(service) > ShownServices(s.maxServices, series) {
		return OtherService
	}
	return s.names.names[service]
}

// sum adds up what is counted of services by policy and by the name under which
// they are shown.
type sum[V any] map[shownKey]V

type shownKey struct {
	policy  int
	service string
}

// Requests calls each with the number of requests by policy, service and verdict,
// from the first request of the two that will be judged on: none is decided yet then,
// so that whoever looks again sees all of them come.
func (s *Stats) Requests(each func(policy int, service string, v Verdict, n int64)) {
	sums := sum[[VerdictCount]int64]{}
	for i, counts := range s.requests {
		if !s.judged[i] {
			continue
		}
		k := shownKey{i % s.policies, s.shown(uint32(i/s.policies), s.policies*int(VerdictCount))}
		total := sums[k]
		for v, n := range counts {
			total[v] += n
		}
		sums[k] = total
	}
	for k, counts := range sums {
		for v, n := range counts {
			each(k.policy, k.service, Verdict(v), n)
		}
	}
}

// Violations calls each with the number of confirmed violations, from as early on as
// [Stats.Requests] says something of the policy and the service.
func (s *Stats) Violations(each func(policy int, service string, t fact.Type, n int64)) {
	sums := sum[[fact.TypeCount]int64]{}
	for i, judged := range s.judged {
		if judged {
			k := shownKey{i % s.policies, s.shown(uint32(i/s.policies), s.policies*int(fact.TypeCount))}
			sums[k] = [fact.TypeCount]int64{}
		}
	}
	for at, counts := range s.violations {
		k := shownKey{int(at.policy), s.shown(at.service, s.policies*int(fact.TypeCount))}
		total := sums[k]
		for t, n := range counts {
			total[t] += n
		}
		sums[k] = total
	}
	for k, counts := range sums {
		for t, n := range counts {
			each(k.policy, k.service, fact.Type(t), n)
		}
	}
}

// IdleBounds calls each with the idle timeouts that services really have.
func (s *Stats) IdleBounds(each func(policy int, service string, b Bounds)) {
	s.eachBounds(s.idle, each)
}

// AbsoluteBounds calls each with the absolute timeouts that services really have.
func (s *Stats) AbsoluteBounds(each func(policy int, service string, b Bounds)) {
	s.eachBounds(s.absolute, each)
}

func (s *Stats) eachBounds(of map[statKey]*Bounds, each func(policy int, service string, b Bounds)) {
	sums := sum[Bounds]{}
	for at, b := range of {
		k := shownKey{int(at.policy), s.shown(at.service, s.policies*boundCount)}
		total := sums[k]
		total.join(*b)
		sums[k] = total
	}
	for k, b := range sums {
		each(k.policy, k.service, b)
	}
}

// Findings returns how often a finding entered the state.
func (s *Stats) Findings(st fact.State) int64 { return s.findings[st] }

// Facts returns how many different facts of the kind were taken.
func (s *Stats) Facts(k fact.Kind) int64 { return s.facts[k] }

// FactsLate calls each with how many facts came behind the reorder window, for each
// service that is known, and for [OtherService].
func (s *Stats) FactsLate(each func(service string, n int64)) {
	sums := map[string]int64{}
	for service := range s.names.names {
		n := int64(0)
		if service < len(s.evidence.late) {
			n = s.evidence.late[service]
		}
		sums[s.shown(uint32(service), 1)] += n
	}
	for service, n := range sums {
		each(service, n)
	}
}

// Refused returns how many facts were not taken.
func (s *Stats) Refused(why RefusedReason) (n int64) {
	for i := range s.evidence.refused {
		n += s.evidence.refused[i][why]
	}
	return n
}

// RefusedOf calls each with how many facts of a service were not taken, where there are
// any, and with those of [OtherService] for every reason. Those of so many reasons are
// shown by one instrument.
func (s *Stats) RefusedOf(reasons int, each func(service string, why RefusedReason, n int64)) {
	sums := map[string][RefusedReasonCount]int64{OtherService: {}}
	for service, counts := range s.evidence.refused {
		name := s.shown(uint32(service), reasons)
		total := sums[name]
		for why, n := range counts {
			total[why] += n
		}
		sums[name] = total
	}
	for service, counts := range sums {
		for why, n := range counts {
			if n > 0 || service == OtherService {
				each(service, RefusedReason(why), n)
			}
		}
	}
}

// Evicted returns how many sessions were evicted.
func (s *Stats) Evicted(r EvictionReason) int64 { return s.evicted[r] }

// Unreachable returns how many recent requests gave up their place before
// their verdict was due: what came later could not be held against them.
func (s *Stats) Unreachable() int64 { return s.early }

// Truncated returns how many instants and silences were given up to keep a
// session's state bounded: each can only hide a violation.
func (s *Stats) Truncated() int64 { return s.lost }

// Forgotten returns of how many sessions that were thrown away, and had ended or
// shown a user, nothing is known any more: they come back as new ones.
func (s *Stats) Forgotten() int64 { return s.fingerprints.dropped }

// Blind calls each with the time, in nanoseconds, whose facts may be lost.
func (s *Stats) Blind(each func(reason string, ns int64)) {
	for reason, ns := range s.blind {
		each(reason, ns)
	}
}

// Closed returns how many findings were closed, as they were reported, because
// too many were open.
func (s *Stats) Closed() int64 { return s.closed }

// takeFindings returns what was decided since the last call.
func (e *Engine) takeFindings() []fact.Finding {
	out := e.out
	e.out, e.copied = nil, 0
	return out
}

// counters returns the engine's counters. They go on counting.
func (e *Engine) counters() *Stats {
	e.gather()
	return &e.stats
}

// sessions returns how many sessions are remembered.
func (e *Engine) sessions() (n int) {
	e.each(func(l *shard) { n += l.sessions.len() })
	return n
}

// pending returns how many suspicions wait for their decision.
func (e *Engine) pending() int { return e.undecided }
