package alerts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxLabelValue is how many bytes a label's value has at most. Longer ones are cut, so that no finding
	// can bloat an alert.
	maxLabelValue = 256
	// maxAnnotationValue is how many bytes a sentence in an annotation has at most. It has room for two
	// labels' values and what stands around them.
	maxAnnotationValue = 1024
)

// labelValue makes a text fit to be a label's value: Alertmanager answers 400 to invalid UTF-8.
func labelValue(s string) string { return clean(s, maxLabelValue) }

// clean returns s as valid UTF-8 of at most limit bytes, cut between two characters. What a person does
// not see and what changes the order of what is seen (control characters, and those that set a direction)
// is U+FFFD in it, as is what is no UTF-8.
func clean(s string, limit int) string {
	// No character grows shorter, so what lies behind the limit does not come before it. A character that
	// is cut in two here lies behind it.
	if len(s) > limit+utf8.UTFMax {
		s = s[:limit+utf8.UTFMax]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, s)
	if len(s) > limit {
		for !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	return strings.Clone(s) // it does not keep the batch that it came in
}
