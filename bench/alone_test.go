package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"testing"
	"time"
)

var (
	aloneName     = flag.String("alone", "", "run this scenario and nothing else, and print its figures; BenchmarkAlone does so")
	aloneSessions = flag.Int("sessions", 10_000_000, "how many sessions the scenarios of BenchmarkAlone hold")
	aloneFlood    = flag.Duration("flood", time.Minute, "how long BenchmarkAlone/flood drives invented ids into the engine")
)

// scale of a scenario.
type scale struct {
	sessions int
	flood    time.Duration
	// load is how long traffic goes on beside checkpoints.
	load time.Duration
	dir  string // to store things in
}

// values are what a scenario measured, by unit.
type values map[string]float64

// scenarios in the order in which they run.
var scenarios = []struct {
	name string
	run  func(scale) (values, error)
}{
	{"settled", runSettled},
	{"active", runActive},
	{"added", runAdded},
	{"storage", runStorage},
	{"flood", runFlood},
}

// BenchmarkAlone measures what depends on all that a process holds: memory, and
// what garbage collections and checkpoints cost. Each scenario has a process of
// its own, with two cores, and runs once.
func BenchmarkAlone(b *testing.B) {
	for _, s := range scenarios {
		var of values
		b.Run(s.name, func(b *testing.B) {
			if of == nil {
				var err error
				if of, err = inItsOwnProcess(s.name, b.TempDir()); err != nil {
					b.Fatal(err)
				}
				results.alone.add(of)
			}
			b.ReportMetric(0, "ns/op") // means nothing
			for _, unit := range slices.Sorted(maps.Keys(of)) {
				b.ReportMetric(of[unit], unit)
			}
		})
	}
}

// inItsOwnProcess runs a scenario by this same program.
func inItsOwnProcess(name, dir string) (of values, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "figures.json")
	cmd := exec.Command(program, "-test.run", "^$", "-alone", name,
		"-sessions", strconv.Itoa(*aloneSessions), "-flood", aloneFlood.String(), dir, out)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "GOMEMLIMIT=1150MiB")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return of, json.Unmarshal(content, &of)
}

// runAlone is what that process does, with the directory and the file that it
// was given.
func runAlone(name, dir, out string) error {
	for _, s := range scenarios {
		if s.name != name {
			continue
		}
		if err := profile("test.cpuprofile", pprof.StartCPUProfile); err != nil {
			return err
		}
		of, err := s.run(scale{sessions: *aloneSessions, flood: *aloneFlood, load: time.Minute, dir: dir})
		pprof.StopCPUProfile()
		if err != nil {
			return err
		}
		if err := profile("test.memprofile", func(w io.Writer) error { return pprof.Lookup("allocs").WriteTo(w, 0) }); err != nil {
			return err
		}
		content, err := json.Marshal(of)
		if err != nil {
			return err
		}
		return os.WriteFile(out, content, 0o600)
	}
	return fmt.Errorf("there is no scenario %q", name)
}

// profile writes to the file that the testing package's flag names, if it does:
// without benchmarks that package does not.
func profile(name string, write func(io.Writer) error) error {
	path := flag.Lookup(name).Value.String()
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return write(f) // open until the process ends
}
