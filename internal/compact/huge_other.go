//go:build !linux

package compact

import "unsafe"

func adviseHuge(unsafe.Pointer, uintptr) {}
