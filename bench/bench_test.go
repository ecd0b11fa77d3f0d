// These benchmarks answer two questions about a component: what does a span
// cost that goes through it, and what does holding sessions cost.
//
//	make bench                                    # all, ends with a table beside the limits
//	go test -run '^$' -bench . -benchmem -cpu 1,2 # the same, here
//	go test -run '^$' -bench 'Traces/sessions=100000$/from=memory//of=session_timeout' -cpu 1 -runs=1
//
// -runs=N repeats the comparison N times (3 by default) and -benchtime says how
// long each single measurement takes. For benchstat, repeat with -runs, not with
// -count, and compare with `benchstat -ignore /run old.txt new.txt`.
//
// BenchmarkTraces drives batches of 1,024 HTTP server spans of 11 attributes,
// session.id among them, through three subjects:
//
//	walk             looks at each span and attribute once and does nothing
//	spanmetrics      contrib's connector, default configuration, as the yardstick:
//	                 it, too, depends on every span and holds state
//	session_timeout  the processor, through its factory, default configuration with
//	                 two policies, between sinks; all requests are in time
//
// The subjects take turns, run by run, each alone in memory, so that neither
// the heap of another nor a change in the machine's mood is taken for its own.
// No span comes twice: before each use the ids, times and sessions of a batch
// are overwritten. That is neither in the times nor, since it allocates nothing,
// in the allocations. A subject is warm when it is measured: every session is
// known and the ring of recent requests is full, so that each request displaces
// one which is decided then. At its end each subject must show that it worked:
// the processor by its own metrics, by which every single request was judged
// and was in time; spanmetrics by the calls that it counted; the sinks by what
// came out.
//
// from=memory has enough batches for every session to have a span in them, far
// more than a cache holds: what waited in a queue or in the batch processor
// looks like this. from=cache has eight, which are still in the cache when they
// are used, as those are that a receiver has just decoded.
//
// ns/span is time on the wall; cpu-ns/span is the time of all processors that
// this process had, which other work on the machine disturbs less, so the table
// compares that on one core. With -cpu 2 two goroutines share the batches: half
// of ns/span on one core is perfect. ns/op is that of one batch.
//
// BenchmarkPolicies compares one policy with ten and rules of every kind.
//
// BenchmarkHeld shows what remembering costs: bytes for each session and the
// CPU time that each garbage collection takes for them.
//
// BenchmarkAlone holds ten million sessions, each scenario in a process of its
// own: what sessions take and what a garbage collection takes for them, what
// checkpoints take in a real file_storage beside traffic, and what a flood of
// invented ids does to the sessions that are in use.
//
//	go test -run '^$' -bench Alone/flood -flood 10s
//	go test -run '^$' -alone storage -cpuprofile cpu.prof /tmp/dir /tmp/figures.json
//
// Where the time goes:
//
//	go test -run '^$' -bench 'Traces/sessions=100000$/from=memory//of=session_timeout' -cpu 1 -runs=1 -benchtime 10s -cpuprofile cpu.prof
//	go tool pprof -tagfocus phase=measuring -top bench.test cpu.prof
package bench

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var runs = flag.Int("runs", 3, "how often BenchmarkTraces compares its subjects")

func TestMain(m *testing.M) {
	flag.Parse()
	if *aloneName != "" {
		if err := runAlone(*aloneName, flag.Arg(0), flag.Arg(1)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	results.print(os.Stdout)
	os.Exit(code)
}

const (
	batchSpans = 1024
	// manyBatches have a span for each of 100,000 sessions.
	manyBatches = 98
	// fewBatches fit into a cache.
	fewBatches = 8
)

var loads = []struct {
	name string
	load load
}{
	{hundredThousand, load{sessions: 100_000, batches: manyBatches, spans: batchSpans}},
	{hundredThousandCached, load{sessions: 100_000, batches: fewBatches, spans: batchSpans}},
	{million, load{sessions: 1_000_000, batches: manyBatches, spans: batchSpans}},
}

const (
	hundredThousand       = "sessions=100000/from=memory"
	hundredThousandCached = "sessions=100000/from=cache"
	million               = "sessions=1000000/from=memory"
)

func BenchmarkTraces(b *testing.B) {
	for _, l := range loads {
		b.Run(l.name, func(b *testing.B) {
			for run := range *runs {
				b.Run(fmt.Sprintf("run=%d", run+1), func(b *testing.B) {
					for _, s := range subjects {
						benchmark(b, l.name, l.load, run, s.name, s.start)
					}
				})
			}
		})
	}
}

func benchmark(b *testing.B, loadName string, l load, run int, of string, start func(load) (*subject, error)) {
	b.Helper()
	// The subject lives as long as the framework looks for an N and through all
	// values of -cpu.
	var m *meter
	b.Run("of="+of, func(b *testing.B) {
		if m == nil {
			var err error
			if m, err = newMeter(l, start); err != nil {
				b.Fatal(err)
			}
			if err := m.warm(); err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			b.ResetTimer()
		}
		r, err := m.run(b.N)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.wall)/float64(b.N), "ns/op")
		b.ReportMetric(r.wallPerSpan(), "ns/span")
		b.ReportMetric(r.cpuPerSpan(), "cpu-ns/span")
		b.ReportMetric(r.spansPerSecond(), "spans/s")
		b.ReportMetric(r.mallocsPerSpan(), "allocs/span")
		if cores, ok := asked(); ok {
			results.traces.add(of, loadName, cores, run, r)
		}
	})
	if m == nil {
		return // left out by -bench
	}
	if err := m.close(); err != nil {
		b.Error(err)
	}
}

// BenchmarkHeld measures what garbage collections cost more for it that a
// processor holds sessions, and no recent requests.
func BenchmarkHeld(b *testing.B) {
	for _, sessions := range []int{100_000, 1_000_000} {
		var m *meter
		var bytes, without float64
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			if m == nil {
				var err error
				if m, err = newMeter(load{sessions: sessions, batches: 1, spans: batchSpans, recent: 1}, startSessionTimeout); err != nil {
					b.Fatal(err)
				}
				before := heap()
				without = collections(10)
				if err := m.warm(); err != nil {
					b.Fatal(err)
				}
				bytes = float64(heap()-before) / float64(sessions)
				b.ResetTimer()
			}
			r := heldResult{bytes: bytes, gcMillis: collections(b.N) - without}
			b.ReportMetric(r.bytes, "B/session")
			b.ReportMetric(r.gcMillis, "gc-cpu-ms/cycle")
			if cores, ok := asked(); ok {
				results.held.add(sessions, cores, r)
			}
		})
		if m == nil {
			continue // left out by -bench
		}
		if err := m.close(); err != nil {
			b.Error(err)
		}
	}
}

// asked is how many cores there are, and whether -cpu asks for so many: the
// framework's very first call, with an N of 1, comes before it looks.
func asked() (cores int, ok bool) {
	cores = runtime.GOMAXPROCS(0)
	list := flag.Lookup("test.cpu").Value.String()
	return cores, list == "" || slices.Contains(strings.Split(list, ","), strconv.Itoa(cores))
}

// collections collects garbage n times and returns the CPU milliseconds that
// one took.
func collections(n int) float64 {
	cpu := cpuTime()
	for range n {
		runtime.GC()
	}
	return float64(cpuTime()-cpu) / float64(n) / 1e6
}

// heap is how many bytes are reachable.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
