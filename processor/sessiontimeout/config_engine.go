package sessiontimeout

import (
	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// extraction is what the extraction must know.
func (c *Config) extraction(hashKey []byte) extract.Config {
	x := extract.Config{
		SessionID: extract.SessionID{
			Sources: c.SessionID.Sources, Previous: c.SessionID.Previous, Linked: c.SessionID.Linked,
			Placeholders: c.SessionID.Placeholders, AlreadyHashed: c.SessionID.AlreadyHashed, HashKey: hashKey,
		},
		UserID: c.UserID, Events: c.Events, Outcomes: c.Outcomes,
		Exempt: c.Exempt, Passive: c.Passive, Streams: c.Streams, Foreground: c.Foreground,
		LoginLocations: c.LoginLocations, LogAtStart: c.LogTime == logTimeStart, LogRequestSlack: c.LogRequestSlack,
	}
	for i := range c.Policies {
		x.Policies = append(x.Policies, extract.PolicyMatch{Match: c.Policies[i].Match})
	}
	return x
}

const (
	// shardSessions is how many sessions one shard can hold, and mostShards how many
	// shards there can be.
	shardSessions = 1<<24 - 2
	mostShards    = 128
)

// shards is how many batches can be taken side by side. It does not depend on the
// machine, since what is stored is stored by shards; each has its share of the
// limits, which small ones do not allow, unless there are so many sessions that
// they need it.
func (c *Config) shards() int {
	const usual, least = 8, 1 << 10
	n := usual
	if min(c.MaxSessions, c.MaxRecentRequests) < usual*least {
		n = 1
	}
	for n < mostShards && c.shardShare(n) > shardSessions {
		n *= 2
	}
	return n
}

// shardShare is how many sessions one of n shards must be able to hold: ids are
// not routed to them in equal numbers.
func (c *Config) shardShare(n int) int {
	if n == 1 {
		return c.MaxSessions
	}
	return c.MaxSessions/n + c.MaxSessions/n/64 + 64
}

// engine is what the engine must know.
func (c *Config) engine(pseudonym func(string) fact.Pseudonym) session.Config {
	e := session.Config{
		Linked:       len(c.SessionID.Linked) > 0,
		DecisionWait: c.DecisionWait, IdleDecisionWait: c.IdleDecisionWait, ReorderWindow: c.ReorderWindow, MaxAhead: c.MaxAhead, MaxAge: c.MaxAge,
		MaxSessions: c.MaxSessions, MaxRecentRequests: c.MaxRecentRequests, MaxServices: c.MaxServices,
		Retention: c.Retention, LoginsAssumed: c.Retention, MaxUsers: c.SessionID.MaxUsers, PerRequest: c.Findings.Per == perRequest, UpdateInterval: c.Findings.UpdateInterval,
		Pseudonym: pseudonym, Shards: c.shards(), SideBySide: inParallel,
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		e.Policies = append(e.Policies, session.Policy{
			Name:        p.Name,
			IdleTimeout: p.IdleTimeout, AbsoluteTimeout: p.AbsoluteTimeout,
			Tolerance: p.Tolerance, EndGrace: p.EndGrace, RotationGrace: p.RotationGrace,
			Background: session.Background(indexOf(p.Background, backgrounds)),
			Evidence:   fact.Evidence(indexOf(p.Evidence, evidences)), Inclusive: p.Inclusive, Sampled: p.Coverage == "sampled",
		})
	}
	return e
}
