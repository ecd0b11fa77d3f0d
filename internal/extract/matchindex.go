package extract

import (
	"math/bits"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// matchIndex tells which of many matches the attributes at hand fit: those of
// policies, and those of rules. What a value fits is looked up by the value, so that
// many matches cost little more than one. Each has a bit; where there are more than
// 64, the last bit stands for all that are left, which are to be asked themselves.
type matchIndex struct {
	all   uint64 // the bits of all matches
	mask  uint64 // the slots that they look at
	slots [maxSlots]*slotIndex
}

// slotIndex tells which matches the values at one slot fit.
type slotIndex struct {
	others uint64            // those that do not look at it
	values map[string]uint64 // what a value fits, of those that are listed
	listed [buckets / 64]uint64
	open   []openMatch // those that list what values begin with
	heads  headFilter
}

// openMatch is what one match asks of a slot.
type openMatch struct {
	bit        uint64
	conditions []condition
}

// lastBit is of all matches that have none of their own.
const lastBit = 63

func newMatchIndex(matches [][]condition) matchIndex {
	var m matchIndex
	bySlot := map[slot][]openMatch{}
	for i, conditions := range matches {
		bit := uint64(1) << min(i, lastBit)
		m.all |= bit
		if i >= lastBit && len(matches) > lastBit+1 {
			continue
		}
		at := map[slot][]condition{}
		for _, c := range conditions {
			at[c.slot] = append(at[c.slot], c)
		}
		for slot, conditions := range at {
			m.mask |= 1 << slot
			bySlot[slot] = append(bySlot[slot], openMatch{bit, conditions})
		}
	}
	for slot, asked := range bySlot {
		m.slots[slot] = newSlotIndex(m.all, asked)
	}
	return m
}

func newSlotIndex(all uint64, asked []openMatch) *slotIndex {
	s := &slotIndex{others: all, values: map[string]uint64{}}
	for _, o := range asked {
		s.others &^= o.bit
		if slices.ContainsFunc(o.conditions, func(c condition) bool { return len(c.begins) > 0 }) {
			s.open = append(s.open, o)
		}
	}
	for _, o := range asked {
		for _, c := range o.conditions {
			for _, begin := range c.begins {
				s.heads.add(begin)
			}
			for _, value := range c.values() {
				s.values[value] = s.others | fitting(asked, value)
				at := bucketOf(value)
				s.listed[at/64] |= 1 << (at % 64)
			}
		}
	}
	return s
}

// fitting are the bits of the matches that a value fits.
func fitting(asked []openMatch, value string) (fits uint64) {
	for i := range asked {
		if !slices.ContainsFunc(asked[i].conditions, func(c condition) bool { return !c.matchText(value) }) {
			fits |= asked[i].bit
		}
	}
	return fits
}

// fits are the bits of the matches that a value fits, as far as this slot goes.
func (s *slotIndex) fits(v pcommon.Value) uint64 {
	if text := v.Str(); text != "" {
		return s.fitsText(text)
	}
	return s.fitsOther(v)
}

// fitsOther does, of a value that is no text or an empty one.
func (s *slotIndex) fitsOther(v pcommon.Value) uint64 {
	var buf scalarText
	if v.Type() != pcommon.ValueTypeSlice {
		if text, ok := buf.of(v); ok {
			return s.fitsText(text)
		}
		return s.others
	}
	fits, elements := s.others, v.Slice()
	for i := range elements.Len() {
		if text, ok := buf.of(elements.At(i)); ok {
			fits |= s.fitsText(text)
		}
	}
	return fits
}

func (s *slotIndex) fitsText(text string) uint64 {
	if at := bucketOf(text); s.listed[at/64]>>(at%64)&1 != 0 {
		if fits, ok := s.values[text]; ok {
			return fits
		}
	}
	if s.heads.passes(text) {
		return s.others | fitting(s.open, text)
	}
	return s.others
}

// standing is what an index says of a scope, whatever records come.
type standing struct {
	fits uint64           // what a record fits that has none of the attributes
	at   [maxSlots]uint64 // by slot, of those that the index looks at
	// rest is what the scope says of all slots but those of the last record: almost
	// always the next one has the same.
	last, rest uint64
}

// stand looks at what records of the scope have in common.
func (m *matchIndex) stand(s *standing, scope, resource *found) {
	s.fits, s.last, s.rest = m.all, m.mask, m.all
	for left := m.mask; left != 0; left &= left - 1 {
		i := slot(bits.TrailingZeros64(left)) % maxSlots
		switch x := m.slots[i]; {
		case scope.has(i):
			s.at[i] = x.fits(scope.values[i])
		case resource.has(i):
			s.at[i] = x.fits(resource.values[i])
		default:
			s.at[i] = x.others
		}
		s.fits &= s.at[i]
	}
}

// fitting are the bits of the matches that a record of that scope fits.
func (m *matchIndex) fitting(s *standing, record *found) uint64 {
	if !record.any(m.mask) {
		return s.fits
	}
	here := record.seen & m.mask
	if here != s.last {
		s.last, s.rest = here, m.all
		for left := m.mask &^ here; left != 0; left &= left - 1 {
			s.rest &= s.at[bits.TrailingZeros64(left)%maxSlots]
		}
	}
	// What tells least, the method, has the lowest slot, and comes last.
	fits := s.rest
	for here != 0 {
		i := (bits.Len64(here) - 1) % maxSlots
		here &^= 1 << i
		if x := m.slots[i]; fits&^x.others != 0 { // one of those that are left looks at it
			fits &= x.fits(record.values[i])
		}
	}
	return fits
}

// headFilter tells by its first bytes, in any case, that a text begins like none of
// several. It errs on the other side only.
type headFilter struct {
	any    bool   // it has one
	size   int    // of the shortest that it has, 8 at most
	mask   uint64 // of so many bytes
	begins []string
	bits   [4]uint64
}

// add lets pass what begins so.
func (f *headFilter) add(begin string) {
	f.begins = append(f.begins, begin)
	if n := min(len(begin), 8); !f.any || n < f.size {
		f.any, f.size, f.mask = true, n, 1<<(8*n)-1
	}
	f.bits = [4]uint64{}
	for _, b := range f.begins {
		at := f.bitOf(f.short(b))
		f.bits[at/64] |= 1 << (at % 64)
	}
}

// passes reports whether text may begin like one.
func (f *headFilter) passes(text string) bool {
	if !f.any || len(text) < f.size {
		return false
	}
	var w uint64
	if len(text) >= 8 {
		w = word(text) & f.mask
	} else {
		w = f.short(text)
	}
	at := f.bitOf(w)
	return f.bits[at/64%4]>>(at%64)&1 != 0
}

// short are the first bytes of a text that may be short.
func (f *headFilter) short(text string) (w uint64) {
	for i := range min(f.size, len(text)) {
		w |= uint64(text[i]) << (8 * i)
	}
	return w
}

// bitOf hashes first bytes.
func (f *headFilter) bitOf(w uint64) uint64 {
	return (w | 0x2020202020202020&f.mask) * 0x9e3779b97f4a7c15 >> 56
}
