package session

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// A tide is a history that an attacker may choose: fact n of it.
type tide struct {
	name   string
	facts  int
	change func(*Config)
	fact   func(n int) fact.Fact
}

func tideID(kind, n int) fact.Name {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], uint64(kind))
	binary.BigEndian.PutUint64(raw[8:], uint64(n))
	return fact.Name{ID: fact.ID{mix(uint64(kind)<<40, uint64(n)), mix(uint64(kind)<<48, uint64(n))}, Raw: string(raw[:])}
}

func tideSession(n int) fact.Name { return tideID(1, n) }
func tideUser(n int) fact.Name    { return tideID(2, n) }

// tideFact is what happens to a session so many milliseconds after the epoch.
func tideFact(kind fact.Kind, session fact.Name, ms int) fact.Fact {
	at := sessiontest.Epoch + int64(ms)*int64(time.Millisecond)
	return fact.Fact{Kind: kind, Session: session, Start: at, End: at, At: at, Resource: sessiontest.Resources["web"], Details: fact.Details{Method: "GET", Path: "/a"}}
}

// inSpan is f with these ids.
func inSpan(f fact.Fact, trace, span int) fact.Fact {
	binary.BigEndian.PutUint64(f.Trace[:], uint64(trace)+1)
	binary.BigEndian.PutUint64(f.Span[:], uint64(span)+1)
	return f
}

func rotatedFact(from, to fact.Name, ms int) fact.Fact {
	f := tideFact(fact.Rotated, to, ms)
	f.Previous = &from
	return f
}

// inTrace is request n of one trace, each a little shorter than the one before it.
func inTrace(n, all int) fact.Fact {
	f := inSpan(tideFact(fact.Request, tideSession(0), 0), 0, n)
	f.Start += int64(n)
	f.End = sessiontest.Epoch + int64(2*all-n)
	f.At = f.Start
	return f
}

