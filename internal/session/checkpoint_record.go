package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// maxPosition bounds the positions of recent facts, so that what is stored can
// make none overflow.
const maxPosition = 1 << 44

// What a stored record has, by bits.
const (
	recordEnd            = 1 << iota // another than Start
	recordAt                         // another than Start
	recordEffectiveStart             // another than Start
	recordFirstEnd                   // another than End
	recordEnclosing
	recordSession
	recordUser
	recordTrace
	recordSpan
	recordOfSession
	recordSlot
	recordResource
	recordDetails
	recordFilled
	recordParent
	recordLinked
	recordUserSource
)

// has says what of r is to be written.
func (r *record) has(details bool) (has uint64) {
	if r.End != r.Start {
		has |= recordEnd
	}
	if r.At != r.Start {
		has |= recordAt
	}
	if r.EffectiveStart != r.Start {
		has |= recordEffectiveStart
	}
	if r.FirstEnd != r.End {
		has |= recordFirstEnd
	}
	if r.enclosing != 0 {
		has |= recordEnclosing
	}
	if !r.session.IsZero() {
		has |= recordSession
	}
	if !r.user.IsZero() {
		has |= recordUser
	}
	if r.userSource != 0 {
		has |= recordUserSource
	}
	if r.trace != [16]byte{} {
		has |= recordTrace
	}
	if r.span != [8]byte{} {
		has |= recordSpan
	}
	if r.ofSession != 0 {
		has |= recordOfSession
	}
	if r.slot != compact.NoSlot {
		has |= recordSlot
	}
	if r.resource != 0 {
		has |= recordResource
	}
	if details {
		has |= recordDetails
	}
	if r.filled != 0 {
		has |= recordFilled
	}
	if r.parent != [8]byte{} {
		has |= recordParent
	}
	if !r.linked.IsZero() {
		has |= recordLinked
	}
	return has
}

// appendRecord appends all of r but the link to others of its trace, and its
// details, which follow if there are any. Instants are distances from base.
func appendRecord(buf []byte, r *record, details bool, base int64) []byte {
	has := r.has(details)
	buf = binary.AppendUvarint(buf, r.position)
	buf = binary.AppendUvarint(buf, r.seq)
	buf = binary.AppendUvarint(buf, has)
	buf = binary.AppendVarint(buf, r.Arrival-base)
	buf = binary.AppendVarint(buf, r.Start-r.Arrival)
	if has&recordEnd != 0 {
		buf = binary.AppendVarint(buf, r.End-r.Start)
	}
	if has&recordAt != 0 {
		buf = binary.AppendVarint(buf, r.At-r.Start)
	}
	if has&recordEffectiveStart != 0 {
		buf = binary.AppendVarint(buf, r.EffectiveStart-r.Start)
	}
	if has&recordFirstEnd != 0 {
		buf = binary.AppendVarint(buf, r.FirstEnd-r.End)
	}
	if has&recordEnclosing != 0 {
		buf = binary.AppendVarint(buf, r.enclosing)
	}
	if has&recordSession != 0 {
		buf = wire.AppendUint128(buf, r.session)
	}
	if has&recordUser != 0 {
		buf = wire.AppendUint128(buf, r.user)
	}
	if has&recordTrace != 0 {
		buf = append(buf, r.trace[:]...)
	}
	if has&recordSpan != 0 {
		buf = append(buf, r.span[:]...)
	}
	if has&recordParent != 0 {
		buf = append(buf, r.parent[:]...)
	}
	if has&recordLinked != 0 {
		buf = wire.AppendUint128(buf, r.linked)
	}
	if has&recordOfSession != 0 {
		buf = binary.AppendUvarint(buf, r.older(r.ofSession))
	}
	if has&recordSlot != 0 {
		buf = binary.AppendUvarint(buf, uint64(r.slot))
	}
	if has&recordResource != 0 {
		buf = binary.AppendUvarint(buf, uint64(r.resource))
	}
	if has&recordUserSource != 0 {
		buf = append(buf, r.userSource)
	}
	buf = append(buf, byte(r.kind), byte(r.outcome), r.policy)
	if has&recordFilled != 0 {
		buf = binary.AppendUvarint(buf, uint64(r.filled))
	}
	buf = binary.AppendUvarint(buf, uint64(r.flags))
	return binary.AppendUvarint(buf, uint64(r.state))
}

// record reads what appendRecord wrote, and the details behind it.
func readRecord(d *wire.Decoder, base int64) (r record, details fact.Details) {
	r.position = d.Below(maxPosition)
	r.seq = d.Uvarint()
	has := d.Uvarint()
	r.Arrival = d.After(base)
	r.Start = d.After(r.Arrival)
	r.End, r.At, r.EffectiveStart = r.Start, r.Start, r.Start
	if has&recordEnd != 0 {
		r.End = d.After(r.Start)
	}
	if has&recordAt != 0 {
		r.At = d.After(r.Start)
	}
	if has&recordEffectiveStart != 0 {
		r.EffectiveStart = d.After(r.Start)
	}
	r.FirstEnd = r.End
	if has&recordFirstEnd != 0 {
		r.FirstEnd = d.After(r.End)
	}
	if has&recordEnclosing != 0 {
		r.enclosing = d.Varint()
	}
	if has&recordSession != 0 {
		r.session = d.Uint128()
	}
	if has&recordUser != 0 {
		r.user = d.Uint128()
	}
	if has&recordTrace != 0 {
		d.Copy(r.trace[:])
	}
	if has&recordSpan != 0 {
		d.Copy(r.span[:])
	}
	if has&recordParent != 0 {
		d.Copy(r.parent[:])
	}
	if has&recordLinked != 0 {
		r.linked = d.Uint128()
	}
	if has&recordOfSession != 0 {
		older := d.Below(maxPosition)
		if older >= r.position { // links lead back
			d.Fail()
		}
		r.ofSession = uint32(older)
	}
	r.slot = compact.NoSlot
	if has&recordSlot != 0 {
		r.slot = uint32(d.Below(uint64(compact.NoSlot)))
	}
	if has&recordResource != 0 {
		r.resource = uint32(d.Below(1 << 32))
	}
	if has&recordUserSource != 0 {
		r.userSource = d.Byte()
	}
	r.kind, r.outcome = fact.Kind(d.Below(uint64(part)+1)), fact.Outcome(d.Below(uint64(fact.Rejected)+1))
	r.policy = d.Byte()
	if has&recordFilled != 0 {
		r.filled = fills(d.Below(1 << 16))
	}
	r.flags, r.state = fact.Flags(d.Below(1<<16)), recordState(d.Below(1<<16))
	if has&recordDetails != 0 {
		details = fact.ReadDetails(d, d.Version >= 3)
	}
	if d.Version < 3 && r.kind == part && r.identified() { // exempt requests were a kind of their own
		r.kind, r.flags = fact.Request, r.flags|fact.Exempt
	}
	return r, details
}

// What here is written and read depends on how the recent records are kept.

// Records of one range, as a power of two. Tests have fewer.
var recordBits = 10

// positionAt returns what was at index when next was the next position.
func (r *recent) positionAt(index int, next uint64) uint64 {
	last := next - 1
	return last - ((last-1)%r.limit+r.limit-uint64(index))%r.limit
}

// appendAt appends the record at position.
func (r *recent) appendAt(buf []byte, position uint64, base int64) []byte {
	rec := r.at(position)
	details := r.details.At(rec.details)
	buf = appendRecord(buf, rec, details != nil, base)
	if details == nil {
		return buf
	}
	return appendDetails(buf, details)
}
