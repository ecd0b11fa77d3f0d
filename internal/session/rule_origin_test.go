package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// evaluationOf is one of a request at that time, under a policy that asks for an identity,
// with 5 ns of tolerance and 2 ns of grace behind an end.
func evaluationOf(t *testing.T, tl timeline, at int64) evaluation {
	t.Helper()
	e := New(engineConfig(sessiontest.MustParse("policy p0 end=2ns tolerance=5ns").Config))
	e.cfg.Policies[0].Evidence = fact.EvidenceIdentity
	to := e.shardOf(fact.ID{1, 1}).sessions.insert(fact.ID{1, 1})
	to.take(&tl)
	r := record{At: at, EffectiveStart: at, End: at, seq: 100}
	return evaluation{e: e, t: to, r: &r, policy: &e.cfg.Policies[0], limit: at + 5}
}

// The first user who is shown counts up to an instant, and where it is known that no other
// was before.
func TestFirstIdentity(t *testing.T) {
	shown := []identity{{at: 10}}
	for name, c := range map[string]struct {
		t     timeline
		until int64
		ok    bool
	}{
		"nobody":             {timeline{unknownBefore: longAgo}, 50, false},
		"then":               {timeline{unknownBefore: longAgo, identities: shown}, 10, true},
		"later":              {timeline{unknownBefore: longAgo, identities: shown}, 9, false},
		"known since then":   {timeline{unknownBefore: 10, identities: shown}, 50, true},
		"known since later":  {timeline{unknownBefore: 11, identities: shown}, 50, false},
		"back, by anybody":   {timeline{unknownBefore: 10, back: comeback{back: true}, identities: []identity{{at: 10, source: anySource}}}, 50, false},
		"back, by a source":  {timeline{unknownBefore: 10, back: comeback{back: true}, identities: shown}, 50, true},
		"not back, anybody?": {timeline{unknownBefore: 10, identities: []identity{{at: 10, source: anySource}}}, 50, true},
	} {
		w := evaluationOf(t, c.t, 100)
		at, ok := w.firstIdentity(w.t, c.until)
		require.Equal(t, c.ok, ok, name)
		if want := int64(unset); !ok {
			require.Equal(t, want, at, name)
		} else {
			require.EqualValues(t, 10, at, name)
		}
		w.policy.Evidence = fact.EvidenceSuccess
		_, ok = w.firstIdentity(w.t, c.until)
		require.False(t, ok, "%s: where nobody asks for it", name)
	}
}

// An absolute clock starts with the latest login, else with the first identity, else with
// the root, of what the id continues and of its own.
func TestOrigin(t *testing.T) {
	inherit := func(change func(h *heritage)) *heritage {
		h := noHeritage
		change(&h)
		return &h
	}
	for name, c := range map[string]struct {
		h    *heritage // nil: it continues nothing
		own  int64     // identity; 0: none
		want origin
	}{
		"its own beginning": {nil, 0, origin{at: 77, known: true, unknownBefore: longAgo}},
		"its own identity":  {nil, 50, origin{at: 50, unknownBefore: longAgo}},
		"the root":          {inherit(func(h *heritage) { h.at, h.known = 20, true }), 0, origin{at: 20, known: true, unknownBefore: longAgo}},
		"which is not known": {
			inherit(func(h *heritage) { h.at, h.unknownBefore = 20, 30 }), 0,
			origin{at: 20, unknownBefore: 30},
		},
		"an identity before":  {inherit(func(h *heritage) { h.at, h.firstIdentity, h.identified = 20, 40, true }), 50, origin{at: 40, known: true, unknownBefore: longAgo}},
		"its own before that": {inherit(func(h *heritage) { h.at, h.firstIdentity, h.identified = 20, 60, true }), 50, origin{at: 50, unknownBefore: longAgo}},
		"both at once":        {inherit(func(h *heritage) { h.at, h.firstIdentity, h.identified = 20, 50, true }), 50, origin{at: 50, known: true, unknownBefore: longAgo}},
		"and neither started": {inherit(func(h *heritage) { h.at, h.firstIdentity = 20, 50 }), 50, origin{at: 50, unknownBefore: longAgo}},
		"a login":             {inherit(func(h *heritage) { h.at, h.firstIdentity, h.login = 20, 40, 30 }), 50, origin{at: 30, known: true, authentication: true, unknownBefore: longAgo}},
	} {
		tl := timeline{unknownBefore: longAgo, first: 1, firstStart: unset, firstBeside: unset}
		if c.own != 0 {
			tl.identities = []identity{{at: c.own}}
		}
		w := evaluationOf(t, tl, 100)
		w.since, w.known, w.rooted = 77, true, true
		if c.h != nil {
			w.t.lineage, w.inherited = make([]rotation, 1), *c.h
		}
		require.Equal(t, c.want, w.origin(), name)
	}
}

