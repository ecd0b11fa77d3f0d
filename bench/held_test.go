package bench

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// ringOf is how many recent requests are remembered, the default.
const ringOf = 1_000_000

// collectionMillis is what garbage collections cost: the median CPU time of
// one.
func collectionMillis() float64 {
	sample := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	var all []float64
	metrics.Read(sample)
	for before := sample[0].Value.Float64(); len(all) < 9; before = sample[0].Value.Float64() {
		runtime.GC()
		metrics.Read(sample)
		all = append(all, 1000*(sample[0].Value.Float64()-before))
	}
	m, _ := median(all)
	return m
}

// held are the bytes that are reachable, and those that are resident when
// nothing else is.
func held() (reachable, resident float64, err error) {
	reachable = float64(heap())
	debug.FreeOSMemory()
	m, err := readMemory()
	return reachable, float64(m.resident), err
}

// runSettled measures what is left of a session that had two requests.
func runSettled(s scale) (values, error) {
	reachable, resident, err := held()
	if err != nil {
		return nil, err
	}
	gc := collectionMillis()
	c := newCrowd(s.sessions, 1)
	c.visit(s.sessions)
	c.pause(2 * time.Minute)
	c.visit(s.sessions)
	c.settle()
	reachableNow, residentNow, err := held()
	if err != nil {
		return nil, err
	}
	gc = collectionMillis() - gc
	if err := c.holds(s.sessions); err != nil {
		return nil, err
	}
	return values{
		"settled-B/session":          (reachableNow - reachable) / float64(s.sessions),
		"settled-resident-B/session": (residentNow - resident) / float64(s.sessions),
		"gc-added-ms":                gc,
	}, nil
}

// runActive measures sessions that have been in use three times in the last
// twelve minutes, with pauses that are longer than the shortest idle limit.
func runActive(s scale) (values, error) {
	empty := float64(heap())
	few := newCrowd(1000, ringOf)
	for few.facts < 2*ringOf {
		few.visit(1000)
	}
	few.advance()
	ring := float64(heap()) - empty
	if err := few.holds(1000); err != nil {
		return nil, err
	}
	few = nil //nolint:wastedassign // what is held is measured without it
	reachable, resident, err := held()
	if err != nil {
		return nil, err
	}
	c := newCrowd(s.sessions, ringOf)
	for range 3 {
		c.visit(s.sessions)
		c.pause(6 * time.Minute)
	}
	reachableNow, residentNow, err := held()
	if err != nil {
		return nil, err
	}
	return values{
		"active-B/session":          (reachableNow - reachable - ring) / float64(s.sessions),
		"active-resident-B/session": (residentNow - resident - ring) / float64(s.sessions),
		"ring-MB":                   ring / 1e6,
	}, c.holds(s.sessions)
}

// runAdded measures what a session may have beside its activity: the difference
// that it makes.
func runAdded(s scale) (values, error) {
	n := s.sessions / 10
	bytes := func(tell func(c *crowd, i uint64)) (float64, error) {
		before := float64(heap())
		c := newCrowd(n, 1)
		for i := range uint64(n) {
			tell(c, i)
		}
		c.settle()
		return float64(heap()) - before, c.holds(n)
	}
	plain, err := bytes(func(c *crowd, i uint64) { c.tell(c.request(i)) })
	if err != nil {
		return nil, err
	}
	of := values{}
	for unit, tell := range map[string]func(c *crowd, i uint64){
		"pause-B": func(c *crowd, i uint64) {
			f := c.request(i)
			early := f
			early.Start, early.End, early.At = f.Start-int64(9*time.Minute), f.End-int64(9*time.Minute), f.At-int64(9*time.Minute)
			early.Trace[0]++
			c.tell(early)
			c.tell(f)
		},
		"user-B": func(c *crowd, i uint64) {
			f := c.request(i)
			f.User = c.name(i ^ 1<<40)
			c.tell(f)
		},
		"end-B": func(c *crowd, i uint64) {
			c.tell(c.request(i))
			c.tell(c.event(fact.Ended, i))
		},
	} {
		with, err := bytes(tell)
		if err != nil {
			return nil, err
		}
		of[unit] = (with - plain) / float64(n)
	}
	rotated, err := bytes(func(c *crowd, i uint64) {
		c.tell(c.request(i))
		if i%2 == 1 {
			f := c.event(fact.Rotated, i)
			f.Previous = new(c.name(i - 1))
			c.tell(f)
		}
	})
	of["rotation-B"] = (rotated - plain) / float64(n/2)
	return of, err
}

// holds also keeps the engine until here.
func (c *crowd) holds(sessions int) error {
	if got := c.engine.Sessions(); got != sessions {
		return fmt.Errorf("sessions: want %d, got %d", sessions, got)
	}
	return nil
}
