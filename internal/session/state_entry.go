package session

import (
	"math"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// entry is what the table keeps of every session, in one cache line and
// without a pointer. It is enough to take an ordinary request, and all there
// is where a session has nothing but one interval of activity; what else there is
// stands in a encoded timeline, or, while it is worked on, in a timeline.
type entry struct {
	id fact.ID
	// from: a request that starts behind it goes on where the session is, as
	// far as end and since say; the start of its last interval where there is no
	// encoded timeline.
	from int64
	// end is the last interval's latest end.
	end int64
	// since is the instant that the absolute clock starts from, or one before
	// it.
	since int64
	// recent are the low bits of the position of its newest recent fact.
	recent uint32
	// heard is when the last fact arrived: seconds since the Unix epoch, rounded
	// up.
	heard uint32
	// more refers to the encoded timeline, or to the timeline where there is one.
	more uint32
	// user is the number of the one user that it showed; 0: none or several. Above
	// userBits is which of the first sources named it.
	user uint32
	// facts is how many there ever were, up to maxFacts, and above that opened.
	facts uint32
	// policies that governed one of its requests, of the first 16.
	policies uint16
	policy   uint8
	flags    entryFlags
}

type entryFlags uint8

const (
	// taken: the slot is a session's.
	taken entryFlags = 1 << iota
	// warm: more refers to a timeline, which alone is right.
	warm
	// fast: an ordinary request can be taken by what stands here.
	fast
	// sampledEntry: activity may have been dropped by a sampler.
	sampledEntry
	// overEntry: it was ended.
	overEntry
	// reportedEntry: its lifetime has been reported.
	reportedEntry
)

// maxFacts is how far an entry counts its facts.
const (
	factsBits = 24
	maxFacts  = 1<<factsBits - 1
)

// opened is the policy that governs the request which the only interval begins
// with, where there is no encoded timeline. NoPolicy: none.
func (x *entry) opened() uint8 { return uint8(x.facts >> factsBits) }

// count is how many facts there were, up to maxFacts.
func (x *entry) count() uint32 { return x.facts & maxFacts }

// counted counts one more.
func (x *entry) counted() {
	if x.count() < maxFacts {
		x.facts++
	}
}

func countAndOpened(count uint32, opened uint8) uint32 {
	return min(count, maxFacts) | uint32(opened)<<factsBits
}

const userBits = compact.SlotBits

// userNumber is the number of the one user that it showed.
func (x *entry) userNumber() uint32 { return x.user & (1<<userBits - 1) }

// knowsSource reports whether source is known to have named the one user.
func (x *entry) knowsSource(source uint8) bool { return x.user>>userBits>>source&1 != 0 }

// showOne notes that all of list, which is not empty, is the user of that number.
func (x *entry) showOne(number uint32, list []identity) {
	if x.user = number; number == 0 {
		return
	}
	for _, i := range list {
		x.user |= 1 << userBits << i.source // of the last sources, and of one that is not known, nothing
	}
}

// policyBit is the set of one policy, or of none.
func policyBit(policy uint8) uint64 {
	if policy == fact.NoPolicy {
		return 0
	}
	return 1 << policy
}

// seconds rounds an instant up to what entry.heard holds.
func seconds(ns int64) uint32 {
	return uint32(min(max((ns+999_999_999)/1_000_000_000, 0), math.MaxUint32))
}

// plain is the timeline of a session of which nothing is known but what stands
// in the entry. It reuses the slices of t.
func (x *entry) plain(t *timeline, slot uint32, tombstones *tombstones) {
	t.empty(x.id, slot)
	t.unknownBefore = tombstones.before(x.from)
	t.first, t.firstActivity = x.from, x.from
	t.intervals = append(t.intervals, interval{x.from, x.end, policyBit(x.opened())})
	t.policies = uint64(x.policies)
}

// newer is what an entry knows better than the encoded timeline, since requests were taken
// without it.
func (x *entry) newer(t *timeline) {
	t.policy = x.policy
	t.facts = x.count()
	t.lastArrival = int64(x.heard) * 1_000_000_000
	if x.flags&sampledEntry != 0 {
		t.addSampled(unset)
	}
	t.reported = x.flags&reportedEntry != 0
	t.policies |= uint64(x.policies)
	if x.flags&fast != 0 {
		t.intervals[len(t.intervals)-1].end = x.end
		t.newest = x.end
	}
}
