package session

import (
	"math/bits"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// tombstones remember what sessions that were thrown away said: no verdict about
// an id that comes back rests on what is lost, and an end is held against it.
// They are bounded: what one that is displaced said goes on as a fingerprint, and
// where it said nothing every unknown id is doubted up to then.
//
// It is a hash table that grows bucket by bucket (linear hashing) in chunks, so
// that an engine which throws nothing away has none.
type tombstones struct {
	chunks  []*[chunkBuckets]bucket
	buckets uint64 // in use; 0 at first
	limit   uint64 // of buckets
	ways    int    // of a bucket, less than bucketWays only where there are few at all
	count   int

	displaced fingerprints
	ranged

	oldestKnown int64
	// tolerance is the largest of all policies: so much in front of what a verdict
	// rests on something may clear it.
	tolerance int64
}

const (
	bucketWays   = 8
	chunkBuckets = 64 // 16 KiB
	// splitsAtOnce is how many buckets are split at once.
	splitsAtOnce = 8
)

// bucket has its tags in one cache line: looking for an id that is not there,
// which every invented one is, needs no other.
type bucket struct {
	tags       [bucketWays]uint64 // 0: none
	tombstones [bucketWays]tombstone
}

// tombstone is what is kept of one session, beside its tag.
type tombstone struct {
	// user is the first half of the id of the user whom it showed last; 0: none.
	user uint64
	// at is when it ended. Of one that did not: since when an end of its user's
	// sessions would have been its end.
	at int64
	// newest is when its newest fact ended, in seconds since the Unix epoch, rounded
	// up so that all of it was before.
	newest uint32
	said   uint32 // service<<8 | flags
}

// The flags of a tombstone.
const (
	// tombstoneEnd is the type of its end less EndedSession, and 1; 0: it was not over.
	tombstoneEnd    uint32 = 3
	tombstoneUnsure uint32 = 1 << (iota + 1) // not under every policy that is its first end, or whom it showed is not sure
	tombstoneLater                           // it had ends behind that
	tombstoneSampled
	tombstoneActive // something was activity
	tombstoneBrief  // fleeting
	tombstoneSeen   // it was heard of before at
	tombstoneLogin  // it had an authentication or a start
	tombstoneVague  // newest is that of what had been lost of it before
	tombstoneLost   // only a fingerprint had told of it

	tombstoneFlags = 11
)

// end returns how it ended.
func (s *tombstone) end() (t fact.Type, ended bool) {
	kind := s.said & tombstoneEnd
	return fact.EndedSession - 1 + fact.Type(kind), kind != 0
}

func (s *tombstone) service() uint32 { return s.said >> tombstoneFlags }

// The ranks of tombstones: who is displaced first.
const (
	rankOfBrief = iota
	rankOfSilent
	rankOfEnded
)

func (s *tombstone) rank() int {
	switch {
	case s.said&tombstoneEnd != 0 || s.user != 0:
		return rankOfEnded
	case s.said&tombstoneBrief != 0:
		return rankOfBrief
	}
	return rankOfSilent
}

func newTombstones(sessions int) tombstones {
	n := uint64(max(sessions, 1))
	return tombstones{
		limit: (n + bucketWays - 1) / bucketWays, ways: int(min(n, bucketWays)),
		displaced: newFingerprints(int(n)), oldestKnown: longAgo, ranged: ranged{bits: bucketBits},
	}
}

// tagOf id is what its tombstone is known by. It is as good as unique.
func tagOf(id fact.ID) uint64 { return max(id[1], 1) }

// home returns the number of mark's bucket.
func (t *tombstones) home(mark uint64) uint64 {
	h := mark * 0x9e3779b97f4a7c15
	h ^= h >> 32
	round := uint64(1) << (bits.Len64(t.buckets) - 1) // buckets at the beginning of this round of splits
	if n := h & (2*round - 1); n < t.buckets {
		return n
	}
	return h & (round - 1)
}

func (t *tombstones) bucket(n uint64) *bucket { return &t.chunks[n/chunkBuckets][n%chunkBuckets] }

// of returns the tombstone of id, or nil.
func (t *tombstones) of(id fact.ID) *tombstone {
	if t.buckets == 0 {
		return nil
	}
	b, mark := t.bucket(t.home(tagOf(id))), tagOf(id)
	for i := range b.tags {
		if b.tags[i] == mark {
			return &b.tombstones[i]
		}
	}
	return nil
}

// known reports whether id may have been thrown away. It may be called
// concurrently with itself.
func (t *tombstones) known(id fact.ID) bool {
	return t.of(id) != nil || t.displaced.of(tagOf(id)) != nil
}

// remove takes away the tombstone of id, which has come back.
func (t *tombstones) remove(id fact.ID) {
	n, mark := t.home(tagOf(id)), tagOf(id)
	b := t.bucket(n)
	for i := range b.tags {
		if b.tags[i] == mark {
			t.touch(int(n))
			b.tags[i], b.tombstones[i] = 0, tombstone{}
			t.count--
			return
		}
	}
}

// add puts s in place of what was known of id.
func (t *tombstones) add(id fact.ID, s tombstone) { t.put(tagOf(id), s) }

func (t *tombstones) put(mark uint64, s tombstone) {
	if t.buckets == 0 {
		t.addBucket()
	}
	t.grow()
	n := t.home(mark)
	b := t.bucket(n)
	way, found := b.place(mark, t.ways)
	switch {
	case !found:
		way = b.leastUseful(&s, t.ways)
		t.displace(b.tags[way], &b.tombstones[way])
	case b.tags[way] == 0:
		t.count++
	}
	t.touch(int(n))
	b.tags[way], b.tombstones[way] = mark, s
}

// grow splits a few buckets if they are due: as soon as three in eight places are
// in use all are split, so that hardly any is full before there can be no more.
func (t *tombstones) grow() {
	for range splitsAtOnce {
		between := t.buckets&(t.buckets-1) != 0 // some of this round have been
		if t.buckets >= t.limit || !between && t.count < int(t.buckets)*bucketWays*3/8 {
			return
		}
		t.split()
	}
}

// place returns where mark is, or a place that is free.
func (b *bucket) place(mark uint64, ways int) (way int, found bool) {
	for i := range ways {
		if b.tags[i] == mark {
			return i, true
		}
		if b.tags[i] == 0 {
			way, found = i, true
		}
	}
	return way, found
}

// leastUseful returns which tombstone gives way to s: one that says nothing, of
// such one of a session that was there for a moment only, and of equal ones the
// oldest. One of the last kind stays: invented ids displace one another, however
// many others there are.
func (b *bucket) leastUseful(s *tombstone, ways int) (victim int) {
	brief := 0
	for i := range ways {
		if b.tombstones[i].rank() == rankOfBrief {
			brief++
		}
	}
	victim = -1
	for i := range ways {
		rank := b.tombstones[i].rank()
		if rank == rankOfBrief && s.rank() != rankOfBrief && brief == 1 && ways > 1 {
			continue
		}
		if victim < 0 || rank < b.tombstones[victim].rank() || rank == b.tombstones[victim].rank() && b.tombstones[i].newest < b.tombstones[victim].newest {
			victim = i
		}
	}
	return victim
}

// displace keeps what a tombstone that is displaced said.
func (t *tombstones) displace(mark uint64, s *tombstone) {
	if s.rank() != rankOfEnded {
		t.raise(s.before())
		return
	}
	if lost := t.displaced.add(mark, s); lost != nil {
		t.raise(int64(lost.newest) * secondNanos)
	}
}

// before is an instant that all of the session was before.
func (s *tombstone) before() int64 { return int64(s.newest) * secondNanos }

// addBucket adds one at the end, and says which one is to be shared with it.
func (t *tombstones) addBucket() (from uint64) {
	if t.buckets%chunkBuckets == 0 {
		t.chunks = append(t.chunks, new([chunkBuckets]bucket))
	}
	if t.buckets > 0 {
		from = t.buckets - 1<<(bits.Len64(t.buckets)-1)
	}
	t.touch(int(t.buckets))
	t.buckets++
	return from
}

// split adds a bucket and moves there what belongs there.
func (t *tombstones) split() {
	to := t.buckets
	from := t.addBucket()
	t.touch(int(from))
	a, b := t.bucket(from), t.bucket(to)
	for i, n := 0, 0; i < bucketWays; i++ {
		if a.tags[i] != 0 && t.home(a.tags[i]) == to {
			b.tags[n], b.tombstones[n] = a.tags[i], a.tombstones[i]
			a.tags[i], a.tombstones[i] = 0, tombstone{}
			n++
		}
	}
}

// raise doubts every unknown id before at.
func (t *tombstones) raise(at int64) { t.oldestKnown = max(t.oldestKnown, at) }

// older reports whether all that was evicted is so
// much older than at that no verdict on what began there rests on it.
func (t *tombstones) older(at int64) bool { return t.oldestKnown < at-t.tolerance }

// before is what is in doubt of a session that began at at, and of which nothing
// was known to be thrown away but what was older then.
func (t *tombstones) before(at int64) int64 {
	if t.oldestKnown == longAgo {
		return longAgo
	}
	return min(t.oldestKnown, at-t.tolerance-1)
}

// startedBefore reports whether what r leads back to, which was thrown away, was
// active before it was rotated: then the rotation is no earlier than its origin. One
// of which nothing is left is taken to have been.
func (t *tombstones) startedBefore(r *rotation) bool {
	s := t.of(r.from)
	if s == nil {
		return true
	}
	typ, ended := s.end()
	return ended && typ == fact.RotatedSession && s.at <= r.at && s.said&tombstoneSeen != 0
}
