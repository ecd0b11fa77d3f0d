package console

// What follows is the API below /api/v1/. Durations are seconds. Texts that telemetry can
// set have at most 200 characters, none of which is a control character.

// State is GET /api/v1/state, and the event `state`.
type State struct {
	Version string  `json:"version"` // of the collector
	At      Instant `json:"at"`
	Started Instant `json:"started"` // when the console did
	// Since when the counts of Sentence are: an hour ago, or the start.
	Since    Instant `json:"since"`
	Sentence string  `json:"sentence"`
	// Detail is a second sentence: what is not known.
	Detail string `json:"detail,omitempty"`
	// Mood is none (no engine), empty (nothing received), blind (nothing names a session),
	// good or bad.
	Mood string `json:"mood"`
	// Demo: all engines that have received anything read recordings.
	Demo    bool          `json:"demo,omitempty"`
	Engines []EngineState `json:"engines"`
	History History       `json:"history"`
	// NotWatched, a sentence each: what no verdict is reached of.
	NotWatched []string `json:"not_watched"`
	// Ready says what keeps findings from being found, from being true or from being all, the
	// worst first; empty where nothing does.
	Ready []Readiness `json:"ready"`
	// Blind times and Lost evidence, a sentence each.
	Blind   []string `json:"blind"`
	Lost    []string `json:"lost"`
	Streams int      `json:"streams"`
}

// Readiness is what belongs to one group of advice.
type Readiness struct {
	Group string `json:"group"` // nothing, false or fewer
	Title string `json:"title"` // how its sentences begin
	// Advice, at most 50 of it, and how much More there is.
	Advice []AdviceText `json:"advice"`
	More   int          `json:"more,omitempty"`
}

// AdviceText is one thing to do. Code is as the metric processor_session_timeout_advice has
// it.
type AdviceText struct {
	Engine   string `json:"engine"`
	Code     string `json:"code"`
	Service  string `json:"service,omitempty"`
	Sentence string `json:"sentence"`
}

// EngineState is one session_timeout processor.
type EngineState struct {
	ID          string           `json:"id"`
	Running     bool             `json:"running"`
	Replay      bool             `json:"replay,omitempty"`
	Stored      bool             `json:"stored"`
	KeyID       string           `json:"key_id"`
	Sources     []string         `json:"sources"`
	Sessions    int              `json:"sessions"`
	MaxSessions int              `json:"max_sessions"`
	Pending     int              `json:"pending"`
	Backlog     int              `json:"backlog"`
	Findings    map[string]int64 `json:"findings"`
}

// History is how many findings are held, and how many there ever were.
type History struct {
	Held  int   `json:"held"`
	Limit int   `json:"limit"`
	Ever  int64 `json:"ever"`
	// By state, of those that are held.
	States map[string]int `json:"states"`
}

// Finding is an element of GET /api/v1/findings, and the event `finding`.
type Finding struct {
	ID       string  `json:"id"`
	Sequence uint64  `json:"sequence"` // grows with each revision that comes, over all findings
	Engine   string  `json:"engine"`
	Revision int     `json:"revision"`
	Type     string  `json:"type"`
	State    string  `json:"state"`
	Reason   string  `json:"reason,omitempty"`
	Severity string  `json:"severity"`
	Policy   string  `json:"policy"`
	Limit    float64 `json:"limit"`
	// Tolerance of the policy.
	Tolerance      float64 `json:"tolerance"`
	Service        string  `json:"service"`
	Namespace      string  `json:"namespace,omitempty"`
	Instance       string  `json:"instance,omitempty"`
	Environment    string  `json:"environment,omitempty"`
	Session        string  `json:"session"` // pseudonym
	User           string  `json:"user,omitempty"`
	TraceID        string  `json:"trace_id,omitempty"`
	SpanID         string  `json:"span_id,omitempty"`
	At             Instant `json:"at"` // the offending request's start
	ExpiredAt      Instant `json:"expired_at"`
	Overrun        float64 `json:"overrun"`
	Requests       int     `json:"requests"`
	FirstAt        Instant `json:"first_at"`
	LastAt         Instant `json:"last_at"`
	StartedAt      Instant `json:"started_at"`
	StartKnown     bool    `json:"start_known"`
	LastActivityAt Instant `json:"last_activity_at,omitzero"`
	EndedBy        string  `json:"ended_by,omitempty"`
	Evidence       string  `json:"evidence"`
	Background     bool    `json:"background,omitempty"`
	Method         string  `json:"method,omitempty"`
	Route          string  `json:"route,omitempty"` // else the path, the RPC's method, the destination
	Status         int     `json:"status,omitempty"`
	DecidedAt      Instant `json:"decided_at"`
	// Sentence is the body of the finding's log record, Headline a shorter one.
	Sentence string `json:"sentence"`
	Headline string `json:"headline"`
	Replay   bool   `json:"replay,omitempty"`
}

// Findings is GET /api/v1/findings: newest first, at most limit of them. Parameters: service,
// policy, type, state and engine (equal), since (decided at or after), limit (1 to 1000,
// 200 by default), after (a sequence: only those that came later).
type Findings struct {
	Findings []Finding `json:"findings"`
	History  History   `json:"history"`
	// More: others fit that are not here.
	More bool `json:"more"`
}

