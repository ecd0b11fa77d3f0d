package session

import (
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// TestSideBySide: batches that are taken in parallel come to what they come to
// one after the other. Run it with -race.
func TestSideBySide(t *testing.T) {
	const workers, batches, size = 4, 60, 256
	make1 := func(shards int) *Engine {
		cfg := historyConfig()
		cfg.Shards, cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxAhead = shards, 100_000, 10_000, 24*time.Hour
		cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour, AbsoluteTimeout: 20 * time.Minute, Tolerance: time.Second}}
		return New(cfg)
	}
	// Each worker has sessions of its own: only then is there an order.
	facts := func(worker, batch int) (list []fact.Fact) {
		for i := range size {
			n := uint64(worker*1000 + (batch*size+i*7)%300)
			at := sessiontest.Epoch + int64(batch)*int64(30*time.Second) + int64(i)*int64(time.Millisecond)
			f := fact.Fact{
				Session: fact.Name{ID: fact.ID{mix(n, 1), mix(n, 2)}, Raw: string(rune('a' + n%26))}, Resource: sessiontest.Resources["web"],
				Start: at, End: at + 1000, At: at, Trace: [16]byte{byte(batch), byte(i), byte(worker), byte(i >> 8)}, Span: [8]byte{1},
			}
			switch {
			case i%50 == 49:
				f.Kind = fact.Ended
			case i%70 == 69:
				f.User = sessiontest.UserName(worker)
			}
			list = append(list, f)
		}
		return list
	}
	now := sessiontest.Epoch + int64(time.Hour)
	result := func(e *Engine) (map[uint64]fact.Finding, [VerdictCount]int64) {
		e.advance(now + int64(time.Hour))
		found, verdicts := map[uint64]fact.Finding{}, [VerdictCount]int64{}
		for _, f := range e.takeFindings() {
			f.Revision = 0
			found[f.ID] = f
		}
		e.counters().Requests(func(_ int, _ string, v Verdict, n int64) { verdicts[v] += n })
		return found, verdicts
	}
	alone := make1(1)
	for worker := range workers {
		for batch := range batches {
			alone.Observe(facts(worker, batch), now, func(int, Mark) {})
		}
	}
	want, wantVerdicts := result(alone)
	require.NotEmpty(t, want)

	e := make1(8)
	var together sync.WaitGroup
	for worker := range workers {
		together.Go(func() {
			for batch := range batches {
				list := facts(worker, batch)
				e.Observe(list, now, func(int, Mark) {})
			}
		})
	}
	together.Wait()
	got, verdicts := result(e)
	require.Equal(t, wantVerdicts, verdicts)
	require.ElementsMatch(t, sortedKeys(want), sortedKeys(got))
}

func sortedKeys(m map[uint64]fact.Finding) (ids []uint64) {
	for id := range maps.Keys(m) {
		ids = append(ids, id)
	}
	return ids
}

// TestBatchSizes: a hundred thousand facts in one batch come to what they come to
// one by one.
func TestBatchSizes(t *testing.T) {
	const facts = 100_000
	cfg := historyConfig()
	cfg.Shards, cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxAhead = 8, 50_000, 200_000, 24*time.Hour
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour, AbsoluteTimeout: time.Minute, Tolerance: time.Second}}
	list := make([]fact.Fact, facts)
	for i := range list {
		n := uint64(i % 20_000)
		at := sessiontest.Epoch + int64(i)*int64(time.Millisecond)
		list[i] = fact.Fact{
			Session: fact.Name{ID: fact.ID{mix(n, 1), mix(n, 2)}, Raw: "s"}, Resource: sessiontest.Resources["web"], Start: at, End: at, At: at,
			Trace: [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}, Span: [8]byte{1},
		}
	}
	verdicts := func(size int) (counts [VerdictCount]int64, sessions int) {
		e := New(cfg)
		for rest := list; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			e.Observe(rest[:min(size, len(rest))], sessiontest.Epoch, func(int, Mark) {})
		}
		e.advance(sessiontest.Epoch + int64(time.Hour))
		e.counters().Requests(func(_ int, _ string, v Verdict, n int64) { counts[v] += n })
		return counts, e.sessions()
	}
	want, sessions := verdicts(1)
	require.Positive(t, want[Violation])
	require.Positive(t, want[InTime])
	require.Equal(t, 20_000, sessions)
	for _, size := range []int{2, 1000, facts} {
		got, sessions := verdicts(size)
		require.Equal(t, want, got, size)
		require.Equal(t, 20_000, sessions)
	}
}

// TestOneSession: a session with a million requests a second costs what a million
// sessions with one cost, and no more memory than the recent requests have.
func TestOneSession(t *testing.T) {
	noGoroutine(t)
	cfg := historyConfig()
	cfg.MaxRecentRequests, cfg.MaxAhead = 10_000, 24*time.Hour
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour, AbsoluteTimeout: time.Hour, Tolerance: time.Second}}
	e := New(cfg)
	batch := make([]fact.Fact, 1000)
	const requests = 1_000_000
	name, web := sessiontest.SessionName(0), sessiontest.Resources["web"]
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range requests {
		at := sessiontest.Epoch + int64(i)*int64(time.Microsecond)
		f := &batch[i%len(batch)]
		*f = fact.Fact{Session: name, Resource: web, Start: at, End: at, At: at, Span: [8]byte{1}}
		f.Trace = [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}
		if i%len(batch) == len(batch)-1 {
			e.Observe(batch, at, func(int, Mark) {})
		}
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.Mallocs-before.Mallocs, uint64(10_000))
	require.Equal(t, 1, e.sessions())
	require.LessOrEqual(t, len(e.sessionsIn(0).timelines), 1)
	var judged int64
	e.advance(sessiontest.Epoch + int64(time.Hour))
	e.counters().Requests(func(_ int, _ string, v Verdict, n int64) {
		require.True(t, v == InTime || n == 0, v)
		judged += n
	})
	require.EqualValues(t, requests, judged)
}

func (e *Engine) sessionsIn(shard int) *table { return &e.shards[shard].sessions }

// Whether a session may have been seen before an instant is known of one that is worked on
// and of one that rests.
func TestBeganBefore(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a request at=5s")
	at := s.get(sessiontest.SessionName(0).ID).first
	for _, rests := range []bool{false, true} {
		if rests {
			s.compactAll()
		}
		slot := s.shards[0].sessions.find(sessiontest.SessionName(0).ID)
		require.Equal(t, rests, s.shards[0].sessions.entry(slot).flags&warm == 0)
		require.False(t, s.beganBefore(slot, at))
		require.True(t, s.beganBefore(slot, at+1))
	}
}
