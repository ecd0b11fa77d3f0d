package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What a stored ending has, by bits.
const (
	endingEffectiveSeq = 1 << iota
	endingNextSeq
	endingOther
)

func appendEndings(buf []byte, list []ending, base int64) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(list)))
	for i := range list {
		x := &list[i]
		var has byte
		if x.effectiveSeq != 0 {
			has |= endingEffectiveSeq
		}
		if x.nextSeq != 0 || x.seq != 0 {
			has |= endingNextSeq
		}
		if !x.other.IsZero() {
			has |= endingOther
		}
		buf = append(binary.AppendVarint(buf, x.at-base), has)
		base = x.at
		buf = binary.AppendUvarint(buf, uint64(x.service))
		if has&endingEffectiveSeq != 0 {
			buf = binary.AppendUvarint(buf, x.effectiveSeq)
		}
		if has&endingNextSeq != 0 {
			buf = binary.AppendUvarint(buf, x.nextSeq)
			buf = binary.AppendUvarint(buf, x.seq)
		}
		if has&endingOther != 0 {
			buf = wire.AppendUint128(buf, x.other)
		}
	}
	return buf
}

func readEndings(d *wire.Decoder, list []ending, base int64) []ending {
	for range d.Len(3) {
		base = d.After(base)
		x, has := ending{at: base}, d.Byte()
		x.service = uint32(d.Below(1 << 32))
		if has&endingEffectiveSeq != 0 {
			x.effectiveSeq = d.Uvarint()
		}
		if has&endingNextSeq != 0 {
			x.nextSeq, x.seq = d.Uvarint(), d.Uvarint()
		}
		if has&endingOther != 0 {
			x.other = d.Uint128()
		}
		list = append(list, x)
	}
	return list
}
