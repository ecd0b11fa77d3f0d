package session

import "math/bits"

// Before anything changes a session or a recent record it says so here: what
// changed is stored again, and a checkpoint that is under way keeps what was.

// bitset grows as it is set.
type bitset []uint64

func (b *bitset) set(n int) {
	for n>>6 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[n>>6] |= 1 << (n & 63)
}

func (b bitset) has(n int) bool { return n>>6 < len(b) && b[n>>6]&(1<<(n&63)) != 0 }

func (b *bitset) add(other bitset) {
	for i, word := range other {
		if word != 0 {
			b.set(i << 6)
			(*b)[i] |= word
		}
	}
}

// count returns how many there are in [from, to).
func (b bitset) count(from, to int) (n int) {
	for i := from >> 6; i<<6 < to && i < len(b); i++ {
		word := b[i]
		if low := from - i<<6; low > 0 {
			word = word >> low << low
		}
		if high := to - i<<6; high < 64 {
			word &= 1<<high - 1
		}
		n += bits.OnesCount64(word)
	}
	return n
}

// next returns the first that is at or behind n, or end where there is none
// before that.
func (b bitset) next(n, end int) int {
	for n < end && n>>6 < len(b) {
		if word := b[n>>6] >> (n & 63); word != 0 {
			return min(n+bits.TrailingZeros64(word), end)
		}
		n = (n>>6 + 1) << 6
	}
	return end
}

// setAll makes all below n its own.
func (b *bitset) setAll(n int) {
	for i := range n {
		b.set(i)
	}
}

// changes are what changed since it was last stored: sessions by slot, and recent
// records by range.
type changes struct{ sessions, recent bitset }

// touch must be called before t changes.
func (e *Engine) touch(t *timeline) { e.touchSlot(t.lane, t.slot) }

// touchSlot must be called before the session in slot changes.
func (e *Engine) touchSlot(l *lane, slot uint32) {
	l.changed.sessions.set(int(slot))
	if e.checkpoint != nil {
		e.checkpoint.lanes[l.number].saveSession(slot)
	}
}

// touchNew must be called when a session has been given slot.
func (e *Engine) touchNew(l *lane, slot uint32) {
	l.changed.sessions.set(int(slot))
	if e.checkpoint != nil {
		e.checkpoint.lanes[l.number].saveFree(slot)
	}
}

// touchRecord must be called before r, or the record that r is a copy of,
// changes or gives up its place.
func (e *Engine) touchRecord(r *record) {
	if r.position == 0 {
		return // it has no place yet
	}
	if r.state&suspected != 0 {
		if s := e.suspectOf(r); s != nil {
			e.suspects.touchOne(s)
		}
	}
	e.touchPosition(e.lane(r.session), r.position)
}

// touchPosition must be called before the record at position changes or gives up
// its place.
func (e *Engine) touchPosition(l *lane, position uint64) {
	if l.recent.next-position > l.recent.limit {
		return // it has given it up
	}
	l.changed.recent.set(l.recent.index(position) >> recordBits)
	if e.checkpoint != nil {
		e.checkpoint.lanes[l.number].saveRecord(position)
	}
}
