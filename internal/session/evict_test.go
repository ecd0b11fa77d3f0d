package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// thrown lets go of sessions, a is 0, for want of room.
func (s *stage) thrown(ids ...int) {
	s.t.Helper()
	for _, n := range ids {
		tl := s.get(sessiontest.SessionName(n).ID)
		require.NotNil(s.t, tl)
		s.evict(tl, s.now, EvictedLimit)
		require.NoError(s.t, s.audit())
	}
}

// lastStates are in which state each finding of those was sent last.
func lastStates(list []fact.Finding, states map[string]fact.State) {
	for _, f := range list {
		states[sessiontest.RawOf(f.Session)] = f.State
	}
}

const oneMinute = "config wait=10s window=1h\npolicy p0 absolute=1m\n"

// What is told of an id that was thrown away puts what goes on without it in doubt, before it
// is decided and afterwards.
func TestWordOfForgotten(t *testing.T) {
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
func TestWordOfForgottenIsStored(t *testing.T) {
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
func TestForgottenAreBounded(t *testing.T) {
	s := newStage(t, oneMinute)
	tl := s.shardOf(fact.ID{1, 1}).sessions.insert(fact.ID{1, 1})
	for n := range uint64(maxForgotten) {
		s.listenFor(tl, fact.ID{2 + n, 1})
		s.listenFor(tl, fact.ID{2 + n, 1})
	}
	require.Len(t, tl.forgotten, maxForgotten)
	require.Zero(t, s.stats.lost)
	s.listenFor(tl, fact.ID{99, 1})
	require.Len(t, tl.forgotten, maxForgotten)
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

// An end from before it was thrown away is not sure where it shows a user since who would
// begin it, if it was nobody's before.
func TestIdentityOfComeback(t *testing.T) {
	u1 := fact.ID{9, 1}
	for name, c := range map[string]struct {
		evidence fact.Evidence
		shown    []identity
		doubt    string
	}{
		"nobody":                 {fact.EvidenceIdentity, nil, ""},
		"somebody at it":         {fact.EvidenceIdentity, []identity{{at: 100, user: u1}}, ReasonEvicted},
		"within the tolerance":   {fact.EvidenceIdentity, []identity{{at: 95, user: u1}}, ReasonEvicted},
		"before that":            {fact.EvidenceIdentity, []identity{{at: 94, user: u1}}, ""},
		"up to the request":      {fact.EvidenceIdentity, []identity{{at: 205, user: u1}}, ReasonEvicted},
		"behind it":              {fact.EvidenceIdentity, []identity{{at: 206, user: u1}}, ""},
		"the one that it showed": {fact.EvidenceIdentity, []identity{{at: 100, user: u1, source: anySource}}, ""},
		"where that is no start": {fact.EvidencePresented, []identity{{at: 100, user: u1}}, ""},
	} {
		w := backOf(t, comeback{back: true, typ: fact.EndedSession, end: 100}, 200)
		policy := *w.policy
		policy.Evidence = c.evidence
		w.policy, w.begins, w.t.identities = &policy, false, c.shown
		n := 0
		w.backEndings(func(x expiry) {
			n++
			require.Equal(t, c.doubt, x.doubt, name)
		})
		require.Equal(t, 1, n, name)
	}
}

// Whom it inherited is not sure of one that was thrown away for want of room: it may turn out
// not to continue that one. Nor is what ends that user's sessions.
func TestInheritedByThrownAway(t *testing.T) {
	for name, c := range map[string]struct {
		own     string
		settled bool
		want    fact.State
	}{
		"inherited":             {"", false, fact.Inconclusive},
		"and nothing more came": {"", true, fact.Confirmed},
		"its own":               {" user=u1", false, fact.Confirmed},
	} {
		for _, end := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s, states := newStage(t, "config wait=10s window=1h\npolicy p0\n"), map[string]fact.State{}
				s.tell("b activity at=0s user=u1\na rotated from=b at=5s\na request at=6s" + c.own)
				s.advance(s.now)
				if end {
					s.tell("- ended_user at=20s user=u1")
				}
				s.advance(s.now)
				reason := EvictedLimit
				if c.settled {
					reason = EvictedRetention
				}
				s.evict(s.get(sessiontest.SessionName(0).ID), s.now, reason)
				if !end {
					s.tell("- ended_user at=20s user=u1")
				}
				s.tell("a request at=2m")
				lastStates(s.wait(time.Minute), states)
				require.Equal(t, c.want, states["a"])
			})
		}
	}
}