func tides(n int) []tide {
	long := func(c *Config) { c.DecisionWait = 5 * time.Minute }
	perRequest := func(c *Config) { c.PerRequest = true }
	return []tide{
		{name: "one id for many users", facts: n, fact: func(i int) fact.Fact {
			f := tideFact(fact.Request, tideSession(0), i)
			f.User = tideUser(i % 97)
			return inSpan(f, i, 0)
		}},
		{name: "newest first", facts: n, fact: func(i int) fact.Fact { return inSpan(tideFact(fact.Request, tideSession(0), 3*(n-i)), i, 0) }},
		{name: "a ring full of what is undecided", facts: n, change: long, fact: func(i int) fact.Fact {
			f := inSpan(tideFact(fact.Request, tideSession(i%3), i), i, 0)
			if i%5 == 0 {
				f.User = tideUser(i % 7)
			}
			return f
		}},
		{name: "span and log of one session", facts: n, fact: func(i int) fact.Fact {
			f := inSpan(tideFact(fact.Request, tideSession(0), i/2), i/2, 0)
			if i%2 == 0 {
				f.Flags, f.Start = fact.FromLog, f.Start-int64(time.Minute)
			}
			return f
		}},
		{name: "rotations of many onto one", facts: n, fact: func(i int) fact.Fact {
			return rotatedFact(tideSession(i+1), tideSession(0), n-i)
		}},
		{name: "rotations of one onto many", facts: n, fact: func(i int) fact.Fact { return rotatedFact(tideSession(0), tideSession(i+1), i) }},
		{name: "a chain", facts: n, fact: func(i int) fact.Fact { return rotatedFact(tideSession(i), tideSession(i+1), i) }},
		{name: "a chain, backwards", facts: n, fact: func(i int) fact.Fact { return rotatedFact(tideSession(n-i), tideSession(n-i+1), n-i) }},
		{name: "loops", facts: n, fact: func(i int) fact.Fact {
			if i%10 == 9 {
				return tideFact(fact.Request, tideSession(i%17), i)
			}
			return rotatedFact(tideSession(i%17), tideSession((i+1)%17), i*7919%n)
		}},
		{name: "a layered graph", facts: n, fact: func(i int) fact.Fact {
			delta, from, to := i/64, i%8, i/8%8
			if i%3 == 0 {
				return tideFact(fact.Request, tideSession(delta*8+to), i)
			}
			return rotatedFact(tideSession(delta*8+from), tideSession((delta+1)*8+to), delta)
		}},
		{name: "rotations onto a hot session", facts: n, fact: func(i int) fact.Fact {
			if i < n/2 {
				return inSpan(tideFact(fact.Request, tideSession(0), i), i, 0)
			}
			return rotatedFact(tideSession(i), tideSession(0), n-i)
		}},
		{name: "logins and ends of a hot session, backwards", facts: n, fact: func(i int) fact.Fact {
			switch {
			case i < n/2:
				return inSpan(tideFact(fact.Request, tideSession(0), i), i, 0)
			case i%2 == 0:
				return tideFact(fact.Ended, tideSession(0), n-i)
			}
			return tideFact(fact.Authenticated, tideSession(0), n-i)
		}},
		{name: "open findings of one session", facts: n, fact: func(i int) fact.Fact {
			if i == 0 {
				return tideFact(fact.Ended, tideSession(0), 0)
			}
			return inSpan(tideFact(fact.Request, tideSession(0), 10_000+i), i, 0)
		}},
		{name: "open findings of one session, one for each request", facts: n, change: perRequest, fact: func(i int) fact.Fact {
			if i == 0 || i == n-2 {
				return tideFact(fact.Ended, tideSession(0), i)
			}
			return inSpan(tideFact(fact.Request, tideSession(0), 10_000+i), i/50, i)
		}},
		{name: "one user everywhere", facts: n, change: func(c *Config) { c.MaxSessions = 1000 }, fact: func(i int) fact.Fact {
			f := inSpan(tideFact(fact.Request, tideSession(i), i), i, 0)
			f.User = tideUser(0)
			return f
		}},
		{name: "ends of users with many sessions", facts: n, fact: func(i int) fact.Fact {
			if i%2 == 0 {
				f := inSpan(tideFact(fact.Request, tideSession(i), i), i, 0)
				f.User = tideUser(i % 2)
				return f
			}
			f := tideFact(fact.EndedUser, fact.Name{}, i-500)
			f.User = tideUser(0)
			return f
		}},
		{name: "ends of a larger session with many parts", facts: n, fact: func(i int) fact.Fact {
			if i%2 == 0 {
				f := inSpan(tideFact(fact.Request, tideSession(i), i), i, 0)
				f.Linked = new(tideSession(1))
				return f
			}
			return tideFact(fact.Ended, tideSession(1), i-500)
		}},
		{name: "larger sessions in circles, rotated", facts: n, fact: func(i int) fact.Fact {
			f := tideFact(fact.Ended, tideSession(i%7), i*7919%n)
			if i%3 != 0 {
				f = rotatedFact(tideSession(i%11), tideSession((i+1)%11), i*7919%n)
			}
			f.Linked = new(tideSession((i + 1) % 7))
			return f
		}},
		{name: "rotations behind ends behind rotations", facts: n, fact: func(i int) fact.Fact {
			f := tideFact(fact.Ended, tideSession((n-i)/2), n-i)
			if i%2 == 0 {
				f = rotatedFact(tideSession((n-i)/2), tideSession((n-i)/2+1), n-i)
			}
			f.User = tideUser(i % 3)
			return f
		}},
		{name: "six users a second on one id, and what continues it", facts: n, fact: func(i int) fact.Fact {
			f := inSpan(tideFact(fact.Request, tideSession(0), 166*i), i, 0)
			if f.User = tideUser(i % 6); i%6 == 5 {
				f = rotatedFact(tideSession(0), tideSession(i), 166*i)
			}
			return f
		}},
		{name: "logins of a sampled session, backwards", facts: n, fact: func(i int) fact.Fact {
			if i%2 == 0 {
				return tideFact(fact.Authenticated, tideSession(0), n-i)
			}
			f := inSpan(tideFact(fact.Request, tideSession(0), n-i), i, 0)
			f.Flags |= fact.Sampled
			return f
		}},
		{name: "starts that requests say, backwards", facts: n, fact: func(i int) fact.Fact {
			f := inSpan(tideFact(fact.Request, tideSession(0), 3*(n-i)), i/2, 0)
			if f.Start -= int64(5 * time.Second); i%2 == 0 {
				f.Kind, f.Flags, f.Start = fact.Started, fact.FromRequest, f.End
			}
			f.At = f.Start
			return f
		}},
		{name: "one trace, each request its own parent", facts: n, fact: func(i int) fact.Fact {
			f := inTrace(i, n)
			f.Parent = f.Span
			return f
		}},
		{name: "one trace", facts: n, fact: func(i int) fact.Fact { return inTrace(i, n) }},
		{name: "one trace, from inside", facts: n, fact: func(i int) fact.Fact { return inTrace(n-i, n) }},
		{name: "one trace of what was served too late", facts: n, fact: func(i int) fact.Fact {
			if i == 0 {
				return tideFact(fact.Ended, tideSession(0), -60_000)
			}
			f := inTrace(n-i, n)
			if i%7 == 0 {
				f.Flags |= fact.FromLog
				f = inSpan(f, 0, n-i+1)
			}
			return f
		}},
		{name: "one trace twice", facts: n, fact: func(i int) fact.Fact { return inTrace(i%(n/2), n) }},
		{name: "rejections of a hot session", facts: n, fact: func(i int) fact.Fact {
			f := inSpan(tideFact(fact.Request, tideSession(0), i*40), i, 0)
			f.Outcome = fact.Outcome(i % 3)
			return f
		}},
		{name: "children of one that gives way and is told of", facts: n, change: func(c *Config) { c.MaxSessions = 1000 }, fact: func(i int) fact.Fact {
			switch i % 4 {
			case 0:
				return tideFact(fact.Authenticated, tideSession(0), i/2)
			case 1:
				return inSpan(tideFact(fact.Request, tideSession(n+i), i), i, 0)
			}
			return rotatedFact(tideSession(0), tideSession(i), i)
		}},
		{name: "a chain whose ids give way and are told of", facts: n, change: func(c *Config) { c.MaxSessions = 1000 }, fact: func(i int) fact.Fact {
			if i%3 == 0 {
				return tideFact(fact.Authenticated, tideSession(max(i-2000, 0)*2/3), i-3000)
			}
			return rotatedFact(tideSession(i*2/3), tideSession(i*2/3+1), i)
		}},
		{name: "invented ids", facts: n, change: func(c *Config) { c.MaxSessions = 1000 }, fact: func(i int) fact.Fact { return inSpan(tideFact(fact.Request, tideSession(i), i), i, 0) }},
	}
}

