package extract

import "time"

// Config says where telemetry keeps what an [Extractor] looks for. Start from
// [DefaultConfig]: an empty list is an empty list here, not the default.
type Config struct {
	SessionID SessionID
	UserID    UserID
	// Policies in order; the first that matches governs. A request that none
	// governs has fact.NoPolicy.
	Policies []PolicyMatch
	Events   Events
	// Outcomes are told by rules where no status tells them.
	Outcomes Outcomes
	// Exempt requests are not judged, Passive ones are no activity.
	Exempt, Passive []Rule
	// Streams are requests whose messages stand for themselves, beside those
	// that show it (status 101, content type text/event-stream).
	Streams []Rule
	// Foreground are CONSUMER spans that are no background work.
	Foreground []Rule
	// LoginLocations are where a redirect says that the session was refused,
	// written as routes are.
	LoginLocations []string
	// LogAtStart: an access log's entry has the time at which the request began,
	// not the one at which it was over.
	LogAtStart bool
	// LogRequestSlack is how long before its time an access-log record begins
	// that does not say how long the request took.
	LogRequestSlack time.Duration
}

// SessionID says where session ids are and how they are hashed.
type SessionID struct {
	// Sources of the id, see [Source]: on the record, then on its scope, then on
	// its resource.
	Sources Sources
	// Previous are sources of the id that a start replaces, and Linked of the
	// larger session's that this one is part of. What the client presented is
	// neither.
	Previous, Linked Sources
	// Placeholders stand, in any case, where an id should be and none is.
	Placeholders []string
	// AlreadyHashed: ids arrive as the redaction processor wrote them.
	AlreadyHashed bool
	// HashKey has at least 32 bytes.
	HashKey []byte
}

// UserID says where users are.
type UserID struct {
	Sources Sources `mapstructure:"sources"`
	// Placeholders are nobody, in any case, and so are those of sessions, but for
	// zeros.
	Placeholders []string `mapstructure:"placeholders"`
}

// PolicyMatch is what a request must show for a policy to govern it: for every
// attribute, on the record, else its scope, else its resource, one of the
// values. A value that ends in `*` matches whatever begins so. An empty Match
// matches every request.
type PolicyMatch struct {
	Match map[string][]string
}

// Rule tells requests apart. It fits if all that it names does: one of the
// methods, one of the routes, and for every attribute one of the values, as of
// a [PolicyMatch]; `exception.type` also on a span's exception events.
type Rule struct {
	Methods []string `mapstructure:"methods,omitempty"`
	// Routes: an entry with a `/` is a whole route, one without its last segment,
	// both in any case; a trailing `*` matches any rest. What they are compared
	// with is described at [routeParts].
	Routes []string            `mapstructure:"routes,omitempty"`
	Match  map[string][]string `mapstructure:"match,omitempty"`
}

// Outcomes are rules that beat what a status says; of these, Rejected does.
type Outcomes struct {
	Rejected      []Rule `mapstructure:"rejected"`
	Indeterminate []Rule `mapstructure:"indeterminate"`
}

// Events are what says that something happened to a session, by kinds.
type Events struct {
	Started       []Event `mapstructure:"started"`
	Authenticated []Event `mapstructure:"authenticated"`
	Ended         []Event `mapstructure:"ended"`
	EndedUser     []Event `mapstructure:"ended_user"`
	Activity      []Event `mapstructure:"activity"`
}

// Event is a log record of this name, or a request that fits a rule, whose
// attributes match.
type Event struct {
	Name    string              `mapstructure:"name,omitempty"`
	Request *Rule               `mapstructure:"request,omitempty"`
	Match   map[string][]string `mapstructure:"match,omitempty"`
	// Session and User are sources of its own: who acts is not always whom it
	// befalls.
	Session Sources `mapstructure:"session,omitempty"`
	User    Sources `mapstructure:"user,omitempty"`
}

// DefaultConfig is all that needs no deciding: everything but the hash key and
// the policies.
func DefaultConfig() Config {
	return Config{
		SessionID: SessionID{
			Sources:  Sources{{Attribute: "session.id"}},
			Previous: Sources{{Attribute: "session.previous_id"}},
			Linked:   Sources{},
			Placeholders: []string{
				"null", "undefined", "deleted", "-", "none", "nil", "(null)", "n/a", "unknown",
				"[REDACTED]", "redacted", "[Filtered]", "<redacted>",
			},
		},
		UserID: UserID{
			Sources:      Sources{{Attribute: "user.id"}, {Attribute: "enduser.id"}, {Attribute: "user.name"}},
			Placeholders: []string{"anonymous", "anonymousUser", "guest"},
		},
		Events: Events{
			Started:       []Event{{Name: "session.start"}, {Name: "session_created"}},
			Authenticated: []Event{{Name: "authn_login_success"}},
			Ended:         []Event{{Name: "session.end"}, {Name: "session_expired"}},
			EndedUser:     []Event{{Name: "user.session.clear"}},
			Activity:      []Event{},
		},
		Outcomes: Outcomes{Rejected: []Rule{}, Indeterminate: []Rule{}},
		Exempt: []Rule{{Routes: []string{
			"login", "log-in", "log_in", "logon", "logout", "log-out", "log_out", "logoff",
			"signin", "sign-in", "sign_in", "signout", "sign-out", "sign_out", "callback",
			"health", "healthz", "livez", "readyz", "metrics", "ping", "favicon.ico",
		}}},
		Passive: []Rule{}, Streams: []Rule{}, Foreground: []Rule{},
		LoginLocations: []string{
			"login", "log-in", "log_in", "logon", "signin", "sign-in", "sign_in", "authorize", "auth", "sso",
		},
		LogRequestSlack: time.Minute,
	}
}
