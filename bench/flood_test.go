package bench

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// runFlood drives invented ids into an engine as fast as it takes them. Half of
// its places belong to sessions that are in use. A hundredth as many sessions
// were over before, and are served behind it. Every other invented id comes twice.
func runFlood(s scale) (values, error) {
	limit := s.sessions / 10
	live, over := uint64(limit/2), uint64(limit/200)
	c := newCrowd(limit, ringOf)
	name := uint64(1 << 40) // of the next invented id

	for n := live; n < live+over; n++ {
		c.tell(c.request(n))
		c.tell(c.event(fact.Ended, n))
	}
	c.pause(30 * time.Minute)
	var visited int64
	for range 4 {
		c.pause(2 * time.Minute)
		c.visit(int(live))
		visited = c.now
	}
	for c.engine.Sessions() < limit || name < 1<<40+2*ringOf { // everything is full before it is measured
		c.tell(c.request(name))
		name++
	}
	c.flush()
	began, from := time.Now(), name
	var early float64 // resident, without garbage
	for elapsed := time.Duration(0); elapsed < s.flood; elapsed = time.Since(began) {
		for range 100 * batchSpans {
			c.tell(c.request(name))
			if name%2 == 0 { // some come again
				c.tell(c.request(name))
			}
			name++
		}
		if early == 0 && time.Since(began) > s.flood/6 {
			var err error
			if _, early, err = held(); err != nil {
				return nil, err
			}
		}
	}
	c.flush()
	took := time.Since(began)
	m, err := readMemory()
	if err != nil {
		return nil, err
	}
	_, late, err := held()
	if err != nil {
		return nil, err
	}
	found := c.served(live, over)
	of := values{
		"flood-ns/id":       float64(took.Nanoseconds()) / float64(name-from),
		"flood-survivors-%": 100 * float64(c.survivors(live, visited)) / float64(live),
		"flood-found-%":     100 * float64(found) / float64(over),
	}
	if m.peak > 0 {
		of["flood-grown-%"] = 100 * (late/early - 1)
		of["flood-resident-MB"], of["flood-peak-MB"] = late/1e6, float64(m.peak)/1e6
	}
	return of, c.holds(limit)
}

// served tells of two requests of each of n sessions from first on, which are
// over, and counts the findings. Some of the requests come late.
func (c *crowd) served(first, n uint64) (found int) {
	const pause = int64(idleLimit + time.Minute)
	for i := first; i < first+n; i++ {
		at := c.now
		if i%2 == 0 {
			at = epoch + int64(2*time.Minute) + pause
		}
		for _, at := range []int64{at - pause, at} {
			f := c.request(i)
			f.Start, f.End, f.At = at, at, at
			c.tell(f)
		}
	}
	c.pause(2 * time.Minute)
	for _, f := range c.engine.TakeFindings() {
		if f.Type == fact.EndedSession {
			found++
		}
	}
	return found
}

// survivors counts which of the first n sessions, last visited at visited, are
// still known: their next request, longer than the idle limit after their last,
// is suspected. To an engine that has forgotten them it is their first.
func (c *crowd) survivors(n uint64, visited int64) int {
	c.pause(time.Duration(visited-c.now) + idleLimit + 5*time.Second)
	c.suspected = 0
	c.visit(int(n))
	return c.suspected
}