// spent is the most work that any one call did.
type spent struct{ fact, hold uint64 }

// ride lets a tide come over an engine that also has controls: sessions that are
// served too late, as ordinary ones are. It returns how many of them were confirmed.
func (d *tide) ride(t *testing.T, e *Engine) (most spent, controls, found int) {
	t.Helper()
	now := sessiontest.Epoch + int64(d.facts)*int64(time.Millisecond)
	measured := func(call func()) uint64 {
		before := e.workDone()
		call()
		return e.workDone() - before
	}
	confirmed := map[fact.Pseudonym]bool{}
	advance := func() {
		for more := true; more; {
			most.hold = max(most.hold, measured(func() { more = e.advanceSome(now) }))
		}
		for _, f := range e.takeFindings() {
			if f.State == fact.Confirmed {
				confirmed[f.Session] = true
			}
		}
		e.takeMeasured()
	}
	observe := func(f *fact.Fact) { most.fact = max(most.fact, measured(func() { e.observe(f, now) })) }
	every := d.facts / 100
	control := func(i int) fact.Name { return tideID(3, i) }
	for i := range d.facts {
		f := d.fact(i)
		observe(&f)
		if i%every != every-1 {
			continue
		}
		end := tideFact(fact.Ended, control(i), 0)
		end.Start, end.End, end.At = now-int64(20*time.Second), now-int64(20*time.Second), now-int64(20*time.Second)
		served := inSpan(tideFact(fact.Request, control(i), 0), d.facts+i, 0)
		served.Start, served.End, served.At = now, now, now
		observe(&end)
		observe(&served)
		controls++
		advance()
		now += int64(time.Second)
	}
	now += int64(e.cfg.DecisionWait)
	advance()
	require.Zero(t, e.backlog())
	for i := range d.facts {
		c := control(i)
		if confirmed[e.cfg.Pseudonym(c.Raw)] {
			found++
		}
	}
	return most, controls, found
}

