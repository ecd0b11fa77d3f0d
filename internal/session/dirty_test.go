package session

import (
	"container/list"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestHeldUsers: a user is held until all that was dirty when it was named is clean, once,
// and no longer; what the work that is left does not allow is for the next call.
func TestHeldUsers(t *testing.T) {
	e := New(historyConfig())
	a, b := fact.ID{1, 1}, fact.ID{2, 2}
	for _, id := range []fact.ID{a, b} {
		require.True(t, e.users.add(id, fact.Pseudonym{1}))
	}
	e.cleaned, e.dirty, e.dirtyDone = 10, make([]uint32, 5), 2
	require.EqualValues(t, 13, e.nextTurn())
	e.hold(a)
	e.hold(a)
	e.dirty = append(e.dirty, 0)
	e.hold(b)
	require.Equal(t, []heldUser{{a, 13 + dueOfFact}, {b, 14 + dueOfFact}}, e.held)

	known := func() (list []fact.ID) {
		for _, id := range []fact.ID{a, b} {
			if e.users.get(id) != nil {
				list = append(list, id)
			}
		}
		return list
	}
	for _, c := range []struct {
		cleaned uint64
		work    int
		done    bool
		known   []fact.ID
	}{
		{12 + dueOfFact, 9, true, []fact.ID{a, b}},
		{13 + dueOfFact, 0, false, []fact.ID{a, b}},
		{13 + dueOfFact, 2, true, []fact.ID{b}},
		{14 + dueOfFact, 1, false, nil},
	} {
		e.cleaned = c.cleaned
		e.work.allow(c.work)
		require.Equal(t, c.done, e.releaseHeld(), "%+v", c)
		require.Equal(t, c.known, known(), "%+v", c)
		require.Len(t, e.held, len(c.known), "%+v", c)
	}
}

// TestHeldWhileDirty: where nothing is dirty nobody is held.
func TestHeldWhileDirty(t *testing.T) {
	e := New(historyConfig())
	id := fact.ID{1, 1}
	require.True(t, e.users.add(id, fact.Pseudonym{1}))
	e.hold(id)
	e.work.allow(2)
	require.True(t, e.releaseHeld())
	require.Nil(t, e.users.get(id))
	require.Empty(t, e.held)
}

// TestReach: how much of a session can be judged once more follows the ring.
func TestReach(t *testing.T) {
	cfg := historyConfig()
	for requests, want := range map[int]int{64: minReach, 64 * minReach: minReach, 64 * (minReach + 1): minReach + 1, 1 << 20: 1 << 14} {
		cfg.MaxRecentRequests = requests
		e := Engine{cfg: cfg}
		require.Equal(t, want, e.reach(), "of %d", requests)
	}
}

// What is yet to be done is all that waits.
func TestBacklog(t *testing.T) {
	e := New(historyConfig())
	require.Zero(t, e.backlog())
	e.dirty, e.dirtyDone, e.userEnds, e.strays = make([]uint32, 10), 4, make([]uint32, 3), make([]stray, 2)
	require.Equal(t, 11, e.backlog())
	e.blinded = list.New().PushBack(nil)
	require.Equal(t, 12, e.backlog())
	e.callers.walk.due = true
	require.Equal(t, 13, e.backlog())
}

// Work is taken down to the last unit, and what was not is noted.
func TestTakeWork(t *testing.T) {
	e := New(historyConfig())
	e.work.allow(3)
	require.False(t, e.take(4))
	require.True(t, e.work.cut)
	e.work.cut = false
	require.True(t, e.take(3))
	require.False(t, e.work.cut)
	require.Zero(t, e.work.left)
	require.EqualValues(t, 3, e.work.done)
	require.True(t, e.take(0))
}
