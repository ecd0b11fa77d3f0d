package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestOrdinary: each thing that an ordinary request must not be taken beside keeps a
// session from it alone, and not what is only nearly so.
func TestOrdinary(t *testing.T) {
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: 10 * time.Second}}
	e := New(cfg)
	ended := fact.ID{3, 3}
	e.users.ended[ended] = endsOfUser{ends: []ending{{at: 1}}}
	const at = int64(100 * time.Second)
	idle := int64(10 * time.Second)
	quiet := func(tl *timeline, gap int64) {
		tl.first, tl.firstActivity, tl.intervals = at-gap, at-gap, []interval{{at - gap, at - gap, 1}, {at, at, 1}}
	}
	for name, c := range map[string]struct {
		set func(tl *timeline)
		is  bool
	}{
		"as it is":             {func(*timeline) {}, true},
		"no activity":          {func(tl *timeline) { tl.intervals = nil }, false},
		"a fact behind it":     {func(tl *timeline) { tl.newest++ }, false},
		"inactive at its end":  {func(tl *timeline) { tl.lastInactiveStart = at }, true},
		"inactive behind it":   {func(tl *timeline) { tl.lastInactiveStart = at + 1 }, false},
		"no first fact":        {func(tl *timeline) { tl.first = unset }, false},
		"no first activity":    {func(tl *timeline) { tl.firstActivity = unset }, false},
		"an end":               {func(tl *timeline) { tl.ends = make([]ending, 1) }, false},
		"a rotation":           {func(tl *timeline) { tl.rotations = make([]ending, 1) }, false},
		"a lineage":            {func(tl *timeline) { tl.lineage = make([]rotation, 1) }, false},
		"a request inside":     {func(tl *timeline) { tl.nestedStarts = make([]nestedStart, 1) }, false},
		"a lost login":         {func(tl *timeline) { tl.droppedAuthentication = 1 }, false},
		"one lost before 1970": {func(tl *timeline) { tl.droppedAuthentication = -1 }, false},
		"back from an end":     {func(tl *timeline) { tl.back.end = 1 }, false},
		"back from a silence":  {func(tl *timeline) { tl.back.last = 1 }, false},
		"a user":               {func(tl *timeline) { tl.identities = []identity{{at: at, user: fact.ID{1, 1}}} }, true},
		"the same user twice":  {func(tl *timeline) { tl.identities = []identity{{user: fact.ID{1, 1}}, {at: 1, user: fact.ID{1, 1}}} }, true},
		"two users":            {func(tl *timeline) { tl.identities = []identity{{user: fact.ID{1, 1}}, {at: 1, user: fact.ID{2, 2}}} }, false},
		"a user who was ended": {func(tl *timeline) { tl.identities = []identity{{user: ended}} }, false},
		"part of a session":    {func(tl *timeline) { tl.links = []identity{{user: fact.ID{1, 1}}} }, true},
		"of one that ended":    {func(tl *timeline) { tl.links = []identity{{user: fact.ID{1, 1}}, {user: ended}} }, false},
		"policy 15":            {func(tl *timeline) { tl.policies = 1 << 15 }, true},
		"policy 16":            {func(tl *timeline) { tl.policies = 1 << 16 }, false},
		"a silence":            {func(tl *timeline) { quiet(tl, idle) }, true},
		"one that is too long": {func(tl *timeline) { quiet(tl, idle+1) }, false},
		"before its login":     {func(tl *timeline) { quiet(tl, idle+1); tl.authentications = []int64{at - idle} }, true},
	} {
		var tl timeline
		tl.empty(fact.ID{1, 1}, 0)
		tl.first, tl.firstActivity, tl.newest, tl.intervals = at, at, at, []interval{{at, at, 1}}
		c.set(&tl)
		require.Equal(t, c.is, tl.ordinary(&cfg, &e.users), name)
	}
}
