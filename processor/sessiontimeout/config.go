package sessiontimeout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// Config is the configuration of the processor.
type Config struct {
	// SessionID says where session ids are and how they are hashed.
	SessionID SessionIDConfig `mapstructure:"session_id"`
	// Policies in order; the first that matches a request governs it.
	Policies []PolicyConfig `mapstructure:"policies"`
	// Events are the names of log events by what they say of a session.
	Events extract.Events `mapstructure:"events"`
	// Exempt requests are no facts.
	Exempt extract.RequestMatch `mapstructure:"exempt"`
	// Passive requests are no activity and violate no idle limit.
	Passive extract.RequestMatch `mapstructure:"passive"`
	// Streams are requests whose messages stand for themselves.
	Streams extract.RouteMatch `mapstructure:"streams"`
	// LoginLocations are where a redirect says that a session was refused.
	LoginLocations []string `mapstructure:"login_locations"`

	// DecisionWait is how long a verdict waits for what may clear it.
	DecisionWait time.Duration `mapstructure:"decision_wait"`
	// ReorderWindow is how far, in event time, a fact may end behind the
	// newest end of its session and still be judged as if it were in order.
	ReorderWindow time.Duration `mapstructure:"reorder_window"`
	// LogRequestSlack is how long before its time an access-log record begins
	// that does not say how long its request took.
	LogRequestSlack time.Duration `mapstructure:"log_request_slack"`
	// MaxAhead bounds how far a timestamp may lie after its arrival.
	MaxAhead time.Duration `mapstructure:"max_ahead"`
	// MaxAge bounds how far a timestamp may lie before its arrival; 0 is no
	// bound, for a replay.
	MaxAge time.Duration `mapstructure:"max_age"`

	// MaxSessions bounds the sessions that are held.
	MaxSessions int `mapstructure:"max_sessions"`
	// MaxRecentRequests bounds the requests of all sessions against which
	// later evidence can be held.
	MaxRecentRequests int `mapstructure:"max_recent_requests"`
	// MaxServices bounds the values of service_name in metrics.
	// Beyond it, and beyond what the SDK tells apart, they are _other.
	MaxServices int `mapstructure:"max_services"`
	// Retention is how long a session is held after its last fact arrived.
	Retention time.Duration `mapstructure:"retention"`

	// Downtime says what became of telemetry while the collector was down:
	// resent, or lost.
	Downtime string `mapstructure:"downtime"`

	// Findings says how findings are put together.
	Findings FindingsConfig `mapstructure:"findings"`
	// Mark: offending spans and records are marked as they pass.
	Mark bool `mapstructure:"mark"`
	// Storage is the extension that keeps what is known, and a generated hash
	// key, over a restart.
	Storage *component.ID `mapstructure:"storage"`
	// Durability says what survives a crash: what the last checkpoint holds
	// (checkpoint), or every batch that was acknowledged (acknowledged).
	Durability string `mapstructure:"durability"`
	// CheckpointInterval is how often what has changed is written to the
	// storage.
	CheckpointInterval time.Duration `mapstructure:"checkpoint_interval"`
}

// SessionIDConfig says where session ids are and how they are hashed.
type SessionIDConfig struct {
	// Attributes that hold the id: the first that is present, on the record,
	// then on its scope, then on its resource.
	Attributes []string `mapstructure:"attributes"`
	// HashKey is the key of the pseudonyms, at least 32 bytes.
	HashKey configopaque.String `mapstructure:"hash_key"`
	// AlreadyHashed: ids arrive as the redaction processor wrote them.
	AlreadyHashed bool `mapstructure:"already_hashed"`
}

// FindingsConfig says how findings are put together.
type FindingsConfig struct {
	// Per is session or request.
	Per string `mapstructure:"per"`
	// UpdateInterval bounds how often a growing finding is sent again.
	UpdateInterval time.Duration `mapstructure:"update_interval"`
}

