package session

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// When a service called is known as all its calls would tell it, and what of a call is new
// is never less than that.
func TestCallingIsAllCalls(t *testing.T) {
	const end = 40
	rapid.Check(t, func(t *rapid.T) {
		c := calling{since: longAgo}
		var called [end + 2]bool // of each instant from 1 on, since no span is the one at 0
		for range rapid.IntRange(1, 10).Draw(t, "calls") {
			from := rapid.Int64Range(1, end).Draw(t, "from")
			x := span{from, min(end, from+rapid.Int64Range(0, 8).Draw(t, "length"))}
			news, lost := c.add(x)
			if lost != 0 {
				t.Fatal("there is room")
			}
			if news != (span{}) && (news.from < x.from || news.to > x.to || news.from > x.from && !called[news.from-1] || news.to < x.to && !called[news.to+1]) {
				t.Fatalf("%v of %v is new to %v", news, x, called)
			}
			if all := news == x; all && (called[x.from] || called[x.to]) {
				t.Fatalf("all of %v is new to %v", x, called)
			}
			for at := x.from; at <= x.to; at++ {
				if !called[at] && (at < news.from || at > news.to) {
					t.Fatalf("%d of %v is new to %v, not only %v", at, x, called, news)
				}
			}
			for at := x.from; at <= x.to; at++ {
				called[at] = true
			}
			for i, y := range c.intervals {
				if y.from > y.to || i > 0 && c.intervals[i-1].to >= y.from {
					t.Fatalf("%v are not apart", c.intervals)
				}
			}
		}
		from := rapid.Int64Range(1, end).Draw(t, "asked from")
		to := rapid.Int64Range(from, end).Draw(t, "to")
		if got, want := c.calls(from, to), slices.Contains(called[from:to+1], true); got != want {
			t.Fatalf("calls from %d to %d: %v, want %v of %v", from, to, got, want, c.intervals)
		}
	})
}

// So many times of one service are known; what was before is not known to be either.
func TestCallingIsBounded(t *testing.T) {
	c := calling{since: longAgo}
	for i := range int64(maxCalling) {
		_, lost := c.add(span{10 * i, 10*i + 5})
		require.Zero(t, lost)
	}
	require.True(t, c.calls(0, 0))
	news, lost := c.add(span{10 * maxCalling, 10*maxCalling + 5})
	require.Equal(t, span{10 * maxCalling, 10*maxCalling + 5}, news)
	require.Equal(t, 1, lost)
	require.Len(t, c.intervals, maxCalling)
	require.EqualValues(t, 6, c.since)
	require.False(t, c.calls(0, 5))
	news, lost = c.add(span{0, 5})
	require.Zero(t, news)
	require.Zero(t, lost)
	news, _ = c.add(span{0, 6})
	require.Equal(t, span{0, 6}, news, "it reaches what may be known")
	require.False(t, (*calling)(nil).calls(0, 100))
}

// A service is not said to call before it is known when it does.
func TestCallingSince(t *testing.T) {
	c := calling{since: 10, intervals: []span{{5, 20}}}
	require.False(t, c.calls(5, 9))
	require.True(t, c.calls(5, 10))
}

// The spans that are remembered are at least twice as many as recent requests, within
// bounds.
func TestCallersHaveRoom(t *testing.T) {
	for recent, want := range map[int]int{0: bucketSize, bucketSize / 2: bucketSize, bucketSize/2 + 1: 2 * bucketSize, 1000: 2048, maxSeen / 2: maxSeen, maxSeen: maxSeen} {
		c := newCallers(recent)
		require.Len(t, c.seen, want, "%d", recent)
		require.True(t, c.reaches(0), "nothing gave up its place")
	}
}

// The spans of one place are the last so many, and since when one is missing is known.
func TestCallersGiveUpPlaces(t *testing.T) {
	c := newCallers(0)
	for i := range uint64(bucketSize) {
		require.False(t, c.add((i+1)<<32, int64(i+1)*secondNanos))
	}
	require.False(t, c.add(1<<32, 50*secondNanos), "once more")
	require.EqualValues(t, longAgo/secondNanos, c.gone)
	require.True(t, c.add(100<<32, 60*secondNanos))
	require.False(t, c.has(1<<32))
	require.EqualValues(t, 50, c.gone)
	require.False(t, c.reaches(51*secondNanos))
	require.True(t, c.reaches(51*secondNanos+1))
}

// A record waits once for a parent, and no longer than it is said to.
func TestAwaitedOnce(t *testing.T) {
	a := newAwaited()
	place := func(n int) recordPlace { return recordPlace{position: uint64(n)} }
	for n := range maxOfParent {
		require.True(t, a.add(7, place(n)))
		require.True(t, a.add(7, place(n)))
	}
	require.Len(t, a.queue, maxOfParent)
	require.False(t, a.add(7, place(maxOfParent)))
	require.True(t, a.add(8, place(0)))
	a.remove(awaitedRecord{7, place(maxOfParent)})
	require.Len(t, a.of[7], maxOfParent, "it does not wait")
	for n := range maxOfParent {
		require.Contains(t, a.of, uint64(7))
		a.remove(awaitedRecord{7, place(n)})
		require.NotContains(t, a.of[7], place(n))
		require.Len(t, a.of[7], maxOfParent-1-n)
	}
	require.NotContains(t, a.of, uint64(7))
	require.Contains(t, a.of, uint64(8))
}

// That a service called while it is known to have done so is no news.
func TestKnownCallsAreNoNews(t *testing.T) {
	known := []span{{10, 20}, {100, 110}}
	for _, x := range known {
		for _, y := range []span{x, {x.from, x.to - 1}, {x.from + 1, x.to}, {x.from, x.from}, {x.to, x.to}} {
			c := calling{since: longAgo, intervals: []span{known[0], known[1]}}
			news, lost := c.add(y)
			require.Zero(t, news, "%v", y)
			require.Zero(t, lost)
			require.Equal(t, known, c.intervals)
		}
	}
}

// The last interval covers what lies in it, up to its bounds, and nothing else.
func TestCallingCovers(t *testing.T) {
	c := &calling{since: longAgo, intervals: []span{{10, 20}, {100, 110}}}
	for x, want := range map[span]bool{
		{100, 110}: true, {100, 105}: true, {105, 110}: true, {99, 105}: false, {105, 111}: false, {12, 15}: false, {10, 20}: false, {120, 130}: false,
	} {
		require.Equal(t, want, c.covers(x), "%v", x)
	}
	require.False(t, (&calling{}).covers(span{}), "there is none")
	require.False(t, (*calling)(nil).covers(span{}))
}
