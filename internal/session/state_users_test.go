package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// What is known of users is let go with the last session or end that needs it.
func TestUsersAreForgotten(t *testing.T) {
	u := newUsers()
	a, b := fact.ID{1}, fact.ID{2}
	name := func() { u.add(a, fact.Pseudonym{1}); u.add(b, fact.Pseudonym{2}) }
	known := func(id fact.ID) bool { return u.number(id) != 0 }

	name()
	u.addLink(a, 1)
	u.addLink(a, 2)
	u.addLink(b, 1)
	require.Equal(t, []uint32{2, 1}, slotsOf(&u, a))
	u.unlink(a, 1)
	require.Equal(t, []uint32{2}, slotsOf(&u, a))
	require.True(t, known(a))
	u.unlink(a, 7)
	require.Equal(t, []uint32{2}, slotsOf(&u, a), "it was not there")
	u.unlink(a, 2)
	require.Empty(t, slotsOf(&u, a))
	require.False(t, known(a))
	require.True(t, known(b))
	u.unlink(b, 1)
	require.False(t, known(b))

	name()
	require.True(t, u.end(a, ending{at: 10}, 100))
	require.False(t, u.end(a, ending{at: 10}, 101), "the same")
	require.True(t, u.end(a, ending{at: 20}, 102))
	require.True(t, u.end(b, ending{at: 30}, 103))
	u.addLink(a, 1)
	u.unlink(a, 1)
	require.True(t, known(a), "an end needs it")
	u.addLink(b, 1)

	nobody := func(uint32, int64) bool { return false }
	u.removeOldEnds(100, 100, 10, nobody)
	require.Equal(t, 3, u.came.Len(), "none came before")
	u.removeOldEnds(103, 103, 1, nobody)
	require.Equal(t, []ending{{at: 20}}, u.ends(a), "no more than that many")
	u.removeOldEnds(103, 103, 10, nobody)
	require.Empty(t, u.ends(a))
	require.NotContains(t, u.ended, a)
	require.False(t, known(a))
	require.Equal(t, []ending{{at: 30}}, u.ends(b))
	u.removeOldEnds(200, 250, 1, func(place uint32, at int64) bool { return place == 1 && at == 30 })
	require.Equal(t, []ending{{at: 30}}, u.ends(b), "a session that is known is bound by it")
	u.removeOldEnds(250, 250, 10, nobody)
	require.Equal(t, []ending{{at: 30}}, u.ends(b), "which was asked just now")
	u.removeOldEnds(251, 251, 10, nobody)
	require.NotContains(t, u.ended, b)
	require.True(t, known(b), "a session needs it")
	require.Zero(t, u.came.Len())

	// Of more than are kept one in the middle is given up, the others stay as long as
	// they would.
	for i := range int64(2 * maxInstants) {
		require.True(t, u.end(b, ending{at: 1000 - i}, i))
	}
	require.Len(t, u.ends(b), maxInstants)
	require.EqualValues(t, maxInstants, u.lost)
	require.Equal(t, maxInstants, u.came.Len(), "and nothing is left of those")
	u.removeOldEnds(maxInstants, maxInstants, 4*maxInstants, nobody)
	for _, end := range u.ends(b) {
		require.LessOrEqual(t, end.at, int64(1000-maxInstants), "those that came before are forgotten")
	}
	require.NotEmpty(t, u.ends(b))
}

// A session that shows a user shows it from the earliest time that is known; of
// several it is read again who was shown when.
func TestShowIdentity(t *testing.T) {
	e := New(historyConfig())
	tl := e.timelineOf(&fact.Name{ID: fact.ID{1}, Raw: "a"}, &fact.Fact{}, 0)
	a, b := sessiontest.UserName(0), sessiontest.UserName(1)
	e.nameUser(&a)
	require.Equal(t, dirtyLineage, e.showIdentity(tl, identity{at: 10, user: a.ID}, true))
	require.Equal(t, []uint32{tl.slot}, slotsOf(&e.users, a.ID))
	require.Zero(t, e.showIdentity(tl, identity{at: 10, user: a.ID}, true), "known")
	require.Zero(t, e.showIdentity(tl, identity{at: 11, user: a.ID}, true), "known for longer")
	require.Zero(t, e.showIdentity(tl, identity{at: 9, user: a.ID}, false), "nobody was judged by it")
	require.Equal(t, dirtyLineage, e.showIdentity(tl, identity{at: 8, user: a.ID}, true))
	require.Equal(t, []identity{{at: 8, user: a.ID}}, tl.identities)
	require.Equal(t, dirtyTimeline|dirtyLineage, e.showIdentity(tl, identity{at: 20, user: b.ID}, true))
}

