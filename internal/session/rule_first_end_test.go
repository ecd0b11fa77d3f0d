package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// after is an instant of a history.
func after(d time.Duration) int64 { return sessiontest.Epoch + int64(d) }

// The first end that a session is left with is the earliest of all that somebody may be
// judged by: sure only where every policy takes it for the first, and nothing that was
// thrown away may void it.
func TestFirstEnd(t *testing.T) {
	const s = time.Second
	const endFirst, rotationFirst = "policy p0 end=2s rotation=30s\n", "policy p0 end=30s rotation=2s\n"
	for name, c := range map[string]struct {
		policies, text string
		change         func(tl *timeline)
		since          int64 // 0: it has not ended
		typ            fact.Type
		unsure, later  bool
	}{
		"none": {standard, "a request at=10s", nil, 0, 0, false, false},
		"of a session that was rotated to, too": {
			standard, "b request at=1s\na rotated from=b at=2s\na ended at=10s", nil, after(10 * s), fact.EndedSession, false, false,
		},
		"of one that was rotated away, too": {
			standard, "a request at=1s\na ended at=10s\nb rotated from=a at=20s", nil, after(10 * s), fact.EndedSession, false, true,
		},
		"a rotation of one that was rotated to": {
			standard, "b request at=1s\na rotated from=b at=2s\nc rotated from=a at=10s", nil, after(10 * s), fact.RotatedSession, false, false,
		},
		"all is known since the tolerance before it": {
			standard, "a request at=10s\na ended at=10s", func(tl *timeline) { tl.unknownBefore = after(9 * s) }, after(10 * s), fact.EndedSession, false, false,
		},
		"all is known since later": {
			standard, "a request at=10s\na ended at=10s", func(tl *timeline) { tl.unknownBefore = after(9*s) + 1 }, after(10 * s), fact.EndedSession, true, false,
		},
		"its start may not be its start": {
			standard, "a started at=10s\na ended at=20s",
			func(tl *timeline) { tl.back.back, tl.unknownBefore = true, after(9*s) }, after(20 * s), fact.EndedSession, true, false,
		},
		"its start is its start": {
			standard, "a started at=10s\na ended at=20s",
			func(tl *timeline) { tl.back.back, tl.unknownBefore = true, after(9*s)-1 }, after(20 * s), fact.EndedSession, false, false,
		},
		"what a fingerprint tells": {
			standard, "a request at=30s",
			func(tl *timeline) {
				tl.back = comeback{back: true, lost: true, first: after(10 * s), last: after(20 * s)}
			}, after(10*s) + 1, fact.EndedSession, true, true,
		},
		"what a tombstone told": {
			standard, "a request at=30s",
			func(tl *timeline) {
				tl.back = comeback{back: true, typ: fact.EndedSession, end: after(10 * s), first: after(10 * s), last: after(10 * s)}
			}, after(10 * s), fact.EndedSession, false, false,
		},
		"and that there was another": {
			standard, "a request at=30s",
			func(tl *timeline) {
				tl.back = comeback{back: true, typ: fact.EndedSession, end: after(10 * s), first: after(10 * s), last: after(10*s) + 1}
			}, after(10 * s), fact.EndedSession, false, true,
		},
		"another end under a later policy": {
			endFirst + "policy p1 end=30s rotation=2s\n", "a request at=1s\na ended at=10s\nb rotated from=a at=15s", nil, after(10 * s), fact.EndedSession, true, true,
		},
		"another end under the first policy": {
			rotationFirst + "policy p1 end=2s rotation=30s\n", "a request at=1s\na ended at=10s\nb rotated from=a at=15s", nil, after(10 * s), fact.EndedSession, true, true,
		},
	} {
		e := newStage(t, c.policies)
		e.tell(c.text)
		tl := e.get(sessiontest.SessionName(0).ID)
		if c.change != nil {
			c.change(tl)
		}
		e.work.allow(1000)
		end := e.firstEnd(tl, true)
		require.Equal(t, c.since != 0, end.ended, name)
		require.Equal(t, c.since, end.since, name)
		require.Equal(t, c.typ, end.typ, name)
		require.Equal(t, c.unsure, end.unsure, name)
		require.Equal(t, c.later, end.later, name)
	}
}

// A tombstone keeps whom the session showed last, or else what it continues did.
func TestTombstoneOfUser(t *testing.T) {
	u1, u2 := sessiontest.UserName(0).ID[0], sessiontest.UserName(1).ID[0]
	for text, want := range map[string]uint64{
		"a request at=0s": 0,
		"a request at=0s user=u1\na request at=1s user=u2":                         u2,
		"b request at=0s user=u1\na rotated from=b at=1s":                          u1,
		"b request at=0s user=u1\na rotated from=b at=1s\na request at=2s":         u1,
		"b request at=0s user=u1\na rotated from=b at=1s\nb request at=2s user=u2": u1,
		"b request at=0s user=u1\na rotated from=b at=1s\na request at=2s user=u2": u2,
		"b request at=0s\na rotated from=b at=1s\na request at=2s":                 0,
	} {
		require.Equal(t, want, thrownAway(t, text, nil).user, text)
	}
}

