//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// maxResident is the most memory that the process had at a time, in bytes.
func maxResident(state *os.ProcessState) int64 {
	u, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	size := int64(u.Maxrss) //nolint:unconvert // an int32 on some machines
	if runtime.GOOS != "darwin" {
		size *= 1024
	}
	return size
}
