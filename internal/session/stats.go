package session

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

// Bounds of the idle timeout that a service really has, in nanoseconds; zero
// where none was seen.
type Bounds struct {
	ServedMax, RejectedMin int64
}

// Lifetime of a session that ended or was forgotten.
type Lifetime struct {
	Policy   int
	Duration int64 // ns
}

// Confirmation is one request that was confirmed as a violation.
type Confirmation struct {
	Policy      int
	Service     string
	Type        Type
	Overrun     int64 // ns
	Propagation int64 // ns from the end to the request; -1 where nothing ended
}

// Stats are the engine's counters. All only grow, but Bounds.
type Stats struct {
	// requests by service and policy: row service*policies + policy.
	requests   [][VerdictCount]int64
	policies   int
	violations map[statKey]*[TypeCount]int64
	idle       map[statKey]*Bounds
	findings   [StateCount]int64
	facts      [KindCount]int64
	factsLate  [KindCount]int64
	refused    [RefusedReasonCount]int64
	evicted    [EvictionReasonCount]int64
	blind      map[string]int64
	// early counts requests whose place was needed before their verdict was
	// due, lost what was given up to keep the state bounded, closed findings
	// that nothing can clear any more.
	early, lost, closed int64

	lifetimes     []Lifetime
	confirmations []Confirmation
	names         *services
	fingerprints  *fingerprints
}

type statKey struct {
	policy  uint8
	service uint32
}

func newStats(names *services, policies int) Stats {
	return Stats{
		policies: policies, violations: map[statKey]*[TypeCount]int64{},
		idle: map[statKey]*Bounds{}, blind: map[string]int64{}, names: names,
	}
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
	s.requests[s.row(policy, service)][v]++
}

func (s *Stats) rowOf(policy uint8, service uint32) int { return int(service)*s.policies + int(policy) }

// grow makes room for row.
func (s *Stats) grow(row int) {
	for row >= len(s.requests) {
		s.requests = append(s.requests, [VerdictCount]int64{})
	}
}

// row returns the row of policy and service, which it makes room for.
func (s *Stats) row(policy uint8, service uint32) int {
	i := s.rowOf(policy, service)
	s.grow(i)
	return i
}

func (s *Stats) bounds(policy uint8, service uint32) *Bounds { return counter(s.idle, policy, service) }

func (s *Stats) violation(x *suspect) {
	counter(s.violations, x.policy, x.service)[x.judgement.typ]++
	c := Confirmation{
		Policy: int(x.policy), Service: s.names.names[x.service],
		Type: x.judgement.typ, Overrun: x.judgement.overrun, Propagation: -1,
	}
	switch c.Type {
	case EndedSession, RotatedSession, RevokedSession:
		c.Propagation = x.Eff - x.judgement.since
	}
	s.confirmations = append(s.confirmations, c)
}

// Requests calls each with the number of requests by policy, service and
// verdict.
func (s *Stats) Requests(each func(policy int, service string, v Verdict, n int64)) {
	for i, counts := range s.requests {
		for v, n := range counts {
			if n > 0 {
				each(i%s.policies, s.names.names[i/s.policies], Verdict(v), n)
			}
		}
	}
}

// Violations calls each with the number of confirmed violations.
func (s *Stats) Violations(each func(policy int, service string, t Type, n int64)) {
	for k, counts := range s.violations {
		for t, n := range counts {
			if n > 0 {
				each(int(k.policy), s.names.names[k.service], Type(t), n)
			}
		}
	}
}

// IdleBounds calls each with the idle timeouts that services really have.
func (s *Stats) IdleBounds(each func(policy int, service string, b Bounds)) {
	for k, b := range s.idle {
		each(int(k.policy), s.names.names[k.service], *b)
	}
}

// Findings returns how often a finding entered the state.
func (s *Stats) Findings(st State) int64 { return s.findings[st] }

// Facts returns how many different facts of the kind were taken.
func (s *Stats) Facts(k Kind) int64 { return s.facts[k] }

// FactsLate returns how many of them came behind the reorder window.
func (s *Stats) FactsLate(k Kind) int64 { return s.factsLate[k] }

// Refused returns how many facts were not taken.
func (s *Stats) Refused(r RefusedReason) int64 { return s.refused[r] }

// Evicted returns how many sessions were forgotten.
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
