package session

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// naivelyBounded reads what boundIdentities says, one by one: of too many are kept the first
// user, the last changes, and of those before that, since each login and by each source, so
// many users and one more. from: what came before is not all kept.
func naivelyBounded(list []identity, logins []int64, most int) (kept []identity, from int64) {
	changes, first := 0, 0
	for i := len(list) - 1; i > 0 && first == 0; i-- {
		if list[i-1].user != list[i].user {
			if changes++; changes == maxRuns {
				first = i
			}
		}
	}
	low := slices.IndexFunc(list, func(i identity) bool { return i.user != list[0].user })
	if low < 0 {
		low = len(list)
	}
	if first <= low && len(list) <= maxIdentities {
		return list, longAgo
	}
	type period struct {
		logins int
		source uint8
	}
	users := map[period][]fact.ID{}
	for i, w := range list {
		p := period{loginsUntil(logins, w.at), w.source}
		known := slices.Contains(users[p], w.user)
		take := i >= first
		if i < first && most > 0 && !known && len(users[p]) <= most {
			users[p] = append(users[p], w.user)
			take = i >= low
		}
		if take || i < low && i < maxIdentities/2 {
			kept = append(kept, w)
		}
	}
	from = list[first].at
	if n := len(kept) - maxIdentities; n > 0 {
		kept = slices.Delete(kept, 1, 1+n)
		from = max(from, kept[1].at)
	}
	return kept, from
}

// What is kept of identities is what is said, however many they are.
func TestIdentitiesAreBoundedAsSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []identity
		users := rapid.IntRange(1, 12).Draw(t, "users")
		for at := range rapid.IntRange(1, 100).Draw(t, "identities") {
			list = append(list, identity{at: int64(at), user: fact.ID{uint64(rapid.IntRange(1, users).Draw(t, "user")), 1}, source: uint8(rapid.IntRange(0, 1).Draw(t, "source"))})
		}
		var logins []int64
		for range rapid.IntRange(0, 3).Draw(t, "logins") {
			logins = append(logins, rapid.Int64Range(0, 100).Draw(t, "login"))
		}
		slices.Sort(logins)
		most := rapid.IntRange(0, 4).Draw(t, "most")
		want, wanted := naivelyBounded(slices.Clone(list), logins, most)
		got, from := boundIdentities(slices.Clone(list), logins, most)
		if !slices.Equal(got, want) || from != wanted {
			t.Fatalf("of %v with logins %v, at most %d\ngot  %v from %d\nwant %v from %d", list, logins, most, got, from, want, wanted)
		}
		if len(got) > maxIdentities {
			t.Fatalf("%d are kept", len(got))
		}
	})
}

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
