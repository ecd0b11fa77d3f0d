package session

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// A silence is looked for in front of what lies inside others, too.
func TestSilenceInFrontOfNested(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawStretches(t)
		nested := drawStretches(t)
		gap := rapid.Int64Range(1, 20).Draw(t, "gap")
		p := &Policy{IdleTimeout: time.Duration(gap), Inclusive: rapid.Bool().Draw(t, "inclusive")}
		var tl timeline
		for _, i := range all {
			tl.intervals.add(i.start, i.end, i.policies, gap, longAgo)
		}
		for _, n := range nested {
			tl.nestedStarts = append(tl.nestedStarts, nestedStart{n.start, n.policies})
		}
		from := rapid.Int64Range(-10, 60).Draw(t, "from")
		at := rapid.Int64Range(from, 200).Draw(t, "at")
		for policy := range uint8(2) {
			since, found := naiveGap(all, p, 1<<policy, from, at, gap)
			for _, n := range nested {
				if n.policies&(1<<policy) == 0 || n.start > at {
					continue
				}
				// Whatever governs the others, and they are no end of a silence in front of it.
				if s, f := naiveGap(all, p, 0, from, n.start, gap); f && (!found || s < since) {
					since, found = s, true
				}
			}
			got, has := tl.silence(p, policy, from, at)
			if has != found || found && got != since {
				t.Fatalf("policy %d: got %d %v, want %d %v from %+v, %+v", policy, got, has, since, found, all, nested)
			}
		}
	})
}

// A late start counts as far as it makes the session no older, and a start is known as far
// as nothing came before it, both but for the tolerance.
func TestStarted(t *testing.T) {
	const tolerance = 5
	for name, c := range map[string]struct {
		t     timeline
		at    int64
		known bool
	}{
		"no start":            {timeline{first: 100, firstBeside: unset, firstStart: unset}, unset, false},
		"at once":             {timeline{first: 100, firstBeside: unset, firstStart: 100}, 100, true},
		"just behind":         {timeline{first: 100, firstBeside: unset, firstStart: 105}, 105, true},
		"further behind":      {timeline{first: 100, firstBeside: unset, firstStart: 106}, 106, false},
		"beside what said it": {timeline{first: 100, firstBeside: 101, firstStart: 106}, 106, true},
		"late":                {timeline{first: 100, firstBeside: unset, firstStart: unset, lateStarts: []ending{{at: 95, effectiveSeq: 9}}}, 95, true},
		"too late":            {timeline{first: 100, firstBeside: unset, firstStart: unset, lateStarts: []ending{{at: 94, effectiveSeq: 9}}}, unset, false},
		"too late, and late":  {timeline{first: 100, firstBeside: unset, firstStart: 105, lateStarts: []ending{{at: 94, effectiveSeq: 9}, {at: 97, effectiveSeq: 9}}}, 97, true},
		"late, and behind":    {timeline{first: 100, firstBeside: 1, firstStart: 105, lateStarts: []ending{{at: 97, effectiveSeq: 9}}}, 97, true},
		"come back":           {timeline{first: 100, firstBeside: unset, firstStart: 100, back: comeback{back: true}}, 100, false},
	} {
		at, known := c.t.started(tolerance, 8)
		require.Equal(t, c.at, at, name)
		require.Equal(t, c.known, known, name)
	}
	late := timeline{first: 100, firstBeside: unset, firstStart: unset, lateStarts: []ending{{at: 90, effectiveSeq: 9}}}
	for order, want := range map[uint64]int64{8: unset, 9: 90} { // what follows it has nothing to do with that
		at, _ := late.started(tolerance, order)
		require.Equal(t, want, at)
	}
}

// What a request said is begun by that is not what makes a session older; what cannot be
// told is counted.
func TestReadBeside(t *testing.T) {
	const start, before, known = int64(100), int64(50), int64(70)
	said := record{kind: fact.Started, At: start, flags: fact.FromRequest, parent: [8]byte{1}}
	sayer := record{kind: fact.Request, Start: before, End: start, At: before, span: [8]byte{1}}
	other := record{kind: fact.Activity, At: 90}
	list := func(of record, n int, more ...record) (all []*record) {
		for _, r := range slices.Concat(slices.Repeat([]record{of}, n), more) {
			all = append(all, &r)
		}
		return all
	}
	for name, c := range map[string]struct {
		list     []*record
		complete bool
		first    int64 // fact of all
		beside   int64
		lost     int64
	}{
		"nothing said it":           {list(other, 1), true, before, unset, 0},
		"a request did":             {list(said, 1, sayer), true, before, start, 0},
		"and another came before":   {list(said, 1, sayer, other), true, before, 90, 0},
		"it is all that there was":  {list(said, 1, sayer), false, before, known, 0},
		"it may be gone":            {list(said, 1), false, before, known, 1},
		"it is not":                 {list(said, 1), false, known, known, 0},
		"nor is what came later":    {list(said, 1), false, known + 1, known, 0},
		"many facts":                {list(other, maxBeside), false, known, known, 0},
		"too many facts":            {list(other, maxBeside+1), false, known, known, 1},
		"many starts":               {list(said, maxSaid), false, known, known, 0},
		"too many starts":           {list(said, maxSaid+1), false, known, known, 1},
		"many that said it":         {list(sayer, maxSaid, said), false, known, known, 0},
		"too many that said it":     {list(sayer, maxSaid+1, said), false, known, known, 1},
		"a start that was not said": {list(record{kind: fact.Started, At: start}, 1), true, before, unset, 0},
		"another that was":          {list(record{kind: fact.Started, At: start + 1, flags: fact.FromRequest}, 1), true, before, unset, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(historyConfig())
			tl := timeline{first: c.first, firstStart: start, firstBeside: known}
			e.readBeside(&tl, c.list, c.complete)
			require.Equal(t, c.beside, tl.firstBeside)
			require.Equal(t, c.lost, e.stats.lost)
		})
	}
}
