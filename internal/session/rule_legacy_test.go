package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// What was learnt of those that were thrown away counts for the request if all of it came
// before that, and if nothing has come since of what they did up to the rotation.
func TestInheritsWhatWasLearnt(t *testing.T) {
	const seq, rotated, tolerance = uint64(1), int64(500), int64(5) // as of backOf
	gone := fact.ID{1000, 1}
	for name, c := range map[string]struct {
		effectiveSeq uint64
		back         bool
		first        int64
		late         bool
		unknown      int64
	}{
		"thrown away":                     {seq, false, 0, false, 300},
		"and some came too late":          {seq + 1, false, 0, true, 300},
		"came back":                       {seq, true, rotated + tolerance + 1, false, 300},
		"and was heard of with it":        {seq, true, rotated + tolerance, false, unset},
		"and was heard of before it":      {seq, true, rotated - tolerance, false, unset},
		"and was heard of just before it": {seq, true, rotated, false, unset},
	} {
		w := backOf(t, comeback{}, 1000)
		w.e.work.allow(1000)
		h := noHeritage
		h.at, h.unknownBefore = 100, 300
		w.t.lineage = []rotation{{at: rotated, from: gone}}
		w.t.legacy = legacy{gone, rotated, []heritage{h}, c.effectiveSeq}
		if c.back {
			p := w.e.shardOf(gone).sessions.insert(gone)
			p.back.back, p.first = true, c.first
		}
		require.Equal(t, c.unknown, w.heritage().unknownBefore, name)
		require.EqualValues(t, 100, w.heritage().at, name)
		require.Equal(t, c.late, w.inheritsLate, name)
	}
}

// So it is with what is known of those beyond as many as are followed.
func TestInheritsFromBeyond(t *testing.T) {
	const seq = uint64(1)
	for effectiveSeq, late := range map[uint64]bool{0: false, seq: false, seq + 1: true} {
		e := newStage(t, standard, func(c *Config) { c.MaxSessions = 2 * maxLineage })
		e.work.allow(1000)
		var line []*timeline
		for i := range maxLineage + 1 { // each continues the next
			id := fact.ID{uint64(1000 + i), 1}
			line = append(line, e.shardOf(id).sessions.insert(id))
			line[i].lineage = []rotation{{at: int64(500 - i), from: fact.ID{id[0] + 1, 1}}}
		}
		w := e.newEvaluation(line[0], &record{At: 1000, EffectiveStart: 1000, End: 1000, seq: seq})
		last, gone := line[maxLineage], fact.ID{7, 7}
		h := noHeritage
		h.at, h.known = 100, true
		last.lineage = []rotation{{at: 200, from: gone}}
		last.legacy = legacy{gone, 200, []heritage{h}, effectiveSeq}
		got, known := w.ancestors()
		require.Len(t, got, maxLineage)
		require.EqualValues(t, 100, known.at)
		require.Equal(t, late, w.inheritsLate, "%d", effectiveSeq)
	}
}
