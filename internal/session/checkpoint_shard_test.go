package session

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// layered is an engine whose passes have stored some ranges whole, and of others
// what changed.
type layered struct {
	*testing.T
	e      *Engine
	now    int64
	stored stored
}

func newLayered(t *testing.T) *layered {
	t.Helper()
	cfg := historyConfig()
	cfg.Policies, cfg.MaxSessions = []Policy{{Name: "p0", IdleTimeout: time.Hour}}, 100
	l := &layered{T: t, e: New(cfg), now: sessiontest.Epoch, stored: stored{}}
	for i := range 32 {
		l.tell(i)
	}
	return l
}

// tell lets something happen to a session.
func (l *layered) tell(session int) {
	l.now += int64(time.Millisecond)
	f := fact.Fact{Session: fact.Name{ID: fact.ID{mix(uint64(session), 1), 1}, Raw: "s"}, Start: l.now, End: l.now, At: l.now, Resource: sessiontest.Resources["web"]}
	l.e.observe(&f, l.now)
}

// pass stores what changed, and returns the keys of the sessions among it.
func (l *layered) pass() (keys []string) {
	c := beginPass(l.e, l.now)
	for key, value, ok := c.Next(nil); ok; key, value, ok = c.Next(nil) {
		if strings.HasPrefix(key, "sessions/") {
			keys = append(keys, key)
		}
		l.stored[key] = value
	}
	c.Commit()
	for _, key := range c.Needless() {
		delete(l.stored, key)
	}
	return keys
}

// check restores what is stored and compares it with all that there is.
func (l *layered) check() {
	l.Helper()
	e, why := l.stored.restored(l.e.cfg, l.now)
	if why != "" {
		l.Fatal(why)
	}
	for _, e := range []*Engine{e, l.e} { // there are several ways to write one state
		e.eachTimeline(func(*timeline) {})
		e.compactAll()
	}
	got, want := everything(e, l.now), everything(l.e, l.now)
	for key := range want {
		if strings.HasPrefix(key, "sessions/") && !bytes.Equal(got[key], want[key]) {
			l.Fatalf("%s is\n%q, not\n%q", key, got[key], want[key])
		}
	}
}

// TestLayers: what changed is stored upon what was, until the range has its turn,
// and nothing is left behind.
func TestLayers(t *testing.T) {
	l := newLayered(t)
	if keys := l.pass(); len(keys) != 8 { // ranges of four
		t.Fatalf("at first: %q", keys)
	}
	l.check()
	deltas, most := 0, 0
	for n := range 40 {
		l.tell(5) // one of four
		if n%4 == 3 {
			l.tell(6 + n%20)
		}
		for _, key := range l.pass() {
			if strings.Contains(key, "/00001/") {
				deltas++
			}
		}
		most = max(most, len(l.e.stored[kindSessions][1].deltas))
		l.check()
	}
	if deltas != 40 || most != fullEvery {
		t.Errorf("a range was written %d times, at most in %d layers", deltas, most)
	}
	named := 1
	for _, ranges := range l.e.stored {
		for i := range ranges {
			for _, delta := range ranges[i].deltas {
				named += len(delta.parts)
			}
		}
	}
	if named != len(l.stored) {
		t.Errorf("%d chunks are named, %d are stored: %q", named, len(l.stored), slices.Sorted(maps.Keys(l.stored)))
	}
}

// TestFreedIsStored: a session that is forgotten is not there again.
func TestFreedIsStored(t *testing.T) {
	l := newLayered(t)
	l.pass()
	for _, n := range []int{2, 9, 31} {
		tl := l.e.get(fact.ID{mix(uint64(n), 1), 1})
		l.e.evict(tl, sessiontest.Epoch, EvictedLimit)
		l.e.compactAll()
	}
	if keys := l.pass(); len(keys) != 3 {
		t.Errorf("three ranges changed: %q", keys)
	}
	l.check()
	l.tell(40) // takes a place that is free
	l.pass()
	l.check()
	if e, why := l.stored.restored(l.e.cfg, l.now); why != "" || e.sessions() != 30 || e.get(fact.ID{mix(2, 1), 1}) != nil {
		t.Error(why, e.sessions())
	}
}

