package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// BenchmarkObserveBatch is what the engine alone costs for ordinary requests of
// so many sessions, each on a random one, from batches of 1,024: with what it
// touches in a cache, and from memory.
func BenchmarkObserveBatch(b *testing.B) {
	for _, c := range []struct{ sessions, recent int }{
		{1_000, 10_000},
		{100_000, 10_000},
		{100_000, 1_000_000},
		{1_000_000, 1_000_000},
	} {
		b.Run(fmt.Sprintf("sessions=%d/recent=%d", c.sessions, c.recent), func(b *testing.B) {
			defer asShipped()()
			s := newTraffic(c.sessions)
			e := New(Config{
				Policies: []Policy{{
					Name: "default", IdleTimeout: 30 * time.Minute, AbsoluteTimeout: 12 * time.Hour, Tolerance: 2 * time.Second,
				}},
				DecisionWait: time.Minute, ReorderWindow: 10 * time.Minute, MaxAhead: 5 * time.Minute, MaxAge: 24 * time.Hour,
				MaxSessions: 10_000_000, MaxRecentRequests: c.recent, Shards: 8, MaxServices: 10, Retention: 24 * time.Hour,
				Pseudonym: func(string) fact.Pseudonym { return fact.Pseudonym{1} },
			})
			for s.made < uint64(max(c.sessions, 1_000_000)) {
				e.Observe(s.batch(), s.now, nil)
			}
			e.advance(s.now)
			for range 200 {
				e.Observe(s.batch(), s.now, nil)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var each []float64
			for i := range b.N {
				if i%1000 == 0 {
					e.advance(s.now)
				}
				batch := s.batch()
				start := time.Now()
				e.Observe(batch, s.now, nil)
				each = append(each, float64(time.Since(start))/float64(len(batch)))
			}
			slices.Sort(each) // the first decile is what other work disturbs least
			b.ReportMetric(each[len(each)/10], "ns/fact")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// traffic makes batches of requests that were never there before. The first go
// through all sessions in turn, then each is on a random one.
type traffic struct {
	facts    []fact.Fact
	resource fact.Resource
	sessions uint64
	made     uint64
	now      int64
}

func newTraffic(sessions int) *traffic {
	return &traffic{
		facts: make([]fact.Fact, 1024), sessions: uint64(sessions), now: int64(time.Hour),
		resource: fact.Resource{ServiceName: "web"},
	}
}

func (s *traffic) batch() []fact.Fact {
	for i := range s.facts {
		n := s.made
		if n >= s.sessions {
			n = mix(n, 77) % s.sessions
		}
		s.made++
		s.now += int64(time.Microsecond)
		f := &s.facts[i]
		*f = fact.Fact{
			Session: fact.Name{ID: fact.ID{mix(n+1, 3), n}}, Start: s.now - int64(time.Millisecond), End: s.now, At: s.now - int64(time.Millisecond),
			Resource: &s.resource, Details: fact.Details{Method: "GET", Route: "/products/{id}", Path: "/products/4711", Status: 200},
		}
		binary.LittleEndian.PutUint64(f.Trace[:], mix(s.made, 5))
		binary.LittleEndian.PutUint64(f.Trace[8:], s.made)
		binary.LittleEndian.PutUint64(f.Span[:], s.made)
	}
	return s.facts
}
