package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

var user1, user2 = fact.ID{1, 1}, fact.ID{2, 2}

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