// TestLayerIsLost: where one delta of a range is lost, what is older of the range
// does not count, and what is newer does.
func TestLayerIsLost(t *testing.T) {
	l := newLayered(t)
	l.pass()
	l.tell(12)
	l.pass()
	l.tell(13)
	l.pass()
	const n = 3
	deltas := l.e.stored[kindSessions][n].deltas
	if len(deltas) != 3 {
		t.Fatalf("%d layers", len(deltas))
	}
	for lost, want := range []int{30, 29, 28} {
		s := maps.Clone(l.stored)
		key := chunkKey(kindSessions, n, 0, deltas[lost].copy)
		delete(s, key)
		e, res, err := Restore(l.e.cfg, s.get, l.now)
		if err != nil || !slices.Equal(res.Lost, []LostChunk{{key, "missing"}}) || e.sessions() != want {
			t.Errorf("without layer %d: %d sessions, lost %v %v", lost, e.sessions(), res.Lost, err)
		}
		if e.restarted != l.now {
			t.Errorf("without layer %d nothing is doubted", lost)
		}
		if keys := (&layered{T: t, e: e, now: l.now, stored: s}).pass(); len(keys) != 8 {
			t.Errorf("without layer %d what is left is stored as %q", lost, keys)
		}
	}
}

// TestRestoredIsStored: what was restored is not stored once more until it changes.
func TestRestoredIsStored(t *testing.T) {
	l := newLayered(t)
	l.pass()
	l.tell(4)
	l.pass()
	e, why := l.stored.restored(l.e.cfg, l.now)
	if why != "" {
		t.Fatal(why)
	}
	l.e = e
	if keys := l.pass(); len(keys) > 0 {
		t.Errorf("nothing changed: %q", keys)
	}
	l.tell(4)
	if keys := l.pass(); len(keys) != 1 {
		t.Errorf("one range changed: %q", keys)
	}
	l.check()
	cfg := l.e.cfg
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Minute}}
	if l.e, why = l.stored.restored(cfg, l.now); why != "" {
		t.Fatal(why)
	}
	if keys := l.pass(); len(keys) != 8 {
		t.Errorf("a policy changed: %q", keys)
	}
	l.check()
}

// TestCount: how many bits are set in a part, and which is the next.
func TestCount(t *testing.T) {
	var b compact.BitSet
	for _, n := range []int{0, 1, 63, 64, 130, 200} {
		b.Set(n)
	}
	for _, x := range [][3]int{{0, 1, 1}, {0, 64, 3}, {1, 65, 3}, {2, 63, 0}, {60, 70, 2}, {64, 128, 1}, {0, 1000, 6}, {201, 300, 0}} {
		if n := b.Count(x[0], x[1]); n != x[2] {
			t.Errorf("%d in %d to %d, want %d", n, x[0], x[1], x[2])
		}
	}
	var all []string
	for n := b.Next(0, 1000); n < 1000; n = b.Next(n+1, 1000) {
		all = append(all, strconv.Itoa(n))
	}
	if got := strings.Join(all, " "); got != "0 1 63 64 130 200" || b.Next(131, 150) != 150 || b.Next(500, 600) != 600 {
		t.Error(got)
	}
}

// TestFillBesideBatches: what is taken while a chunk is filled is not in it. Run
// it with -race.
func TestFillBesideBatches(t *testing.T) {
	e, now := someLanes()
	e.advance(now)
	e.compactAll()
	want := everything(e, now)
	c := beginPass(e, now)
	var facts []fact.Fact
	for n := range uint64(4000) { // ids that are known, and others
		facts = append(facts, fact.Fact{
			Session: fact.Name{ID: fact.ID{mix(n, 1), mix(n, 2)}, Raw: "s"}, Resource: sessiontest.Resources["web"], Policy: uint8(n % 2), Start: now, End: now + 1, At: now,
		})
	}
	rest := e.route(facts)
	var batch sync.WaitGroup
	batch.Go(func() { e.holdFast(facts, now, rest) })
	s := stored{}
	for key, value, ok := c.Next(nil); ok; key, value, ok = c.Next(nil) {
		s[key] = value
	}
	batch.Wait()
	if rest.len() == len(facts) {
		t.Error("nothing was taken")
	}
	for key := range want {
		if !bytes.Equal(s[key], want[key]) {
			t.Errorf("%s is another", key)
		}
	}
}
