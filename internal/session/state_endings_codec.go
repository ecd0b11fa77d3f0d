package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/fact"
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

func (b *comeback) append(buf []byte, base int64) []byte {
	var has byte
	for _, x := range [...]struct {
		bit byte
		set bool
	}{
		{comebackLost, b.lost},
		{comebackUnsure, b.unsure},
		{comebackEnd, b.end != 0},
		{comebackLast, b.last != 0},
		{comebackSeen, b.seen != longAgo},
		{comebackLogin, b.login},
	} {
		if x.set {
			has |= x.bit
		}
	}
	buf = append(buf, has)
	if b.end != 0 {
		buf = binary.AppendVarint(append(buf, byte(b.typ)), b.end-base)
		buf = binary.AppendUvarint(buf, uint64(b.service))
	}
	if b.last != 0 {
		buf = binary.AppendVarint(binary.AppendVarint(buf, b.first-base), b.last-base)
	}
	if b.seen != longAgo {
		buf = binary.AppendVarint(buf, b.seen-base)
	}
	return buf
}

func readComeback(d *wire.Decoder, base int64) (b comeback) {
	has := d.Byte()
	b.back, b.login, b.lost, b.unsure, b.seen = true, has&comebackLogin != 0, has&comebackLost != 0, has&comebackUnsure != 0, longAgo
	if has&comebackEnd != 0 {
		b.typ = fact.Type(d.Below(uint64(fact.TypeCount)))
		b.end = d.After(base)
		b.service = uint32(d.Below(1 << 32))
	}
	if has&comebackLast != 0 {
		b.first, b.last = d.After(base), d.After(base)
	}
	if has&comebackSeen != 0 {
		b.seen = d.After(base)
	}
	return b
}

// What a stored comeback has.
const (
	comebackLost = 1 << iota
	comebackUnsure
	comebackEnd
	comebackLast
	comebackSeen
	comebackLogin
)
