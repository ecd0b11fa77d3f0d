package fact

// MaxTimeline is how many requests a [Timeline] has at most.
const MaxTimeline = 500

// Timeline is what was known of a finding's session when the finding was decided: what a
// picture of it rests on. Instants are nanoseconds since the Unix epoch. It is not changed
// once it is made, so that it may be read by several at once.
type Timeline struct {
	// Requests by their own start, at most [MaxTimeline]: those that came last, and those
	// that the finding stands on.
	Requests []TimelineRequest
	// Texts are what the requests refer to by index. 0 is the empty text.
	Texts []string
	// HeldFrom: of requests that ended before it some may not be held any more. The least
	// instant there is if all are.
	HeldFrom int64
	// Spells are when the session was in use, in order; between two of them lies at least
	// the shortest idle limit.
	Spells []Span
	// Events of the session, in order.
	Events []TimelineEvent
	// Blind times, whose facts may be lost for good, in order.
	Blind []BlindSpan
}

// Span is a time.
type Span struct{ From, To int64 }

// BlindSpan is a time whose facts may be lost for good, and why.
type BlindSpan struct {
	Span
	Reason string
}

// TimelineRequest is one request of the session. It holds no pointer.
type TimelineRequest struct {
	// Start is its own, End its end. Judged is where it starts as it is judged: where the
	// longest request around it does.
	Start, End, Judged int64
	Trace              [16]byte
	// Service, Instance, Method and Route are indices in Texts. Route is the path, the RPC
	// method or the destination where there is no route.
	Service, Instance, Method, Route uint16
	Status                           int16
	Outcome                          Outcome
	// Late: served after the session was dead, as far as is known. Exempt: not judged.
	// Inactive: no activity for the idle clock, such as polling or background work.
	Late, Exempt, Inactive bool
}

// TimelineEvent is what happened to a session at an instant.
type TimelineEvent struct {
	At int64
	// Kind is Started, Authenticated, Rotated or Ended.
	Kind Kind
	// Away: Rotated away from this id, not onto it.
	Away bool
	// By is the service that reported an end or a rotation away; else empty.
	By string
	// Other is the beginning of the pseudonym of the id that it was rotated from; else 0.
	Other uint64
}
