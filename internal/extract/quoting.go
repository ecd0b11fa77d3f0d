package extract

import (
	"math"
	"math/bits"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// mayShow reports whether an id of the current record may be in what is quoted of
// its resource, own among them, the session's, or whether there are others. It is
// what most records have to do with all of this.
func (w *walk) mayShow(own string, seen uint64) bool {
	here := seen & w.x.secretMask
	return len(own) <= w.reach || here&(here-1|w.x.cookieMask) != 0
}

// hideIDs finds the ids of the current record, own among them, and takes them out
// of what is quoted of its resource.
func (w *walk) hideIDs(own string) {
	s, x := &w.b.secrets, w.x
	s.reset(own)
	w.addIDs(&w.record, x.secretMask, own)
	if (w.scope.seen|w.resource.seen)&x.idMask != 0 {
		w.addIDs(&w.scope, x.idMask, own)
		w.addIDs(&w.resource, x.idMask, own)
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
	if w.current != w.base || (w.scope.seen|w.resource.seen)&w.x.idMask != 0 {
		w.reach = maxIDSize
		return
	}
	w.reach = w.longest * decodedShrinks
}

// addIDs adds the ids at the slots in mask to those of the record, of which own is
// one already.
func (w *walk) addIDs(f *found, mask uint64, own string) {
	s := &w.b.secrets
	for left := f.seen & mask; left != 0; left &= left - 1 {
		slot := slot(bits.TrailingZeros64(left))
		switch v := f.values[slot]; {
		case w.x.cookieMask>>slot&1 != 0:
			each(v, func(header string) {
				addCookies(s, header)
				s.addOther(header, own)
			})
		case v.Type() == pcommon.ValueTypeSlice:
			each(v, func(id string) { s.addOther(id, own) })
		default:
			s.addOther(textOf(v, w.b), own)
		}
	}
}

// addOther adds an id, if it is one and not own, which is known.
func (s *secrets) addOther(id, own string) {
	if id != own && !isNoID(id) {
		s.add(id)
	}
}

// each calls do with all the texts that v holds.
func each(v pcommon.Value, do func(string)) {
	if v.Type() != pcommon.ValueTypeSlice {
		do(v.Str())
		return
	}
	for _, element := range v.Slice().All() {
		do(element.Str())
	}
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

// isNoID reports whether a text is no id.
func isNoID(text string) bool {
	return text == "" || len(text) > maxIDSize || isPlaceholder(text)
}

// addCookies adds the values of a Cookie header, any of which may be an id.
func addCookies(s *secrets, header string) {
	for cookie := range strings.SplitSeq(header, ";") {
		if _, value, ok := strings.Cut(cookie, "="); ok && len(value) >= minHidden && !isNoID(value) {
			s.add(strings.Trim(value, `" `))
		}
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
			i = len(b.Resources)
			b.Resources, b.Seen = append(b.Resources, r), append(b.Seen, Seen{})
			w.without[hidden] = i
		}
	}
	if i != w.current {
		w.current, w.service, w.seen = i, &b.Resources[i], &b.Seen[i]
		w.setReach()
	}
}
