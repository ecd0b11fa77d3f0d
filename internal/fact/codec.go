package fact

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// factVersion is the first byte of every fact in a journal, and oldestFact that of
// the oldest that are read: see [wire.Version], which has its own.
//
//	2  the number of the texts of details is written; an exempt request is a request
const factVersion, oldestFact = 2, 1

// What follows in a fact, by bits.
const (
	factSession = 1 << iota
	factPrevious
	factUser
	factEnd // another than Start
	factAt  // another than Start
	factTrace
	factSpan
	factDetails
	factLinked
	factParent
	factUserSource // another than the first
)

// Append appends a fact, and when it arrived, to buf. It holds no raw id: a
// name travels as its ID and the pseudonym, which pseudonym is asked for.
func Append(buf []byte, f *Fact, arrival int64, pseudonym func(*Name) Pseudonym) []byte {
	var has uint64
	for _, x := range [...]struct {
		bit uint64
		set bool
	}{
		{factSession, !f.Session.ID.IsZero()},
		{factPrevious, !f.Previous.Key().IsZero()},
		{factUser, !f.User.ID.IsZero()},
		{factEnd, f.End != f.Start},
		{factAt, f.At != f.Start},
		{factTrace, f.Trace != [16]byte{}},
		{factSpan, f.Span != [8]byte{}},
		{factDetails, f.Details != Details{}},
		{factLinked, !f.Linked.Key().IsZero()},
		{factParent, f.Parent != [8]byte{}},
		{factUserSource, f.UserSource != 0},
	} {
		if x.set {
			has |= x.bit
		}
	}
	buf = append(buf, factVersion, byte(f.Kind), byte(f.Outcome), f.Policy)
	buf = binary.AppendUvarint(buf, uint64(f.Flags))
	buf = binary.AppendUvarint(buf, has)
	buf = binary.AppendVarint(buf, arrival)
	buf = binary.AppendVarint(buf, f.Start-arrival)
	if has&factEnd != 0 {
		buf = binary.AppendVarint(buf, f.End-f.Start)
	}
	if has&factAt != 0 {
		buf = binary.AppendVarint(buf, f.At-f.Start)
	}
	for _, n := range f.names() {
		if !n.Key().IsZero() {
			p := pseudonym(n)
			buf = append(wire.AppendUint128(buf, n.ID), p[:]...)
		}
	}
	if has&factTrace != 0 {
		buf = append(buf, f.Trace[:]...)
	}
	if has&factSpan != 0 {
		buf = append(buf, f.Span[:]...)
	}
	if has&factParent != 0 {
		buf = append(buf, f.Parent[:]...)
	}
	if has&factUserSource != 0 {
		buf = append(buf, f.UserSource)
	}
	buf = AppendResource(buf, f.Resource)
	if has&factDetails != 0 {
		buf = AppendDetails(buf, &f.Details)
	}
	return buf
}

// Read reads one fact; rest is what follows it. The fact shares no memory
// with buf.
func Read(buf []byte) (f Fact, arrival int64, rest []byte, err error) {
	d := wire.Decoder{Left: buf}
	d.Version = d.Byte()
	if err := wire.Known(d.Version, oldestFact, factVersion); d.Err == nil && err != nil {
		return Fact{}, 0, nil, err
	}
	f.Kind, f.Outcome = Kind(d.Below(uint64(KindCount)+1)), Outcome(d.Below(uint64(Rejected)+1))
	f.Policy = d.Byte()
	f.Flags = Flags(d.Below(1 << 16))
	if f.Kind == KindCount {
		if d.Version >= 2 {
			d.Fail()
		}
		f.Kind, f.Flags = Request, f.Flags|Exempt // which was a kind of its own
	}
	has := d.Uvarint()
	arrival = d.Varint()
	f.Start = d.After(arrival)
	f.End, f.At = f.Start, f.Start
	if has&factEnd != 0 {
		f.End = d.After(f.Start)
	}
	if has&factAt != 0 {
		f.At = d.After(f.Start)
	}
	if has&factPrevious != 0 {
		f.Previous = new(Name)
	}
	if has&factLinked != 0 {
		f.Linked = new(Name)
	}
	for i, n := range f.names() {
		if has&[...]uint64{factSession, factPrevious, factUser, factLinked}[i] != 0 {
			n.ID = d.Uint128()
			n.Pseudonym = new(Pseudonym)
			d.Copy(n.Pseudonym[:])
		}
	}
	if has&factTrace != 0 {
		d.Copy(f.Trace[:])
	}
	if has&factSpan != 0 {
		d.Copy(f.Span[:])
	}
	if has&factParent != 0 {
		d.Copy(f.Parent[:])
	}
	if has&factUserSource != 0 {
		f.UserSource = d.Byte()
	}
	r := ReadResource(&d)
	f.Resource = &r
	if has&factDetails != 0 {
		f.Details = ReadDetails(&d, d.Version >= 2)
	}
	if f.End < f.Start || f.Policy >= MaxPolicies && f.Policy != NoPolicy {
		d.Fail()
	}
	if d.Err != nil {
		return Fact{}, 0, nil, d.Err
	}
	return f, arrival, d.Left, nil
}

// names returns the names of f in the order in which they are written.
func (f *Fact) names() [4]*Name { return [...]*Name{&f.Session, f.Previous, &f.User, f.Linked} }
