package bench

import (
	"bytes"
	"fmt"
	"os"
)

// memory of this process, in bytes.
type memory struct {
	resident int64
	// files is the part of it that the system can have back at any time: of
	// files that are mapped.
	files int64
	// peak is the most that was resident since resetPeak.
	peak int64
}

func readMemory() (m memory, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return memory{}, err
	}
	for _, line := range []struct {
		key string
		to  *int64
	}{{"VmRSS:", &m.resident}, {"RssFile:", &m.files}, {"VmHWM:", &m.peak}} {
		_, rest, _ := bytes.Cut(status, []byte(line.key))
		if _, err := fmt.Sscan(string(rest), line.to); err != nil {
			return memory{}, fmt.Errorf("%s %w", line.key, err)
		}
		*line.to <<= 10
	}
	return m, nil
}

func resetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