// Detail is GET /api/v1/findings/{id}.
type Detail struct {
	Finding
	Timeline *Timeline `json:"timeline,omitempty"`
	// NoTimeline says why there is none.
	NoTimeline string `json:"no_timeline,omitempty"`
	Why        []Step `json:"why"`
	Clears     string `json:"clears"` // what would clear it; empty where it is retracted
	// Doubt says why it is inconclusive or retracted.
	Doubt    string   `json:"doubt,omitempty"`
	InCommon []Common `json:"in_common"`
	Links    []Link   `json:"links"`
	// Next is another finding of the same kind of telemetry, Position of all of them.
	Next     string `json:"next,omitempty"`
	Position int    `json:"position,omitempty"`
	Of       int    `json:"of,omitempty"`
}

// Step is one of the reasons for a verdict, in order.
type Step struct {
	At   Instant `json:"at"`
	Text string  `json:"text"`
	// Kind is start, clock, dead, refused, served or event.
	Kind string `json:"kind"`
}

// Common is what late requests have in common, against all requests of the service that are
// held in findings.
type Common struct {
	What   string  `json:"what"` // instance or route
	Value  string  `json:"value"`
	Late   float64 `json:"late"` // share of the late requests, 0 to 1
	All    float64 `json:"all"`  // share of all requests
	LateOf int     `json:"late_of"`
	AllOf  int     `json:"all_of"`
}

// Link leads elsewhere. URL is http or https.
type Link struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Timeline is what the picture of a finding is drawn from.
type Timeline struct {
	Requests []Request `json:"requests"`
	Events   []Event   `json:"events"`
	Spells   []Span    `json:"spells"`
	Blind    []Span    `json:"blind"`
	// NotHeld are times whose single requests may not be held any more.
	NotHeld []Span `json:"not_held"`
	// ClockFrom is where the clock began that ran out at the finding's ExpiredAt.
	ClockFrom Instant `json:"clock_from"`
}

// Request of a timeline.
type Request struct {
	Start Instant `json:"start"`
	End   Instant `json:"end"`
	// Judged is where it starts as it is judged, if that is earlier.
	Judged   Instant `json:"judged,omitzero"`
	Service  string  `json:"service"`
	Instance string  `json:"instance,omitempty"`
	Method   string  `json:"method,omitempty"`
	Route    string  `json:"route,omitempty"`
	Status   int     `json:"status,omitempty"`
	TraceID  string  `json:"trace_id,omitempty"`
	// Kind is served, late, refused, undecidable or exempt.
	Kind string `json:"kind"`
	// Inactive: it kept nothing alive (polling, background work).
	Inactive bool `json:"inactive,omitempty"`
}

// Event of a timeline. Kind is login, start, rotated_from, rotated_away, end or revoked.
type Event struct {
	At   Instant `json:"at"`
	Kind string  `json:"kind"`
	By   string  `json:"by,omitempty"`
	// Other is the beginning of the pseudonym of the other id.
	Other string `json:"other,omitempty"`
}

// Span is a time, and why it is what it is. From is empty where it is all the time before To.
type Span struct {
	From   Instant `json:"from"`
	To     Instant `json:"to"`
	Reason string  `json:"reason,omitempty"`
}

// Services is GET /api/v1/services.
type Services struct {
	Services []Service `json:"services"`
	// More services there are than are listed.
	More int `json:"more,omitempty"`
}

// Service under one policy.
type Service struct {
	Engine        string           `json:"engine"`
	Replay        bool             `json:"replay,omitempty"`
	Policy        string           `json:"policy"`
	Service       string           `json:"service"`
	InTime        int64            `json:"in_time"`
	Late          int64            `json:"late"`
	Refused       int64            `json:"refused"`
	RefusedEarly  int64            `json:"refused_early"`
	Indeterminate int64            `json:"indeterminate"`
	Violations    map[string]int64 `json:"violations"`
	// Enforcement is Refused / (Refused + Late), within [Low, High] with 95 % confidence
	// (Wilson), where any request came on a dead session.
	Enforcement *Rate `json:"enforcement,omitempty"`
	// Declared and effective idle limit; 0 where there is none, or none was seen.
	IdleTimeout     float64 `json:"idle_timeout"`
	AbsoluteTimeout float64 `json:"absolute_timeout"`
	LongestServed   float64 `json:"longest_served"`
	ShortestRefused float64 `json:"shortest_refused"`
	// WithID and WithoutID are requests that name a session, and that do not.
	WithID    int64 `json:"with_id"`
	WithoutID int64 `json:"without_id"`
}

// Rate of N.
type Rate struct {
	Rate float64 `json:"rate"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	N    int64   `json:"n"`
}

// Policies is GET /api/v1/policies.
type Policies struct {
	Policies []PolicyText `json:"policies"`
}

// PolicyText is a policy in words.
type PolicyText struct {
	Engine          string   `json:"engine"`
	Replay          bool     `json:"replay,omitempty"`
	Name            string   `json:"name"`
	Sentences       []string `json:"sentences"`
	IdleTimeout     float64  `json:"idle_timeout"`
	AbsoluteTimeout float64  `json:"absolute_timeout"`
	Tolerance       float64  `json:"tolerance"`
	EndGrace        float64  `json:"end_grace"`
	RotationGrace   float64  `json:"rotation_grace"`
}

// Problem is what an error answers.
type Problem struct {
	Error string `json:"error"`
}