// PolicyConfig is what the requests that it matches must keep to.
type PolicyConfig struct {
	Name string `mapstructure:"name"`
	// Match: attribute names and the values that one of them must have.
	Match map[string][]string `mapstructure:"match"`
	// IdleTimeout and AbsoluteTimeout; 0 is no limit.
	IdleTimeout     time.Duration `mapstructure:"idle_timeout"`
	AbsoluteTimeout time.Duration `mapstructure:"absolute_timeout"`
	// Severity of a finding: info, warning or critical.
	Severity string `mapstructure:"severity"`
	// Tolerance for clocks that differ.
	Tolerance time.Duration `mapstructure:"tolerance"`
	// EndGrace and RotationGrace are how long an id may still be served after
	// its end, or after it was rotated away.
	EndGrace      time.Duration `mapstructure:"end_grace"`
	RotationGrace time.Duration `mapstructure:"rotation_grace"`
	// Evidence that a request was honoured: success or identity.
	Evidence string `mapstructure:"evidence"`
	// Background says what becomes of CONSUMER spans: off, observe or alert.
	Background string `mapstructure:"background"`
	// Inclusive: a limit is exceeded at its value, not only past it.
	Inclusive bool `mapstructure:"inclusive"`
	// Coverage is complete or sampled; under sampling silence proves nothing.
	Coverage string `mapstructure:"coverage"`
}

var _ confmap.Unmarshaler = (*PolicyConfig)(nil)

// Unmarshal gives every policy of the list its defaults.
func (p *PolicyConfig) Unmarshal(conf *confmap.Conf) error {
	*p = PolicyConfig{
		Severity: "warning", Tolerance: 2 * time.Second,
		EndGrace: 5 * time.Second, RotationGrace: 30 * time.Second,
		Evidence: "success", Background: "observe", Coverage: "complete",
	}
	return conf.Unmarshal(p)
}

func createDefaultConfig() component.Config {
	x := extract.DefaultConfig()
	return &Config{
		SessionID: SessionIDConfig{Attributes: x.SessionID.Attributes},
		Events:    x.Events, Exempt: x.Exempt, Passive: x.Passive, Streams: x.Streams, LoginLocations: x.LoginLocations,
		DecisionWait: time.Minute, ReorderWindow: 10 * time.Minute, LogRequestSlack: x.LogRequestSlack,
		MaxAhead: 5 * time.Minute, MaxAge: 24 * time.Hour,
		MaxSessions: 1_000_000, MaxRecentRequests: 1_000_000, MaxServices: 200, Retention: 24 * time.Hour,
		Downtime: downtimeResent, Durability: durabilityCheckpoint, CheckpointInterval: defaultCheckpointInterval,
		Findings: FindingsConfig{Per: perSession, UpdateInterval: time.Minute},
		Mark:     true,
	}
}

const (
	perSession = "session"
	perRequest = "request"
	minHashKey = 32
	// maxDuration leaves room to reckon with: nanoseconds run out after 292
	// years.
	maxDuration = 120 * 365 * 24 * time.Hour

	downtimeResent = "resent"
	downtimeLost   = "lost"

	durabilityCheckpoint      = "checkpoint"
	durabilityAcknowledged    = "acknowledged"
	defaultCheckpointInterval = 10 * time.Second
	// minCheckpointInterval keeps a checkpoint from being followed by nothing
	// but the next one.
	minCheckpointInterval = time.Second
)

var (
	severities   = []string{"info", "warning", "critical"}
	backgrounds  = []string{"observe", "off", "alert"}
	evidences    = []string{"success", "identity"}
	coverages    = []string{"complete", "sampled"}
	pers         = []string{perSession, perRequest}
	downtimes    = []string{downtimeResent, downtimeLost}
	durabilities = []string{durabilityCheckpoint, durabilityAcknowledged}
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
	case n > session.MaxPolicies:
		fail("policies: must have at most %d policies (got %d)", session.MaxPolicies, n)
	}
	names := map[string]bool{}
	for i := range c.Policies {
		p := &c.Policies[i]
		if names[p.Name] && p.Name != "" {
			fail("policies::%d::name: must be unique (got %q twice)", i, p.Name)
		}
		names[p.Name] = true
		errs = append(errs, p.validate(i)...)
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"decision_wait", c.DecisionWait},
		{"reorder_window", c.ReorderWindow},
		{"max_ahead", c.MaxAhead},
		{"max_age", c.MaxAge},
		{"retention", max(c.Retention, 0)},
		{"findings::update_interval", c.Findings.UpdateInterval},
	} {
		if d.value < 0 {
			fail("%s: must not be negative (got %v)", d.key, d.value)
		}
		if d.value > maxDuration {
			fail("%s: must not be longer than %v (got %v)", d.key, maxDuration, d.value)
		}
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
	}{
		{"max_sessions", c.MaxSessions}, {"max_recent_requests", c.MaxRecentRequests}, {"max_services", c.MaxServices},
	} {
		if n.value <= 0 {
			fail("%s: must be positive (got %d)", n.key, n.value)
		}
	}
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

