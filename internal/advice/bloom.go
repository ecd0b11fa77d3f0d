package advice

// bloomBits are how many bits a bloom filter has: of 8,192 hashes in it, one in five
// thousand others passes for a member.
const bloomBits = 1 << 18

// bloom is a set of many hashes, in 32 KiB, that forgets nothing and may take a few
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
	for at := range places(hash) {
		b.bits[at/64] |= 1 << (at % 64)
	}
	b.n++
	return true
}

func (b *bloom) has(hash uint64) bool {
	if b.bits == nil {
		return false
	}
	for at := range places(hash) {
		if b.bits[at/64]&(1<<(at%64)) == 0 {
			return false
		}
	}
	return true
}

// places are the four bits of a hash.
func places(hash uint64) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for shift := 0; shift < 64; shift += 15 {
			if shift == 60 || !yield((hash>>shift)%bloomBits) {
				return
			}
		}
	}
}
