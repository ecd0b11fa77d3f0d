package session

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// agedFacts is how many facts an engine is told before it counts as old, in all:
// SESSION_AGE=10000000 go test -run TestAged.
var agedFacts = environment("SESSION_AGE", 300_000)

// agedID spreads sessions over shards and tables as hashes do.
func agedID(n uint64) fact.ID {
	d := rand.NewPCG(n, 4)
	return fact.ID{d.Uint64(), d.Uint64()}
}

// aging tells an engine what an ordinary day brings, again and again: requests of
// sessions in use, sessions that come and are not heard of again, logins, ends,
// access logs whose spans come later. Its ring has 2,000 places and its table
// 8,000, of which half are in use at the end of the retention.
type aging struct {
	e    *Engine
	now  int64
	n    uint64 // facts
	next uint64 // session
	d    *rand.Rand
}

func newAging() *aging {
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour, AbsoluteTimeout: 12 * time.Hour, Tolerance: time.Second, EndGrace: time.Second}}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.Shards, cfg.Retention = 8000, 2000, 4, 2*time.Hour
	cfg.Pseudonym = func(raw string) (p fact.Pseudonym) {
		copy(p[:], raw)
		return p
	}
	return &aging{e: New(cfg), now: sessiontest.Epoch, next: 1, d: rand.New(rand.NewPCG(firstSeed, 5))}
}

func (a *aging) fact(session uint64) fact.Fact {
	a.n++
	f := fact.Fact{
		Session: fact.Name{ID: agedID(session), Raw: string(binary.BigEndian.AppendUint64(nil, session))}, Start: a.now, End: a.now, At: a.now,
		Resource: sessiontest.Resources["web"], Details: fact.Details{Method: "GET", Route: "/products/{id}", Status: 200},
	}
	binary.BigEndian.PutUint64(f.Trace[:], a.n)
	f.Span[0] = 1
	return f
}

func (a *aging) observe(f *fact.Fact) { a.e.observe(f, a.now) }

// live lets so many facts come, about 2,000 sessions an hour begin, and a third of
// them end as they should.
func (a *aging) live(facts uint64) {
	a.e.advance(a.now)
	for until := a.n + facts; a.n < until; {
		a.now += int64(200 * time.Millisecond)
		if a.n%500 == 0 {
			a.e.advance(a.now)
			a.e.takeFindings()
			a.e.takeMeasured()
		}
		f := a.fact(a.next - min(uint64(a.d.IntN(500)), a.next-1))
		switch a.d.IntN(100) {
		case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9:
			a.next++
			f.Session = a.fact(a.next).Session
		case 10:
			f.Kind, f.User = fact.Authenticated, sessiontest.UserName(a.d.IntN(3000))
		case 11, 12:
			f.Kind = fact.Ended
			a.observe(&f)
			continue
		case 13:
			f.Flags = fact.FromLog
			a.observe(&f)
			f.Flags, f.Details.Path = 0, "/products/4711" // its span
		case 14:
			f.Flags, f.End = fact.Exempt, f.End+int64(time.Second)
		}
		a.observe(&f)
	}
	a.e.advance(a.now)
}

// fast counts how many of so many requests, of new sessions or of those that
// began before, are taken without the engine's lock.
func (a *aging) fast(sessions func(i uint64) uint64, n uint64) (share float64) {
	facts := make([]fact.Fact, n)
	for i := range facts {
		facts[i] = a.fact(sessions(uint64(i)))
	}
	rest := a.e.route(facts)
	a.e.observeFast(facts, a.now, rest)
	share = float64(int(n)-rest.len()) / float64(n)
	a.e.observeSlow(facts, a.now, rest, func(int, Mark) {})
	a.e.advance(a.now)
	return share
}

