package compact

import (
	"syscall"
	"unsafe"
)

// adviseHuge asks for huge pages for [at, at+size). What is no whole page of
// the system is left out; that it does not work is no error.
func adviseHuge(at unsafe.Pointer, size uintptr) {
	const page = 4 << 10
	skip := -uintptr(at) % page
	if skip+page > size {
		return
	}
	pages := unsafe.Slice((*byte)(unsafe.Add(at, skip)), (size-skip)/page*page)
	_ = syscall.Madvise(pages, syscall.MADV_HUGEPAGE)
}
