package session

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// What explains a request better: the earlier instant, then what was said
// before what was silent, then a service's name.
func TestEarlier(t *testing.T) {
	in := []expiry{
		{at: 2, typ: fact.EndedSession, by: "a"},
		{at: 2, typ: fact.EndedSession, by: "b"},
		{at: 2, typ: fact.RotatedSession},
		{at: 2, typ: fact.RevokedSession},
		{at: 2, typ: fact.AbsoluteTimeout},
		{at: 3, typ: fact.EndedSession, by: "a"},
		{at: 1, typ: fact.IdleTimeout, by: "a"},
		{at: 1, typ: fact.IdleTimeout, by: "b"},
		{at: 2, typ: fact.IdleTimeout},
	}
	for i := range in {
		for j := range in {
			require.Equal(t, i < j, in[i].earlier(&in[j]), "%d %d", i, j)
		}
	}
}

// chain rotates the first session so many times, once a second.
func (s *stage) chain(steps int) {
	for i := range steps {
		s.now += int64(time.Second)
		s.observe(&fact.Fact{
			Kind: fact.Rotated, Previous: new(sessiontest.SessionName(i)), Session: sessiontest.SessionName(i + 1),
			Start: s.now, End: s.now, At: s.now, Resource: sessiontest.Resources["web"],
		}, s.now)
	}
}

// A lineage is followed for as long as it is, and what has been learnt of an ancestor
// outlives it: the login at its beginning, who was shown there, and what it was part of.
func TestLineageIsUnbounded(t *testing.T) {
	for _, steps := range []int{1, maxLineage - 1, maxLineage, maxLineage + 1, 3 * maxLineage} {
		for _, evicted := range []int{0, 1, steps / 2, steps} {
			larger := sessiontest.SessionName(280)
			begin := func(policy string) *stage {
				s := newStage(t, policy, func(c *Config) { c.MaxSessions = 300; c.ReorderWindow = 24 * time.Hour })
				s.tell("a authenticated at=0s user=u1")
				s.observe(&fact.Fact{
					Kind: fact.Activity, Session: sessiontest.SessionName(0), Linked: &larger, Start: s.now, End: s.now, At: s.now,
					Resource: sessiontest.Resources["web"],
				}, s.now)
				s.chain(steps)
				s.advance(s.now)
				for i := range evicted {
					s.evict(s.get(sessiontest.SessionName(i).ID), s.now, EvictedRetention)
				}
				return s
			}
			s := begin("policy p0 absolute=1h")
			s.served(steps, 2*time.Hour, 0)
			found := s.wait(time.Minute)
			require.Len(t, found, 1)
			require.Equal(t, fact.Confirmed, found[0].State, "%d steps, %d evicted", steps, evicted)
			require.Equal(t, sessiontest.Epoch, found[0].StartedAt, "%d steps, %d evicted", steps, evicted)
			require.Equal(t, "u1", sessiontest.RawOf(found[0].User), "%d steps, %d evicted", steps, evicted)

			s = begin("policy p0")
			s.tell("- ended_user at=2h user=u1")
			s.served(steps, 3*time.Hour, 0)
			s.wait(0)
			require.Equal(t, 1, s.pending(), "%d steps, %d evicted", steps, evicted)
			s = begin("policy p0")
			s.served(steps, 3*time.Hour, 0)
			s.tell("- ended_user at=2h user=u1")
			s.wait(0)
			require.Equal(t, 1, s.pending(), "%d steps, %d evicted: the user leads to it", steps, evicted)
			ended := func() {
				at := sessiontest.Epoch + int64(2*time.Hour)
				s.now = max(s.now, at)
				s.observe(&fact.Fact{Kind: fact.Ended, Session: larger, Start: at, End: at, At: at, Resource: sessiontest.Resources["web"]}, s.now)
			}
			s = begin("policy p0")
			ended()
			s.served(steps, 3*time.Hour, 0)
			found = s.wait(time.Minute)
			require.Len(t, found, 1)
			require.Equal(t, fact.EndedSession, found[0].Type, "%d steps, %d evicted", steps, evicted)
			s = begin("policy p0")
			s.served(steps, 3*time.Hour, 0)
			ended()
			s.wait(0)
			require.Equal(t, 1, s.pending(), "%d steps, %d evicted: the larger session leads to it", steps, evicted)
			if evicted > 0 {
				continue
			}
			s = begin("policy p0 absolute=1h tolerance=1s")
			s.served(steps, time.Hour+2*time.Second, 0)
			s.wait(0)
			require.Equal(t, 1, s.pending(), steps)
			s.tell("a authenticated at=1s")
			s.wait(0)
			require.Zero(t, s.pending(), "a login clears as far as it can accuse: %d", steps)
		}
	}
}

