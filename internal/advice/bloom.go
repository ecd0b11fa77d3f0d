package advice

// bloomBits are how many bits a bloom filter has: of 8,192 hashes in it, one in
// seventy others passes for a member.
const bloomBits = 1 << 17

// bloom is a set of many hashes, in 16 KiB, that forgets nothing and may take a few
// for others. The zero one is empty.
type bloom struct {
	bits []uint64
	n    int
}

// add reports whether hash is new.
func (b *bloom) add(hash uint64) bool {
	if b.has(hash) {
		return false
	}
	if b.bits == nil {
		b.bits = make([]uint64, bloomBits/64)
	}
	for _, at := range [...]uint64{hash, hash >> 32} {
		at %= bloomBits
		b.bits[at/64] |= 1 << (at % 64)
	}
	b.n++
	return true
}

func (b *bloom) has(hash uint64) bool {
	if b.bits == nil {
		return false
	}
	low, high := hash%bloomBits, (hash>>32)%bloomBits
	return b.bits[low/64]&(1<<(low%64)) != 0 && b.bits[high/64]&(1<<(high%64)) != 0
}