// findings are what is found of a few sessions that are told a story.
func (a *aging) findings() (found []fact.Finding) {
	a.e.takeFindings()
	a.next += 10
	begin := a.now
	tell := func(session uint64, kind fact.Kind, after time.Duration) {
		a.now = begin + int64(after)
		f := a.fact(a.next - session)
		f.Kind, f.Trace, f.Span = kind, [16]byte{byte(session), byte(after / time.Second)}, [8]byte{byte(kind) + 1}
		a.observe(&f)
	}
	for s := range uint64(4) {
		tell(s, fact.Started, 0)
		tell(s, fact.Request, time.Second)
	}
	tell(0, fact.Ended, 5*time.Second)
	tell(0, fact.Request, 20*time.Second)
	tell(1, fact.Authenticated, 30*time.Second)
	tell(1, fact.Ended, 40*time.Second)
	tell(1, fact.Request, 60*time.Second)
	tell(2, fact.Request, 40*time.Minute)
	tell(3, fact.Request, 62*time.Minute)
	tell(2, fact.Request, 80*time.Minute)
	a.now += int64(a.e.cfg.DecisionWait)
	a.e.advance(a.now)
	for _, f := range a.e.takeFindings() {
		if n := binary.BigEndian.Uint64(f.Session[:8]); n > a.next || n <= a.next-4 {
			continue
		}
		f.ID, f.Session = 0, fact.Pseudonym{byte(a.next - binary.BigEndian.Uint64(f.Session[:8]))}
		for _, at := range []*int64{&f.At, &f.DecidedAt, &f.ExpiredAt, &f.FirstAt, &f.LastAt, &f.StartedAt, &f.LastActivityAt} {
			if *at != 0 {
				*at -= begin
			}
		}
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b fact.Finding) int {
		return cmp.Or(cmp.Compare(a.Session[0], b.Session[0]), cmp.Compare(a.At, b.At))
	})
	return found
}

// held is how many bytes are kept beside the entry of each of so many sessions
// that are new.
func (a *aging) held(n uint64) float64 {
	bytes, there := 0, 0
	first := a.next + 1
	for range n {
		a.next++
		f := a.fact(a.next)
		a.observe(&f)
	}
	a.e.advance(a.now)
	for session := first; session <= a.next; session++ {
		t := &a.e.shardOf(agedID(session)).sessions
		slot := t.find(agedID(session))
		if slot == compact.NoSlot {
			continue // it gave way to the next
		}
		there++
		if more := t.entry(slot).more; more != 0 {
			bytes += t.slab.SizeOf(more)
		}
	}
	return float64(bytes) / float64(there)
}

// TestAged: an engine that has seen many times what it holds finds what a fresh
// one finds, holds a session in as many bytes, takes as many requests by the fast
// path, and has kept its books.
func TestAged(t *testing.T) {
	noGoroutine(t)
	defer asShipped()()
	fresh, aged := newAging(), newAging()
	fresh.live(10_000)
	aged.live(agedFacts)
	require.NoError(t, aged.e.audit())
	turned, unknownBefore := uint64(0), aged.e.counters().Evicted(EvictedRetention)+aged.e.counters().Evicted(EvictedLimit)
	buried := aged.e.tombstones.count
	aged.e.each(func(l *shard) { turned += (l.recent.next - 1) / l.recent.limit / uint64(len(aged.e.shards)) })
	blocks := aged.e.shards[0].recent.details.Blocks()
	t.Logf("%d facts: the ring turned %d times, %d sessions forgotten, %d of %d tombstones used, %d blocks of details",
		aged.n, turned, unknownBefore, buried, aged.e.cfg.MaxSessions, blocks)
	require.LessOrEqual(t, blocks, 3)
	require.Greater(t, turned, agedFacts/3000)
	require.Greater(t, buried, aged.e.cfg.MaxSessions*9/10, "tombstones that were never used")
	require.Positive(t, aged.e.tombstones.displaced.numbered, "nor displaced")

	t.Run("requests of sessions in use", func(t *testing.T) {
		mine := func(a *aging) func(uint64) uint64 { return func(i uint64) uint64 { return a.next - i%300 } }
		was, is := fresh.fast(mine(fresh), 1000), aged.fast(mine(aged), 1000)
		t.Logf("%.3f are taken fast by a fresh engine, %.3f by an aged one", was, is)
		require.InDelta(t, was, is, 0.05)
	})
	t.Run("requests of new sessions", func(t *testing.T) {
		unknown := func(a *aging) func(uint64) uint64 { return func(uint64) uint64 { a.next++; return a.next } }
		was, is := fresh.fast(unknown(fresh), 1000), aged.fast(unknown(aged), 1000)
		t.Logf("%.3f are taken fast by a fresh engine, %.3f by an aged one", was, is)
		require.InDelta(t, was, is, 0.05)
	})
	t.Run("bytes of new sessions", func(t *testing.T) {
		was, is := fresh.held(500), aged.held(500)
		t.Logf("%.1f beside the entry in a fresh engine, %.1f in an aged one", was, is)
		require.InDelta(t, was, is, 0.5)
	})
	t.Run("findings", func(t *testing.T) {
		want := fresh.findings()
		require.Len(t, want, 3)
		require.Equal(t, want, aged.findings())
	})
	require.NoError(t, aged.e.audit())
}
