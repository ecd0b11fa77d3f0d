package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

const oneMinute = "config wait=10s window=1h\npolicy p0 absolute=1m\n"

// What is told of an id that was thrown away puts what goes on without it in doubt, before it
// is decided and afterwards.
func TestWordOfEvicted(t *testing.T) {
	const (
		old   = "a started at=0s\nb rotated from=a at=5s\nb request at=2m"
		line  = "a started at=0s\nc rotated from=a at=2s\nb rotated from=c at=5s\nb request at=2m"
		shown = "a started at=0s user=u1\na request at=1s user=u1\nb rotated from=a at=5s\nb request at=2m"
	)
	for name, c := range map[string]struct {
		before string
		throw  []int
		word   string // told of what was thrown away
		again  []int  // thrown away once more, before anybody heard of it
		heard  bool   // or after that
		want   fact.State
	}{
		"none":                        {old, []int{0}, "", nil, false, fact.Confirmed},
		"a login before the rotation": {old, []int{0}, "a authenticated at=4s", nil, false, fact.Inconclusive},
		"an end before it":            {old, []int{0}, "a ended at=3s", nil, false, fact.Inconclusive},
		"one behind it":               {old, []int{0}, "a authenticated at=9s", nil, false, fact.Confirmed},
		"which was thrown away anew":  {old, []int{0}, "a authenticated at=9s", []int{0}, false, fact.Confirmed},
		"the same user behind it":     {shown, []int{0}, "a request at=2m user=u1", nil, false, fact.Confirmed},
		"and before it":               {shown, []int{0}, "a request at=2s user=u1", nil, false, fact.Inconclusive},
		"of the one before":           {line, []int{0, 2}, "a authenticated at=1s", nil, false, fact.Inconclusive},
		"which went after that":       {line, []int{2, 0}, "a authenticated at=1s", nil, false, fact.Inconclusive},
		"and it is thrown away anew":  {old, []int{0}, "a authenticated at=4s", []int{0}, false, fact.Inconclusive},
		"which was heard of":          {old, []int{0}, "a authenticated at=4s", []int{0}, true, fact.Inconclusive},
		"that another source names the user who ended": {
			"a activity at=1s user=u2/1\nb rotated from=a at=2s\n- ended_user at=4s user=u2\nb request at=9s user=u1", []int{0}, "a request at=41s user=u2", nil, false, fact.Inconclusive,
		},
		"of what it was not from": {"b started at=0s\nc rotated from=a at=5s\nb request at=2m\nc request at=6s", []int{0}, "a authenticated at=4s", nil, false, fact.Confirmed},
	} {
		for _, decided := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s, states := newStage(t, oneMinute), map[string]fact.State{}
				s.tell(c.before)
				s.advance(s.now)
				s.thrown(c.throw...)
				if decided {
					lastStates(s.wait(time.Minute), states)
					require.Equal(t, fact.Confirmed, states["b"])
				}
				if c.word != "" {
					s.tell(c.word)
				}
				if c.heard {
					s.advance(s.now)
				}
				s.thrown(c.again...)
				lastStates(s.wait(time.Minute), states)
				require.Equal(t, c.want, states["b"])
				require.NoError(t, s.audit())
			})
		}
	}
}

// Who listens is found by a checkpoint, too.
func TestWordOfEvictedIsStored(t *testing.T) {
	s, states := newStage(t, oneMinute), map[string]fact.State{}
	s.tell("a started at=0s\nb rotated from=a at=5s\nb request at=2m")
	s.advance(s.now)
	s.thrown(0)
	lastStates(s.wait(time.Minute), states)
	require.Equal(t, fact.Confirmed, states["b"])
	e, _, err := Restore(s.cfg, everything(s.Engine, s.now).get, s.now)
	require.NoError(t, err)
	s.Engine = e
	s.tell("a authenticated at=4s")
	lastStates(s.wait(time.Minute), states)
	require.Equal(t, fact.Inconclusive, states["b"])
}

// Two that go on without one another, or of which one was rotated from the other, tell each
// other once.
func TestWordGoesRoundOnce(t *testing.T) {
	for name, join := range map[string]func(s *stage, a, b *timeline){
		"both listen": func(s *stage, a, b *timeline) { s.listenFor(a, b.id) },
		"one is rotated to the other": func(_ *stage, a, b *timeline) {
			b.rotations = []ending{{at: 5, other: a.id}}
			a.lineage = []rotation{{at: 5, from: b.id}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, oneMinute)
			s.tell("a activity at=0s\nb activity at=0s")
			a, b := s.get(sessiontest.SessionName(0).ID), s.get(sessiontest.SessionName(1).ID)
			a.back.back, b.back.back = true, true
			s.listenFor(b, a.id)
			join(s, a, b)
			s.markDirty(a, dirtyLineage, cause{at: s.now})
			for range 5 {
				s.work.allow(1 << 12)
				require.True(t, s.resume())
			}
			require.Empty(t, s.userEnds, "it goes on for ever")
			require.Zero(t, a.dirty|b.dirty)
		})
	}
}

// For how many ids that were thrown away one listens is bounded, and what that costs counted.
func TestEvictedAncestorsAreBounded(t *testing.T) {
	s := newStage(t, oneMinute)
	tl := s.shardOf(fact.ID{1, 1}).sessions.insert(fact.ID{1, 1})
	for n := range uint64(maxEvictedAncestors) {
		s.listenFor(tl, fact.ID{2 + n, 1})
		s.listenFor(tl, fact.ID{2 + n, 1})
	}
	require.Len(t, tl.evictedAncestors, maxEvictedAncestors)
	require.Zero(t, s.stats.lost)
	s.listenFor(tl, fact.ID{99, 1})
	require.Len(t, tl.evictedAncestors, maxEvictedAncestors)
	require.EqualValues(t, 1, s.stats.lost)
}

// Of those that go on without a session only so many hear at once that it is thrown away anew.
func TestHeirsAreBounded(t *testing.T) {
	s := newStage(t, oneMinute, func(c *Config) { c.MaxSessions = 4 * maxHeirs })
	for n := range maxHeirs + 1 {
		tl := s.shardOf(fact.ID{2 + uint64(n), 1}).sessions.insert(fact.ID{2 + uint64(n), 1})
		tl.lineage = []rotation{{at: sessiontest.Epoch, from: sessiontest.SessionName(0).ID}}
		tl.legacy = legacy{all: []heritage{noHeritage}}
		s.listenFor(tl, sessiontest.SessionName(0).ID)
	}
	s.tell("a activity at=0s")
	a := s.get(sessiontest.SessionName(0).ID)
	a.back.back, a.dirty = true, a.dirty|dirtyLineage
	s.doubtHeirs(a)
	doubted := 0
	s.each(func(l *shard) {
		for _, slot := range takenSlots(&l.sessions) {
			if tl := l.sessions.peek(slot); len(tl.legacy.all) == 1 && tl.legacy.all[0].unknownBefore == unset {
				doubted++
			}
		}
	})
	require.Equal(t, maxHeirs, doubted)
	require.EqualValues(t, 1, s.stats.lost)
}
