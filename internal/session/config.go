package session

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Background says what becomes of violations by CONSUMER spans.
type Background uint8

// The ways to treat background work.
const (
	// BackgroundObserve: findings of the least severity, never an alert.
	BackgroundObserve Background = iota
	// BackgroundOff: not judged.
	BackgroundOff
	// BackgroundAlert: as any other request.
	BackgroundAlert
)

// Policy is what one group of requests must keep to. Durations are
// nanoseconds; a limit of zero is none.
type Policy struct {
	Name            string
	IdleTimeout     time.Duration
	AbsoluteTimeout time.Duration
	Tolerance       time.Duration
	EndGrace        time.Duration
	RotationGrace   time.Duration
	Background      Background
	Evidence        fact.Evidence
	Inclusive       bool // a limit is exceeded at its value, not only past it
	Sampled         bool // coverage: sampled; silence proves nothing
}

// Config is what an Engine must know from the start.
type Config struct {
	// Linked: sessions may be part of larger ones, with which they end.
	Linked bool
	// Policies, 1 to [fact.MaxPolicies]. [fact.Fact.Policy] is an index in it.
	Policies []Policy
	// DecisionWait is how long a verdict waits for what may clear it, IdleDecisionWait
	// how long one that rests on silence does, if that is longer: silence is proven by
	// waiting for whoever still works.
	DecisionWait, IdleDecisionWait time.Duration
	// ReorderWindow is how far a fact may end behind its session's newest end.
	ReorderWindow time.Duration
	// MaxAhead and MaxAge bound a timestamp against its arrival; MaxAge 0 is
	// no bound.
	MaxAhead, MaxAge time.Duration
	// Shards is how many shares the sessions are routed to, so that as many
	// batches can be taken in parallel: 1 to 128, rounded up to a power of two.
	Shards int
	// SideBySide calls do with 0 to n-1 and returns when all have returned. It
	// may call it concurrently, as [Restore] does what is a shard's; nil: one
	// after the other.
	SideBySide func(n int, do func(i int))
	// MaxSessions, MaxRecentRequests and MaxServices bound the state.
	MaxSessions, MaxRecentRequests, MaxServices int
	// Retention is how long a session is remembered after its last fact
	// arrived.
	Retention time.Duration
	// MaxUsers: a session on which more different users of one source were shown since
	// an authentication is shared, 1 to [MostUsers]; 0: none is.
	MaxUsers int
	// LoginsAssumed: of what happened so long after the first fact came under a policy,
	// logins count as reported, though none was seen.
	LoginsAssumed time.Duration
	// PerRequest: one finding for every request, not for every session.
	PerRequest bool
	// UpdateInterval bounds how often a growing finding is sent again.
	UpdateInterval time.Duration
	// Timelines is of how many findings that are taken at once the requests are copied
	// with them, for whoever shows them; 0: of none.
	Timelines int
	// Pseudonym turns a raw id into what may be shown. Deterministic.
	Pseudonym func(raw string) fact.Pseudonym
	// KeyID is a fingerprint of the key that ids are hashed with: what one key
	// named says nothing to an engine with another.
	KeyID [16]byte
}

// wait is how long a verdict of a type waits for what may clear it.
func (c *Config) wait(typ fact.Type) int64 {
	if typ == fact.IdleTimeout {
		return int64(max(c.DecisionWait, c.IdleDecisionWait))
	}
	return int64(c.DecisionWait)
}

// pseudonym of n, which is known already or is made of the raw id.
func (c *Config) pseudonym(n *fact.Name) fact.Pseudonym {
	if n.Pseudonym != nil {
		return *n.Pseudonym
	}
	return c.Pseudonym(n.Raw)
}
