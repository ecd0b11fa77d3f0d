package findinglog

import "math/bits"

// Flaw is why a record is no finding. Anybody who may send logs can write one that looks like it, so all
// that makes a finding is looked at before it wakes a person.
type Flaw uint8

// The flaws. Each is what is missing, or is not what Encode writes. Of several the first is told.
const (
	Flawless Flaw = iota
	FlawUser
	FlawID
	FlawSession
	FlawRevision
	FlawType
	FlawState
	FlawRequests
	FlawTime
	FlawOverrun
	FlawSeverity

	// FlawCount is the number of flaws and Flawless.
	FlawCount
)

var flawNames = [FlawCount]string{
	"", "user", "id", "session", "revision", "type", "state", "requests", "time", "overrun", "severity",
}

// String is the flaw as metrics have it, empty for Flawless.
func (f Flaw) String() string { return flawNames[f] }

// flaws is a set of them. Flawless in it says nothing.
type flaws uint32

func (s *flaws) add(f Flaw) { *s |= 1 << f }

func (s flaws) first() Flaw {
	if s &^= 1 << Flawless; s == 0 {
		return Flawless
	}
	return Flaw(bits.TrailingZeros32(uint32(s)))
}
