// Package fact has what one record of telemetry says about one session, and what is
// found of it: the types that extraction, the engine and those who report findings
// share, and how facts are written down.
package fact

// ID is the keyed 128-bit hash of a session or user id. The zero ID is none.
type ID [2]uint64

// IsZero reports whether id stands for no session or user.
func (id ID) IsZero() bool { return id == ID{} }

// Less reports whether id comes before o.
func (id ID) Less(o ID) bool { return id[0] < o[0] || id[0] == o[0] && id[1] < o[1] }

// Pseudonym is HMAC-SHA-256(hash key, id): what may leave the engine in place
// of an id. Written as 64 hex digits. The zero Pseudonym is none.
type Pseudonym [32]byte

// Name is a session or user as telemetry names it. Raw is a bearer secret
// (or, where ids arrive hashed already, the pseudonym itself): the engine turns it
// into a pseudonym when it first meets the ID and never keeps it. Raw may alias memory
// that is only valid during the call.
type Name struct {
	ID        ID
	Raw       string
	Pseudonym *Pseudonym // where it is known already; then Raw may be empty
}

// Key is n's ID; that of nil is none.
func (n *Name) Key() ID {
	if n == nil {
		return ID{}
	}
	return n.ID
}

// Kind says what one record tells of a session.
type Kind uint8

// The kinds of facts.
const (
	// Request: the session was presented over [Start, End].
	Request Kind = iota
	// Authenticated: login or re-authentication; both clocks start again.
	Authenticated
	// Started: the session began.
	Started
	// Rotated: the session began and Previous ended.
	Rotated
	// Ended: the session is dead from here.
	Ended
	// EndedUser: every session of User is dead but the one that is named.
	EndedUser
	// Activity: alive at this instant, nobody judged.
	Activity

	// KindCount is the number of kinds.
	KindCount
)

var kindNames = [KindCount]string{"request", "authenticated", "started", "rotated", "ended", "ended_user", "activity"}

func (k Kind) String() string { return kindNames[k] }

// Outcome says what the service made of a request. Of two records of one
// request the worse outcome, which is the greater one, holds.
type Outcome uint8

// The outcomes, in the order in which one beats another.
const (
	// Served: the session was honoured.
	Served Outcome = iota
	// Indeterminate: neither honoured nor refused for sure.
	Indeterminate
	// Rejected: the session was refused: enforcement at work.
	Rejected
)

// Flags are a request's properties.
type Flags uint16

// The flags.
const (
	// Consumer: a message was processed: background work, no activity.
	Consumer Flags = 1 << iota
	// Passive: polling: no activity, and no violation of an idle limit.
	Passive
	// Stream: a request whose messages stand for themselves: nothing lies
	// inside it.
	Stream
	// Presented: the id was read from what the client sent, so that only an
	// identity proves that it was honoured.
	Presented
	// FromLog: an access-log record; a span of the same request knows its
	// times better.
	FromLog
	// Sampled: other spans of this session may have been dropped.
	Sampled
	// Options: a request with the method OPTIONS, which browsers send by themselves:
	// only an identity proves that a session was honoured.
	Options
	// ParentLocal: the parent span is of the same process.
	ParentLocal
	// UserPresented: the user was read from what the client sent, or from a claim: it
	// is named in the finding and counts nowhere.
	UserPresented
	// FromRequest: a request said this event, at its end.
	FromRequest
	// Exempt: not judged, nor is what lies inside it; activity that makes no session
	// older.
	Exempt
)

// Has reports whether all of want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// Fact is what one record says about one session. Instants are nanoseconds
// since the Unix epoch. What every request has comes first, and what few have is behind
// a pointer: a batch of facts is more than the nearest caches hold.
type Fact struct {
	Kind    Kind
	Outcome Outcome
	Flags   Flags
	// Policy is the index of the policy that governs a request, an exempt one among
	// them, or [NoPolicy]; meaningless for other kinds.
	Policy uint8
	// UserSource is which of the configured sources named User: 0 is the first. Only
	// users of one source can be different.
	UserSource uint8

	// Start and End bound a request, exempt or not, Start <= End. For every other kind
	// both are the instant. A request from a log record without a duration starts
	// the configured slack before its time (the extraction sees to that).
	Start, End int64
	// At is the record's own time: what a finding reports, and what counts
	// where a fact is compared with the session's start. A span's start; a log
	// record's start where its duration is known, else its time.
	At int64

	// Trace and Span identify a request across signals; both zero when
	// unknown: then the record is a request of its own.
	Trace [16]byte
	Span  [8]byte
	// Parent is the span that this request was called by; zero where it is not known.
	Parent [8]byte

	// Resource must not be nil. Facts of one resource may share the pointer.
	Resource *Resource

	// Previous is that of Rotated, else nil.
	Previous *Name
	// Linked is the larger session that this one is part of, where the record says so
	// and its client did not, else nil.
	Linked *Name

	Session Name
	Details Details
	User    Name // the identity that the record shows, or whose sessions end
}