// What was learnt of a session that came back is not all there is once something came of
// what it did up to then.
func TestHeardAgain(t *testing.T) {
	const until = int64(100)
	u1, u2 := fact.ID{9, 1}, fact.ID{9, 2}
	learnt := legacy{all: []heritage{{heirUser: u1, heirs: []identity{{user: u1, source: 1}}}}}
	for name, c := range map[string]struct {
		t     timeline
		heard bool
	}{
		"nothing":                {timeline{first: unset}, false},
		"something then":         {timeline{first: until}, true},
		"something later":        {timeline{first: until + 1}, false},
		"an end then":            {timeline{first: unset, ends: []ending{{at: until}, {at: until + 9}}}, true},
		"an end later":           {timeline{first: unset, ends: []ending{{at: until + 1}}}, false},
		"a login then":           {timeline{first: unset, authentications: []int64{until, until + 9}}, true},
		"a login later":          {timeline{first: unset, authentications: []int64{until + 1}}, false},
		"a user then":            {timeline{first: unset, identities: []identity{{at: until, user: u1, source: 1}}}, true},
		"a user later":           {timeline{first: unset, identities: []identity{{at: until + 1, user: u1, source: 1}}}, false},
		"of another source":      {timeline{first: unset, identities: []identity{{at: until + 1, user: u1, source: 2}}}, true},
		"another, later":         {timeline{first: unset, identities: []identity{{at: until + 1, user: u2, source: 2}}}, false},
		"whom its tombstone had": {timeline{first: unset, identities: []identity{{user: u1, source: anySource}}}, false},
	} {
		require.Equal(t, c.heard, c.t.heardAgain(until, &learnt), name)
	}
}

// What may have been thrown away of what a session continues is why its age, and an end that
// it inherits, are doubted, and why its own end is not.
func TestLostDoubtOfLineage(t *testing.T) {
	const known = int64(700)
	for name, c := range map[string]struct {
		x      expiry
		doubts bool
	}{
		"its age before that":      {expiry{typ: fact.AbsoluteTimeout, since: known - 1}, true},
		"its age since then":       {expiry{typ: fact.AbsoluteTimeout, since: known}, false},
		"an end that it inherits":  {expiry{typ: fact.EndedSession, since: known - 1, inherited: true}, true},
		"one that came since then": {expiry{typ: fact.EndedSession, since: known, inherited: true}, false},
		"its own end":              {expiry{typ: fact.EndedSession, since: known - 1}, false},
		"its silence":              {expiry{typ: fact.IdleTimeout, since: known - 1}, false},
	} {
		w := backOf(t, comeback{}, 1000)
		p := w.e.shardOf(fact.ID{7, 7}).sessions.insert(fact.ID{7, 7})
		p.unknownBefore = known
		w.t.lineage = []rotation{{at: 500, from: p.id}}
		w.e.work.allow(1000)
		want := ""
		if c.doubts {
			want = ReasonEvicted
		}
		require.Equal(t, want, w.lostDoubt(&c.x), name)
	}
}

// An end that a session inherits is the first that it is left with for sure where nothing
// older can come any more.
func TestFirstEndOfHeir(t *testing.T) {
	for settled, unsure := range map[bool]bool{true: false, false: true} {
		s := newStage(t, "policy p0 rotation=10s\n")
		s.tell("b request at=0s user=u1\nb ended at=5s\na rotated from=b at=6s user=u1")
		s.work.allow(1000)
		end := s.firstEnd(s.get(sessiontest.SessionName(0).ID), settled)
		require.True(t, end.ended)
		require.True(t, end.inherited)
		require.Equal(t, unsure, end.unsure, "settled: %v", settled)
	}
}

// The first user whom a session shows since it came back may have begun it where an identity
// is asked for: from an instant on, up to where a login would count.
func TestMayBegin(t *testing.T) {
	const since = int64(90)
	for name, c := range map[string]struct {
		shown  []identity
		begins bool
		want   bool
	}{
		"nobody":                 {nil, false, false},
		"then":                   {[]identity{{at: since}}, false, true},
		"before":                 {[]identity{{at: since - 1}}, false, false},
		"the second then":        {[]identity{{at: since - 1}, {at: since}}, false, false},
		"up to the request":      {[]identity{{at: 105}}, false, true},
		"later":                  {[]identity{{at: 106}}, false, false},
		"whom its tombstone had": {[]identity{{at: since, source: anySource}}, false, false},
		"the beginning is known": {[]identity{{at: since}}, true, false},
	} {
		w := evaluationOf(t, timeline{identities: c.shown}, 100)
		if w.t.unknownBefore = 200; c.begins {
			w.t.unknownBefore = longAgo
		}
		require.Equal(t, c.want, w.mayBegin(since), name)
		w.policy.Evidence = fact.EvidenceSuccess
		require.False(t, w.mayBegin(since), "%s: where nobody asks for it", name)
	}
}

// Whom what a session continues showed last is sure where all is known of that since the
// session was first heard of, and nothing older can come any more.
func TestLastIdentityOfHeir(t *testing.T) {
	for before, want := range map[int64]bool{-1: true, 0: true, 1: false} {
		s := newStage(t, standard)
		s.tell("b request at=0s user=u1\na rotated from=b at=6s")
		a := s.get(sessiontest.SessionName(0).ID)
		s.get(sessiontest.SessionName(1).ID).unknownBefore = a.first + before
		s.work.allow(1000)
		for _, settled := range []bool{false, true} {
			user, since, sure, ok := s.lastIdentity(a, settled)
			require.True(t, ok)
			require.Equal(t, sessiontest.UserName(0).ID, user)
			require.Equal(t, a.first, since)
			require.Equal(t, settled && want, sure, "known since %d, settled: %v", before, settled)
		}
	}
}