func slotsOf(u *users, id fact.ID) (slots []uint32) {
	user := u.number(id)
	if user == 0 {
		return nil
	}
	u.begin(user, 0, false)
	for place, ok := u.next(user); ok; place, ok = u.next(user) {
		slots = append(slots, place)
	}
	return slots
}

// Whom an id shows that showed nobody, where it was rotated from two at one
// instant: whom the one of the smaller pseudonym showed.
func TestIdentityOfForks(t *testing.T) {
	const a, b = "c rotated from=a at=4s\n", "c rotated from=b at=4s\n"
	for _, order := range []string{a + b, b + a} {
		for _, roots := range []string{
			"a started at=2s user=u1\nb started at=0s user=u2\n",
			"a started at=0s user=u1\nb started at=2s user=u2\n",
		} {
			for user, want := range map[string][]string{"u1": {"c revoked n=1"}, "u2": nil} {
				requireReadings(t, []reading{{user, roots + order + "- ended_user at=6s user=" + user + "\nc request at=9.5s", want}})
			}
		}
	}
}

// An end of a user reaches the requests of every session that ever showed the
// user, though nothing else comes of it.
func TestUserEndReaches(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s user=u1\na request at=3s user=u2\na request at=9s\nadvance")
	s.tell("- ended_user at=4s user=u2")
	s.wait(0)
	require.Equal(t, 1, s.pending())
}

// Where one of two rotations closes a loop the other is followed.
func TestIdentityBesideLoop(t *testing.T) {
	requireReadings(t, []reading{{"revoked", `policy p0 tolerance=1s end=2s rotation=1h
		a started at=0s user=u1
		b rotated from=c at=4s
		b rotated from=a at=4s
		c rotated from=b at=5s
		- ended_user at=6.5s user=u1
		c request at=10s`, []string{"c revoked n=1"}}})
}

// TestTooManyUsers: a user for whom there is no room is counted each time, and
// there is room again when another has gone.
func TestTooManyUsers(t *testing.T) {
	defer func(was int) { maxUsers = was }(maxUsers)
	maxUsers = 2
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour}}
	e := New(cfg)
	show := func(user int) {
		f := fact.Fact{Kind: fact.Authenticated, Session: sessiontest.SessionName(user), User: sessiontest.UserName(user), Start: sessiontest.Epoch, End: sessiontest.Epoch, At: sessiontest.Epoch, Resource: sessiontest.Resources["web"]}
		e.observe(&f, sessiontest.Epoch)
		require.NoError(t, e.audit())
	}
	show(0)
	show(1)
	require.Zero(t, e.counters().Truncated())
	show(2)
	require.EqualValues(t, 1, e.counters().Truncated())
	require.Equal(t, 2, e.users.count)
	e.advance(sessiontest.Epoch)
	e.evict(e.get(sessiontest.SessionName(0).ID), sessiontest.Epoch, EvictedLimit)
	show(3)
	require.EqualValues(t, 1, e.counters().Truncated())
	require.Equal(t, 2, e.users.count)
}

// A user whom a session turns out to have shown when it is read again is known by
// then.
func TestUserIsKnownWhenShown(t *testing.T) {
	require.Empty(t, check(parsedTrial(`policy p0 tolerance=1s
		a request at=34s log user=u2 id=4/5
		a request at=34s user=u1
		advance
		a request at=35s id=4/5
		a request at=50s
		advance
		- ended_user at=34.5s user=u1
		advance
		now=90s a activity at=34.2s`), false))
	s := newStage(t, "policy p0 tolerance=1s")
	s.tell(`a request at=34s log user=u2 id=4/5
		a request at=34s user=u1
		advance
		a request at=36s id=4/5
		advance`)
	u1 := sessiontest.UserName(0)
	require.Len(t, slotsOf(&s.users, u1.ID), 1)
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
