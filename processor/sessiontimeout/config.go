package sessiontimeout

import (
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/units"
)

// Config is the configuration of the processor.
type Config struct {
	// SessionID says where session ids are and how they are hashed.
	SessionID SessionIDConfig `mapstructure:"session_id"`
	// UserID says where users are.
	UserID extract.UserID `mapstructure:"user_id"`
	// Policies in order; the first that matches a request governs it.
	Policies []PolicyConfig `mapstructure:"policies"`
	// Events are what says that something happened to a session.
	Events extract.Events `mapstructure:"events"`
	// Outcomes are told by rules where no status tells them.
	Outcomes extract.Outcomes `mapstructure:"outcomes"`
	// Exempt requests are not judged.
	Exempt []extract.Rule `mapstructure:"exempt"`
	// Passive requests are no activity and violate no idle limit.
	Passive []extract.Rule `mapstructure:"passive"`
	// Streams are requests whose messages stand for themselves.
	Streams []extract.Rule `mapstructure:"streams"`
	// Foreground are CONSUMER spans that are no background work.
	Foreground []extract.Rule `mapstructure:"foreground"`
	// LoginLocations are where a redirect says that a session was refused.
	LoginLocations []string `mapstructure:"login_locations"`

	// DecisionWait is how long a verdict waits for what may clear it.
	DecisionWait     time.Duration `mapstructure:"decision_wait"`
	IdleDecisionWait time.Duration `mapstructure:"idle_decision_wait"`
	// ReorderWindow is how far, in event time, a fact may end behind the
	// newest end of its session and still be judged as if it were in order.
	ReorderWindow time.Duration `mapstructure:"reorder_window"`
	// LogTime is what the time of an access-log record is: the end of its request,
	// or the start.
	LogTime string `mapstructure:"log_time"`
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
	// Sources of the id in order: on the record, then on its scope, then on its
	// resource.
	Sources extract.Sources `mapstructure:"sources"`
	// Previous are sources of the id that a start replaces.
	Previous extract.Sources `mapstructure:"previous"`
	// Linked are sources of the id of a larger session that this one is part of.
	Linked extract.Sources `mapstructure:"linked"`
	// Placeholders stand, in any case, where an id should be and none is.
	Placeholders []string `mapstructure:"placeholders"`
	// MaxUsers is how many different users of one source an id may show since an
	// authentication, up to 50: an id of more is shared. 0: ids may be.
	MaxUsers int `mapstructure:"max_users"`
	// HashKey is the key of the pseudonyms, at least 32 bytes.
	HashKey configopaque.String `mapstructure:"hash_key,omitempty"`
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
	// Evidence that a request was honoured: success, identity or presented.
	Evidence string `mapstructure:"evidence"`
	// Background says what becomes of CONSUMER spans: off, observe or alert.
	Background string `mapstructure:"background"`
	// Inclusive: a limit is exceeded at its value, not only past it.
	Inclusive bool `mapstructure:"inclusive"`
	// Coverage is complete or sampled; under sampling silence proves nothing.
	Coverage string `mapstructure:"coverage"`
}

var (
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Validator   = (*Config)(nil)
	_ confmap.Unmarshaler = (*PolicyConfig)(nil)
)

// Unmarshal reads lists whose items are texts or maps, and refuses durations
// without a unit and the keys of the first version.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := refuseFirstVersion(conf); err != nil {
		return err
	}
	if err := c.spellOut(conf); err != nil {
		return err
	}
	return units.Unmarshal(conf, c)
}

// Unmarshal gives every policy of the list its defaults.
func (p *PolicyConfig) Unmarshal(conf *confmap.Conf) error {
	*p = PolicyConfig{
		Severity: "warning", Tolerance: 2 * time.Second,
		EndGrace: 5 * time.Second, RotationGrace: 30 * time.Second,
		Evidence: "success", Background: "observe", Coverage: "complete",
	}
	if err := spellOutMatch(conf); err != nil {
		return err
	}
	return units.Unmarshal(conf, p)
}

func createDefaultConfig() component.Config {
	x := extract.DefaultConfig()
	return &Config{
		SessionID: SessionIDConfig{
			Sources: x.SessionID.Sources, Previous: x.SessionID.Previous, Linked: x.SessionID.Linked,
			Placeholders: x.SessionID.Placeholders, MaxUsers: 5,
		},
		UserID: x.UserID,
		Events: x.Events, Outcomes: x.Outcomes,
		Exempt: x.Exempt, Passive: x.Passive, Streams: x.Streams, Foreground: x.Foreground, LoginLocations: x.LoginLocations,
		DecisionWait: time.Minute, IdleDecisionWait: 5 * time.Minute, ReorderWindow: 10 * time.Minute,
		LogTime: logTimeEnd, LogRequestSlack: x.LogRequestSlack,
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

	logTimeEnd   = "end"
	logTimeStart = "start"

	evidenceIdentity = "identity"

	downtimeResent = "resent"
	downtimeLost   = "lost"

	durabilityCheckpoint      = "checkpoint"
	coverageSampled           = "sampled"
	durabilityAcknowledged    = "acknowledged"
	defaultCheckpointInterval = 10 * time.Second
	// minCheckpointInterval keeps a checkpoint from being followed by nothing
	// but the next one.
	minCheckpointInterval = time.Second
)

var (
	severities   = []string{"info", "warning", "critical"}
	backgrounds  = []string{"observe", "off", "alert"}
	evidences    = []string{"success", evidenceIdentity, "presented"}
	logTimes     = []string{logTimeEnd, logTimeStart}
	coverages    = []string{"complete", coverageSampled}
	pers         = []string{perSession, perRequest}
	downtimes    = []string{downtimeResent, downtimeLost}
	durabilities = []string{durabilityCheckpoint, durabilityAcknowledged}
)
