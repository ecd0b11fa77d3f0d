package bench

import (
	"encoding/binary"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// epoch is when the crowds' clocks start.
const epoch = int64(1_700_000_000_000_000_000)

// idleLimit is the idle timeout that governs the crowds' requests.
const idleLimit = 30 * time.Minute

// crowd tells an engine of sessions by the million, without telemetry. Its clock
// is its own.
type crowd struct {
	engine    *session.Engine
	now       int64
	suspected int

	batch    []fact.Fact
	names    [8 * batchSpans]fact.Pseudonym
	named    uint64
	facts    uint64
	advanced int64
	resource fact.Resource
}

func newCrowd(sessions, recent int) *crowd {
	return &crowd{
		now: epoch, advanced: epoch, batch: make([]fact.Fact, 0, batchSpans), resource: fact.Resource{ServiceName: "web"},
		engine: session.New(session.Config{
			Policies: []session.Policy{
				{Name: "payments", IdleTimeout: 5 * time.Minute, AbsoluteTimeout: time.Hour, Tolerance: 2 * time.Second},
				{Name: "default", IdleTimeout: idleLimit, AbsoluteTimeout: 12 * time.Hour, Tolerance: 2 * time.Second},
			},
			DecisionWait: time.Minute, ReorderWindow: 10 * time.Minute, MaxAhead: 5 * time.Minute, MaxAge: 24 * time.Hour,
			MaxSessions: sessions, MaxRecentRequests: recent, Shards: 8, MaxServices: 1000, Retention: 24 * time.Hour, UpdateInterval: time.Minute,
		}),
	}
}

// request is one of session n that ends now.
func (c *crowd) request(n uint64) fact.Fact {
	start := c.now - int64(time.Millisecond)
	f := fact.Fact{
		Session: c.name(n), Policy: 1, Start: start, End: c.now, At: start,
		Details: fact.Details{Method: "GET", Route: "/products/{id}", Path: "/products/4711", Status: 200},
	}
	binary.LittleEndian.PutUint64(f.Trace[:], scatter(c.facts))
	binary.LittleEndian.PutUint64(f.Trace[8:], c.facts+1)
	binary.LittleEndian.PutUint64(f.Span[:], c.facts+1)
	return f
}

// event is one of session n, now.
func (c *crowd) event(kind fact.Kind, n uint64) fact.Fact {
	return fact.Fact{Kind: kind, Session: c.name(n), Start: c.now, End: c.now, At: c.now}
}

// tell gives the engine f, soon. A second has room for a million facts.
func (c *crowd) tell(f fact.Fact) {
	c.facts++
	c.now += int64(time.Microsecond)
	f.Resource = &c.resource
	if c.batch = append(c.batch, f); len(c.batch) == cap(c.batch) {
		c.flush()
	}
}

// flush gives the engine what waits, and decides once a second what is due.
func (c *crowd) flush() {
	c.engine.Observe(c.batch, c.now, func(int, session.Mark) { c.suspected++ })
	c.batch = c.batch[:0]
	if c.now-c.advanced >= int64(time.Second) {
		c.advance()
	}
}

func (c *crowd) advance() {
	for c.engine.Advance(c.now) {
	}
	c.engine.TakeMeasured()
	c.advanced = c.now
}

// pause lets time pass.
func (c *crowd) pause(d time.Duration) {
	c.flush()
	c.now += int64(d)
	c.advance()
}

// visit tells of a request of each of the first n sessions.
func (c *crowd) visit(n int) {
	for i := range uint64(n) {
		c.tell(c.request(i))
	}
	c.flush()
}

// settle lets everything be decided that waits.
func (c *crowd) settle() {
	c.pause(2 * time.Minute)
	c.engine.TakeFindings()
}

// name is what the n-th session or user is called. It is valid until a few
// batches later.
func (c *crowd) name(n uint64) fact.Name {
	p := &c.names[c.named%uint64(len(c.names))]
	c.named++
	*p = fact.Pseudonym{}
	binary.LittleEndian.PutUint64(p[:], n+1)
	return fact.Name{ID: fact.ID{scatter(n), n + 1}, Pseudonym: p}
}

// scatter is the finaliser of splitmix64, a bijection.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
