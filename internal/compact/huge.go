package compact

import "unsafe"

// hugePage is the size in bytes of a huge page where there are any.
const hugePage = 2 << 20

// HugeSlice makes a slice that is looked into at random: where the system
// offers huge pages, one step into it misses one cache and not two.
// T must not hold pointers.
func HugeSlice[T any](n int) []T {
	s := make([]T, n)
	if size := uintptr(n) * unsafe.Sizeof(*new(T)); size >= hugePage {
		adviseHuge(unsafe.Pointer(unsafe.SliceData(s)), size)
	}
	return s
}
