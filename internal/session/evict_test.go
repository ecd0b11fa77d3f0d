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
func TestPartOfEvicted(t *testing.T) {
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

// Where many were rotated from one that gives way, each of which is to listen for many, the
// fact that it gives way to costs no more than another, and who cannot listen is in doubt.
func TestWordIsHandedOnInBounds(t *testing.T) {
	d := tide{change: func(c *Config) { c.MaxSessions = 200 }}
	e, now := tideEngine(&d, 200), sessiontest.Epoch
	tell := func(f fact.Fact) {
		e.observe(&f, now)
		e.advance(now)
	}
	parent, child := tideSession(maxEvictedAncestors+1), func(i int) fact.Name { return tideSession(100 + i) }
	for i := range maxEvictedAncestors + 1 {
		tell(rotatedFact(tideSession(i), tideSession(i+1), i))
		e.evict(e.get(tideSession(i).ID), now, EvictedLimit)
	}
	require.Len(t, e.get(parent.ID).evictedAncestors, maxEvictedAncestors)
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
		case len(tl.evictedAncestors) > 0:
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
