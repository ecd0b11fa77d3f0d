package sessiontimeout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// What the engine can hold.
const (
	// mostSessions fit into the largest number of shards.
	mostSessions = 2_000_000_000
	// mostRecentRequests can be told apart by 32 bits.
	mostRecentRequests = 1<<32 - 1
	// mostServices, too.
	mostServices = 1<<32 - 1
)

// Validate checks the configuration. Each error names the key, the rule and
// the value it got.
func (c *Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	key := string(c.SessionID.HashKey)
	if key != "" && len(key) < minHashKey {
		fail("session_id::hash_key: must have at least %d bytes (got %d)", minHashKey, len(key))
	}
	if c.SessionID.AlreadyHashed && key == "" {
		fail("session_id::hash_key: must be the key that the ids were hashed with where session_id::already_hashed is true (got none)")
	}
	switch n := len(c.Policies); {
	case n == 0:
		fail("policies: must have at least one policy (got 0)")
	case n > fact.MaxPolicies:
		fail("policies: must have at most %d policies (got %d)", fact.MaxPolicies, n)
	}
	names := map[string]bool{}
	for i := range c.Policies {
		p := &c.Policies[i]
		if names[p.Name] && p.Name != "" {
			fail("policies::%d::name: must be unique (got %q twice)", i, p.Name)
		}
		names[p.Name] = true
		errs = append(errs, p.validate(i, c.Retention)...)
	}
	errs = append(errs, validateOrder(c.Policies)...)
	errs = append(errs, c.validateNames()...)
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"decision_wait", c.DecisionWait},
		{"idle_decision_wait", c.IdleDecisionWait},
		{"reorder_window", c.ReorderWindow},
		{"max_ahead", c.MaxAhead},
		{"max_age", c.MaxAge},
		{"retention", max(c.Retention, 0)}, // what is less has errors of its own
		{"log_request_slack", max(c.LogRequestSlack, 0)},
		{"checkpoint_interval", max(c.CheckpointInterval, 0)},
		{"findings::update_interval", c.Findings.UpdateInterval},
	} {
		errs = append(errs, validateDuration(d.key, d.value))
	}
	if c.Retention > 0 && c.Retention < c.DecisionWait {
		fail("retention: must not be shorter than decision_wait, which is %v (got %v)", c.DecisionWait, c.Retention)
	}
	if c.Retention <= 0 {
		fail("retention: must be positive (got %v)", c.Retention)
	}
	for _, n := range []struct {
		key   string
		value int
		most  uint64
	}{
		{"max_sessions", c.MaxSessions, mostSessions},
		{"max_recent_requests", c.MaxRecentRequests, mostRecentRequests},
		{"max_services", c.MaxServices, mostServices},
	} {
		switch {
		case n.value <= 0:
			fail("%s: must be positive (got %d)", n.key, n.value)
		case uint64(n.value) > n.most:
			fail("%s: must be no more than %d (got %d)", n.key, n.most, n.value)
		}
	}
	if c.SessionID.MaxUsers < 0 || c.SessionID.MaxUsers > session.MostUsers {
		fail("session_id::max_users: must be from 0 to %d (got %d)", session.MostUsers, c.SessionID.MaxUsers)
	}
	errs = append(errs, oneOf("log_time", c.LogTime, logTimes), c.validateIdentity())
	errs = append(errs, oneOf("findings::per", c.Findings.Per, pers), oneOf("downtime", c.Downtime, downtimes))
	if c.Downtime == downtimeLost && c.Storage == nil {
		fail("downtime: must be %s without a storage, which knows since when the collector was down (got %q)", downtimeResent, c.Downtime)
	}
	errs = append(errs, c.validateDurability()...)
	// What only the extraction knows.
	x := c.extraction([]byte(strings.Repeat("x", minHashKey)))
	if _, err := extract.New(x); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// validateIdentity: where only an identity proves anything, there must be one.
