//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used of all processors: unlike the time on
// the wall, it does not grow while others have them.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
