package bench

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// results of all benchmarks that ran in this process.
var results resultSet

type resultSet struct {
	traces traceResults
	held   heldResults
	alone  values
}

type traceKey struct {
	of, load string
	cores    int
}

// traceResults are by run: subjects are compared with one another within it.
type traceResults map[traceKey]map[int]measured

// add keeps what was measured last: the framework looks for an N first.
func (t *traceResults) add(of, load string, cores, run int, m measured) {
	if *t == nil {
		*t = traceResults{}
	}
	k := traceKey{of, load, cores}
	if (*t)[k] == nil {
		(*t)[k] = map[int]measured{}
	}
	(*t)[k][run] = m
}

// median of a figure of one subject; false if it was not measured.
func (t traceResults) median(k traceKey, figure func(measured) float64) (float64, bool) {
	var all []float64
	for _, m := range t[k] {
		all = append(all, figure(m))
	}
	return median(all)
}

// ratio is the median of the ratios of two subjects' figures, each within one run.
func (t traceResults) ratio(a, b traceKey, figure func(measured) float64) (float64, bool) {
	var all []float64
	for run, m := range t[a] {
		if other, ok := t[b][run]; ok {
			all = append(all, figure(m)/figure(other))
		}
	}
	return median(all)
}

// more is the median of how much more one subject's figure is than another's, each
// within one run.
func (t traceResults) more(a, b traceKey, figure func(measured) float64) (float64, bool) {
	var all []float64
	for run, m := range t[a] {
		if other, ok := t[b][run]; ok {
			all = append(all, figure(m)-figure(other))
		}
	}
	return median(all)
}

// gain is how many times the spans of one core a subject handles on two.
func (t traceResults) gain(of, load string) (float64, bool) {
	return t.ratio(traceKey{of, load, 2}, traceKey{of, load, 1}, measured.spansPerSecond)
}

func median(all []float64) (float64, bool) {
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2, true
}

// heldResults are what was measured last, as above.
type heldResults map[heldKey]heldResult

type heldKey struct{ sessions, cores int }

type heldResult struct{ bytes, gcMillis float64 }

func (h *heldResults) add(sessions, cores int, r heldResult) {
	if *h == nil {
		*h = heldResults{}
	}
	(*h)[heldKey{sessions, cores}] = r
}

// add keeps what one scenario measured.
func (v *values) add(of values) {
	if *v == nil {
		*v = values{}
	}
	maps.Copy(*v, of)
}

// aloneFigures are those of BenchmarkAlone by unit. What has no limit is only
// stated; N is how many sessions there are.
var aloneFigures = []struct {
	unit string
	figure
}{
	{"settled-B/session", figure{name: "N settled sessions: bytes each", limit: 72, digits: 1}},
	{"settled-resident-B/session", figure{name: "N settled sessions: resident bytes each", stated: true, digits: 1}},
	{"active-B/session", figure{name: "N active sessions: bytes each", limit: 140, digits: 1}},
	{"active-resident-B/session", figure{name: "N active sessions: resident bytes each", stated: true, digits: 1}},
	{"ring-MB", figure{name: "1,000,000 recent requests: MB", stated: true}},
	{"pause-B", figure{name: "a pause longer than the shortest idle limit adds: bytes", stated: true}},
	{"user-B", figure{name: "a user adds: bytes", stated: true}},
	{"end-B", figure{name: "an end adds: bytes", stated: true}},
	{"rotation-B", figure{name: "a rotation adds, on both ids: bytes", stated: true}},
	{"gc-added-ms", figure{name: "N sessions: CPU ms added to a garbage collection", limit: 5, digits: 2}},
	{"load-peak-MB", figure{name: "N sessions: MB resident under load, at most", limit: 1600}},
	{"checkpoint-peak-MB", figure{name: "N sessions: MB resident during checkpoints, at most", limit: 1600}},
	{"checkpoint-peak-own-MB", figure{name: "the same, without the pages of the storage's file", stated: true}},
	{"checkpoint-s", figure{name: "N sessions: seconds for a checkpoint", limit: 3, digits: 2}},
	{"checkpoint-p99", figure{name: "N sessions: times the p99 of a batch beside a checkpoint", limit: 1.5, digits: 2}},
	{"p99-beside-ms", figure{name: "the p99 of a batch beside a checkpoint, ms", stated: true, digits: 2}},
	{"p99-without-ms", figure{name: "the p99 of a batch without, ms", stated: true, digits: 2}},
	{"last-checkpoint-s", figure{name: "N sessions: seconds to stop", stated: true, digits: 2}},
	{"restore-s", figure{name: "N sessions: seconds to restore", limit: 5, digits: 2}},
	{"flood-grown-%", figure{name: "flood: % that memory grew by, once at the cap", limit: 1, digits: 2}},
	{"flood-resident-MB", figure{name: "flood: MB resident at its end", stated: true}},
	{"flood-peak-MB", figure{name: "flood: MB resident at most, garbage among them", stated: true}},
	{"flood-survivors-%", figure{name: "flood: % of the sessions in use that survive", limit: 99.9, atLeast: true, digits: 3}},
	{"flood-found-%", figure{name: "flood: % of the sessions that were over before and are served behind it that are found", limit: 100, atLeast: true, digits: 2}},
	{"flood-ns/id", figure{name: "flood: ns for an invented id", stated: true}},
}

// cost is what one core spends: on its wall where the processors' time is not
// known.
func cost(m measured) float64 {
	if m.cpu == 0 {
		return m.wallPerSpan()
	}
	return m.cpuPerSpan()
}

