package advice

import (
	"hash/maphash"
	"math/bits"
)

// hasher makes numbers of texts that nobody can foresee: who chooses names and
// ids cannot make them collide.
type hasher struct{ seed maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

func (h hasher) of(text string) uint64 { return maphash.String(h.seed, text) }

// setBits are how many bits a set has.
const setBits = 1 << 14

// set is a set of hashes that forgets nothing and may take a few for others.
type set struct {
	bits [setBits / 64]uint64
	n    int
}

// add reports whether hash is new.
func (s *set) add(hash uint64) bool {
	if s.has(hash) {
		return false
	}
	s.bits[hash%setBits/64] |= 1 << (hash % 64)
	s.n++
	return true
}

func (s *set) has(hash uint64) bool { return s.bits[hash%setBits/64]>>(hash%64)&1 != 0 }

// full reports whether so much is in it that most of what is new would be missed.
func (s *set) full() bool { return s.n > setBits/2 }

// least are the lowest shares of a range of random numbers below which all that
// were seen lie, as far as samplers look at trace ids.
type least struct {
	traces set
	n      int
	most   [3]float64
}

// add considers a trace. Samplers look at the last 63 bits (Go, Python), at their
// absolute value as a signed number (Java), or at all words together (JavaScript).
func (l *least) add(hash uint64, id [16]byte) {
	if l.traces.full() || !l.traces.add(hash) {
		return
	}
	l.n++
	low := beUint64(id[8:])
	signed := int64(low)
	if signed < 0 {
		signed = -signed
	}
	words := uint32(beUint64(id[:8])>>32) ^ uint32(beUint64(id[:8])) ^ uint32(low>>32) ^ uint32(low)
	for i, share := range [...]float64{
		float64(low>>1) / (1 << 63), float64(uint64(signed)) / (1 << 63), float64(words) / (1 << 32),
	} {
		l.most[i] = max(l.most[i], share)
	}
}

// share is the ratio at which the traces were sampled, if they were, and how many
// bits of luck it would take if they were not.
func (l *least) share() (ratio, luck float64) {
	ratio = min(l.most[0], l.most[1], l.most[2])
	if l.n == 0 {
		return 1, 0
	}
	return ratio, float64(l.n) * -log2(ratio)
}

func beUint64(b []byte) (n uint64) {
	for _, c := range b[:8] {
		n = n<<8 | uint64(c)
	}
	return n
}

// log2 is the binary logarithm of a share, a little too high: whole bits are enough.
func log2(share float64) float64 {
	n := uint64(share * (1 << 53))
	return float64(bits.Len64(n)) - 53
}
