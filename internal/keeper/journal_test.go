package keeper

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// TestJournalOrder: the journal has facts in the order in which the engine observed them, whoever brings
// them, and a start observes them so once more.
func TestJournalOrder(t *testing.T) {
	const senders, each = 8, 200
	m := newMemory(nil)
	large := func(c *Config) {
		c.Engine.DecisionWait, c.Engine.MaxSessions, c.Engine.MaxRecentRequests = time.Hour, 10_000, 10_000
	}
	k, _ := open(t, m, large)
	k.Start()
	now := time.Now()
	before := make([]fact.Fact, senders*each)
	for n := range before {
		before[n] = request(n, now.Add(-45*time.Minute))
	}
	stored, left := k.Observe(before, now.UnixNano(), unmarked)
	require.Zero(t, left)
	require.NoError(t, stored.Wait(t.Context()))
	first := k.mu.journal.next

	var order []uint64 // as the engine observed them: each is suspected at once
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			var last Receipt
			for n := s * each; n < (s+1)*each; n++ {
				last, _ = k.Observe([]fact.Fact{request(n, now)}, now.UnixNano(), func(int, session.Mark) { order = append(order, uint64(n)+1) })
			}
			if err := last.Wait(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var journaled []uint64
	for n := first; ; n++ {
		value := m.snapshot()[segmentKey(n)]
		if value == nil {
			break
		}
		facts, err := unseal(value, segmentKey(n))
		require.NoError(t, err)
		for len(facts) > 0 {
			f, _, rest, err := fact.Read(facts)
			require.NoError(t, err)
			journaled, facts = append(journaled, f.Session.ID[0]), rest
		}
	}
	require.Len(t, order, senders*each)
	require.Equal(t, order, journaled)
	crashed := m.snapshot()
	want := k.Snapshot()
	stop(t, k)

	again, counted := open(t, newMemory(crashed), large)
	require.Empty(t, counted.lost)
	require.Empty(t, blind(again))
	require.Equal(t, want.Sessions, again.Snapshot().Sessions)
	require.Equal(t, want.Pending, again.Snapshot().Pending)
	stop(t, again)
}

// TestClosed: a batch that was journaled and that nobody has told so is stored or has an answer when the keeper
// closes, and one that comes later is turned away.
func TestClosed(t *testing.T) {
	for name, started := range map[string]bool{"stored": true, "abandoned": false} {
		t.Run(name, func(t *testing.T) {
			k, counted := open(t, newMemory(nil))
			if started {
				k.Start()
			}
			f := request(1, time.Now())
			k.mu.journal.add(&f, time.Now().UnixNano(), k.cfg.Engine.Pseudonym) // and nobody was told
			waits := Receipt{k.mu.journal.group}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			k.Close(ctx)
			if started {
				require.NoError(t, waits.Wait(t.Context()))
			} else {
				require.ErrorIs(t, waits.Wait(t.Context()), ErrStopped)
			}
			stored, left := k.Observe([]fact.Fact{f, f, f}, time.Now().UnixNano(), func(int, session.Mark) { require.Fail(t, "it was observed") })
			require.Equal(t, 3, left)
			require.Nil(t, stored)
			require.NoError(t, k.Stop(t.Context()))
			require.Zero(t, k.Snapshot().Facts(fact.Request))
			require.Equal(t, []error{nil}, counted.checkpoints)
		})
	}
}

// TestBufferIsBounded: what gathers while a segment is written does not take
// all memory.
func TestBufferIsBounded(t *testing.T) {
	j := journal{on: true, undurable: never, wake: make(chan struct{}, 1)}
	f := fact.Fact{Resource: &fact.Resource{}, Session: fact.Name{ID: fact.ID{1, 2}}}
	pseudonym := func(string) fact.Pseudonym { return fact.Pseudonym{} }
	j.add(&f, 7, pseudonym)
	require.False(t, j.overflow())
	j.buffer = append(make([]byte, 0, maxBuffer+1), j.buffer...)[:maxBuffer] // of many more
	require.False(t, j.overflow())
	j.buffer = j.buffer[:maxBuffer+1]
	waiting := j.waiting()
	require.True(t, j.overflow())
	require.NoError(t, waiting.wait(context.Background()), "it passes")
	require.EqualValues(t, 7, j.undurable)
	j.add(&f, 8, pseudonym)
	require.Empty(t, j.buffer, "it is suspended")
	require.Nil(t, j.waiting())
}

// TestAbandonedGroups: stop lets go of a group that nobody writes, and of one
// whose write does not come back.
func TestAbandonedGroups(t *testing.T) {
	gathered, writing := &group{done: make(chan struct{})}, &group{done: make(chan struct{})}
	j := journal{on: true, group: gathered, writing: writing}
	j.abandon(ErrStopped)
	require.ErrorIs(t, gathered.wait(context.Background()), ErrStopped)
	require.ErrorIs(t, writing.wait(context.Background()), ErrStopped)
	writing.end(nil) // it comes back after all
	require.ErrorIs(t, writing.wait(context.Background()), ErrStopped)
	require.Nil(t, j.group)
}
