package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// thrownAway is what is said of session a, of which text tells, when it is thrown away.
func thrownAway(t *testing.T, text string, change func(tl *timeline)) tombstone {
	t.Helper()
	s := newStage(t, standard+"policy p1 idle=10s tolerance=1s\n", func(c *Config) { c.Linked = true })
	s.tell(text)
	tl := s.get(sessiontest.SessionName(0).ID)
	if change != nil {
		change(tl)
	}
	s.leaveTombstone(tl, true)
	return *s.tombstones.of(sessiontest.SessionName(0).ID)
}

// Each thing that was known of a session is said by its tombstone, and nothing else is.
func TestTombstoneSays(t *testing.T) {
	const ended = uint32(1) // an end of a session is the first type
	for name, c := range map[string]struct {
		text   string
		change func(tl *timeline)
		want   uint32
	}{
		"a request":         {"a request at=0s", nil, tombstoneActive | tombstoneBrief},
		"a passive request": {"a request at=0s passive", nil, tombstoneBrief},
		"a long session":    {"a request at=0s\na request at=5s\na request at=10s", nil, tombstoneActive},
		"one not so long":   {"a request at=0s\na request at=5s\na request at=9.999999999s", nil, tombstoneActive | tombstoneBrief},
		"a start":           {"a started at=0s", nil, tombstoneActive | tombstoneBrief | tombstoneLogin},
		"a late start": {
			"a request at=0s", func(tl *timeline) { tl.lateStarts = []ending{{at: tl.first}} },
			tombstoneActive | tombstoneBrief | tombstoneLogin,
		},
		"a login":             {"a authenticated at=0s", nil, tombstoneActive | tombstoneLogin},
		"a login before":      {"a request at=0s", func(tl *timeline) { tl.back = comeback{back: true, login: true, seen: tl.first} }, tombstoneActive | tombstoneBrief | tombstoneLogin},
		"a user":              {"a request at=0s\na request at=5s user=u1", nil, tombstoneActive | tombstoneSeen},
		"of whom it is known": {"a request at=0s user=u1", nil, tombstoneActive},
		"seen before":         {"a activity at=3s user=u1", func(tl *timeline) { tl.back = comeback{back: true, seen: tl.first - 1} }, tombstoneActive | tombstoneSeen},
		"sampled":             {"a request at=0s sampled", nil, tombstoneActive | tombstoneBrief | tombstoneSampled},
		"an end":              {"a request at=0s\na ended at=0s", nil, tombstoneActive | tombstoneBrief | ended},
		"an end behind it":    {"a request at=0s\na ended at=1s", nil, tombstoneActive | tombstoneBrief | tombstoneSeen | ended},
		"two ends":            {"a request at=1s\na ended at=1s\na ended at=2s", nil, tombstoneActive | tombstoneBrief | tombstoneLater | ended},
		"one end twice":       {"a request at=1s\na ended at=1s\nnow=9s a ended at=1s", nil, tombstoneActive | tombstoneBrief | ended},
		"lost once":           {"a request at=0s", func(tl *timeline) { tl.back.lost = true }, tombstoneActive | tombstoneBrief | tombstoneLost},
		"nothing known since": {"a request at=0s", func(tl *timeline) { tl.unknownBefore = tl.newest + 2 }, tombstoneActive | tombstoneBrief | tombstoneVague},
		"known since":         {"a request at=0s", func(tl *timeline) { tl.unknownBefore = tl.newest + 1 }, tombstoneActive | tombstoneBrief},
	} {
		t.Run(name, func(t *testing.T) {
			s := thrownAway(t, c.text, c.change)
			require.Equal(t, c.want, s.said&(1<<tombstoneFlags-1), "%b", s.said)
		})
	}
}

