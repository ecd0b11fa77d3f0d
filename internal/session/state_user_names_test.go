package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// A name is kept for a while of a user who was let go of, and of nobody else.
func TestReleasedNames(t *testing.T) {
	u := newUsers()
	a, b, name := fact.ID{7, 1}, fact.ID{7, 2}, fact.Pseudonym{1}
	require.True(t, u.add(a, name))
	u.release(a)
	require.True(t, u.add(a, fact.Pseudonym{}))
	require.Equal(t, name, u.pseudonymOf(a))
	u.release(a)
	require.True(t, u.add(a, fact.Pseudonym{2}))
	require.Equal(t, fact.Pseudonym{2}, u.pseudonymOf(a), "what it is called now")
	u.release(a)
	require.True(t, u.add(b, fact.Pseudonym{}))
	require.Zero(t, u.pseudonymOf(b), "that is another's")
	u.release(b)
	require.True(t, u.add(a, fact.Pseudonym{}))
	require.Equal(t, fact.Pseudonym{2}, u.pseudonymOf(a), "who has no name displaces none")
	last := fact.ID{releasedUsers - 1, 1}
	require.True(t, u.add(last, name))
	u.release(last)
	require.True(t, u.add(last, fact.Pseudonym{}))
	require.Equal(t, name, u.pseudonymOf(last))
}

// So many sessions of one user are known; those beyond are counted. Places are used again.
func TestLinksOfUserAreBounded(t *testing.T) {
	u := newUsers()
	id := fact.ID{1, 1}
	for place := range uint32(maxSessionsOfUser) {
		u.addLink(id, place)
	}
	require.Zero(t, u.lost)
	u.addLink(id, maxSessionsOfUser)
	require.EqualValues(t, 1, u.lost)
	require.EqualValues(t, maxSessionsOfUser, u.get(id).sessions)
	links := len(u.links)
	u.unlink(id, 5)
	u.addLink(id, maxSessionsOfUser)
	require.Len(t, u.links, links)
	require.EqualValues(t, 1, u.lost)
	require.Less(t, links, compact.MaxSlots)
}

// Whoever walks over a user's sessions comes by each that is there, though one that is next
// goes meanwhile, and once more by all where another end came.
func TestWalkOverSessions(t *testing.T) {
	u := newUsers()
	id := fact.ID{1, 1}
	for place := range uint32(4) {
		u.addLink(id, 10+place)
	}
	n := u.number(id)
	walk := func() (places []uint32) {
		for place, ok := u.next(n); ok; place, ok = u.next(n) {
			if places = append(places, place); place == 13 && len(places) == 1 {
				u.unlink(id, 12) // the next one
			}
		}
		return places
	}
	require.True(t, u.begin(n, 1, false))
	require.Equal(t, []uint32{13, 11, 10}, walk())
	require.True(t, u.begin(n, 2, false), "it is over")
	_, ok := u.next(n)
	require.True(t, ok)
	require.False(t, u.begin(n, 3, false))
	require.Equal(t, []uint32{11, 10, 13, 11, 10}, walk())
	_, ok = u.next(n)
	require.False(t, ok)
}

// Ends are those of a user also where only half of the id is known.
func TestEndsByHalfAnID(t *testing.T) {
	u := newUsers()
	id := fact.ID{1, 1}
	require.Empty(t, u.ends(fact.ID{1, 0}))
	require.True(t, u.add(id, fact.Pseudonym{1}))
	require.True(t, u.end(id, ending{at: 5}, 1))
	for _, of := range []fact.ID{id, {1, 0}} {
		require.Len(t, u.ends(of), 1)
	}
	require.Empty(t, u.ends(fact.ID{1, 2}))
	require.Empty(t, u.ends(fact.ID{2, 0}))
}

// Of two who were shown at one instant the one of the first source holds, then the one with
// the greater name.
func TestShownLater(t *testing.T) {
	u := newUsers()
	a, b := fact.ID{1, 1}, fact.ID{2, 2}
	require.True(t, u.add(a, fact.Pseudonym{9}))
	require.True(t, u.add(b, fact.Pseudonym{8}))
	in := []identity{{at: 1, user: a}, {at: 2, user: b, source: 1}, {at: 2, user: a, source: 1}, {at: 2, user: b}, {at: 2, user: a}}
	for i := range in {
		for j := range in {
			got := u.shownLater(in[i], in[j])
			require.Equal(t, i < j, got < 0, "%d %d", i, j)
			require.Equal(t, i == j, got == 0, "%d %d", i, j)
		}
	}
	require.True(t, u.fillsLess(in[3], in[4]))
	require.False(t, u.fillsLess(in[4], in[3]))
	require.False(t, u.fillsLess(in[4], in[4]), "it is not less than itself")
	require.True(t, u.fillsLess(in[2], in[4]), "the first source holds")
}

// Whoever was known by half of an id is named when the whole is heard.
func TestUserIsNamedOnce(t *testing.T) {
	s := newStage(t, standard)
	u := sessiontest.UserName(0)
	s.users.byHash(u.ID[0])
	require.Zero(t, s.users.pseudonymOf(u.ID))
	s.nameUser(&u)
	require.Equal(t, s.cfg.pseudonym(&u), s.users.pseudonymOf(u.ID))
	require.Equal(t, u.ID, s.users.get(u.ID).id)
	other := u
	other.Raw = "whoever"
	s.nameUser(&other)
	require.Equal(t, s.cfg.pseudonym(&u), s.users.pseudonymOf(u.ID), "it has a name")
}
