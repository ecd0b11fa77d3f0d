package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// sessionOf puts a session of which nothing is known into the table of e.
func sessionOf(e *Engine, id uint64) *timeline {
	return e.shardOf(fact.ID{id, 1}).sessions.insert(fact.ID{id, 1})
}

// What holds for a session when it is rotated is each end of its own, and of what a tombstone
// told of it, but a rotation: whoever else has ended.
func TestHolding(t *testing.T) {
	const rotated = int64(50)
	own := heldEnd{at: 40, typ: fact.EndedSession}
	for name, c := range map[string]struct {
		ends []ending
		back comeback
		want []heldEnd
	}{
		"nothing":                 {nil, comeback{}, nil},
		"an end":                  {[]ending{{at: 40}}, comeback{}, []heldEnd{own}},
		"an end with it":          {[]ending{{at: rotated + 5}}, comeback{}, []heldEnd{{at: rotated + 5, typ: fact.EndedSession}}},
		"an end behind it":        {[]ending{{at: rotated + 6}}, comeback{}, nil},
		"it came back":            {nil, comeback{back: true}, nil},
		"an end of before":        {nil, comeback{back: true, typ: fact.EndedSession, end: 40}, []heldEnd{{at: 40, typ: fact.EndedSession, doubt: ReasonEvicted}}},
		"a rotation of before":    {nil, comeback{back: true, typ: fact.RotatedSession, end: 40}, nil},
		"an end, and it was back": {[]ending{{at: 40}}, comeback{back: true}, []heldEnd{own}},
	} {
		for _, others := range []bool{false, true} {
			w := backOf(t, comeback{}, 1000)
			w.e.work.allow(1000)
			if others {
				w.e.users.ended[fact.ID{9, 9}] = endsOfUser{ends: []ending{{at: 45}}}
			}
			p := sessionOf(w.e, 7)
			p.ends, p.back = c.ends, c.back
			require.ElementsMatch(t, c.want, w.holding(&noHeritage, p, &rotation{at: rotated, from: p.id}), "%s, others: %v", name, others)
		}
	}
}

// What is inherited of whom somebody showed is as much as is known when it was rotated.
func TestInherit(t *testing.T) {
	const rotated = int64(50)
	inherited := func(change func(p *timeline, above *heritage)) heritage {
		w := evaluationOf(t, timeline{}, 100)
		w.e.work.allow(1000)
		p, above := sessionOf(w.e, 7), noHeritage
		p.identities = []identity{{at: 40, user: fact.ID{3, 3}}}
		change(p, &above)
		return w.inherit(&above, p, &rotation{at: rotated, from: p.id}, w.t, false)
	}
	for shownFrom, vague := range map[int64]bool{rotated - 1: false, rotated: false, rotated + 1: true} {
		h := inherited(func(p *timeline, _ *heritage) { p.shownFrom = shownFrom })
		require.Equal(t, fact.ID{3, 3}, h.heirUser)
		require.Equal(t, vague, h.vague, "all is known since %d", shownFrom)
	}
	for above, want := range map[int64]bool{39: false, 40: true, 41: true} { // p started then
		h := inherited(func(p *timeline, h *heritage) {
			p.first, p.firstStart = 38, 38
			h.at, h.firstIdentity = 20, above
		})
		require.Equal(t, min(above, 40), h.firstIdentity)
		require.Equal(t, want, h.identified, "the one above is of %d", above)
	}
}

// Which ids it continues is known where an end may name one of them.
func TestLineIsKeptForEnds(t *testing.T) {
	for _, named := range []bool{false, true} {
		w := backOf(t, comeback{}, 1000)
		w.e.work.allow(1000)
		if named {
			w.e.users.sparing[fact.ID{9, 9}] = []fact.ID{{3, 3}}
		}
		p := sessionOf(w.e, 7)
		h := w.inherit(&noHeritage, p, &rotation{at: 50, from: p.id}, w.t, false)
		require.NotEqual(t, int64(unset), h.at)
		require.Equal(t, named, len(h.line) == 1 && h.line[0] == p.id)
		require.Equal(t, !named, len(h.line) == 0)
	}
}

