package session

import (
	"iter"
	"sort"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// durationBounds are the inclusive upper bounds of the buckets that durations
// are counted in: those of the histograms in the processor's metadata.yaml.
var durationBounds = [...]time.Duration{
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 48 * time.Hour, 168 * time.Hour,
}

// Durations are any number of durations in bounded memory: for each bucket, how
// many there were and their sum.
type Durations struct {
	buckets [len(durationBounds) + 1]struct {
		n   int64
		sum float64 // ns; an int64 overflows with 15,000 weeks
	}
}

func (d *Durations) add(ns int64) {
	i := sort.Search(len(durationBounds), func(i int) bool { return ns <= int64(durationBounds[i]) })
	d.buckets[i].n++
	d.buckets[i].sum += float64(ns)
}

// All yields the mean, in seconds, and the number of the durations of each
// bucket that has some. The mean lies in the bucket, so that whoever records it
// as often as that has the right sum and the right count in every bucket.
func (d *Durations) All() iter.Seq2[float64, int64] {
	return func(yield func(float64, int64) bool) {
		for i, b := range d.buckets {
			if b.n == 0 {
				continue
			}
			mean := b.sum / float64(b.n)
			if i > 0 { // rounding may take it out of its bucket
				mean = max(mean, float64(durationBounds[i-1]+1))
			}
			if i < len(durationBounds) {
				mean = min(mean, float64(durationBounds[i]))
			}
			if !yield(mean/1e9, b.n) {
				return
			}
		}
	}
}

// Measured is what was measured since it was last taken. However late that is,
// it has no more entries than there are policies, types and services.
type Measured struct {
	// Lifetimes of the sessions that ended or were evicted, by policy.
	Lifetimes map[int]*Durations
	// Overruns of the requests that were confirmed as violations.
	Overruns map[Rule]*Durations
	// Propagations are the times from an end to such a request, by service.
	Propagations map[string]*Durations
}

// Rule is what a violation violated.
type Rule struct {
	Policy int
	Type   fact.Type
}

// measure adds a duration to those of key.
func measure[K comparable](m *map[K]*Durations, key K, ns int64) {
	d := (*m)[key]
	if d == nil {
		if *m == nil {
			*m = map[K]*Durations{}
		}
		d = &Durations{}
		(*m)[key] = d
	}
	d.add(ns)
}

// TakeMeasured returns what was measured since the last call.
func (e *Engine) takeMeasured() Measured {
	out := e.stats.measured
	e.stats.measured = Measured{}
	return out
}

// reportLifetime measures how long a session was in use, once for each start, under
// the policy that governed it last; one that none governed is nobody's.
func (e *Engine) reportLifetime(t *timeline) {
	if t.reported || t.firstActivity == unset || t.policy == fact.NoPolicy {
		return
	}
	t.reported = true
	measure(&e.stats.measured.Lifetimes, int(t.policy), t.newest-t.first)
}
