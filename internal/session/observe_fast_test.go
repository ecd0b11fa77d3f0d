package session

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// asSeen is what e would store and has counted by now, but for when it last looked up a
// resource, under which policy a session was in use last and since when it is looked at more
// closely: those are as they were when it was read again.
func asSeen(e *Engine, now int64) (stored, Stats) {
	e.advance(now)
	for i := range e.services.resources {
		e.services.resources[i].used.Store(0)
	}
	e.eachTimeline(func(t *timeline) { t.policy, t.lastInactiveStart = 0, 0 })
	counted := e.counters()
	return atRest(e, now), Stats{requests: counted.requests, judged: counted.judged, findings: counted.findings, facts: counted.facts, early: counted.early, lost: counted.lost, closed: counted.closed}
}

// beside gives h, but for its end, to an engine and to one that looks at each request
// closely, and returns both and when that was.
func beside(h *trial, steps int) (fast, slow *Engine, now int64) {
	fast, slow, now = New(h.config()), New(h.config()), sessiontest.Epoch
	for i := range h.Steps[:steps] {
		s := &h.Steps[i]
		now = s.Now
		doStep(s, fast)
		if s.Verb != sessiontest.Observe {
			doStep(s, slow)
			continue
		}
		slow.watch(s.Now)
		if order := slow.observed.Add(1); slow.admit(&s.Fact, s.Now) {
			slow.observeAny(&s.Fact, s.Now, order)
		}
	}
	return fast, slow, now
}

// TestFastIsSlow: an engine that looks at each request closely finds, counts and would store
// the same.
func TestFastIsSlow(t *testing.T) {
	noGoroutine(t)
	for seed := range max(histories/200, 500) {
		h := seededHistory(firstSeed+seed, []sessiontest.Delivery{sessiontest.InWindow, sessiontest.AnyOrder}[seed%2])
		fast, slow, now := beside(h, len(h.Steps)*int(1+seed%4)/4)
		have, counted := asSeen(fast, now)
		want, wanted := asSeen(slow, now)
		require.Equal(t, slow.takeFindings(), fast.takeFindings(), "seed %d", firstSeed+seed)
		require.Equal(t, wanted, counted, "seed %d", firstSeed+seed)
		if key := unlike(have, want, func(string) bool { return true }); key != "" {
			t.Fatalf("seed %d: %s is\n%q, not\n%q", firstSeed+seed, key, have[key], want[key])
		}
	}
}

// TestFastIsSlowInLittleRoom: it counts the same requests and verdicts also where they give
// up their places before they are decided.
func TestFastIsSlowInLittleRoom(t *testing.T) {
	noGoroutine(t)
	for seed := range max(histories/200, 500) {
		h := seededHistory(firstSeed+seed, sessiontest.InWindow)
		h.room.requests = 8 + int(seed%40)
		fast, slow, now := beside(h, len(h.Steps))
		for range 3 {
			now += int64(h.Config.DecisionWait)
			fast.advance(now)
			slow.advance(now)
		}
		_, counted := asSeen(fast, now)
		_, wanted := asSeen(slow, now)
		require.Equal(t, wanted.requests, counted.requests, "seed %d", firstSeed+seed)
		require.Equal(t, wanted.judged, counted.judged, "seed %d", firstSeed+seed)
	}
}

// takesFast reports whether the request is taken as an ordinary one, at rest or just behind
// others.
func (s *stage) takesFast(text string) bool {
	s.t.Helper()
	facts := factsOf(text)
	require.Len(s.t, facts, 1)
	rest := s.route(facts)
	require.False(s.t, s.observeFast(facts, max(s.now, facts[0].End), rest))
	return rest.len() == 0
}

// What goes on where its session is costs little, and only that does: each condition at its
// bound.
func TestTakenFast(t *testing.T) {
	const one = "a request at=5s"
	for name, c := range map[string]struct {
		told, request string
		taken         bool
	}{
		"it goes on":                      {one, "a request at=6s", true},
		"under another policy":            {one, "a request at=6s p15", true},
		"under one that has no place":     {one, "a request at=6s p16", false},
		"under none":                      {one, "a request at=6s p-", true},
		"under the policy of the login":   {one + "\na authenticated at=5.5s", "a request at=6s", true},
		"under another than the login's":  {one + "\na authenticated at=5.5s", "a request at=6s p15", false},
		"as old as the window":            {"a request at=1s\na request at=1.1s..100s", "a request at=80s..90s", true},
		"older than it":                   {"a request at=1s\na request at=1.1s..100s", "a request at=80s..89.999999999s", false},
		"the user":                        {one + "\na request at=5.5s user=u1", "a request at=6s user=u1", true},
		"another user":                    {one + "\na request at=5.5s user=u1", "a request at=6s user=u2", false},
		"nobody":                          {one + "\na request at=5.5s user=u1", "a request at=6s", true},
		"a user, the first":               {one, "a request at=6s user=u1", false},
		"it comes first":                  {one, "a request at=4s", true},
		"first, under another policy":     {one, "a request at=4s p1", false},
		"first, under none":               {one, "a request at=4s p-", false},
		"first of several policies":       {one + "\na request at=5.5s p1", "a request at=4s", false},
		"first, but nobody showed a user": {one + "\na request at=5.5s user=u1", "a request at=4s", false},
		"first, but the start is known":   {"a started at=5s", "a request at=4s", false},
		"a request inside another":        {"a request at=1s\na request at=5s..9s id=1/1", "a request at=6s..7s id=1/2", true},
		"and it is known who calls":       {"a request at=1s\na request at=5s..9s id=1/1\ncall id=9/9 at=5s", "a request at=6s..7s id=1/2", false},
		"by its own process":              {"a request at=1s\na request at=5s..9s id=1/1\ncall id=9/9 at=5s", "a request at=6s..7s id=1/2 local", true},
		"by a parent that was seen":       {"a request at=1s\na request at=5s..9s id=1/1\ncall id=1/9 at=5s", "a request at=6s..7s id=1/2 parent=9", true},
		"by one that was not":             {"a request at=1s\na request at=5s..9s id=1/1\ncall id=9/9 at=5s", "a request at=6s..7s id=1/2 parent=9", false},
	} {
		s := newStage(t, "config window=10s\npolicy p0 idle=1h\n"+strings.Repeat("policy p idle=1h\n", 16))
		for line := range strings.Lines(c.told) {
			step := sessiontest.MustParse(line).Steps[0]
			s.now = max(s.now, step.Now)
			doStep(&step, s.Engine)
		}
		s.advance(s.now)
		s.compactAll()
		require.Equal(t, c.taken, s.takesFast(c.request), name)
	}
}