// What is kept of what an id inherits needs work for each policy, and leads on only to what
// came before.
func TestSummarize(t *testing.T) {
	const enough = 4 * 2 // of two policies
	for name, c := range map[string]struct {
		work    int
		further int64 // when what it was rotated from was rotated
		done    bool
		at      int64 // where its absolute clock starts
	}{
		"enough":         {enough, 45, true, 3},
		"too little":     {enough - 1, 45, false, 0},
		"just before":    {enough, 49, true, 3},
		"at one instant": {enough, 50, true, 30},
		"later":          {enough, 51, true, 30},
	} {
		e := newStage(t, standard+"policy p1\n")
		tl, p, root := sessionOf(e.Engine, 1), sessionOf(e.Engine, 2), fact.ID{3, 1}
		tl.lineage = []rotation{{at: 50, from: p.id}}
		p.lineage, p.firstActivity = []rotation{{at: c.further, from: root}}, 30
		h := noHeritage
		h.at = 3
		p.legacy = legacy{root, c.further, []heritage{h}, 0}
		e.work.allow(c.work)
		require.Equal(t, c.done, e.summarize(tl), name)
		if c.done {
			require.Equal(t, c.at, tl.legacy.all[0].at, name)
		}
	}
}

// What was learnt of one that was thrown away stays, and is in doubt only if there is word of
// one that is listened for, which needs work for each of those.
func TestSummarizeLearnt(t *testing.T) {
	for work, done := range map[int]bool{1: false, 2: true} {
		e := newStage(t, standard)
		tl, from := sessionOf(e.Engine, 1), fact.ID{2, 1}
		tl.lineage = []rotation{{at: 50, from: from}}
		tl.legacy = legacy{from, 50, []heritage{noHeritage}, 0}
		tl.evictedAncestors = []fact.ID{{3, 1}, {4, 1}}
		e.work.allow(work)
		require.Equal(t, done, e.summarize(tl))
		require.Equal(t, int64(longAgo), tl.legacy.all[0].unknownBefore)
	}
}

// An end of a user binds a session, or what came late clears it, as far as is known whom the
// session showed by then.
func TestBindsWhereKnown(t *testing.T) {
	const at, before = int64(50), "not all is known"
	user, other := fact.ID{3, 3}, fact.ID{4, 4}
	for shownFrom, want := range map[int64]string{at - 1: "", at: "", at + 1: ReasonBounds} {
		w := evaluationOf(t, timeline{first: 1, shownFrom: shownFrom, identities: []identity{{at: 40, user: user}}}, 100)
		w.e.work.allow(1000)
		binds, doubt := w.bindsUser(&noHeritage, w.t, &ending{at: at}, user, 100)
		require.True(t, binds)
		require.Equal(t, want, doubt, "%s before %d", before, shownFrom)
		require.False(t, w.cleared(&noHeritage, w.t, &ending{at: at}, user, 100))

		w.t.identities = append(w.t.identities, identity{at: 60, user: other, effectiveSeq: 200})
		require.Equal(t, want == "", w.cleared(&noHeritage, w.t, &ending{at: at}, user, 100), "%s before %d", before, shownFrom)
	}
}

// An end that names a session spares that and what was rotated to it, as far as rotations
// lead back and are known.
func TestSpares(t *testing.T) {
	const seen = int64(100)
	named, between := fact.ID{2, 1}, fact.ID{3, 1}
	for name, c := range map[string]struct {
		change func(e *Engine, t *timeline)
		spared bool
		doubt  string
	}{
		"it is not known": {func(*Engine, *timeline) {}, false, ""},
		"it was thrown away": {func(e *Engine, _ *timeline) {
			e.tombstones.add(named, tombstone{newest: 1})
		}, false, ReasonEvicted},
		"it may have been thrown away":   {func(e *Engine, _ *timeline) { e.tombstones.oldestKnown = seen }, false, ReasonEvicted},
		"not since the session was seen": {func(e *Engine, _ *timeline) { e.tombstones.oldestKnown = seen - 1 }, false, ""},
		"it is another": {func(e *Engine, _ *timeline) {
			sessionOf(e, named[0])
			e.tombstones.oldestKnown = seen
		}, false, ""},
		"it was rotated from the session": {func(e *Engine, t *timeline) {
			sessionOf(e, named[0]).lineage = []rotation{{at: 500, from: t.id}}
		}, true, ""},
		"from another that was before": {func(e *Engine, t *timeline) {
			sessionOf(e, named[0]).lineage = []rotation{{at: 500, from: between}}
			sessionOf(e, between[0]).lineage = []rotation{{at: 499, from: t.id}}
		}, true, ""},
		"from another at one instant": {func(e *Engine, t *timeline) {
			sessionOf(e, named[0]).lineage = []rotation{{at: 500, from: between}}
			sessionOf(e, between[0]).lineage = []rotation{{at: 500, from: t.id}}
		}, false, ""},
	} {
		e := newStage(t, standard)
		tl := sessionOf(e.Engine, 1)
		tl.first = seen
		c.change(e.Engine, tl)
		w := e.newEvaluation(tl, &record{At: 1000, EffectiveStart: 1000, End: 1000, seq: 1})
		e.work.allow(1000)
		spared, doubt := w.spares(named, &noHeritage, tl)
		require.Equal(t, c.spared, spared, name)
		require.Equal(t, c.doubt, doubt, name)
	}
}