// An end of a larger session that another one named, which was thrown away, is in doubt with
// what it said.
func TestPartOfForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		own, word string
		want      fact.State
	}{
		"none":             {"", "", fact.Confirmed},
		"a login":          {"", "a authenticated at=4s", fact.Inconclusive},
		"it names it, too": {" linked=d", "a authenticated at=4s", fact.Confirmed},
	} {
		t.Run(name, func(t *testing.T) {
			s, states := newStage(t, "config wait=10s window=1h\npolicy p0\n", func(c *Config) { c.Linked = true }), map[string]fact.State{}
			s.tell("a activity at=0s linked=d\nb rotated from=a at=5s\nb request at=6s" + c.own)
			s.advance(s.now)
			s.thrown(0)
			if c.word != "" {
				s.tell(c.word)
			}
			s.tell("d ended at=20s\nb request at=2m")
			lastStates(s.wait(time.Minute), states)
			require.Equal(t, c.want, states["b"])
		})
	}
}

// Where many were rotated from one that gives way, each of which is to listen for many, the
// fact that it gives way to costs no more than another, and who cannot listen is in doubt.
func TestWordIsHandedOnInBounds(t *testing.T) {
	d := tide{change: func(c *Config) { c.MaxSessions = 200 }}
	e, now := tideEngine(&d, 200), sessiontest.Epoch
	tell := func(f fact.Fact) {
		e.observe(&f, now)
		e.advance(now)
	}
	parent, child := tideSession(maxForgotten+1), func(i int) fact.Name { return tideSession(100 + i) }
	for i := range maxForgotten + 1 {
		tell(rotatedFact(tideSession(i), tideSession(i+1), i))
		e.evict(e.get(tideSession(i).ID), now, EvictedLimit)
	}
	require.Len(t, e.get(parent.ID).forgotten, maxForgotten)
	for i := range maxInstants {
		tell(rotatedFact(parent, child(i), 20+i))
	}
	before := e.workDone()
	e.work.allow(workOfFact / 2)
	e.evict(e.get(parent.ID), now, EvictedLimit)
	require.LessOrEqual(t, e.workDone()-before, uint64(workOfFact))
	listen, doubted := 0, 0
	for i := range maxInstants {
		switch tl := e.get(child(i).ID); {
		case len(tl.forgotten) > 0:
			listen++
		case tl.legacy.all[0].unknownBefore == unset:
			doubted++
		}
	}
	require.Positive(t, listen)
	require.Equal(t, maxInstants, listen+doubted)
	require.NoError(t, e.audit())
}

// Whom one inherited that was thrown away is not sure, but it was not heard of before it was
// rotated: what ended that one's sessions by then is nothing to it.
func TestInheritedBehindAnEnd(t *testing.T) {
	s := newStage(t, "config wait=10s window=1h\npolicy p0\n")
	s.tell("c activity at=0s user=u1\n- ended_user at=10s user=u1\nb authenticated at=20s user=u1\na rotated from=b at=25s\na request at=26s")
	s.advance(s.now)
	s.thrown(0)
	s.tell("a request at=2m")
	require.Empty(t, s.wait(time.Minute))
}

// What is taken by an entry alone is as good as what is looked at closely: that a source names
// whom a tombstone told of is kept.
func TestSourceOfComeback(t *testing.T) {
	for _, rests := range []bool{false, true} {
		s, states := newStage(t, "config wait=10s window=1h\npolicy p0 idle=1h\n"), map[string]fact.State{}
		s.tell("b activity at=0s user=u1\na rotated from=b at=5s\na request at=6s")
		s.advance(s.now)
		s.thrown(0)
		s.tell("a request at=30s")
		s.advance(s.now)
		if rests {
			s.compactAll()
		}
		s.tell("a request at=31s user=u1\n- ended_user at=40s user=u1\na request at=2m")
		lastStates(s.wait(time.Minute), states)
		require.Equal(t, fact.Confirmed, states["a"], "rests: %v", rests)
	}
}

// One that was heard of before what now seems to be its lineage may have been rotated from
// another: what that one died of is not sure to be its end.
func TestLineageOfComeback(t *testing.T) {
	for _, away := range []bool{false, true} {
		s, states := newStage(t, "config wait=10s window=1h\npolicy p0 rotation=30s\n"), map[string]fact.State{}
		if away {
			s.tell("b started at=0s\na rotated from=b at=2s\na request at=3s user=u1")
			s.advance(s.now)
			s.thrown(0)
		}
		s.tell("c activity at=1s user=u1\nc ended at=8s\na rotated from=c at=9s\na request at=10s user=u1\na request at=2m")
		lastStates(s.wait(time.Minute), states)
		want := fact.Confirmed
		if away {
			want = fact.Inconclusive
		}
		require.Equal(t, want, states["a"], "away: %v", away)
	}
}
