package session

import (
	"encoding/binary"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const _ = uint(compact.MaxText - fact.MaxText)

// detailLog keeps the details of the recent records.
type detailLog struct{ compact.TextLog }

// put stores d and returns where, for one record to refer to. Nothing is at 0.
func (l *detailLog) put(d *fact.Details) uint64 {
	t := textsOf(d)
	return l.Put(d.Status, &t)
}

// replace lets d take the place of what is at where, for the record that refers
// to it, and returns where it is.
func (l *detailLog) replace(where uint64, d *fact.Details) uint64 {
	t := textsOf(d)
	return l.Replace(where, d.Status, &t)
}

func textsOf(d *fact.Details) (t compact.Texts) {
	for i, s := range d.Texts() {
		t[i] = *s
	}
	return t
}

// get returns what was put at where, in memory of its own.
func (l *detailLog) get(where uint64) (d fact.Details) {
	e := l.At(where)
	if e == nil {
		return d
	}
	d.Status = e.Number()
	texts := e.Texts()
	for i, to := range d.Texts() {
		*to = string(texts[i])
	}
	return d
}

// clonedDetails is d in memory of its own.
func clonedDetails(d *fact.Details) fact.Details {
	kept := *d
	for _, s := range kept.Texts() {
		*s = strings.Clone((*s)[:min(len(*s), fact.MaxText)])
	}
	return kept
}

// appendDetails appends e as [fact.AppendDetails] does.
func appendDetails(b []byte, e compact.TextEntry) []byte {
	b = fact.AppendDetailsHeader(b, e.Number())
	texts := e.Texts()
	for _, text := range texts[:fact.DetailTexts] {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}
