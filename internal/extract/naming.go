package extract

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// whom is who one place names.
type whom struct {
	reason    Reason // why it is nobody; else usable
	inherited bool   // from the scope or the resource
	number    uint8  // of the source
	flags     fact.Flags
	plain     uint64 // the slot of a value that holds this id and no other, as a mask
	raw       string
}

const (
	usable = ReasonCount + iota // the Reason of what is not refused
	absent                      // and of an id that is not there
)

var nobody = whom{reason: absent}

// first writes to n whom the first source names that is there in f, and reports
// whether one is. One that is there and unusable is not passed over: who is named
// by nothing usable is nobody, not whoever the next source or the resource names.
func (l *sourceList) first(n *whom, f *found, ids *idRules, b *Batch) bool {
	if !f.any(l.mask) {
		n.reason = absent
		return false
	}
	for i := range l.sources {
		s := &l.sources[i]
		if !f.has(s.slot) {
			continue
		}
		v := f.values[s.slot%maxSlots]
		if s.picker != nil {
			if s.read(n, v, ids, b) {
				return true
			}
			continue
		}
		n.number, n.flags, n.plain = s.number, s.flags, 1<<(s.slot%maxSlots)
		if raw := v.Str(); raw != "" {
			n.raw, n.reason = raw, ids.check(raw)
			return true
		}
		n.raw, n.reason = wholeOf(v, ids, b)
		if v.Type() == pcommon.ValueTypeSlice && v.Slice().Len() > 1 {
			n.plain = 0
		}
		return true
	}
	n.reason = absent
	return false
}

// read writes whom something in v names, unless it is not in it.
func (s *source) read(n *whom, v pcommon.Value, ids *idRules, b *Batch) bool {
	n.raw, n.reason = s.picker.pick(v, ids, b)
	n.number, n.flags, n.plain = s.number, s.flags, 0
	return n.reason != absent
}

// wholeOf is the id that v is, which is no text or an empty one.
func wholeOf(v pcommon.Value, ids *idRules, b *Batch) (string, Reason) {
	if v.Type() != pcommon.ValueTypeSlice {
		return textID(v, ids, b)
	}
	raw, reason := "", SessionIDType
	elements := v.Slice()
	for i := range elements.Len() {
		text, r := textID(elements.At(i), ids, b)
		if r == usable {
			return text, usable
		}
		if i == 0 {
			raw, reason = text, r
		}
	}
	return raw, reason
}

func textID(v pcommon.Value, ids *idRules, b *Batch) (string, Reason) {
	raw := textOf(v, b)
	if raw == "" && v.Type() != pcommon.ValueTypeStr {
		return "", SessionIDType
	}
	return raw, ids.check(raw)
}

// textOf is a text, or a whole number as text; else empty.
func textOf(v pcommon.Value, b *Batch) string {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return b.itoa(v.Int())
	case pcommon.ValueTypeDouble: // what parsers of JSON make of an int
		if d := v.Double(); d == math.Trunc(d) && math.Abs(d) < 1<<53 {
			return b.itoa(int64(d))
		}
	}
	return v.Str()
}