// Who logged in and had no policy yet was logged in to all of them.
func TestTombstoneOfLogin(t *testing.T) {
	for text, all := range map[string]bool{
		"a authenticated at=0s":                     true,
		"a started at=0s":                           false,
		"a request at=0s":                           false,
		"a authenticated at=0s\na request at=1s p1": false,
	} {
		s := newStage(t, standard+"policy p1 idle=10s\n")
		s.tell(text)
		before := s.authenticated
		s.leaveTombstone(s.get(sessiontest.SessionName(0).ID), true)
		require.Equal(t, all, s.authenticated == ^uint64(0), "%s: %b before, %b", text, before, s.authenticated)
	}
}

// What a tombstone said is known of the session that comes back, and nothing else is.
func TestComesBack(t *testing.T) {
	const at, newest = int64(100 * time.Second), int64(200 * time.Second)
	web := uint32(3)
	ended := uint32(fact.RotatedSession-fact.EndedSession+1) | web<<tombstoneFlags
	for name, c := range map[string]struct {
		said uint32
		user uint64
		back comeback
	}{
		"nothing":      {0, 0, comeback{seen: at}},
		"seen":         {tombstoneSeen, 0, comeback{seen: at - 1}},
		"lost":         {tombstoneLost, 0, comeback{seen: at, lost: true}},
		"a login":      {tombstoneLogin, 0, comeback{seen: at, login: true}},
		"vague":        {tombstoneVague, 0, comeback{seen: at, login: true}},
		"an end":       {ended, 0, comeback{seen: at, typ: fact.RotatedSession, end: at, service: web}},
		"not sure":     {ended | tombstoneUnsure, 0, comeback{seen: at, typ: fact.RotatedSession, end: at, service: web, unsure: true}},
		"and another":  {ended | tombstoneLater, 0, comeback{seen: at, typ: fact.RotatedSession, end: at, service: web, first: at, last: newest}},
		"active":       {tombstoneActive, 0, comeback{seen: at}},
		"sampled":      {tombstoneSampled, 0, comeback{seen: at}},
		"another user": {0, 7, comeback{seen: at}},
	} {
		s := newStage(t, standard)
		tl := s.shardOf(fact.ID{1, 1}).sessions.insert(fact.ID{1, 1})
		s.comeBack(tl, evicted{found: true, tombstone: tombstone{user: c.user, at: at, newest: uint32(newest / secondNanos), said: c.said}})
		c.back.back = true
		require.Equal(t, c.back, tl.back, name)
		require.Equal(t, newest, tl.unknownBefore, name)
		require.Equal(t, c.said&tombstoneVague != 0, tl.newest == longAgo, name)
		require.Equal(t, c.said&tombstoneVague == 0, tl.newest == newest-secondNanos, name)
		require.Equal(t, c.said&tombstoneActive != 0, tl.firstActivity == newest && len(tl.intervals) == 1, name)
		require.Equal(t, c.said&tombstoneSampled != 0, tl.sampledNow(), name)
		require.Equal(t, c.user != 0, len(tl.identities) == 1 && tl.identities[0].at == at, name)
	}
}

// A fingerprint tells that a session may have ended at any time of its generation.
func TestComesBackLost(t *testing.T) {
	s := newStage(t, standard)
	tl := s.shardOf(fact.ID{1, 1}).sessions.insert(fact.ID{1, 1})
	g := &generation{first: 100, last: 200, newest: 3, cells: make([]uint32, 8)}
	place, tag := fingerprintOf(tagOf(tl.id), len(g.cells))
	g.cells[place] = tag | fingerprintOver
	s.comeBackLost(tl, g)
	require.Equal(t, comeback{back: true, lost: true, login: true, seen: longAgo, first: 99, last: 200}, tl.back)
	require.Equal(t, 3*int64(secondNanos), tl.unknownBefore)
}

// What is turned away is not known from a second to the next on.
func TestTurnedAway(t *testing.T) {
	s := newStage(t, standard)
	const now = int64(50 * time.Second)
	for at, want := range map[int64]uint32{now - 1: 50, now: 51} {
		s.turnAway(fact.ID{1, 1}, evicted{}, at)
		require.Equal(t, want, s.tombstones.of(fact.ID{1, 1}).newest)
		s.takeEvicted(fact.ID{1, 1})
	}
}

