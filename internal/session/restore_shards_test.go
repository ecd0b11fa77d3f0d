package session

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

func atOnce(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// someLanes is an engine of several shards that holds some of everything, and
// until when it was told something.
func someLanes() (*Engine, int64) {
	cfg := historyConfig()
	cfg.Shards, cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxAhead = 8, 3000, 1000, 24*time.Hour
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour, AbsoluteTimeout: 20 * time.Minute}, {Name: "p1", IdleTimeout: 10 * time.Minute}}
	e, d, now := New(cfg), rand.New(rand.NewPCG(firstSeed, 4)), sessiontest.Epoch
	for i := range uint64(10_000) {
		now += int64(time.Second)
		n := d.Uint64N(2000)
		f := fact.Fact{
			Session: fact.Name{ID: fact.ID{mix(n, 1), mix(n, 2)}, Raw: "s"}, Resource: sessiontest.Resources["web"], Policy: uint8(n % 2),
			Start: now - int64(time.Second), End: now, At: now - int64(time.Second), Trace: [16]byte{byte(i), byte(i >> 8), 1}, Span: [8]byte{1},
		}
		switch {
		case i%50 == 49:
			f.Kind = fact.Ended
		case i%60 == 59:
			f.Kind, f.Previous = fact.Rotated, &fact.Name{ID: fact.ID{mix(n+1, 1), mix(n+1, 2)}, Raw: "r"}
		case n%10 == 0:
			f.User = sessiontest.UserName(int(n) % 26)
		}
		e.observe(&f, now)
		if i%100 == 0 {
			e.advance(now)
			e.takeFindings()
		}
	}
	return e, now
}

// TestRestoreSideBySide: shards that are read in parallel come to what they come
// to one after the other, and so does what is lost. Run it with -race.
func TestRestoreSideBySide(t *testing.T) {
	e, now := someLanes()
	s := everything(e, now)
	if len(e.suspects.bySession) == 0 || e.users.count == 0 || e.undecided == 0 {
		t.Fatal("there is not some of everything")
	}
	for _, lost := range []string{"", "sessions/0/00013/0", "recent/0/00002/0", "suspects/0/00000/0"} {
		delete(s, lost)
		e1, res1, err1 := Restore(e.cfg, s.get, now)
		cfg := e.cfg
		cfg.SideBySide = atOnce
		e2, res2, err2 := Restore(cfg, s.get, now)
		if err1 != nil || err2 != nil || !slices.Equal(res1.Lost, res2.Lost) || res1.Sessions != res2.Sessions {
			t.Fatalf("without %q: %v %v, %v %v", lost, res1, err1, res2, err2)
		}
		a, b := everything(e1, now), everything(e2, now)
		for key := range b {
			if !bytes.Equal(a[key], b[key]) {
				t.Errorf("without %q: %s is another", lost, key)
			}
		}
		if e1.undecided != e2.undecided || len(a) != len(b) {
			t.Errorf("without %q: %d undecided, not %d", lost, e2.undecided, e1.undecided)
		}
	}
}
