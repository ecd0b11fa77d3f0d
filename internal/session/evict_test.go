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
	const old = "a started at=0s\nb rotated from=a at=5s\nb request at=2m"
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
		"of the one before":           {"a started at=0s\nc rotated from=a at=2s\nb rotated from=c at=5s\nb request at=2m", []int{0, 2}, "a authenticated at=1s", nil, false, fact.Inconclusive},
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
		w.policy, w.begins, w.t.identities, w.t.unknownBefore = &policy, false, c.shown, 300
		n := 0
		w.backEndings(func(x expiry) {
			n++
			require.Empty(t, x.doubt, name)
			require.Equal(t, c.doubt, w.lostDoubt(&x), name)
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

// A session that is silent is kept as long as what it was rotated from may ask it whether an
// end is a rotation, and goes behind that one where both are silent.
func TestSilentIsAskedFor(t *testing.T) {
	for end, kept := range map[string]bool{"5s": true, "4s": true, "6s": true, "3.999999999s": false, "6.000000001s": false} {
		s := newStage(t, "config wait=10s window=1m\npolicy p0 tolerance=1s\n", func(c *Config) { c.Retention = time.Hour })
		s.tell("a activity at=0s user=u1\nb rotated from=a at=5s\na ended at=" + end + "\na request at=20s")
		require.Len(t, s.wait(time.Minute), 1)
		b := sessiontest.SessionName(1).ID
		for range 3 { // a is heard of, b is not
			s.tell("now=" + time.Duration(s.now-sessiontest.Epoch+int64(50*time.Minute)).String() + " a activity at=21s")
			require.Empty(t, s.wait(0), "it stays what it was")
		}
		require.Equal(t, kept, s.get(b) != nil, end)
		s.wait(time.Hour)
		s.wait(1)
		require.Zero(t, s.sessions(), "both are silent")
	}
}

// Two that are rotated to one another do not keep one another.
func TestSilentCircleGoes(t *testing.T) {
	s := newStage(t, "config wait=10s window=1m\npolicy p0\n", func(c *Config) { c.Retention = time.Hour })
	s.tell("b rotated from=a at=5s\na rotated from=b at=5s\na ended at=5s\nb ended at=5s\na rotated from=a at=5s")
	s.wait(time.Minute)
	s.wait(2 * time.Hour)
	require.Zero(t, s.sessions())
}

// That one was part of a larger session which ended is not sure of what gave way: a login
// between, which comes later or was lost, makes it none.
func TestPartThatGaveWay(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		settled       bool
		want          fact.State
	}{
		"ended by it before":          {"a activity at=1s linked=d\nd ended at=20s", "", false, fact.Inconclusive},
		"and nothing more came":       {"a activity at=1s linked=d\nd ended at=20s", "", true, fact.Confirmed},
		"it ended itself":             {"a activity at=1s\na ended at=20s", "", false, fact.Confirmed},
		"a login is lost":             {"a authenticated at=3s", "a activity at=1s linked=d\nd ended at=20s", true, fact.Inconclusive},
		"none":                        {"a activity at=3s", "a activity at=1s linked=d\nd ended at=20s", true, fact.Confirmed},
		"named since it was heard of": {"a authenticated at=3s", "a activity at=10s linked=d\nd ended at=20s", true, fact.Confirmed},
	} {
		t.Run(name, func(t *testing.T) {
			s, states := newStage(t, "config wait=10s window=1h\npolicy p0\n", func(c *Config) { c.Linked = true }), map[string]fact.State{}
			s.tell(c.before)
			s.advance(s.now)
			reason := EvictedLimit
			if c.settled {
				reason = EvictedRetention
			}
			s.evict(s.get(sessiontest.SessionName(0).ID), s.now, reason)
			if c.after != "" {
				s.tell(c.after)
			}
			s.tell("a request at=2m")
			lastStates(s.wait(time.Minute), states)
			require.Equal(t, c.want, states["a"])
		})
	}
}

// What is inherited by a rotation is not sure where an earlier one may be lost: the earliest
// is what an id comes from.
func TestRotationThatGaveWay(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		want   fact.State
	}{
		"a rotation":  {"a rotated from=c at=2s", fact.Inconclusive},
		"none":        {"a activity at=2s", fact.Confirmed},
		"not seen":    {"", fact.Confirmed},
		"but a login": {"a authenticated at=2s", fact.Inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			s, states := newStage(t, "config wait=10s window=1h\npolicy p0\n"), map[string]fact.State{}
			s.tell("b activity at=3s user=u1\n" + c.before)
			s.advance(s.now)
			if c.before != "" {
				s.thrown(0)
			}
			s.tell("a rotated from=b at=10s\n- ended_user at=20s user=u1\na request at=2m")
			lastStates(s.wait(time.Minute), states)
			require.Equal(t, c.want, states["a"])
		})
	}
}

// What is evicted before what it leaves was told leaves it all the same: to what continues
// it, where that is known.
func TestEvictedBeforeItIsTold(t *testing.T) {
	for _, c := range []struct {
		name, before, late string
		suspected          bool
	}{
		{"a login", "b rotated from=a at=55s", "now=56s a authenticated at=50s", false},
		{"no login", "b rotated from=a at=55s", "now=56s a activity at=50s", true},
		{"to one that is gone", "c rotated from=a at=53s\nd activity at=54s\nb rotated from=a at=55s", "now=56s a authenticated at=50s", false},
	} {
		s := newStage(t, "config window=1h\n"+standard, func(c *Config) { c.MaxSessions = 3 })
		s.shards[0].sessions.established = 0
		s.tell("a started at=0s\na request at=1s\n" + c.before + "\nb activity at=55.5s user=u1\nadvance\n")
		s.tell(c.late + "\nz activity at=57s\ny activity at=57s")
		require.Nil(t, s.get(sessiontest.SessionName(0).ID), c.name)
		s.wait(0)
		s.tell("now=62s b activity at=60s\nb activity at=69s\nb request at=70s")
		require.Equal(t, c.suspected, s.pending() > 0, c.name)
	}
}

// What was found of a session and is not so any more is said though the session is thrown
// away before the finding's turn has come.
func TestEvictedBeforeItIsRetracted(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s\na request at=20s")
	require.Len(t, s.wait(time.Minute), 1)
	s.tell("a authenticated at=19s")
	s.work.allow(workOfHold)
	require.True(t, s.resume())
	s.tell("b request at=21s")
	require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit))
	found := s.takeFindings()
	require.Len(t, found, 1)
	require.Equal(t, fact.Retracted, found[0].State)
}
