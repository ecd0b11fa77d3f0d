package session

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// stretch is activity as it came, for a naive reading.
type stretch struct {
	start, end int64
	policies   uint64
}

func drawStretches(t *rapid.T) []stretch {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stretch {
		start := rapid.Int64Range(0, 100).Draw(t, "start")
		return stretch{start, start + rapid.Int64Range(0, 30).Draw(t, "length"), rapid.Uint64Range(0, 3).Draw(t, "policies")}
	}), 1, 12).Draw(t, "stretches")
}

// naiveGap reads the sentence about the idle expiry as it stands, over all
// activity at once.
func naiveGap(all []stretch, p *Policy, bit uint64, from, at, limit int64) (since int64, found bool) {
	starts := []int64{at}
	for _, s := range all {
		if s.policies&bit != 0 && s.start <= at {
			starts = append(starts, s.start)
		}
	}
	slices.Sort(starts)
	for _, q := range starts {
		since = from
		for _, s := range all {
			if s.start < q {
				since = max(since, s.end)
			}
		}
		if p.exceeds(q-since, limit) {
			return since, true
		}
	}
	return since, false
}

// The list answers as all activity would, in whatever order it came.
func TestActivityIsAllActivity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawStretches(t)
		gap := rapid.Int64Range(1, 20).Draw(t, "gap")
		limit := gap + rapid.Int64Range(0, 20).Draw(t, "more")
		p := &Policy{IdleTimeout: time.Duration(limit), Inclusive: rapid.Bool().Draw(t, "inclusive")}
		var a intervals
		for _, i := range rapid.Permutation(append(all, all...)).Draw(t, "order") {
			a.add(i.start, i.end, i.policies, gap, longAgo)
		}
		from := rapid.Int64Range(-10, 60).Draw(t, "from")
		at := rapid.Int64Range(from, 200).Draw(t, "at")
		for policy := range uint8(2) {
			since, found := a.firstGap(p, policy, from, at)
			wantSince, want := naiveGap(all, p, 1<<policy, from, at, limit)
			if found != want || found && since != wantSince {
				t.Fatalf("policy %d: got %d %v, want %d %v from %+v", policy, since, found, wantSince, want, a)
			}
		}
	})
}

// A join: commutative and idempotent; its list is ordered and its gaps real.
func TestActivityIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawStretches(t)
		gap := rapid.Int64Range(1, 20).Draw(t, "gap")
		join := func(order []stretch) (a intervals) {
			for _, i := range order {
				a.add(i.start, i.end, i.policies, gap, longAgo)
			}
			return a
		}
		want := join(all)
		if got := join(rapid.Permutation(append(all, all...)).Draw(t, "order")); !slices.Equal(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		for i := 1; i < len(want); i++ {
			if want[i].start-want[i-1].end < gap {
				t.Fatalf("not apart: %+v", want)
			}
		}
	})
}

// Whoever is not told that the gaps changed has no other verdict than before.
func TestActivityTellsOfChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawStretches(t)
		gap := rapid.Int64Range(1, 20).Draw(t, "gap")
		outside := rapid.Int64Range(-1, 150).Draw(t, "outside")
		p := &Policy{IdleTimeout: time.Duration(gap + 5)}
		var a intervals
		for n, i := range all {
			before := slices.Clone(a)
			if a.add(i.start, i.end, i.policies, gap, outside) {
				continue
			}
			for policy := range uint8(2) {
				// Every request there is, and the one that is no activity.
				starts := []int64{outside}
				for _, s := range all[:n] {
					starts = append(starts, s.start)
				}
				for _, at := range starts {
					s1, f1 := before.firstGap(p, policy, -1000, at)
					s2, f2 := a.firstGap(p, policy, -1000, at)
					if f1 != f2 || f1 && s1 != s2 {
						t.Fatalf("%+v changes the gap before %d from %d %v to %d %v unsaid: %+v, %+v", i, at, s1, f1, s2, f2, before, a)
					}
				}
			}
		}
	})
}

func TestActivityBefore(t *testing.T) {
	a := intervals{{start: 10, end: 20}, {start: 40, end: 45}}
	for _, c := range []struct {
		at, end int64
		ok      bool
	}{{10, 0, false}, {11, 20, true}, {40, 20, true}, {41, 45, true}, {math.MaxInt64, 45, true}} {
		end, ok := a.before(c.at)
		require.Equal(t, c.ok, ok, c.at)
		require.Equal(t, c.end, end, c.at)
	}
}

// Cutting forgets what lies before the authentication, then silences in the
// middle: a first and a last one stay.
func TestActivityCut(t *testing.T) {
	var a intervals
	for i := range int64(maxIntervals + 100) {
		require.False(t, a.add(i*100, i*100+1, 1, 10, longAgo))
	}
	b := slices.Clone(a)
	require.Zero(t, b.cut(200*100+50), "what is settled is no loss")
	require.Len(t, b, maxIntervals-100)
	require.Equal(t, interval{200 * 100, 200*100 + 1, 1}, b[0])

	first, last := a[0], a[len(a)-1]
	require.Equal(t, 100, a.cut(longAgo))
	require.Len(t, a, maxIntervals)
	require.Equal(t, first, a[0])
	require.Equal(t, last, a[len(a)-1])
	require.True(t, slices.IsSortedFunc(a, func(x, y interval) int { return cmp.Compare(x.start, y.start) }))
}
