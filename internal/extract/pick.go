package extract

import (
	"encoding/base64"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	// maxHeader and maxToken are the longest header and token, in bytes, in which
	// an id is looked for.
	maxHeader = 64 << 10
	maxToken  = 8 << 10
)

// pickKind is what of an attribute an id is.
type pickKind uint8

const (
	pickWhole pickKind = iota
	pickCookie
	pickClaim
	pickPathParameter
)

// picker finds an id in an attribute. What it names is a part of the attribute,
// or decoded from one into the batch's own memory.
type picker struct {
	kind        pickKind
	last        bool
	name        string
	stripPrefix string
	until       string
	decode      *base64.Encoding
}

// newPicker is nil where the whole attribute is the id.
func newPicker(s *Source) *picker {
	p := picker{last: s.Pick == pickLast, stripPrefix: s.StripPrefix, until: s.Until, decode: decodings[s.Decode]}
	switch {
	case s.Cookie != "":
		p.kind, p.name = pickCookie, s.Cookie
	case s.Claim != "":
		p.kind, p.name = pickClaim, s.Claim
	case s.PathParameter != "":
		p.kind, p.name = pickPathParameter, s.PathParameter
	}
	if p == (picker{}) {
		return nil
	}
	return &p
}

// pick is who is named in v: absent, where what it looks for is not there.
func (p *picker) pick(v pcommon.Value, ids *idRules, b *Batch) (string, Reason) {
	t := taken{picker: p, ids: ids, batch: b, reason: absent}
	if v.Type() == pcommon.ValueTypeSlice {
		elements := v.Slice()
		for i := range elements.Len() {
			t.look(elements.At(i))
			if t.reason == usable && p.kind != pickCookie {
				break
			}
		}
		if elements.Len() == 0 {
			t.none(SessionIDType)
		}
	} else {
		t.look(v)
	}
	if t.differ {
		b.refuse(SessionIDAmbiguous)
	}
	return t.raw, t.reason
}

// taken is what a picker has found so far.
type taken struct {
	*picker
	ids    *idRules
	batch  *Batch
	raw    string
	reason Reason
	differ bool
}

// none takes note of what is there and unusable, unless something better was seen.
func (t *taken) none(reason Reason) {
	if t.reason == absent {
		t.reason = reason
	}
}

func (t *taken) look(v pcommon.Value) {
	text := v.Str()
	if text == "" {
		if v.Type() != pcommon.ValueTypeStr {
			if text = textOf(v, t.batch); text == "" || t.kind != pickWhole {
				t.none(SessionIDType)
				return
			}
		}
	}
	switch {
	case len(text) > maxHeader:
		t.none(SessionIDSize)
	case t.kind == pickCookie:
		t.cookies(text)
	case t.kind == pickClaim:
		t.claim(text)
	case t.kind == pickPathParameter:
		t.parameters(text)
	default:
		t.take(text)
	}
}

// take considers text, which is where an id should be.
func (t *taken) take(text string) {
	raw, reason := t.trim(text)
	switch {
	case reason != usable:
		t.none(reason)
		return
	case t.reason == usable:
		t.differ = t.differ || raw != t.raw
		if !t.last {
			return
		}
	}
	t.raw, t.reason = raw, usable
}

// trim is what is left of text when everything is cut off that is not the id.
func (t *taken) trim(text string) (string, Reason) {
	if t.stripPrefix != "" {
		text = strings.TrimPrefix(text, t.stripPrefix)
	}
	switch {
	case len(t.until) == 1:
		if i := strings.IndexByte(text, t.until[0]); i >= 0 {
			text = text[:i]
		}
	case t.until != "":
		if i := strings.IndexAny(text, t.until); i >= 0 {
			text = text[:i]
		}
	}
	if t.decode != nil {
		// What stands for nobody is not encoded.
		if reason := t.ids.check(text); reason != usable && reason != SessionIDSize {
			return "", reason
		}
		if len(text) > 2*maxIDSize {
			return "", SessionIDSize
		}
		var ok bool
		if text, ok = t.batch.decode(t.decode, text); !ok {
			return "", SessionIDEncoding
		}
	}
	return text, t.ids.check(text)
}
