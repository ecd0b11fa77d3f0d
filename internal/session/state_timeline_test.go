package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// The earliest rotation is the lineage, of several at one instant that of the smaller
// rank; a late one is the lineage of what follows.
func TestAddRotation(t *testing.T) {
	var tl timeline
	require.True(t, tl.addRotation(rotation{at: 10, from: fact.ID{1}, rank: 5}))
	require.False(t, tl.addRotation(rotation{at: 11, from: fact.ID{2}}), "later")
	require.False(t, tl.addRotation(rotation{at: 10, from: fact.ID{1}, rank: 5}), "the same")
	require.False(t, tl.addRotation(rotation{at: 10, from: fact.ID{2}, rank: 6}))
	require.True(t, tl.addRotation(rotation{at: 10, from: fact.ID{3}, rank: 4}))
	require.Len(t, tl.lineage, 1)
	require.True(t, tl.addRotation(rotation{at: 9, from: fact.ID{4}, rank: 9}))
	require.Equal(t, []rotation{{at: 9, from: fact.ID{4}, rank: 9}}, tl.lineage)
	require.False(t, tl.addRotation(rotation{at: 9, from: fact.ID{5}, rank: 10, effectiveSeq: 3}), "late, and no better")
	for i := range uint64(20) {
		require.Equal(t, i < maxLateRotations, tl.addRotation(rotation{at: 8, from: fact.ID{100 + i}, rank: 20 - i, effectiveSeq: 100 + i}), i)
	}
	require.Len(t, tl.lineage, 1+maxLateRotations)
	r, ok := tl.lineageAt(50, 9)
	require.True(t, ok)
	require.Equal(t, fact.ID{4}, r.from)
	_, ok = tl.lineageAt(50, 8)
	require.False(t, ok, "it came afterwards")
	r, _ = tl.lineageAt(101, 9)
	require.Equal(t, fact.ID{101}, r.from, "the smallest of those that it knows")
}

func TestRotatedWithin(t *testing.T) {
	tl := &timeline{rotations: []ending{{at: 10}, {at: 50}}}
	for at, want := range map[int64]bool{7: false, 8: true, 10: true, 12: true, 13: false, 48: true, 52: true, 53: false} {
		require.Equal(t, want, tl.rotatedWithin(at, 2), at)
	}
}

// Calls are a join as long as they are few; then the oldest give way.
func TestCalled(t *testing.T) {
	tl := &timeline{lastInactiveStart: longAgo}
	require.True(t, tl.addNestedStart(10, 1, false, 5))
	require.EqualValues(t, 10, tl.lastInactiveStart)
	require.False(t, tl.addNestedStart(10, 1, false, 5))
	require.True(t, tl.addNestedStart(10, 2, false, 5), "another policy governs it, too")
	require.False(t, tl.addNestedStart(10, 3, false, 5))
	require.True(t, tl.addNestedStart(8, 1, false, 5))
	require.EqualValues(t, 10, tl.lastInactiveStart)
	require.Equal(t, []nestedStart{{10, 3}, {8, 1}}, tl.nestedStarts)
	require.Empty(t, tl.intervals)
	for i := range int64(maxInstants) {
		require.True(t, tl.addNestedStart(100+i, 1, false, 5))
	}
	require.Len(t, tl.nestedStarts, maxInstants)
	require.Equal(t, nestedStart{100, 1}, tl.nestedStarts[0])
	tl.addNestedStart(500, 1, true, 5)
	require.Equal(t, intervals{{500, 500, 1}}, tl.intervals, "activity from there on")
}

// The list of intervals is cut where no request to come looks.
func TestTimelineBound(t *testing.T) {
	fill := func(n int64) *timeline {
		tl := &timeline{firstActivity: unset, lastInactiveStart: longAgo}
		for i := range n {
			tl.intervals.add(i*100, i*100+1, 1, 10, longAgo)
			tl.newest = i*100 + 1
		}
		return tl
	}
	tl := fill(maxIntervals)
	require.Zero(t, tl.boundIntervals(0))
	require.Len(t, tl.intervals, maxIntervals)
	tl = fill(maxIntervals + 3)
	require.Equal(t, 3, tl.boundIntervals(0))
	require.Len(t, tl.intervals, maxIntervals)
	tl = fill(maxIntervals + 3)
	tl.authentications = []int64{50_000}
	require.Equal(t, 3, tl.boundIntervals(tl.newest-49_999), "a request to come may be older than it")
	tl = fill(maxIntervals + 3)
	tl.authentications = []int64{50_000}
	require.Zero(t, tl.boundIntervals(tl.newest-50_000))
	require.EqualValues(t, 50_000, tl.intervals[0].start)
}

