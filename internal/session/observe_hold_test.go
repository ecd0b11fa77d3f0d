package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// factsOf are the facts of a history.
func factsOf(text string) (facts []fact.Fact) {
	for _, step := range sessiontest.MustParse(text).Steps {
		facts = append(facts, step.Fact)
	}
	return facts
}

// What was not taken of a batch is what nobody has looked at, and what has been left.
func TestLeftOfBatch(t *testing.T) {
	for want, r := range map[int]remainder{
		0: {facts: make([]uint32, 5), taken: 5},
		3: {facts: make([]uint32, 5), taken: 2},
		4: {unseen: 4},
		7: {facts: make([]uint32, 5), taken: 2, unseen: 4},
	} {
		require.Equal(t, want, r.len())
	}
}

// Ordinary requests are taken beside others that hold the lock as they do.
func TestOrdinaryRequestsShareTheLock(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a request at=0s\nb request at=0s")
	s.compactAll()
	s.mu.RLock()
	defer s.mu.RUnlock()
	taken := make(chan int)
	go func() { taken <- s.Observe(factsOf("a request at=1s\nb request at=2s"), s.now, nil) }()
	select {
	case left := <-taken:
		require.Zero(t, left)
	case <-time.After(10 * time.Second):
		t.Fatal("they wait for all others")
	}
}

// unlikeBatch is one of events and requests, of which one is the first of its session.
func unlikeBatch(s *stage) (facts []fact.Fact) {
	for n, kind := range []fact.Kind{fact.Started, fact.Request, fact.Ended, fact.Request, fact.Request, fact.Request} {
		if f := tideFact(fact.Request, tideSession(n), 0); n != 4 {
			s.observe(&f, s.now)
		}
		facts = append(facts, tideFact(kind, tideSession(n), 1000+n))
	}
	s.compactAll()
	return facts
}

// What is kept of the facts of a batch says in which order they came, whichever way they
// took, and their resource is known for as long.
func TestBatchKeepsItsOrder(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.Shards = 4 })
	facts := unlikeBatch(s)
	base := s.observed.Add(100)
	rest := s.route(facts)
	require.False(t, s.observeFast(facts, s.now, rest))
	require.Equal(t, 2, rest.len(), "events are looked at closely")
	last := base + uint64(len(facts))
	require.GreaterOrEqual(t, s.services.resources[rest.number].used.Load(), last)
	require.False(t, s.observeSlow(facts, s.now, rest, nil))
	for i := range facts {
		tl := s.get(facts[i].Session.ID)
		require.Equal(t, base+uint64(i)+1, tl.shard.recent.at(tl.recent).seq, "fact %d", i)
	}
}

// A resource is known until the last fact that it is of is gone, though one that came before
// is looked at behind it.
func TestResourceIsOfTheLast(t *testing.T) {
	s := newStage(t, standard)
	facts := unlikeBatch(s)
	require.Zero(t, s.Observe(facts, s.now, nil))
	for i := range facts {
		tl := s.get(facts[i].Session.ID)
		r := tl.shard.recent.at(tl.recent)
		require.GreaterOrEqual(t, s.services.resources[r.resource].used.Load(), r.seq, "fact %d", i)
	}
}

// A hold stops taking ordinary requests where there is just room for one more block of those
// that cost the most: of sessions that were looked at closely, with a trace that is as long
// as it may be.
func TestLastBlockOfHold(t *testing.T) {
	defer asShipped()()
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 1000 })
	s.tell("a started at=0s")
	var facts []fact.Fact
	for i := range fastLooks() + 1 {
		f := inSpan(factsOf("a request at=1s")[0], 1, i+1)
		facts = append(facts, f)
	}
	require.Zero(t, s.Observe(facts[:fastLooks()], s.now, nil))
	s.advance(s.now)
	s.touch(s.get(facts[0].Session.ID))
	rest := s.route(facts[fastLooks():])
	require.False(t, s.observeFast(facts[fastLooks():], s.now, rest))
	require.Zero(t, rest.len())
	require.Equal(t, workOfHold, workOfFast()+block*rest.spent)
}

// A hold goes on with the next block, be it of another shard, as long as there is room for
// that.
func TestHoldGoesOn(t *testing.T) {
	defer asShipped()()
	for _, shards := range []int{1, 2} {
		s := newStage(t, standard, func(c *Config) { c.Shards = shards; c.MaxSessions = 1 << 14; c.MaxRecentRequests = 1 << 14 })
		require.Zero(t, workOfFast()%block, "that is what this is about")
		var facts []fact.Fact
		left := [2]int{workOfFast(), workOfFast()} // so many of each shard
		for n := 0; left[0]+left[1] > 0; n++ {
			f := tideFact(fact.Request, tideSession(n), n)
			if shard := &left[f.Session.ID[1]&1]; *shard > 0 {
				*shard--
				facts = append(facts, f)
			}
		}
		rest := s.route(facts)
		require.True(t, s.observeFast(facts, sessiontest.Epoch, rest))
		require.Equal(t, workOfFast()+block, len(facts)-rest.unseen, "%d shards", shards)
		require.Equal(t, workOfFast()+block, rest.spent, "each costs one unit")
	}
}

// A hold takes what has to be looked at closely for as long as one more fact may cost what
// it may, however much was ever done; what is left of it is for what waits.
func TestFactsOfOneHold(t *testing.T) {
	defer asShipped()()
	for _, done := range []uint64{0, 1 << 40} {
		s := newStage(t, standard, func(c *Config) { c.MaxSessions = 1 << 13; c.MaxRecentRequests = 1 << 13 })
		s.work.done = done
		facts := make([]fact.Fact, 1<<13)
		for i := range facts {
			facts[i] = tideFact(fact.Activity, tideSession(i%8), i)
		}
		rest := s.route(facts)
		for s.observeFast(facts, sessiontest.Epoch, rest) {
		}
		spent := func() int { return int(s.work.done-done) + rest.taken }
		require.True(t, s.observeSlow(facts, sessiontest.Epoch, rest, nil))
		require.Equal(t, workOfHold-workOfFact+1, spent(), "each costs one unit")

		few, before := facts[:9], s.work.done
		rest = s.route(few)
		require.False(t, s.observeFast(few, sessiontest.Epoch, rest))
		require.False(t, s.observeSlow(few, sessiontest.Epoch, rest, nil))
		require.Equal(t, workOfHold, s.work.left+rest.spent+rest.taken+int(s.work.done-before))
	}
}

// A fact that is looked at closely has so much less work left as the fast path may have done
// for it.
func TestWorkOfOneFact(t *testing.T) {
	defer asShipped()()
	s := newStage(t, standard)
	for _, f := range factsOf("a started at=0s\na request at=1s\na request at=1s id=1/1\na ended at=1s") {
		before := s.work.done
		s.observeAny(&f, s.now, s.observed.Add(1))
		require.Equal(t, workOfFact, fastLooks()+workOfCompaction+s.work.left+int(s.work.done-before))
	}
}