// figure is one line of the table that is compared with a limit.
type figure struct {
	name    string
	limit   float64
	atLeast bool
	stated  bool // and compared with no limit
	value   float64
	digits  int
}

func (f figure) met() bool {
	if f.atLeast {
		return f.value >= f.limit
	}
	return f.value <= f.limit
}

// figures are those that can be told from what was measured.
func (r *resultSet) figures() (all []figure) {
	add := func(f figure, ok bool) {
		if ok {
			all = append(all, f)
		}
	}
	t := r.traces
	us := traceKey{ofSessionTimeout, hundredThousand, 1}
	v, ok := t.ratio(us, traceKey{ofSpanMetrics, hundredThousand, 1}, cost)
	add(figure{name: "100,000 sessions: times the cost of spanmetrics", limit: 0.55, value: v, digits: 2}, ok)
	v, ok = t.ratio(us, traceKey{ofWalk, hundredThousand, 1}, cost)
	add(figure{name: "100,000 sessions: times the cost of the walk", limit: 2.5, value: v, digits: 2}, ok)
	v, ok = t.median(traceKey{ofSessionTimeout, million, 1}, cost)
	add(figure{name: "1,000,000 sessions: ns/span", limit: 250, value: v}, ok)
	v, ok = t.median(us, measured.mallocsPerSpan)
	// What a batch takes is not a span's: less than ten, which is not 0.01.
	add(figure{name: "allocations/span", limit: 0.01, value: v, digits: 3}, ok)
	v, ok = t.gain(ofSessionTimeout, hundredThousand)
	w, walked := t.gain(ofWalk, hundredThousand)
	add(figure{name: "second core: times the gain of the walk", limit: 0.9, atLeast: true, value: v / w, digits: 2}, ok && walked)
	v, ok = t.more(traceKey{ofTenPolicies, policiesLoadName, 1}, traceKey{ofOnePolicy, policiesLoadName, 1}, cost)
	add(figure{name: "ten policies with rules: ns/span more than one", limit: 20, value: v}, ok)
	sessions := thousands(*aloneSessions)
	for _, f := range aloneFigures {
		value, ok := r.alone[f.unit]
		f.value, f.name = value, strings.Replace(f.name, "N ", sessions+" ", 1)
		add(f.figure, ok)
	}
	return all
}

// thousands writes n with commas.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// print writes the comparison; nothing if nothing was measured.
func (r *resultSet) print(to io.Writer) {
	r.printTraces(to)
	r.printHeld(to)
	if all := r.figures(); len(all) > 0 {
		w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "\nsession_timeout\tmeasured\tlimit\t")
		for _, f := range all {
			if f.stated {
				fmt.Fprintf(w, "%s\t%.*f\t\t\n", f.name, f.digits, f.value)
				continue
			}
			sign, verdict := "≤", "met"
			if f.atLeast {
				sign = "≥"
			}
			if !f.met() {
				verdict = "MISSED"
			}
			fmt.Fprintf(w, "%s\t%.*f\t%s %v\t%s\n", f.name, f.digits, f.value, sign, f.limit, verdict)
		}
		w.Flush()
	}
}

func (r *resultSet) printTraces(to io.Writer) {
	t := r.traces
	if len(t) == 0 {
		return
	}
	cores := map[int]bool{}
	for k := range t {
		cores[k.cores] = true
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(to, "\nBatches of 1,024 server spans of 11 attributes; medians of %d runs. CPU ns/span is less disturbed by other work.\n\n", *runs)
	fmt.Fprintln(w, "\tcores\tof\tns/span\tCPU ns/span\tspans/s\tallocs/span\tCPU: / spanmetrics\t/ walk\t")
	for _, l := range loads {
		for _, n := range slices.Sorted(maps.Keys(cores)) {
			for _, s := range subjects {
				k := traceKey{s.name, l.name, n}
				wall, ok := t.median(k, measured.wallPerSpan)
				if !ok {
					continue
				}
				cpu, _ := t.median(k, measured.cpuPerSpan)
				rate, _ := t.median(k, measured.spansPerSecond)
				mallocs, _ := t.median(k, measured.mallocsPerSpan)
				fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%.0f\t%.0f\t%.3f\t%s\t%s\t\n", l.name, n, s.name, wall, cpu, rate, mallocs,
					t.times(k, traceKey{ofSpanMetrics, l.name, n}), t.times(k, traceKey{ofWalk, l.name, n}))
			}
		}
	}
	w.Flush()
	if waited, ok := t.median(traceKey{ofSessionTimeout, hundredThousand, 1}, measured.waited); ok && waited > 0.1 {
		fmt.Fprintf(to, "\nOther work had the processors for %.0f %% of the time: these figures are rough, those of two cores mean nothing.\n", 100*waited)
	}
}

func (t traceResults) times(a, b traceKey) string {
	v, ok := t.ratio(a, b, cost)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}

func (r *resultSet) printHeld(to io.Writer) {
	if len(r.held) == 0 {
		return
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nheld sessions\tcores\tB/session\tCPU ms/garbage collection\t")
	for _, k := range slices.SortedFunc(maps.Keys(r.held), func(a, b heldKey) int {
		return cmp.Or(a.sessions-b.sessions, a.cores-b.cores)
	}) {
		fmt.Fprintf(w, "%d\t%d\t%.0f\t%.1f\t\n", k.sessions, k.cores, r.held[k].bytes, r.held[k].gcMillis)
	}
	w.Flush()
}