// A session is over where an end, a rotation or what is known of either came behind its last
// login.
func TestOver(t *testing.T) {
	for name, c := range map[string]struct {
		t    timeline
		over bool
	}{
		"nothing":                  {timeline{}, false},
		"an end":                   {timeline{ends: []ending{{at: 5}}}, true},
		"with the login":           {timeline{ends: []ending{{at: 5}}, authentications: []int64{5}}, false},
		"behind it":                {timeline{ends: []ending{{at: 1}, {at: 6}}, authentications: []int64{1, 5}}, true},
		"a rotation":               {timeline{rotations: []ending{{at: 6}}, authentications: []int64{5}}, true},
		"with the login, too":      {timeline{rotations: []ending{{at: 5}}, authentications: []int64{5}}, false},
		"came back, ended":         {timeline{back: comeback{end: 6}, authentications: []int64{5}}, true},
		"which the login voids":    {timeline{back: comeback{end: 5}, authentications: []int64{5}}, false},
		"may have ended":           {timeline{back: comeback{last: 6}, authentications: []int64{5}}, true},
		"but not behind the login": {timeline{back: comeback{last: 5}, authentications: []int64{5}}, false},
		"an end before the epoch":  {timeline{back: comeback{end: -5}}, true},
	} {
		require.Equal(t, c.over, c.t.over(), name)
	}
}

// What is kept of a name is kept where only a fact that names another can ask for it.
func TestCompactedKeepsItsName(t *testing.T) {
	name := fact.Pseudonym{1}
	for what, c := range map[string]struct {
		t    timeline
		kept bool
	}{
		"nothing":    {timeline{}, false},
		"a user":     {timeline{identities: make([]identity, 1)}, true},
		"a part":     {timeline{links: make([]identity, 1)}, true},
		"rotated":    {timeline{rotations: make([]ending, 1)}, true},
		"a lineage":  {timeline{lineage: make([]rotation, 1)}, true},
		"deferred":   {timeline{deferred: true}, true},
		"user, part": {timeline{identities: make([]identity, 1), links: make([]identity, 1)}, true},
		"part, away": {timeline{links: make([]identity, 1), rotations: make([]ending, 1)}, true},
		"away, from": {timeline{rotations: make([]ending, 1), lineage: make([]rotation, 1)}, true},
		"several":    {timeline{identities: make([]identity, 1), links: make([]identity, 1), rotations: make([]ending, 2), lineage: make([]rotation, 2)}, true},
		"an end":     {timeline{ends: make([]ending, 1)}, false},
	} {
		c.t.pseudonym = name
		require.Equal(t, c.kept, c.t.compacted().pseudonym == name, what)
	}
}

// One follows another that it was rotated from behind what that one was rotated from:
// straight where that is the earliest of both.
func TestFollows(t *testing.T) {
	from := func(id uint64, at int64) rotation { return rotation{from: fact.ID{id, 1}, at: at} }
	p := fact.ID{1, 1}
	for name, c := range map[string]struct {
		t, p              []rotation
		follows, straight bool
	}{
		"behind":              {[]rotation{from(1, 20)}, []rotation{from(9, 10)}, true, true},
		"at once":             {[]rotation{from(1, 10)}, []rotation{from(9, 10)}, false, false},
		"before":              {[]rotation{from(1, 9)}, []rotation{from(9, 10)}, false, false},
		"another":             {[]rotation{from(2, 20)}, []rotation{from(9, 10)}, false, false},
		"not the earliest":    {[]rotation{from(2, 15), from(1, 20)}, []rotation{from(9, 10)}, true, false},
		"behind a later one":  {[]rotation{from(1, 20)}, []rotation{from(9, 10), from(8, 30)}, true, true},
		"only a later one":    {[]rotation{from(2, 15), from(1, 20)}, []rotation{from(8, 20)}, false, false},
		"nothing leads there": {[]rotation{from(1, 20)}, nil, false, false},
	} {
		follows, straight := (&timeline{lineage: c.t}).follows(&timeline{id: p, lineage: c.p})
		require.Equal(t, c.follows, follows, name)
		require.Equal(t, c.straight, straight, name)
	}
}

// Late rotations are bounded, and those in time are none of them.
func TestRotationInTimeBesideLateOnes(t *testing.T) {
	var tl timeline
	for i := range uint64(maxLateRotations) {
		require.True(t, tl.addRotation(rotation{at: 8, from: fact.ID{100 + i}, rank: 20 - i, effectiveSeq: 100 + i}))
	}
	require.False(t, tl.addRotation(rotation{at: 7, from: fact.ID{1}, effectiveSeq: 1000}))
	require.True(t, tl.addRotation(rotation{at: 9, from: fact.ID{2}}))
	require.False(t, (&rotation{at: 1, from: fact.ID{1}}).before(&rotation{at: 1, from: fact.ID{1}}), "nothing comes before itself")
}

