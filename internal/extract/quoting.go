package extract

import (
	"math/bits"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// mayShow reports whether an id of the current record may be in what is quoted of
// its resource, own among them, the session's, or whether there are others. It is
// what most records have to do with all of this.
func (w *walk) mayShow(own *whom, seen uint64) bool {
	return len(own.raw) <= w.reach || seen&w.x.secretMask&^own.plain != 0
}

// hideIDs finds the ids of the current record, own and user's among them, and takes
// them out of what is quoted of its resource. other is one that was told from
// something.
func (w *walk) hideIDs(own, user *whom, other string) {
	s, x := &w.b.secrets, w.x
	s.reset()
	if own.reason == usable {
		s.add(own.raw)
	}
	if user.reason == usable && user.raw != own.raw {
		s.add(user.raw)
	}
	if other != "" {
		s.addOther(other)
	}
	w.addIDs(&w.record, x.secretMask&^(own.plain|user.plain))
	if (w.scope.seen|w.resource.seen)&x.secretMask != 0 {
		w.addIDs(&w.scope, x.secretMask)
		w.addIDs(&w.resource, x.secretMask)
	}
	var hidden uint8
	if s.leastLong <= w.longest {
		hidden = w.holding(s)
	}
	w.speakFor(hidden)
}

// setReach says which ids have to be looked for, now that it is known where the
// next records come from or of whom the last one was.
func (w *walk) setReach() {
	if w.b.current != w.base || (w.scope.seen|w.resource.seen)&w.x.sourceMask != 0 {
		w.reach = maxIDSize
		return
	}
	w.reach = w.longest * decodedShrinks
}

// addIDs adds the ids at the slots in mask to those of the record.
func (w *walk) addIDs(f *found, mask uint64) {
	s := &w.b.secrets
	for left := f.seen & mask; left != 0; left &= left - 1 {
		v := f.values[bits.TrailingZeros64(left)]
		if v.Type() != pcommon.ValueTypeSlice {
			s.addOther(textOf(v, w.b))
			continue
		}
		for _, element := range v.Slice().All() {
			s.addOther(textOf(element, w.b))
		}
	}
}

// addOther adds an id, if it is one.
func (s *secrets) addOther(id string) {
	if s.rules.check(id) == usable {
		s.add(id)
	}
}

// The texts of a resource.
const resourceTexts = 4

func textsOf(r *fact.Resource) [resourceTexts]*string {
	return [...]*string{&r.ServiceName, &r.ServiceNamespace, &r.ServiceInstance, &r.Environment}
}

// holding says, by its bits, which texts of the resource hold an id of s.
func (w *walk) holding(s *secrets) (hidden uint8) {
	for i, text := range w.texts {
		if s.mayHoldLong(text, s.escaped || w.oddTexts) && s.holds(text) {
			hidden |= 1 << i
		}
	}
	return hidden
}

// speakFor lets the current record be of the resource without the texts in hidden.
// They are hidden whole: what is left of a name is none, and a metric would show as
// many of them as somebody can think of ids.
func (w *walk) speakFor(hidden uint8) {
	b, i := w.b, w.base
	if hidden != 0 {
		if i = w.without[hidden]; i == 0 {
			r := b.Resources[w.base]
			for bit, text := range textsOf(&r) {
				if hidden>>bit&1 != 0 {
					*text = hiddenText
				}
			}
			i = b.add(r)
			w.without[hidden] = i
		}
	}
	if i != b.current {
		b.current, w.service, w.seen = i, &b.Resources[i], &b.Seen[i]
		w.setReach()
	}
}
