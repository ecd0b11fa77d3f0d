package extract

import "time"

// Config says where telemetry keeps what an [Extractor] looks for. Start from
// [DefaultConfig]: an empty list is an empty list here, not the default.
type Config struct {
	SessionID SessionID
	// Policies in order; the first that matches governs. A request that none
	// governs has fact.NoPolicy.
	Policies []PolicyMatch
	Events   Events
	// Exempt requests are no facts, Passive ones no activity.
	Exempt, Passive RequestMatch
	// Streams are requests whose messages stand for themselves, beside those
	// that show it (status 101, content type text/event-stream).
	Streams RouteMatch
	// LoginLocations are where a redirect says that the session was refused,
	// written as routes are.
	LoginLocations []string
	// LogRequestSlack is how long before its time an access-log record begins
	// that does not say how long the request took.
	LogRequestSlack time.Duration
}

// SessionID says where session ids are and how they are hashed.
type SessionID struct {
	// Attributes that hold a session id: the first that is present, on the
	// record, then on its scope, then on its resource. The value is taken
	// whole; of a slice of strings (a captured header), the first is.
	Attributes []string
	// AlreadyHashed: ids arrive as the redaction processor wrote them.
	AlreadyHashed bool
	// HashKey has at least 32 bytes.
	HashKey []byte
}

// PolicyMatch is what a request must show for a policy to govern it: for every
// attribute, on the record, else its scope, else its resource, one of the
// values. A value that ends in `*` matches whatever begins so. An empty Match
// matches every request.
type PolicyMatch struct {
	Match map[string][]string
}

// Events are the names of events by what they say.
type Events struct {
	Started       []string `mapstructure:"started"`
	Ended         []string `mapstructure:"ended"`
	Authenticated []string `mapstructure:"authenticated"`
	EndedUser     []string `mapstructure:"ended_user"`
	Activity      []string `mapstructure:"activity"`
}

// RequestMatch matches requests by method, or by route or path.
type RequestMatch struct {
	Methods []string `mapstructure:"methods"`
	// Routes: an entry with a `/` matches a whole route or path, one without
	// its last segment, both in any case; a trailing `*` matches any rest.
	Routes []string `mapstructure:"routes"`
}

// RouteMatch matches requests by route or path.
type RouteMatch struct {
	Routes []string `mapstructure:"routes"`
}

// DefaultConfig is all that needs no deciding: everything but the hash key and
// the policies.
func DefaultConfig() Config {
	return Config{
		SessionID: SessionID{Attributes: []string{"session.id"}},
		Events: Events{
			Started:       []string{"session.start", "session_created"},
			Ended:         []string{"session.end", "session_expired"},
			Authenticated: []string{"authn_login_success"},
			EndedUser:     []string{"user.session.clear"},
		},
		Exempt: RequestMatch{
			Methods: []string{"OPTIONS"},
			Routes: []string{
				"login", "log-in", "logout", "log-out", "signin", "sign-in", "signout", "sign-out", "callback",
				"health", "healthz", "livez", "readyz", "metrics", "ping", "favicon.ico",
			},
		},
		LoginLocations: []string{
			"login", "log-in", "log_in", "signin", "sign-in", "sign_in", "authorize", "auth", "sso",
		},
		LogRequestSlack: time.Minute,
	}
}