// What was sampled is known for as many logins as are, and before them all; the first of
// too many are as what came before.
func TestSampledIsBounded(t *testing.T) {
	var tl timeline
	for i := range int64(maxInstants + 1) {
		tl.authentications = []int64{10 * (i + 1)}
		require.True(t, tl.addSampled(10*(i+1)))
		require.False(t, tl.addSampled(10*(i+1)+5), "of the same login")
	}
	tl.authentications = []int64{15}
	require.True(t, tl.addSampled(16), "there is no room")
	require.Len(t, tl.sampled, maxInstants+1)
	require.Equal(t, []int64{longAgo, 15, 30}, tl.sampled[:3])
	tl.authentications = []int64{5}
	require.False(t, tl.addSampled(6), "it is as what came before")
	tl.authentications = []int64{25}
	require.True(t, tl.addSampled(26))
	require.Equal(t, []int64{longAgo, 25, 30}, tl.sampled[:3])
	tl.authentications = []int64{10 * (maxInstants + 2)}
	require.True(t, tl.addSampled(10*(maxInstants+2)))
	require.Equal(t, int64(10*(maxInstants+2)), tl.sampled[maxInstants])
}

// A login may have come behind what was sampled before it.
func TestSplitSampled(t *testing.T) {
	for name, c := range map[string]struct {
		logins, sampled []int64
		at              int64
		split           bool
	}{
		"nothing was":           {[]int64{10}, nil, 10, false},
		"before any login":      {[]int64{10}, []int64{longAgo}, 10, true},
		"since the one before":  {[]int64{5, 10}, []int64{5}, 10, true},
		"before that":           {[]int64{5, 10}, []int64{longAgo}, 10, false},
		"since another":         {[]int64{5, 7, 10}, []int64{5}, 10, false},
		"before, and no longer": {[]int64{5, 10}, []int64{longAgo, 5}, 5, false},
	} {
		tl := timeline{authentications: c.logins, sampled: c.sampled}
		require.Equal(t, c.split, tl.splitSampled(c.at), name)
	}
}

// The list of intervals is cut only where it is too long.
func TestIntervalsHaveRoom(t *testing.T) {
	var tl timeline
	for i := range int64(maxIntervals + 1) {
		tl.authentications = []int64{10*i - 5}
		require.False(t, tl.intervals.add(10*i, 10*i, 1, 5, longAgo))
		if tl.newest = 10 * i; i < maxIntervals {
			require.Zero(t, tl.boundIntervals(0))
			require.Len(t, tl.intervals, int(i)+1)
		}
	}
	require.Zero(t, tl.boundIntervals(0), "what is settled is no loss")
	require.Len(t, tl.intervals, 2)
}

// What holds much memory is kept for nobody else.
func TestLargeTimelines(t *testing.T) {
	for n, large := range map[int]bool{64: false, 65: true} {
		tl := timeline{intervals: make(intervals, 0, n), ends: make([]ending, 0, 64), rotations: make([]ending, 0, 64), raised: make([]ending, 0, 64)}
		require.Equal(t, large, tl.large())
	}
}

// What came late counts for all as soon as nothing that came before it can be judged, and
// when that is is known.
func TestCountForAll(t *testing.T) {
	for name, of := range map[string]func(tl *timeline) *uint64{
		"a user":  func(tl *timeline) *uint64 { tl.identities = make([]identity, 1); return &tl.identities[0].effectiveSeq },
		"a link":  func(tl *timeline) *uint64 { tl.links = make([]identity, 1); return &tl.links[0].effectiveSeq },
		"a past":  func(tl *timeline) *uint64 { return &tl.legacy.effectiveSeq },
		"an end":  func(tl *timeline) *uint64 { tl.ends = make([]ending, 1); return &tl.ends[0].effectiveSeq },
		"a start": func(tl *timeline) *uint64 { tl.lateStarts = make([]ending, 1); return &tl.lateStarts[0].effectiveSeq },
	} {
		var tl timeline
		seq, touched := of(&tl), 0
		*seq = 7
		require.EqualValues(t, 7, tl.lateSeq(), name)
		tl.countForAll(6, func(uint32) { touched++ })
		require.EqualValues(t, 7, *seq, name)
		require.Zero(t, touched, name)
		if tl.countForAll(7, func(uint32) { touched++ }); len(tl.ends)+len(tl.lateStarts) == 0 { // those are compared with each request
			require.Zero(t, *seq, name)
			require.Equal(t, 1, touched, name)
		}
		*seq = afterAll
		if len(tl.ends)+len(tl.lateStarts) > 0 {
			require.Zero(t, tl.lateSeq(), "%s: it never counts", name)
		}
	}
}

// Nothing is written of what is not there.
func TestEmptyTimelineHasNoFields(t *testing.T) {
	var tl timeline
	tl.empty(fact.ID{1, 1}, 0)
	require.Zero(t, tl.fields(), "%b", tl.fields())
}
