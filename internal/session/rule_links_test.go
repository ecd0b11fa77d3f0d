package session

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// What is inherited of one larger session joins where it meets, and is bounded.
func TestHeldLinksJoin(t *testing.T) {
	a, b := fact.ID{1, 1}, fact.ID{2, 2}
	for name, c := range map[string]struct {
		add  heldLink
		want []heldLink
	}{
		"inside":              {heldLink{a, 12, 18}, []heldLink{{a, 10, 20}}},
		"around":              {heldLink{a, 5, 25}, []heldLink{{a, 5, 25}}},
		"over the beginning":  {heldLink{a, 5, 15}, []heldLink{{a, 5, 20}}},
		"over the end":        {heldLink{a, 15, 25}, []heldLink{{a, 10, 25}}},
		"up to the beginning": {heldLink{a, 5, 10}, []heldLink{{a, 5, 20}}},
		"from the end":        {heldLink{a, 20, 25}, []heldLink{{a, 10, 25}}},
		"before it":           {heldLink{a, 5, 9}, []heldLink{{a, 10, 20}, {a, 5, 9}}},
		"behind it":           {heldLink{a, 21, 25}, []heldLink{{a, 10, 20}, {a, 21, 25}}},
		"another":             {heldLink{b, 12, 18}, []heldLink{{a, 10, 20}, {b, 12, 18}}},
	} {
		h := heritage{links: []heldLink{{a, 10, 20}}}
		h.link(c.add)
		require.Equal(t, c.want, h.links, name)
		require.False(t, h.moreLinks, name)
	}
	var h heritage
	for i := range uint64(maxHeldLinks + 1) {
		require.False(t, h.moreLinks)
		h.link(heldLink{id: fact.ID{i + 1, 1}})
	}
	require.Len(t, h.links, maxHeldLinks)
	require.True(t, h.moreLinks)
}

// What was named holds up to the next login, what was inherited up to the first one, and
// what comes behind the rotation is not inherited.
func TestLinksOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		instants := func(name string) (list []int64) {
			list = slices.Clone(rapid.SliceOfNDistinct(rapid.Int64Range(0, 12), 0, 3, rapid.ID[int64]).Draw(t, name))
			slices.Sort(list)
			return list
		}
		logins, named, above := instants("logins"), instants("named"), instants("above")
		until := rapid.Int64Range(0, 12).Draw(t, "until")
		p := timeline{authentications: logins}
		var h heritage
		for i, at := range above {
			h.links = append(h.links, heldLink{fact.ID{uint64(10 + i), 1}, at, unset})
		}
		for i, at := range named {
			p.links = append(p.links, identity{at: at, user: fact.ID{uint64(20 + i), 1}})
		}
		behind := func(at int64) int64 { // the next login up to the rotation
			for _, l := range logins {
				if l > at && l <= until {
					return l
				}
			}
			return unset
		}
		var want []heldLink
		for _, l := range h.links {
			if to := behind(-1); l.from < to {
				want = append(want, heldLink{l.id, l.from, to})
			}
		}
		for _, l := range p.links {
			if l.at <= until {
				want = append(want, heldLink{l.user, l.at, behind(l.at)})
			}
		}
		if h.linksOf(&p, until, 8); !slices.Equal(h.links, want) {
			t.Fatalf("got %v, want %v", h.links, want)
		}
	})
}

