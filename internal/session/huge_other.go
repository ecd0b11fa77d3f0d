//go:build !linux

package session

import "unsafe"

func adviseHuge(unsafe.Pointer, uintptr) {}