// backOf is an evaluation of a request at that time of a session that came back.
func backOf(t *testing.T, b comeback, at int64) evaluation {
	t.Helper()
	e := New(engineConfig(sessiontest.MustParse("policy p0 end=2ns rotation=3ns tolerance=5ns").Config))
	tl := e.shardOf(fact.ID{1, 1}).sessions.insert(fact.ID{1, 1})
	tl.back = b
	return e.newEvaluation(tl, &record{At: at, EffectiveStart: at, End: at, seq: 1})
}

// An end from before is held against a request behind its grace, unless a login voids it:
// by then but for the tolerance, of a rotation only further behind.
func TestEndsOfComeback(t *testing.T) {
	end, rotated := comeback{back: true, typ: fact.EndedSession, end: 100}, comeback{back: true, typ: fact.RotatedSession, end: 100}
	for name, c := range map[string]struct {
		back  comeback
		at    int64
		since int64 // 0: no login
		ends  bool
	}{
		"in its grace":               {end, 107, 0, false},
		"behind it":                  {end, 108, 0, true},
		"in that of a rotation":      {rotated, 108, 0, false},
		"behind that":                {rotated, 109, 0, true},
		"a login before the end":     {end, 200, 94, true},
		"one that it may be of":      {end, 200, 95, false},
		"one behind it":              {end, 200, 106, false},
		"one with the rotation":      {rotated, 200, 105, true},
		"one behind the rotation":    {rotated, 200, 106, false},
		"no end":                     {comeback{back: true}, 200, 0, false},
		"another end up to some day": {comeback{back: true, first: 100, last: 110}, 200, 0, true},
		"but not later than that":    {comeback{back: true, first: 110, last: 110}, 200, 0, false},
	} {
		w := backOf(t, c.back, c.at)
		if w.begins = c.since != 0; w.begins {
			w.since = c.since
		}
		n := 0
		w.backEndings(func(x expiry) {
			n++
			if c.back.end != 0 {
				grace := map[fact.Type]int64{fact.EndedSession: 2, fact.RotatedSession: 3}[c.back.typ]
				require.Equal(t, expiry{at: 100 + grace, typ: c.back.typ, since: 100, by: w.e.services.names[0], vouched: true}, x, name)
			}
		})
		require.Equal(t, c.ends, n > 0, name)
	}
}

// An end that may have come at any time is the last that makes the request too late, or
// the first for all that may come.
func TestLostEnd(t *testing.T) {
	for name, c := range map[string]struct {
		at, since int64
		forAll    bool
		want      int64 // 0: none
	}{
		"long behind":         {200, 0, false, 110},
		"just behind":         {118, 0, false, 110},
		"within the last":     {117, 0, false, 101},
		"within the first":    {108, 0, false, 0},
		"for all":             {200, 0, true, 101},
		"a login":             {113, 108, false, 103},
		"a login behind":      {200, 115, false, 110},
		"a login long behind": {200, 116, false, 0},
	} {
		w := backOf(t, comeback{back: true}, c.at)
		w.begins, w.since, w.forAll = c.since != 0, c.since, c.forAll
		var got int64
		w.lostEnd(100, 110, func(x expiry) {
			got = x.since
			require.Equal(t, expiry{at: got + 2, typ: fact.EndedSession, since: got, doubt: ReasonEvicted}, x, name)
		})
		require.Equal(t, c.want, got, name)
	}
}

func TestBackRotatedWithin(t *testing.T) {
	b := comeback{typ: fact.RotatedSession, end: 100}
	for at, want := range map[int64]bool{94: false, 95: true, 100: true, 105: true, 106: false} {
		require.Equal(t, want, b.rotatedWithin(at, 5), "%d", at)
	}
	require.False(t, (&comeback{typ: fact.RotatedSession}).rotatedWithin(0, 5), "it had not ended")
	require.False(t, (&comeback{typ: fact.EndedSession, end: 100}).rotatedWithin(100, 5))
}