// Without anything else the origin is the rotation; a session of which nothing
// is known but its end lasts since the request itself.
func TestUnknownOrigin(t *testing.T) {
	s := newStage(t, standard)
	s.tell("b rotated from=a at=5s\nc ended at=3s")
	b := s.get(sessiontest.SessionName(1).ID)
	w := s.newEvaluation(b, &record{EffectiveStart: sessiontest.Epoch + int64(time.Minute)})
	require.Equal(t, origin{at: sessiontest.Epoch + int64(5*time.Second), unknownBefore: longAgo}, w.origin())
	c := s.get(sessiontest.SessionName(2).ID)
	w = s.newEvaluation(c, &record{EffectiveStart: sessiontest.Epoch + int64(time.Minute)})
	require.Equal(t, sessiontest.Epoch+int64(time.Minute), w.since)
	require.False(t, w.known)
	require.Zero(t, w.authentication)
	require.EqualValues(t, math.MaxInt64, c.firstActivity)
}

// An end of a user that came behind the window of a session binds what arrives
// after it, and no request before.
func TestLateUserEnd(t *testing.T) {
	for _, c := range []struct {
		name, text string
		suspects   int
	}{
		{"in time", "now=30s - ended_user at=20s user=u1", 1},
		{"late by what a request said", "now=30s - ended_user at=19.999999999s user=u1", 0},
		{"what follows", "now=30s - ended_user at=19s user=u1\nnow=31s a request at=31s", 1},
		{"in time for a rotation away", "a request at=25s\nb rotated from=a at=30s\n- ended_user at=20s user=u1", 2},
	} {
		s := newStage(t, userEnds)
		s.tell("a started at=0s user=u1\na request at=30s\n" + c.text)
		s.wait(0)
		require.Equal(t, c.suspects, s.pending(), c.name)
	}
}

const userEnds = "policy p0 absolute=1h rotation=1h\nconfig window=10s\n"

// What makes an end of a user late is whatever its session was known for when
// it came, and nothing that came afterwards or said nothing.
func TestWhatMakesUserEndsLate(t *testing.T) {
	const request, end = "a request at=25s id=1/1\n", "now=50s - ended_user at=20s user=u1\n"
	for _, c := range []struct {
		name, before, after string
		late                bool
	}{
		{"nothing", "", "", false},
		{"a request as old as the window", "a request at=30s\n", "", false},
		{"a newer request", "a request at=1s..30.000000001s\n", "", true},
		{"a newer request that came afterwards", "", "now=51s a request at=15s..31s\n", false},
		{"a newer request that was refused", "a request at=31s rejected\n", "", false},
		{"a newer event", "a activity at=31s\n", "", true},
		{"a rotation away as old as the window", "b rotated from=a at=30s\n", "", false},
		{"a newer rotation away", "b rotated from=a at=30.000000001s\n", "", true},
		{"a newer rotation away that came afterwards", "", "now=51s b rotated from=a at=31s\n", false},
		{"a second record as old as the window", "now=49s a request at=25s..30s id=1/1 log\n", "", false},
		{"a newer second record", "now=49s a request at=25s..30.000000001s id=1/1 log\n", "", true},
		{"a newer second record that came afterwards", "", "now=51s a request at=25s..31s id=1/1 log\n", false},
		{"a newer second record that was refused", "a request at=15s id=1/9\nnow=49s a request at=15s..31s id=1/9 log rejected\n", "", false},
	} {
		text := userEnds + "a started at=0s user=u1\n" + request + c.before + end + c.after
		require.Empty(t, check(parsedTrial(text), false), c.name)
		s := newStage(t, userEnds)
		s.tell("a started at=0s user=u1\n" + request + c.before + end + c.after)
		late := true
		for _, f := range s.wait(time.Hour) {
			late = late && f.FirstAt != sessiontest.Epoch+int64(25*time.Second)
		}
		require.Equal(t, c.late, late, c.name)
	}
}

// A late end of the session binds what arrives after it.
func TestLateEnd(t *testing.T) {
	for _, c := range []struct {
		name, text string
		suspects   int
	}{
		{"in time", "now=30s a ended at=20s", 1},
		{"late", "now=30s a ended at=19.999999999s", 0},
		{"what follows", "now=30s a ended at=19s\nnow=31s a request at=31s", 1},
		{"a rotation in time", "now=30s b rotated from=a at=20s", 1},
		{"a late rotation", "now=30s b rotated from=a at=19.999999999s", 0},
		{"what follows the rotation", "now=30s b rotated from=a at=19s\nnow=31s a request at=31s", 1},
	} {
		s := newStage(t, "policy p0 absolute=1h\nconfig window=10s")
		s.tell("a started at=0s\na request at=30s\n" + c.text)
		s.wait(0)
		require.Equal(t, c.suspects, s.pending(), c.name)
	}
}

// Of two rotations at one instant, whose origins are at one instant too, the
// first id's is the lineage, whichever came first.
func TestOriginsAtOneInstant(t *testing.T) {
	const a, b = "c rotated from=a at=4s\n", "c rotated from=b at=4s\n"
	for _, order := range []string{a + b, b + a} {
		requireReadings(t, []reading{
			{"the first is known", "policy p0 absolute=10s\na authenticated at=0s\nb activity at=0s\n" + order + "c request at=15s", []string{
				"c absolute_timeout origin=0s known",
			}},
			{"the second is known", "policy p0 absolute=10s\na activity at=0s\nb authenticated at=0s\n" + order + "c request at=15s", []string{
				"c absolute_timeout origin=0s unknown",
			}},
		})
	}
}
