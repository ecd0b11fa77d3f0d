package session

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What explains a request better: the earlier instant, then what was said
// before what was silent, then a service's name.
func TestEarlier(t *testing.T) {
	in := []expiry{
		{at: 1, typ: IdleTimeout, by: "z"},
		{at: 2, typ: EndedSession, by: "a"},
		{at: 2, typ: EndedSession, by: "b"},
		{at: 2, typ: RotatedSession},
		{at: 2, typ: RevokedSession},
		{at: 2, typ: AbsoluteTimeout},
		{at: 2, typ: IdleTimeout},
	}
	for i := range in {
		for j := range in {
			require.Equal(t, i < j, in[i].earlier(&in[j]), "%d %d", i, j)
		}
	}
}

// A lineage is followed for so many steps: what lies further back is unknown.
func TestLineageIsBounded(t *testing.T) {
	for steps, known := range map[int]bool{maxLineage - 1: true, maxLineage: true, maxLineage + 1: false} {
		s := newStage(t, "policy p0 absolute=1h", func(c *Config) { c.MaxSessions = 100 })
		s.tell("a authenticated at=0s user=u1")
		for i := range steps {
			s.now += int64(time.Second)
			s.Observe(&Fact{
				Kind: Rotated, Previous: sessionName(i), Session: sessionName(i + 1),
				Start: s.now, End: s.now, At: s.now, Resource: resources["web"],
			}, s.now)
		}
		s.served(steps, 2*time.Hour, 0)
		found := s.wait(time.Minute)
		require.Len(t, found, 1)
		require.Equal(t, known, found[0].StartedAt == epoch, steps)
		require.Equal(t, known, text(found[0].User) == "u1", steps)
	}
}

// Without anything else the origin is the rotation; a session of which nothing
// is known but its end lasts since the request itself.
func TestUnknownOrigin(t *testing.T) {
	s := newStage(t, standard)
	s.tell("b rotated from=a at=5s\nc ended at=3s")
	b := s.sessions.get(sessionName(1).ID)
	w := s.newPast(b, &record{Eff: epoch + int64(time.Minute)})
	require.Equal(t, origin{at: epoch + int64(5*time.Second)}, w.origin())
	c := s.sessions.get(sessionName(2).ID)
	w = s.newPast(c, &record{Eff: epoch + int64(time.Minute)})
	require.Equal(t, epoch+int64(time.Minute), w.since)
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
	} {
		s := newStage(t, "policy p0 absolute=1h rotation=1h\nconfig window=10s")
		s.tell("a started at=0s user=u1\na request at=30s\n" + c.text)
		s.wait(0)
		require.Equal(t, c.suspects, s.Pending(), c.name)
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
		require.Equal(t, c.suspects, s.Pending(), c.name)
	}
}