// As many rotations are followed back as are of a lineage: the last leads to the session or
// leaves that open.
func TestSparesUpToBound(t *testing.T) {
	for steps, want := range map[int]bool{maxLineage - 1: true, maxLineage: true, maxLineage + 1: false} {
		e := newStage(t, standard, func(c *Config) { c.MaxSessions = 2 * maxLineage })
		tl := sessionOf(e.Engine, 1)
		for i := range steps { // the named one is behind the last
			sessionOf(e.Engine, uint64(2+i)).lineage = []rotation{{at: int64(100 + i), from: fact.ID{uint64(1 + i), 1}}}
		}
		w := e.newEvaluation(tl, &record{At: 1000, EffectiveStart: 1000, End: 1000, seq: 1})
		e.work.allow(1000)
		spared, doubt := w.spares(fact.ID{uint64(1 + steps), 1}, &noHeritage, tl)
		require.Equal(t, want, spared, "%d", steps)
		require.Equal(t, steps >= maxLineage, doubt == ReasonBounds, "%d", steps)
	}
}

// An end is a rotation if the new id is known to continue the session since then.
func TestIsRotation(t *testing.T) {
	const at = int64(100)
	for unknownBefore, want := range map[int64]bool{longAgo: true, at - 1: true, at: false, at + 1: false} {
		e := newStage(t, standard)
		tl, child := sessionOf(e.Engine, 1), sessionOf(e.Engine, 2)
		tl.rotations = []ending{{at: at, other: child.id}}
		child.lineage, child.unknownBefore = []rotation{{at: at, from: tl.id}}, unknownBefore
		w := e.newEvaluation(tl, &record{At: 1000, EffectiveStart: 1000, End: 1000, seq: 1})
		e.work.allow(1000)
		is, doubt := w.isRotation(at)
		require.Equal(t, want, is, "%d", unknownBefore)
		require.Equal(t, !want, doubt == ReasonEvicted, "%d", unknownBefore)
	}
}

// Whom a session shows, and what it is part of, costs a judgement nothing as long as nobody's
// sessions were ended.
func TestJudgementWithoutEnds(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.Linked = true })
	s.tell("a started at=0s\na request at=1s user=u1 linked=b\na request at=2s user=u2 linked=c")
	a := s.get(sessiontest.SessionName(0).ID)
	r := *a.shard.recent.at(a.recent)
	spent := func() uint64 {
		before := s.work.done
		s.work.allow(1000)
		require.False(t, s.judge(a, &r).short)
		return s.work.done - before
	}
	require.EqualValues(t, 1, spent())
	s.tell("- ended_user at=3s user=u3")
	require.EqualValues(t, 1+2+2, spent())
}

// A judgement needs work for each rotation of the session, and for what lies inside the
// request if something there was rejected.
func TestJudgementNeedsWork(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a started at=0s\na request at=1s\nb rotated from=a at=2s\nc rotated from=a at=3s")
	a := s.get(sessiontest.SessionName(0).ID)
	for _, c := range []struct {
		work  int
		state recordState
		short bool
	}{
		{2, 0, true},
		{3 + workOfRejections, 0, false},
		{3 + workOfRejections - 1, aroundRejected, true},
		{3 + workOfRejections, aroundRejected, false},
	} {
		r := *a.shard.recent.at(1)
		for p := a.recent; r.kind != fact.Request; p-- {
			r = *a.shard.recent.at(p)
		}
		r.state |= c.state
		s.work.allow(c.work)
		require.Equal(t, c.short, s.judge(a, &r).short, "%+v", c)
	}
}