// A session is part of what it named by then since its latest login, or, where it had none,
// of what that one was part of that it continues.
func TestIsPart(t *testing.T) {
	id, other := fact.ID{1, 1}, fact.ID{2, 2}
	above := heritage{links: []heldLink{{id, 10, 20}}}
	for name, c := range map[string]struct {
		named, login int64 // 0: never
		above        *heritage
		at           int64
		is           bool
	}{
		"never":                      {0, 0, &noHeritage, 50, false},
		"then":                       {30, 0, &noHeritage, 30, true},
		"later":                      {31, 0, &noHeritage, 30, false},
		"with the login":             {30, 30, &noHeritage, 40, true},
		"before the login":           {29, 30, &noHeritage, 40, false},
		"before one that comes":      {29, 41, &noHeritage, 40, true},
		"what it continues did":      {0, 0, &above, 10, true},
		"not yet":                    {0, 0, &above, 9, false},
		"up to its login":            {0, 0, &above, 19, true},
		"which ended that":           {0, 0, &above, 20, false},
		"nor behind its own login":   {0, 9, &above, 15, false},
		"but before it":              {0, 16, &above, 15, true},
		"another is not what it was": {0, 0, &heritage{links: []heldLink{{other, 10, 20}}}, 15, false},
	} {
		var tl timeline
		if c.named != 0 {
			tl.links = []identity{{at: c.named, user: id}}
		}
		if c.login != 0 {
			tl.authentications = []int64{c.login}
		}
		require.Equal(t, c.is, tl.isPart(c.above, id, c.at, 8), name)
	}
}

// A session that shows a user begins with that only where a policy takes it for proof.
func TestStartsWithIdentity(t *testing.T) {
	shows := timeline{identities: make([]identity, 1)}
	for _, c := range []struct {
		t        *timeline
		evidence []fact.Evidence
		want     bool
	}{
		{&shows, []fact.Evidence{fact.EvidenceSuccess, fact.EvidenceIdentity}, true},
		{&shows, []fact.Evidence{fact.EvidenceSuccess, fact.EvidencePresented}, false},
		{&timeline{}, []fact.Evidence{fact.EvidenceIdentity}, false},
	} {
		var e Engine
		for _, x := range c.evidence {
			e.cfg.Policies = append(e.cfg.Policies, Policy{Evidence: x})
		}
		require.Equal(t, c.want, e.startsWithIdentity(c.t), "%+v", c.evidence)
	}
}

// So many larger sessions are remembered since a login, the first time each, beside its own
// name; what is beyond them is counted once.
func TestLinksAreBounded(t *testing.T) {
	e := New(historyConfig())
	tl := e.shardOf(fact.ID{1, 1}).sessions.insert(fact.ID{1, 1})
	tl.authentications = []int64{100}
	name := func(at int64, id uint64) {
		e.setLinks(tl, append(slices.Clone(tl.links), identity{at: at, user: fact.ID{id, 1}}))
	}
	own := largerSession(tl.id)
	e.setLinks(tl, []identity{{at: 5, user: own}})
	for i := range uint64(maxLinks) {
		name(10+int64(i), 50+i)
	}
	require.Len(t, tl.links, 1+maxLinks)
	name(8, 50)
	require.Len(t, tl.links, 1+maxLinks, "it was named earlier")
	require.EqualValues(t, 8, tl.links[1].at)
	require.False(t, tl.moreLinks)
	name(30, 60)
	require.Len(t, tl.links, 1+maxLinks)
	require.True(t, tl.moreLinks)
	name(31, 61)
	require.EqualValues(t, 1, e.stats.lost)
	name(100, 50)
	require.Len(t, tl.links, 2+maxLinks, "once more since the login")
}

// A larger session is told once of those that named it, whether t or what it continues did.
func TestEachLarger(t *testing.T) {
	id := fact.ID{1, 1}
	tl := timeline{id: id, links: []identity{{user: largerSession(id)}, {user: fact.ID{2, 2}}, {user: fact.ID{3, 3}}}}
	h := heritage{links: []heldLink{{id: fact.ID{3, 3}}, {id: fact.ID{4, 4}}}}
	var got []fact.ID
	h.eachLarger(&tl, func(id fact.ID) { got = append(got, id) })
	require.Equal(t, []fact.ID{{2, 2}, {3, 3}, {4, 4}}, got)
	got = nil
	h.eachLarger(&timeline{id: id}, func(id fact.ID) { got = append(got, id) })
	require.Equal(t, []fact.ID{{3, 3}, {4, 4}}, got)
	noHeritage.eachLarger(&tl, func(id fact.ID) { got = append(got, id) })
	require.Equal(t, []fact.ID{{3, 3}, {4, 4}, {2, 2}, {3, 3}}, got)
}
