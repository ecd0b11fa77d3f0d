package extract

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Reason says why a fact was refused.
type Reason uint8

// The reasons.
const (
	// SessionIDEmpty: the attribute is there and holds nothing.
	SessionIDEmpty Reason = iota
	// SessionIDPlaceholder: what stands for nobody, or all zeros.
	SessionIDPlaceholder
	// SessionIDType: neither a text nor a whole number, nor a list of such.
	SessionIDType
	// SessionIDSize: longer than any cookie may be, or in a header or a token
	// that is longer than what is looked at.
	SessionIDSize
	// SessionIDEncoding: not encoded as its source says.
	SessionIDEncoding
	// SessionIDToken: in a token that cannot be read, or is none.
	SessionIDToken
	// SessionIDAmbiguous: another cookie of the same name says something else, and
	// is passed over.
	SessionIDAmbiguous
	// TimestampZero: no time, or a span that never started or ended.
	TimestampZero
	// TimestampReversed: the end before the start.
	TimestampReversed
	// TimestampRange: later than nanoseconds in an int64 reach (in 2262).
	TimestampRange

	// ReasonCount is the number of reasons.
	ReasonCount
)

var reasonNames = [ReasonCount]string{
	"session_id_empty", "session_id_placeholder", "session_id_type", "session_id_size",
	"session_id_encoding", "session_id_token", "session_id_ambiguous",
	"timestamp_zero", "timestamp_reversed", "timestamp_range",
}

func (r Reason) String() string { return reasonNames[r] }

// Ref says where a fact came from: indexes of the resource, the scope in it and
// the record in that.
type Ref struct {
	Resource, Scope, Record int32
}

// Seen counts the records of one resource by how far they can be judged.
// Exempt requests and events are in none of them.
type Seen struct {
	RequestWithID, RequestWithoutID, OtherWithID int
	// LogNotUnderstood are log records that are neither events nor of an access
	// log, whatever they name.
	LogNotUnderstood int
}

// request counts one.
func (s *Seen) request(withID bool) {
	if withID {
		s.RequestWithID++
	} else {
		s.RequestWithoutID++
	}
}

// Batch is what one batch of telemetry says. Its strings may alias that
// telemetry, so it is valid as long as that is. A Batch is reused by [Batch.Reset]
// and not safe for concurrent use; the zero Batch is ready.
type Batch struct {
	// Facts in the order of their records: one for each record at most, but for a
	// request that says an event, too. Others than Reset must not shorten it.
	Facts []fact.Fact
	// Refs are parallel to Facts.
	Refs []Ref
	// Resources are those that facts point to: one for each resource that is
	// believed, and more where records quote less of it than others. Pointers to
	// them stay valid until Reset.
	Resources []fact.Resource
	// Seen is parallel to Resources.
	Seen []Seen
	// Refused counts facts that were none, by reason. It is parallel to Resources.
	Refused [][ReasonCount]int
	// Callers are the spans that may be parents of requests.
	Callers []fact.Caller

	names []fact.Name // that facts point to
	arena
	current int     // index of the resource that the current record is of, see speakFor
	secrets secrets // of the current record
	route   []byte  // of the current one, if it is an RPC
}

// grow makes room for n more resources.
func (b *Batch) grow(n int) {
	b.Resources = slices.Grow(b.Resources, n)
	b.Seen = slices.Grow(b.Seen, n)
	b.Refused = slices.Grow(b.Refused, n)
}

// add adds a resource and returns its index.
func (b *Batch) add(r fact.Resource) int {
	b.Resources, b.Seen, b.Refused = append(b.Resources, r), append(b.Seen, Seen{}), append(b.Refused, [ReasonCount]int{})
	return len(b.Resources) - 1
}

// name keeps n until b is reset, and returns nil where it is none.
func (b *Batch) name(n fact.Name) *fact.Name {
	if n.ID.IsZero() {
		return nil
	}
	b.names = append(b.names, n) // those in front may move: what points to them still does
	return &b.names[len(b.names)-1]
}

// refuse counts a fact of the current resource that is none.
func (b *Batch) refuse(why Reason) { b.Refused[b.current][why]++ }

// Reset empties b for the next batch and lets go of what it aliased. Facts are
// zero from then on up to their capacity, and are written in place.
func (b *Batch) Reset() {
	clear(b.Facts)
	clear(b.Resources)
	clear(b.Callers) // they point to resources
	clear(b.names)
	clear(b.secrets.ids[:cap(b.secrets.ids)])
	b.Facts, b.Refs, b.Callers, b.names = b.Facts[:0], b.Refs[:0], b.Callers[:0], b.names[:0]
	b.Resources, b.Seen, b.Refused = b.Resources[:0], b.Seen[:0], b.Refused[:0]
	clear(b.route[:cap(b.route)])
	b.reset()
}