func (c *Config) validateDurability() (errs []error) {
	errs = append(errs, oneOf("durability", c.Durability, durabilities))
	if c.Durability == durabilityAcknowledged && c.Storage == nil {
		errs = append(errs, fmt.Errorf("durability: must be %s without a storage to keep what is acknowledged (got %q)", durabilityCheckpoint, c.Durability))
	}
	switch d := c.CheckpointInterval; {
	case d < minCheckpointInterval:
		errs = append(errs, fmt.Errorf("checkpoint_interval: must not be shorter than %v (got %v)", minCheckpointInterval, d))
	case d > maxDuration:
		errs = append(errs, fmt.Errorf("checkpoint_interval: must not be longer than %v (got %v)", maxDuration, d))
	case d != defaultCheckpointInterval && c.Storage == nil:
		errs = append(errs, fmt.Errorf("checkpoint_interval: must be %v without a storage to write checkpoints to (got %v)", defaultCheckpointInterval, d))
	}
	return errs
}

func (p *PolicyConfig) validate(i int) (errs []error) {
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
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("%s: must not be negative (got %v)", at(d.key), d.value))
		}
		if d.value > maxDuration {
			errs = append(errs, fmt.Errorf("%s: must not be longer than %v (got %v)", at(d.key), maxDuration, d.value))
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

// extraction is what the extraction must know.
func (c *Config) extraction(hashKey []byte) extract.Config {
	x := extract.Config{
		SessionID: extract.SessionID{
			Attributes: c.SessionID.Attributes, AlreadyHashed: c.SessionID.AlreadyHashed, HashKey: hashKey,
		},
		Events: c.Events, Exempt: c.Exempt, Passive: c.Passive, Streams: c.Streams,
		LoginLocations: c.LoginLocations, LogRequestSlack: c.LogRequestSlack,
	}
	for i := range c.Policies {
		x.Policies = append(x.Policies, extract.PolicyMatch{Match: c.Policies[i].Match})
	}
	return x
}

// lanes is how many batches can be taken side by side. It does not depend on the
// machine, since what is stored is stored by lanes; each has its share of the
// limits, which small ones do not allow.
func (c *Config) lanes() int {
	const most, least = 8, 1 << 10
	if min(c.MaxSessions, c.MaxRecentRequests) < most*least {
		return 1
	}
	return most
}

// engine is what the engine must know.
func (c *Config) engine(pseudonym func(string) session.Pseudonym) session.Config {
	e := session.Config{
		DecisionWait: c.DecisionWait, ReorderWindow: c.ReorderWindow, MaxAhead: c.MaxAhead, MaxAge: c.MaxAge,
		MaxSessions: c.MaxSessions, MaxRecentRequests: c.MaxRecentRequests, MaxServices: c.MaxServices,
		Retention: c.Retention, PerRequest: c.Findings.Per == perRequest, UpdateInterval: c.Findings.UpdateInterval,
		Pseudonym: pseudonym, Lanes: c.lanes(), SideBySide: sideBySide,
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		e.Policies = append(e.Policies, session.Policy{
			Name: p.Name, Severity: session.Severity(indexOf(p.Severity, severities)),
			IdleTimeout: p.IdleTimeout, AbsoluteTimeout: p.AbsoluteTimeout,
			Tolerance: p.Tolerance, EndGrace: p.EndGrace, RotationGrace: p.RotationGrace,
			Background:       session.Background(indexOf(p.Background, backgrounds)),
			EvidenceIdentity: p.Evidence == "identity", Inclusive: p.Inclusive, Sampled: p.Coverage == "sampled",
		})
	}
	return e
}
