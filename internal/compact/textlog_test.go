package compact

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// textEntry is what an entry should be.
type textEntry struct {
	number int32
	texts  Texts
}

func (l *TextLog) get(where uint64) (x textEntry) {
	e := l.At(where)
	if e == nil {
		return x
	}
	x.number = e.Number()
	for i, text := range e.Texts() {
		x.texts[i] = string(text)
	}
	return x
}

// cut is x as a log holds it.
func (x textEntry) cut() textEntry {
	for i, s := range x.texts {
		x.texts[i] = s[:min(len(s), MaxText)]
	}
	if x.number < -1<<20 || x.number >= 1<<20 {
		x.number = 0
	}
	return x
}

func TestTextsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l TextLog
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) (x textEntry) {
			x.number = rapid.Int32().Draw(t, "number")
			for i := range x.texts {
				x.texts[i] = rapid.StringN(-1, -1, MaxText).Draw(t, "text")
			}
			return x
		}), 1, 40).Draw(t, "entries")
		var where []uint64
		for i := range all {
			where = append(where, l.putAll(all[i].number, &all[i].texts, 0))
		}
		for i := range all {
			require.Equal(t, all[i].cut(), l.get(where[i]))
		}
		require.NoError(t, l.Check(where))
	})
}

// TestTextBounds: the longest texts and the outermost numbers stay what they are.
func TestTextBounds(t *testing.T) {
	var l TextLog
	for _, number := range []int32{-1 << 20, -1, 0, 1, 1<<20 - 1} {
		x := textEntry{number: number}
		for i := range x.texts {
			x.texts[i] = strings.Repeat(string(rune('a'+i)), MaxText)
		}
		require.Equal(t, x, l.get(l.putAll(number, &x.texts, 0)))
	}
	for _, number := range []int32{-1<<20 - 1, 1 << 20} {
		require.Zero(t, l.get(l.Put(number, "", "", "", nil)).number)
	}
}

func TestTextsAreBounded(t *testing.T) {
	var l TextLog
	x := Texts{2: strings.Repeat("x", 100*MaxText)}
	first := l.putAll(1, &x, 0)
	require.Len(t, l.get(first).texts[2], MaxText)
	where, held := first, 0
	for range 10_000 {
		next := l.putAll(1, &x, 0)
		l.Release(where)
		where, held = next, max(held, l.Blocks())
	}
	require.LessOrEqual(t, held, 2, "what nobody refers to is let go")
	require.Equal(t, textEntry{}, l.get(first))
	require.Equal(t, textEntry{}, l.get(0))
	require.Equal(t, textEntry{}, l.get(where+1<<32), "it is not there yet")
}

// textRing is a ring of entries beside what they should be.
type textRing struct {
	log   TextLog
	where []uint64
	want  []textEntry
	next  int
}

func newTextRing(limit int) *textRing {
	return &textRing{where: make([]uint64, limit), want: make([]textEntry, limit)}
}

func (r *textRing) push(x textEntry) {
	i := r.next % len(r.where)
	r.log.Release(r.where[i])
	r.where[i], r.want[i] = r.log.putAll(x.number, &x.texts, 0), x.cut()
	r.next++
}

func (r *textRing) replace(i int, x textEntry) {
	r.where[i], r.want[i] = r.log.Replace(r.where[i], x.number, &x.texts), x.cut()
}

// held is how many bytes the log holds.
func (r *textRing) held() (n int) {
	for i := range r.log.blocks {
		n += cap(r.log.blocks[i].bytes)
	}
	return n
}

// TestTextsOutliveOthers: whatever is put, put in the place of others and let go,
// what is referred to is what was put there last.
func TestTextsOutliveOthers(t *testing.T) {
	was := [...]int{FirstTextBlock, MaxTextBlock}
	FirstTextBlock, MaxTextBlock = 48, 64
	defer func() { FirstTextBlock, MaxTextBlock = was[0], was[1] }()
	d := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		n := d.IntN(40)
		if d.IntN(50) == 0 {
			n = d.IntN(2 * MaxText)
		}
		return strings.Repeat(string(rune('a'+d.IntN(26))), n)
	}
	for _, limit := range []int{1, 2, 7, 60} {
		r := newTextRing(limit)
		for range 4000 {
			x := textEntry{d.Int32(), Texts{text(), text(), text(), text(), text(), text(), text()}}
			if r.next > 0 && d.IntN(3) > 0 {
				r.replace(d.IntN(min(r.next, limit)), x)
			} else {
				r.push(x)
			}
			require.NoError(t, r.log.Check(r.where[:min(r.next, limit)]))
			for i := range min(r.next, limit) {
				if got := r.log.get(r.where[i]); got != r.want[i] {
					t.Fatalf("got %+v, want %+v", got, r.want[i])
				}
			}
		}
		require.Greater(t, r.log.before, uint64(200), "blocks that went")
	}
}

// TestReplacedTextsAreBounded: what is put in the place of others, again and again
// while the ring stands still and a little longer each time, does not make the log
// grow without end.
func TestReplacedTextsAreBounded(t *testing.T) {
	const limit = 8
	r := newTextRing(limit)
	most := 0
	for range 10 * limit {
		r.push(textEntry{})
		for n := range MaxText {
			text := strings.Repeat("x", n+1)
			for i := range limit {
				if i < r.next {
					r.replace(i, textEntry{0, Texts{text, text, text, text, text, text, text}})
				}
			}
		}
		most = max(most, r.held())
	}
	// One has twice the room that it can need, for a turn and for what stays of
	// the turn before it; and a block is as large as the one before it, or what
	// one needs.
	all := len(Texts{}) * MaxText
	bound := 2*limit*2*all + 2*max(MaxTextBlock, 2*all)
	require.LessOrEqual(t, most, bound)
	t.Logf("%d bytes for %d, of at most %d", most, limit, bound)
}