func tideEngine(d *tide, n int) *Engine {
	cfg := historyConfig()
	cfg.Policies = []Policy{
		{Name: "p", IdleTimeout: 30 * time.Second, AbsoluteTimeout: time.Hour, Tolerance: time.Second, EndGrace: time.Second, RotationGrace: time.Second},
	}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.DecisionWait, cfg.Retention = 2*n, n/2, 10*time.Second, time.Hour
	cfg.MaxAhead = time.Hour
	cfg.Pseudonym = func(raw string) (p fact.Pseudonym) {
		copy(p[:], raw)
		return p
	}
	if d.change != nil {
		d.change(&cfg)
	}
	return New(cfg)
}

// TestWorkIsBounded: whatever came before, a fact costs no more than so much work, and
// so does one hold of the lock; what is put off is done in the end, also where each fact
// changes what thousands inherit, and hides no one.
func TestWorkIsBounded(t *testing.T) {
	noGoroutine(t)
	n := int(environment("SESSION_TIDE", 10_000))
	if testing.Short() {
		n = 4_000
	}
	for _, d := range tides(n) {
		e := tideEngine(&d, n)
		most, controls, found := d.ride(t, e)
		t.Logf("%-55s %3d units for a fact, %4d in one hold, %6.1f for each fact", d.name, most.fact, most.hold, float64(e.workDone())/float64(n))
		require.LessOrEqual(t, most.fact, uint64(workOfFact), d.name)
		require.LessOrEqual(t, most.hold, uint64(workOfHold), d.name)
		require.LessOrEqual(t, e.workDone(), uint64(1_000*n), d.name)
		require.Equal(t, controls, found, d.name)
	}
}

// TestTidesMeet: so it is where all come at once, in batches, beside ordinary traffic.
func TestTidesMeet(t *testing.T) {
	noGoroutine(t)
	n := 2_000 // of each: what a chain costs grows with its length
	all := tides(n)
	d := tide{name: "all", facts: len(all) * n, fact: func(i int) fact.Fact {
		which := i % (len(all) + 1)
		if which == len(all) {
			return inSpan(tideFact(fact.Request, tideID(4, i%1000), i/len(all)), i, 5)
		}
		f := all[which].fact(i / (len(all) + 1) % n)
		for _, name := range []*fact.Name{&f.Session, f.Previous} {
			if !name.Key().IsZero() {
				name.ID[1] ^= uint64(which+1) << 40
			}
		}
		return f
	}}
	e := tideEngine(&d, d.facts/4)
	most, controls, found := d.ride(t, e)
	require.LessOrEqual(t, most.fact, uint64(workOfFact))
	require.LessOrEqual(t, most.hold, uint64(workOfHold))
	require.Equal(t, controls, found)
}