// A request that is taken so starts with the longest that it lies in, were that the last of
// as many as are looked at.
func TestFastStartsWithTheLast(t *testing.T) {
	defer asShipped()()
	s := newStage(t, "policy p0 idle=1h\n", func(c *Config) { c.MaxRecentRequests = 1000 })
	s.tell("a request at=1s")
	facts := factsOf("a request at=5s..100s")
	for i := range fastLooks() {
		facts[i] = inSpan(facts[i], 1, i)
		facts = append(facts, factsOf("a request at=6s..7s")[0])
	}
	last := len(facts) - 1
	facts[last] = inSpan(facts[last], 1, last)
	require.Zero(t, s.Observe(facts[:last], s.now, nil))
	rest := s.route(facts[last:])
	require.False(t, s.observeFast(facts[last:], s.now, rest))
	require.Zero(t, rest.len())
	a := s.get(facts[0].Session.ID)
	require.Equal(t, after(5*time.Second), a.shard.recent.at(a.recent).EffectiveStart)
}

// What gives up its place to an ordinary request is decided at once, or waits if it says
// something of silences; where too many wait the request is looked at closely.
func TestFastMakesRoom(t *testing.T) {
	defer func(was int) { maxLater = was }(maxLater)
	maxLater = 1
	for name, c := range map[string]struct {
		old    string
		change func(r *record)
		dirty  bool
		taken  bool
		later  int
		inTime int64
	}{
		"served":                     {"a request at=5s", nil, false, true, 0, 1},
		"decided already":            {"a request at=5s", func(r *record) { r.state |= decided }, false, true, 0, 0},
		"behind a silence":           {"a request at=5s", func(r *record) { r.state |= afterGap }, false, true, 1, 0},
		"around a rejection":         {"a request at=5s", func(r *record) { r.state |= aroundRejected }, false, true, 1, 0},
		"rejected":                   {"a request at=5s rejected", nil, false, true, 1, 0},
		"it is yet to be placed":     {"a request at=5s", func(r *record) { r.state |= unplaced }, false, false, 0, 0},
		"its session is named later": {"a request at=5s", func(r *record) { r.state |= deferred }, false, false, 0, 0},
		"its session is dirty":       {"a request at=5s", nil, true, false, 0, 0},
	} {
		s := newStage(t, "policy p0 idle=1h\n", func(c *Config) { c.MaxRecentRequests = 2; c.Shards = 1 })
		s.tell(c.old + "\nb request at=6s")
		if c.dirty {
			s.markDirty(s.get(sessiontest.SessionName(0).ID), dirtyVerdicts, cause{at: s.now})
		}
		s.compactAll()
		l := &s.shards[0]
		if c.change != nil {
			c.change(l.recent.at(1))
		}
		require.Equal(t, c.taken, s.takesFast("b request at=7s"), name)
		require.Len(t, l.later, c.later, name)
		s.gather()
		require.Equal(t, c.inTime, s.stats.requests[s.stats.row(0, 1)][InTime], name)
		if c.later == 1 {
			l.recent.at(2).state |= afterGap
			require.False(t, s.takesFast("b request at=8s"), "%s: another waits", name)
			require.Len(t, l.later, 1, name)
		}
	}
}

// What waits to be decided is shared out among the shards, and decided as far as the work
// allows.
func TestDecideLater(t *testing.T) {
	defer func(was int) { maxLater = was }(maxLater)
	maxLater = 8
	require.Equal(t, 2, (&Engine{shards: make([]shard, 4)}).maxLaterOfShard())
	require.Equal(t, 1, (&Engine{shards: make([]shard, 16)}).maxLaterOfShard())
	for work, left := range map[int]int{workOfDecision - 1: 2, workOfDecision: 1, 2 * workOfDecision: 0} {
		s := newStage(t, standard)
		s.tell("a request at=5s rejected\na request at=6s rejected")
		l := &s.shards[0]
		for p := range 2 {
			l.measureLater(l.recent.at(uint64(p + 1)))
		}
		s.work.allow(work)
		require.Equal(t, left == 0, l.decideLater(s.Engine), "%d", work)
		require.Len(t, l.later, left, "%d", work)
	}
}