// An identity that is as early as the inherited one is known if it has a known start.
func TestOriginOfBoth(t *testing.T) {
	w := evaluationOf(t, timeline{unknownBefore: longAgo, first: 48, firstStart: 48, firstBeside: unset, identities: []identity{{at: 50}}}, 100)
	w.rooted, w.t.lineage, w.inherited = true, make([]rotation, 1), noHeritage
	w.inherited.at, w.inherited.firstIdentity = 20, 50
	require.Equal(t, origin{at: 50, known: true, unknownBefore: longAgo}, w.origin())
}

// What is inherited of an end is held against a request behind its grace, unless it was
// logged in again, but for the tolerance, since.
func TestInheritedEnd(t *testing.T) {
	for name, c := range map[string]struct {
		at, login int64 // 0: none
		ends      bool
	}{
		"within the grace": {27, 0, false},
		"behind it":        {28, 0, true},
		"a login before":   {100, 14, true},
		"a login with it":  {100, 15, false},
		"a login behind":   {100, 21, false},
	} {
		w := evaluationOf(t, timeline{}, c.at)
		w.rooted, w.inherited = true, noHeritage
		w.t.lineage = make([]rotation, 1)
		w.inherited.ends = []heldEnd{{at: 20, typ: fact.EndedSession}}
		if c.login != 0 {
			w.inherited.login = c.login
		}
		n := 0
		w.inheritedEndings(func(x expiry) {
			n++
			require.EqualValues(t, 22, x.at, name)
			require.True(t, x.inherited, name)
		})
		require.Equal(t, c.ends, n > 0, name)
	}
}

// An end came behind the window where what came before it ended later than that.
func TestCameLate(t *testing.T) {
	end := ending{at: 10, seq: 5}
	for name, c := range map[string]struct {
		t    timeline
		late bool
	}{
		"nothing is newer":         {timeline{newest: 20, raised: []ending{{at: 21, seq: 4}}}, false},
		"nothing says when":        {timeline{newest: 21}, false},
		"a record raised it":       {timeline{newest: 21, raised: []ending{{at: 21, seq: 4}}}, true},
		"not beyond the window":    {timeline{newest: 21, raised: []ending{{at: 20, seq: 4}}}, false},
		"with the end":             {timeline{newest: 21, raised: []ending{{at: 21, seq: 5}}}, false},
		"a rotation":               {timeline{newest: 21, rotations: []ending{{at: 21, seq: 4}}}, true},
		"a rotation in the window": {timeline{newest: 21, rotations: []ending{{at: 20, seq: 4}}}, false},
	} {
		w := evaluationOf(t, c.t, 100)
		w.e.cfg.ReorderWindow = 10
		require.Equal(t, c.late, w.cameLate(w.t, &end), name)
	}
	for _, c := range []struct {
		end  int64
		seq  uint64
		late bool
	}{{21, 5, true}, {20, 5, false}, {21, 6, false}} {
		w := evaluationOf(t, timeline{newest: 21}, 100)
		w.e.cfg.ReorderWindow = 10
		w.heardOf, w.heard = w.t, []heardEnd{{c.seq, c.end}}
		require.Equal(t, c.late, w.cameLate(w.t, &end), "%+v", c)
	}
}

// Of so many facts it is known when they ended; all before them may have ended as late as it
// can be.
func TestLastHeard(t *testing.T) {
	for n, more := range map[int]bool{maxLateLooks: false, maxLateLooks + 1: true} {
		s := newStage(t, standard+"config ahead=5m", func(c *Config) { c.MaxRecentRequests = 4 * maxLateLooks })
		for i := range n {
			f := tideFact(fact.Activity, sessiontest.SessionName(0), i)
			s.observe(&f, s.now)
		}
		tl := s.get(sessiontest.SessionName(0).ID)
		w := evaluation{e: s.Engine, t: tl, r: &record{}}
		s.work.allow(2 * maxLateLooks)
		heard := w.lastHeard(tl)
		if require.Equal(t, more, len(heard) > maxLateLooks); more {
			require.Equal(t, s.now+int64(s.cfg.MaxAhead), heard[maxLateLooks].end)
		}
	}
}
