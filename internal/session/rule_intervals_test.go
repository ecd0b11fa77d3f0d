package session

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who is told that the gaps changed is judged again: nobody is told for nothing.
func TestSpellsChange(t *testing.T) {
	const gap = 10
	for _, c := range []struct {
		name    string
		have    intervals
		add     interval
		outside int64
		changed bool
		want    intervals
	}{
		{"the first", nil, interval{100, 110, 1}, longAgo, false, intervals{{100, 110, 1}}},
		{"the first, at what is outside", nil, interval{100, 110, 1}, 100, false, intervals{{100, 110, 1}}},
		{"the first, before what is outside", nil, interval{100, 110, 1}, 101, true, intervals{{100, 110, 1}}},
		{"it goes on", intervals{{100, 110, 1}}, interval{115, 120, 1}, 110, false, intervals{{100, 120, 1}}},
		{"it goes on, before what is outside", intervals{{100, 110, 1}}, interval{115, 120, 1}, 111, true, intervals{{100, 120, 1}}},
		{"within", intervals{{100, 110, 1}}, interval{105, 110, 1}, 200, false, intervals{{100, 110, 1}}},
		{"again", intervals{{10, 20, 1}, {100, 110, 1}}, interval{100, 110, 1}, 200, false, intervals{{10, 20, 1}, {100, 110, 1}}},
		{"longer", intervals{{10, 20, 1}, {100, 110, 1}}, interval{100, 120, 1}, 100, false, intervals{{10, 20, 1}, {100, 120, 1}}},
		{"longer, before what is outside", intervals{{10, 20, 1}, {100, 110, 1}}, interval{100, 120, 1}, 101, true, intervals{{10, 20, 1}, {100, 120, 1}}},
		{"another policy", intervals{{100, 110, 1}}, interval{100, 105, 2}, longAgo, true, intervals{{100, 110, 3}}},
		{"earlier", intervals{{100, 110, 1}}, interval{95, 99, 2}, longAgo, true, intervals{{95, 110, 2}}},
		{"as long as the gap behind", intervals{{100, 110, 1}}, interval{120, 121, 1}, 120, false, intervals{{100, 110, 1}, {120, 121, 1}}},
		{"as long as the gap before", intervals{{100, 110, 1}}, interval{80, 90, 1}, longAgo, true, intervals{{80, 90, 1}, {100, 110, 1}}},
		{"less before", intervals{{100, 110, 1}}, interval{80, 91, 1}, longAgo, true, intervals{{80, 110, 1}}},
		{"two become one", intervals{{100, 110, 1}, {130, 140, 2}}, interval{112, 125, 1}, longAgo, true, intervals{{100, 140, 1}}},
	} {
		a := slices.Clone(c.have)
		require.Equal(t, c.changed, a.add(c.add.start, c.add.end, c.add.policies, gap, c.outside), c.name)
		require.Equal(t, c.want, a, c.name)
	}
}

// What is cut is what the authentication settles, then one silence in the middle.
func TestSpellsCut(t *testing.T) {
	a := intervals{{10, 11, 1}, {100, 101, 1}, {200, 201, 1}}
	b := slices.Clone(a)
	require.Zero(t, b.cut(99))
	require.Equal(t, a, b)
	require.Zero(t, b.cut(100))
	require.Equal(t, a[1:], b)
	require.Zero(t, b.cut(1000))
	require.Equal(t, a[2:], b)

	var all intervals
	for i := range int64(maxIntervals) {
		all.add(i*100, i*100+1, 1, 10, longAgo)
	}
	require.Zero(t, all.cut(longAgo))
	require.Len(t, all, maxIntervals)
	all.add(maxIntervals*100, maxIntervals*100+1, 1, 10, longAgo)
	want := slices.Clone(all)
	const m = (maxIntervals + 1) / 2
	want[m].end = want[m+1].end
	want = slices.Delete(want, m+1, m+2)
	require.Equal(t, 1, all.cut(longAgo))
	require.Equal(t, want, all)
}