func (c *Config) validateIdentity() error {
	i := slices.IndexFunc(c.Policies, func(p PolicyConfig) bool { return p.Evidence == evidenceIdentity })
	if i < 0 || slices.ContainsFunc(c.UserID.Sources, func(s extract.Source) bool { return !s.IsPresented() && s.Claim == "" }) {
		return nil
	}
	return fmt.Errorf("user_id::sources: must have one that is not presented and no claim, since policies::%d::evidence is %s and nothing else is an identity (got %d sources, and none)",
		i, evidenceIdentity, len(c.UserID.Sources))
}

func (c *Config) validateDurability() (errs []error) {
	errs = append(errs, oneOf("durability", c.Durability, durabilities))
	if c.Durability == durabilityAcknowledged && c.Storage == nil {
		errs = append(errs, fmt.Errorf("durability: must be %s without a storage to keep what is acknowledged (got %q)", durabilityCheckpoint, c.Durability))
	}
	switch d := c.CheckpointInterval; {
	case d < minCheckpointInterval:
		errs = append(errs, fmt.Errorf("checkpoint_interval: must not be shorter than %v (got %v)", minCheckpointInterval, d))
	case d != defaultCheckpointInterval && c.Storage == nil:
		errs = append(errs, fmt.Errorf("checkpoint_interval: must be %v without a storage to write checkpoints to (got %v)", defaultCheckpointInterval, d))
	}
	return errs
}

func (p *PolicyConfig) validate(i int, retention time.Duration) (errs []error) {
	at := func(key string) string { return fmt.Sprintf("policies::%d::%s", i, key) }
	if p.Name == "" {
		errs = append(errs, fmt.Errorf("%s: must not be empty (got %q)", at("name"), p.Name))
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"idle_timeout", p.IdleTimeout},
		{"absolute_timeout", p.AbsoluteTimeout},
		{"tolerance", p.Tolerance},
		{"end_grace", p.EndGrace},
		{"rotation_grace", p.RotationGrace},
	} {
		errs = append(errs, validateDuration(at(d.key), d.value))
		if retention > 0 && d.value > retention {
			errs = append(errs, longerThanRetention(at(d.key), d.value, retention))
		}
	}
	// A request that starts within the tolerance after a limit is no violation.
	for _, limit := range []struct {
		key   string
		value time.Duration
	}{
		{"idle_timeout", p.IdleTimeout}, {"absolute_timeout", p.AbsoluteTimeout},
	} {
		if limit.value > 0 && p.Tolerance >= limit.value {
			errs = append(errs, fmt.Errorf("%s: must be shorter than %s, which is %v (got %v)", at("tolerance"), limit.key, limit.value, p.Tolerance))
			break
		}
	}
	if p.AbsoluteTimeout > 0 && p.IdleTimeout > p.AbsoluteTimeout {
		errs = append(errs, fmt.Errorf("%s: must not be longer than absolute_timeout, which is %v (got %v)", at("idle_timeout"), p.AbsoluteTimeout, p.IdleTimeout))
	}
	return append(errs,
		oneOf(at("severity"), p.Severity, severities),
		oneOf(at("evidence"), p.Evidence, evidences),
		oneOf(at("background"), p.Background, backgrounds),
		oneOf(at("coverage"), p.Coverage, coverages),
	)
}

func validateDuration(key string, d time.Duration) error {
	switch {
	case d < 0:
		return fmt.Errorf("%s: must not be negative (got %v)", key, d)
	case d > maxDuration:
		return fmt.Errorf("%s: must not be longer than %v (got %v)", key, maxDuration, d)
	}
	return nil
}

// longerThanRetention: a session is forgotten before it has lasted so long.
func longerThanRetention(key string, value, retention time.Duration) error {
	return fmt.Errorf("%s: must not be longer than retention, which is %v: make retention longer, too (got %v)", key, retention, value)
}

func oneOf(key, value string, values []string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return fmt.Errorf("%s: must be one of %s (got %q)", key, strings.Join(values, ", "), value)
}

func indexOf(value string, values []string) int {
	for i, v := range values {
		if v == value {
			return i
		}
	}
	return 0
}
