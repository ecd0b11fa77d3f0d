package extract

import (
	"math"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/session"
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
	w.addIDs(&w.scope, x.idMask, own)
	w.addIDs(&w.resource, x.idMask, own)
	var hidden uint8
	if s.least <= w.longest {
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
	if !f.any(mask) {
		return
	}
	s := &w.b.secrets
	for slot := range slot(maxSlots) {
		if mask>>slot&1 == 0 || !f.has(slot) {
			continue
		}
		each(f.values[slot], w.b, func(id string) {
			if w.x.cookieMask>>slot&1 != 0 {
				addCookies(s, id)
			}
			if !isNoID(id) && id != own {
				s.add(id)
			}
		})
	}
}

// each calls do with the ids that v may hold: texts, and whole numbers as text.
func each(v pcommon.Value, b *Batch, do func(string)) {
	switch v.Type() {
	case pcommon.ValueTypeSlice:
		for _, element := range v.Slice().All() {
			if element.Type() == pcommon.ValueTypeStr {
				do(element.Str())
			}
		}
	default:
		do(textOf(v, b))
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

func textsOf(r *session.Resource) [resourceTexts]*string {
	return [...]*string{&r.ServiceName, &r.ServiceNamespace, &r.ServiceInstance, &r.Environment}
}

// holding says, by its bits, which texts of the resource hold an id of s.
func (w *walk) holding(s *secrets) (bits uint8) {
	for i, text := range w.texts {
		if len(text) >= s.least && s.holds(text) {
			bits |= 1 << i
		}
	}
	return bits
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
