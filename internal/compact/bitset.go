// Package compact has containers that hold millions of small things in a few large
// arrays without pointers, so that they cost a garbage collection nothing. They know
// no session. None is safe for concurrent use.
package compact

import "math/bits"

// BitSet is a set of numbers from 0 on. It grows as it is set.
type BitSet []uint64

// Set adds n.
func (b *BitSet) Set(n int) {
	for n>>6 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[n>>6] |= 1 << (n & 63)
}

// Has reports whether n is in it.
func (b BitSet) Has(n int) bool { return n>>6 < len(b) && b[n>>6]&(1<<(n&63)) != 0 }

// Add adds all that are in other.
func (b *BitSet) Add(other BitSet) {
	for i, word := range other {
		if word != 0 {
			b.Set(i << 6)
			(*b)[i] |= word
		}
	}
}

// Count returns how many there are in [from, to).
func (b BitSet) Count(from, to int) (n int) {
	for i := from >> 6; i<<6 < to && i < len(b); i++ {
		word := b[i]
		if low := from - i<<6; low > 0 {
			word = word >> low << low
		}
		if high := to - i<<6; high < 64 {
			word &= 1<<high - 1
		}
		n += bits.OnesCount64(word)
	}
	return n
}

// Next returns the first that is at or behind n, or end where there is none
// before that.
func (b BitSet) Next(n, end int) int {
	for n < end && n>>6 < len(b) {
		if word := b[n>>6] >> (n & 63); word != 0 {
			return min(n+bits.TrailingZeros64(word), end)
		}
		n = (n>>6 + 1) << 6
	}
	return end
}

// SetAll makes all below n its own.
func (b *BitSet) SetAll(n int) {
	for i := range n {
		b.Set(i)
	}
}
