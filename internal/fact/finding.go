package fact

// Type is the rule that a request violated.
type Type uint8

// The types of violations.
const (
	IdleTimeout Type = iota
	AbsoluteTimeout
	EndedSession
	RotatedSession
	RevokedSession

	// TypeCount is the number of types.
	TypeCount
)

var typeNames = [TypeCount]string{"idle_timeout", "absolute_timeout", "ended", "rotated", "revoked"}

func (t Type) String() string { return typeNames[t] }

// State of a finding.
type State uint8

// The states of findings.
const (
	// Confirmed: nothing cleared it in Config.DecisionWait.
	Confirmed State = iota
	// Retracted: evidence that came later cleared it.
	Retracted
	// Inconclusive: what would clear it may have been missed.
	Inconclusive

	// StateCount is the number of states.
	StateCount
)

var stateNames = [StateCount]string{"confirmed", "retracted", "inconclusive"}

func (s State) String() string { return stateNames[s] }

// Evidence is what proves that a session was honoured.
type Evidence uint8

// The kinds of evidence.
const (
	// EvidenceSuccess: the request succeeded. To a policy: unless its id was merely
	// presented.
	EvidenceSuccess Evidence = iota
	// EvidenceIdentity: it shows a user.
	EvidenceIdentity
	// EvidencePresented: it succeeded, though its id was merely presented.
	EvidencePresented

	// EvidenceCount is the number of kinds.
	EvidenceCount
)

var evidenceNames = [EvidenceCount]string{"success", "identity", "presented"}

func (e Evidence) String() string { return evidenceNames[e] }

// Finding says that a service served requests after their session was dead.
// Instants are nanoseconds since the Unix epoch.
type Finding struct {
	// ID is the same for the same violation however often and wherever found.
	ID       uint64
	Revision int // 1 at first; grows when the finding is sent again
	State    State
	Reason   string // why Inconclusive; else empty
	Type     Type

	Session Pseudonym
	User    Pseudonym // zero where unknown
	Policy  int       // index in Config.Policies

	// The offender: the first request that violates.
	Resource Resource
	Details  Details
	Trace    [16]byte
	Span     [8]byte
	At       int64 // its own start

	DecidedAt int64 // on the collector's clock
	Overrun   int64 // ns from expiry to its start, as judged
	ExpiredAt int64

	Requests        int // served after expiry so far
	FirstAt, LastAt int64

	StartedAt      int64 // the origin
	StartKnown     bool  // the origin is an authentication or a known start
	LastActivityAt int64 // of IdleTimeout; else 0
	EndedBy        string
	Evidence       Evidence
	Background     bool

	// Timeline of the session, where somebody shows it; else nil. It is neither stored
	// nor sent.
	Timeline *Timeline
}
