package session

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

var user1, user2 = fact.ID{1, 1}, fact.ID{2, 2}

// Of a user that a session showed for so long as many are kept as there is room for beside
// the last changes.
func TestLongFirstUser(t *testing.T) {
	var list []identity
	for at := range int64(100) {
		user := user1
		if at >= 70 && at%2 == 0 {
			user = user2
		}
		list = append(list, identity{at: at, user: user})
	}
	want, wanted := naivelyBounded(slices.Clone(list), nil, 0)
	got, from := boundIdentities(slices.Clone(list), nil, 0)
	require.Equal(t, want, got)
	require.Equal(t, wanted, from)
	require.Len(t, got, maxIdentities/2+maxRuns)
}

// So many times may come late whom a session showed; of more not all is known from the last
// that is left out on.
func TestLateTimesAreBounded(t *testing.T) {
	for times, wanted := range map[int]int64{maxLateIdentities: longAgo, maxLateIdentities + 1: 101, maxLateIdentities + 2: 101} {
		u := newUsers()
		var list []identity
		for n := range times { // one of the eighth time is the latest
			at := int64(10 + n)
			if n == maxLateIdentities-1 {
				at = 100
			}
			list = append(list, identity{at: at, user: fact.ID{uint64(n + 1), 1}, effectiveSeq: uint64(n + 1)})
		}
		_, from := u.joinIdentities(list, nil, 5)
		require.Equal(t, wanted, from, "%d", times)
	}
}

// What one source names again, and to no more of those who may yet be judged, says nothing
// new: in one run of one user, up to the next login.
func TestRelevantIdentities(t *testing.T) {
	first := identity{at: 10, user: user1, effectiveSeq: 5}
	for name, c := range map[string]struct {
		next identity
		kept bool
	}{
		"the same to the same":  {identity{at: 20, user: user1, effectiveSeq: 5}, false},
		"the same to fewer":     {identity{at: 20, user: user1, effectiveSeq: 6}, false},
		"the same to more":      {identity{at: 20, user: user1, effectiveSeq: 4}, true},
		"to all":                {identity{at: 20, user: user1}, true},
		"by another source":     {identity{at: 20, user: user1, effectiveSeq: 5, source: 1}, true},
		"another user":          {identity{at: 20, user: user2, effectiveSeq: 5}, true},
		"with the login":        {identity{at: 30, user: user1, effectiveSeq: 5}, true},
		"just before the login": {identity{at: 29, user: user1, effectiveSeq: 5}, false},
	} {
		u := newUsers()
		got := u.relevant([]identity{c.next, first}, []int64{30})
		require.Equal(t, c.kept, len(got) == 2, "%s: %v", name, got)
		require.Equal(t, first, got[0], name)
	}
}

// Who is shown once more after a login is kept where as many users as may be are counted
// since then.
func TestShownSinceEachLogin(t *testing.T) {
	for most, want := range map[int]int{0: 2, 1: 3, 5: 3} {
		u := newUsers()
		list := []identity{{at: 1, user: user1}, {at: 2, user: user2}, {at: 8, user: user2}}
		kept, from := u.joinEffective(list, []int64{5}, most)
		require.Len(t, kept, want, "%d", most)
		require.EqualValues(t, longAgo, from)
	}
}

// An end that may bind one of a user's sessions is kept; of many sessions not all are asked.
func TestOldEndsOfManySessions(t *testing.T) {
	for sessions, kept := range map[uint32]bool{maxEndLooks - 1: false, maxEndLooks: false, maxEndLooks + 1: true} {
		u := newUsers()
		require.True(t, u.add(user1, fact.Pseudonym{1}))
		for place := range sessions {
			u.addLink(user1, place)
		}
		require.True(t, u.end(user1, ending{at: 10}, 100))
		asked := uint32(0)
		u.removeOldEnds(200, 300, 1, func(uint32, int64) bool { asked++; return false })
		require.Equal(t, min(sessions, maxEndLooks), asked)
		require.Equal(t, kept, len(u.ends(user1)) == 1, "%d", sessions)
	}
}

// Of more ends than are remembered the one that came first is given up, and counted.
func TestEndsOfUsersAreBounded(t *testing.T) {
	defer func(was int) { maxUsersEnded = was }(maxUsersEnded)
	maxUsersEnded = 2
	u := newUsers()
	for n := range uint64(3) {
		id := fact.ID{n + 1, 1}
		require.True(t, u.add(id, fact.Pseudonym{1}))
		require.Zero(t, u.lost)
		require.True(t, u.end(id, ending{at: 10}, int64(n)))
	}
	require.EqualValues(t, 1, u.lost)
	require.Equal(t, 2, u.came.Len())
	require.Empty(t, u.ends(fact.ID{1, 1}))
	require.Len(t, u.ends(fact.ID{3, 1}), 1)
}

// There are so many links between users and sessions, and room for another where one was
// taken back.
func TestUserLinksAreBounded(t *testing.T) {
	defer func(was int) { maxUserLinks = was }(maxUserLinks)
	maxUserLinks = 2
	u := newUsers()
	require.True(t, u.add(user1, fact.Pseudonym{1}))
	for place, lost := range []int64{0, 0, 1} {
		u.addLink(user1, uint32(place))
		require.Equal(t, lost, u.lost, "%d", place)
	}
	u.unlink(user1, 0)
	u.addLink(user1, 7)
	require.EqualValues(t, 1, u.lost)
	require.Equal(t, []uint32{7, 1}, slotsOf(&u, user1))
}

// Each user who may be known has a place in the index, and a number that an entry can hold.
func TestUserNumbersFit(t *testing.T) {
	require.Less(t, maxUsers, compact.MaxSlots)
	x := entry{user: uint32(maxUsers)}
	require.EqualValues(t, maxUsers, x.userNumber())
}
