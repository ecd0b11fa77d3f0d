package session

import (
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// BenchmarkCheckpoint stores sessions, and restores them. Bytes are per session.
func BenchmarkCheckpoint(b *testing.B) {
	const sessions = 200_000
	defer asShipped()()
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour}}
	cfg.MaxSessions, cfg.MaxRecentRequests = sessions, sessions/10
	e := New(cfg)
	at := sessiontest.Epoch
	for i := range uint64(2 * sessions) {
		at += int64(time.Millisecond)
		f := fact.Fact{Session: fact.Name{ID: fact.ID{i % sessions * 0x9e3779b97f4a7c15, 1}, Raw: "s"}, Start: at, End: at, At: at, Resource: sessiontest.Resources["web"]}
		f.Trace[0], f.Trace[1], f.Trace[2], f.Span[0] = byte(i), byte(i>>8), byte(i>>16), 1
		e.observe(&f, at)
	}
	s := everything(e, at)
	b.Run("store", func(b *testing.B) {
		var bytes int
		var worst time.Duration
		buf := make([]byte, 0, 2<<20)
		for b.Loop() {
			e.shards[0].changed, e.stored, bytes = changes{}, [kindCount][]chunkRange{}, 0
			began := time.Now()
			c := beginPass(e, at)
			for {
				_, value, ok := c.Next(buf)
				if worst = max(worst, time.Since(began)); !ok {
					break
				}
				buf = value
				bytes += len(value)
				began = time.Now()
			}
			c.Commit()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sessions, "ns/session")
		b.ReportMetric(float64(bytes)/sessions, "B/session")
		b.ReportMetric(float64(worst.Microseconds()), "µs/worst-chunk")
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			if _, why := s.restored(cfg, at); why != "" {
				b.Fatal(why)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sessions, "ns/session")
	})
}

// TestOnlyChanges: what did not change is not written again; what an aborted
// checkpoint took is.
func TestOnlyChanges(t *testing.T) {
	defer fewerSessions(1)()
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour}}
	e := New(cfg)
	tell := func(session int, at int64) {
		at += sessiontest.Epoch
		f := fact.Fact{Session: sessiontest.SessionName(session), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"]}
		e.observe(&f, at)
	}
	for i := range 10 {
		tell(i, int64(i))
	}
	pass := func(commit bool) (keys []string) {
		c := beginPass(e, sessiontest.Epoch)
		for key, _, ok := c.Next(nil); ok; key, _, ok = c.Next(nil) {
			keys = append(keys, key)
		}
		if commit {
			c.Commit()
		} else {
			c.Abort()
		}
		return keys
	}
	// Two sessions, and eight records, make a range.
	if all := pass(true); all[len(all)-1] != manifestKey || len(all) < 9 {
		t.Errorf("at first: %q", all)
	}
	if keys := pass(true); len(keys) != 1 || keys[0] != manifestKey {
		t.Errorf("nothing changed: %q", keys)
	}
	tell(4, 20)
	e.advance(sessiontest.Epoch)
	changed := pass(false)
	has := func(keys []string, want ...string) {
		t.Helper()
		for _, key := range keys {
			if len(want) > 0 && key == want[0] {
				want = want[1:]
			}
		}
		if len(want) > 0 {
			t.Errorf("no %q in %q", want, keys)
		}
	}
	has(changed, "recent/1/00001/0", "sessions/1/00002/0", manifestKey)
	if len(changed) > 5 {
		t.Errorf("one session changed: %q", changed)
	}
	// Both copies may be what a manifest means.
	has(pass(true), "recent/2/00001/0", "sessions/2/00002/0", manifestKey)
	tell(4, 30)
	has(pass(true), "recent/0/00001/0", "sessions/0/00002/0", manifestKey)
	if _, _, ok := beginPass(e, sessiontest.Epoch).Next(nil); !ok {
		t.Error("not even a head")
	}
}

// fewerSessions lets a range have so few sessions, as a power of two, until what
// it returns is called.
func fewerSessions(bits int) (restore func()) {
	was := sessionBits
	sessionBits = bits
	return func() { sessionBits = was }
}

// beginPass begins a checkpoint, and leaves what was decided to the engine.
func beginPass(e *Engine, now int64) *Checkpoint {
	c, found := e.BeginCheckpoint(now)
	e.out = found
	return c
}