func TestChangedBy(t *testing.T) {
	tl := timeline{identities: []identity{{at: 10}, {at: 20}}}
	require.False(t, tl.changedBy(9))
	require.True(t, tl.changedBy(10))
}

// Only what may have shown a user of whom there are ends is held against those.
func TestSomeUserEnded(t *testing.T) {
	u1, u2 := fact.ID{1, 1}, fact.ID{2, 2}
	for name, c := range map[string]struct {
		t    timeline
		want bool
	}{
		"nobody":              {timeline{}, false},
		"another":             {timeline{identities: []identity{{user: u2}}}, false},
		"that one":            {timeline{identities: []identity{{user: u2}, {user: u1}}}, true},
		"a larger session":    {timeline{links: []identity{{user: u1}}}, true},
		"another such":        {timeline{links: []identity{{user: u2}}}, false},
		"what it continues":   {timeline{lineage: make([]rotation, 1)}, true},
		"what is not known":   {timeline{back: comeback{lost: true}}, true},
		"it only came back":   {timeline{back: comeback{back: true}}, false},
		"its own end is none": {timeline{ends: make([]ending, 1)}, false},
	} {
		e := New(historyConfig())
		require.False(t, e.someUserEnded(&c.t), "%s: there are no ends", name)
		e.users.ended[u1] = endsOfUser{ends: make([]ending, 1)}
		require.Equal(t, c.want, e.someUserEnded(&c.t), name)
	}
}

// A session that came back is doubted as far as what was thrown away may tell otherwise.
func TestLostDoubt(t *testing.T) {
	const at, window = int64(1000), int64(10)
	for name, c := range map[string]struct {
		back   comeback
		before int64 // nothing is known of what came before
		start  int64 // 0: none
		x      expiry
		doubts bool
	}{
		"a known end":              {comeback{}, 500, 0, expiry{typ: fact.EndedSession, since: 600}, false},
		"one that may be late":     {comeback{}, 500, 0, expiry{typ: fact.EndedSession, since: 489}, true},
		"one that is not":          {comeback{}, 500, 0, expiry{typ: fact.EndedSession, since: 490}, false},
		"one that is vouched for":  {comeback{}, 500, 0, expiry{typ: fact.EndedSession, since: 489, vouched: true}, false},
		"a silence":                {comeback{}, 500, 0, expiry{typ: fact.IdleTimeout, since: 489}, false},
		"an age":                   {comeback{}, 500, 0, expiry{typ: fact.AbsoluteTimeout, since: 500}, false},
		"one that may be more":     {comeback{}, 500, 0, expiry{typ: fact.AbsoluteTimeout, since: 499}, true},
		"the request is late":      {comeback{}, 1011, 0, expiry{typ: fact.IdleTimeout, since: 2000}, true},
		"it is in time":            {comeback{}, 1010, 0, expiry{typ: fact.IdleTimeout, since: 2000}, false},
		"back, and a login":        {comeback{back: true, login: true}, 500, 0, expiry{typ: fact.EndedSession, since: 504}, true},
		"which came before":        {comeback{back: true, login: true}, 500, 0, expiry{typ: fact.EndedSession, since: 505}, false},
		"back, and no login":       {comeback{back: true}, 500, 0, expiry{typ: fact.EndedSession, since: 504}, false},
		"but an end of a user":     {comeback{back: true}, 500, 0, expiry{typ: fact.RevokedSession, since: 504}, true},
		"back, vouched for":        {comeback{back: true, login: true}, 500, 0, expiry{typ: fact.EndedSession, since: 504, vouched: true}, false},
		"back, and a silence":      {comeback{back: true, login: true}, 500, 0, expiry{typ: fact.IdleTimeout, since: 504}, false},
		"back, and may have begun": {comeback{back: true}, 500, 505, expiry{typ: fact.EndedSession, since: 600}, true},
		"back, and began later":    {comeback{back: true}, 500, 506, expiry{typ: fact.EndedSession, since: 600}, false},
	} {
		w := backOf(t, c.back, at)
		w.e.cfg.ReorderWindow = time.Duration(window)
		w.t.unknownBefore = c.before
		if c.start != 0 {
			w.t.firstStart = c.start
		}
		want := ""
		if c.doubts {
			want = ReasonEvicted
		}
		require.Equal(t, want, w.lostDoubt(&c.x), name)
	}
}

// Ends of a user are held against one that came back and shows that user now: it may have
// shown the same before.
func TestLostUserEndings(t *testing.T) {
	user := fact.ID{9, 1}
	for name, c := range map[string]struct {
		lost      bool
		shown, at int64 // 0: nobody
		end       ending
		ends      bool
	}{
		"before it was shown":  {true, 50, 200, ending{at: 49}, true},
		"as it was shown":      {true, 50, 200, ending{at: 50}, false},
		"in its grace":         {true, 50, 56, ending{at: 49}, false},
		"behind its grace":     {true, 50, 57, ending{at: 49}, true},
		"not of this one":      {true, 50, 200, ending{at: 49, other: fact.ID{1, 1}}, false},
		"of all but another":   {true, 50, 200, ending{at: 49, other: fact.ID{1, 2}}, true},
		"nobody is shown":      {true, 0, 200, ending{at: 49}, false},
		"nothing was lost":     {false, 50, 200, ending{at: 49}, false},
		"came after the facts": {true, 50, 200, ending{at: 49, effectiveSeq: 2}, false},
	} {
		w := backOf(t, comeback{back: true, lost: c.lost}, c.at)
		w.begins = false
		w.e.users.ended[user] = endsOfUser{ends: []ending{c.end}}
		if c.shown != 0 {
			w.t.identities = []identity{{at: c.shown, user: user}}
		}
		n := 0
		w.lostUserEndings(func(x expiry) {
			n++
			require.Equal(t, expiry{at: c.end.at + 2, typ: fact.RevokedSession, since: c.end.at, by: w.e.services.names[0], doubt: ReasonEvicted}, x, name)
		})
		require.Equal(t, c.ends, n > 0, name)
	}
}

// An end of a user from before is not sure where it showed another since it came back, and
// none where that is known to be another.
func TestRevokedComeback(t *testing.T) {
	u1, u2 := fact.ID{9, 1}, fact.ID{8, 2}
	for name, c := range map[string]struct {
		shown []identity
		ends  bool
		doubt string
	}{
		"nobody since":             {nil, true, ""},
		"the same since":           {[]identity{{at: 100, user: u1, source: anySource}}, true, ""},
		"somebody at it":           {[]identity{{at: 100, user: u1}}, true, ReasonEvicted},
		"somebody before":          {[]identity{{at: 99, user: u1}}, true, ReasonEvicted},
		"another since":            {[]identity{{at: 100, user: u1}, {at: 150, user: u2}}, false, ""},
		"another, but too late":    {[]identity{{at: 101, user: u1}, {at: 201, user: u2}}, true, ""},
		"another of other sources": {[]identity{{at: 101, user: u1}, {at: 150, user: u2, source: 1}}, true, ""},
	} {
		w := backOf(t, comeback{back: true, typ: fact.RevokedSession, end: 100}, 200)
		w.begins, w.t.identities = false, c.shown
		n := 0
		w.backEndings(func(x expiry) {
			n++
			require.Equal(t, c.doubt, x.doubt, name)
		})
		require.Equal(t, c.ends, n > 0, name)
	}
}

// An end that was none, since the session was rotated then, is not held against it.
func TestEndOfComebackIsRotation(t *testing.T) {
	for at, ends := range map[int64]bool{94: true, 95: false, 105: false, 106: true} {
		w := backOf(t, comeback{back: true, typ: fact.EndedSession, end: 100}, 200)
		w.begins, w.t.rotations = false, []ending{{at: at}}
		n := 0
		w.backEndings(func(expiry) { n++ })
		require.Equal(t, ends, n > 0, "%d", at)
	}
}
