package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// head says what else is stored. It is stored last, and read first.
type head struct {
	keyID    [16]byte
	at       int64
	policies []headPolicy

	observed, ringLimit  uint64
	restarted, tombFloor int64
	tombSlots            int // of an older version's tombstones; else 0
	authenticated        uint64
	blinds               blinds

	lanes  []headLane
	ranges [kindCount][]chunkRange
}

// headPolicy is what a head says of one policy: what it is called, and what of it
// sessions were settled by, see [timeline.ordinary].
type headPolicy struct {
	name            string
	idle, tolerance int64
	inclusive       bool
}

// headPolicies returns what a head says of all.
func headPolicies(all []Policy) (list []headPolicy) {
	for i := range all {
		p := &all[i]
		list = append(list, headPolicy{p.Name, int64(p.IdleTimeout), int64(p.Tolerance), p.Inclusive})
	}
	return list
}

// headLane is what a head says of one lane: the positions of the next recent fact
// to be decided and of the next to come, how many sessions there are, how many
// slots they are in, and since version 3 the latest end of what gave up its place
// among the recent facts.
type headLane struct {
	cursor, next, sessions, slots uint64
	gone                          int64
}

func (h *head) append(b []byte) []byte {
	b = append(b, h.keyID[:]...)
	b = binary.AppendVarint(b, h.at)
	b = binary.AppendUvarint(b, uint64(len(h.policies)))
	for _, p := range h.policies {
		b = binary.AppendVarint(binary.AppendVarint(wire.AppendText(b, p.name), p.idle), p.tolerance)
		b = wire.AppendBool(b, p.inclusive)
	}
	for _, v := range [...]uint64{h.observed, h.ringLimit, uint64(h.tombSlots), h.authenticated} {
		b = binary.AppendUvarint(b, v)
	}
	b = binary.AppendUvarint(b, uint64(len(h.lanes)))
	for _, l := range h.lanes {
		for _, v := range [...]uint64{l.cursor, l.next, l.sessions, l.slots} {
			b = binary.AppendUvarint(b, v)
		}
		b = binary.AppendVarint(b, l.gone)
	}
	b = binary.AppendVarint(b, h.restarted)
	b = binary.AppendVarint(b, h.tombFloor)
	b = binary.AppendUvarint(b, uint64(len(h.blinds)))
	for _, x := range h.blinds {
		b = wire.AppendText(binary.AppendVarint(binary.AppendVarint(b, x.from), x.to), x.reason)
	}
	b = binary.AppendUvarint(b, uint64(kindCount))
	for _, kind := range storedKinds {
		ranges := h.ranges[kind]
		b = binary.AppendUvarint(b, uint64(len(ranges)))
		for i := range ranges {
			b = binary.AppendUvarint(b, uint64(len(ranges[i].layers)))
			for _, l := range ranges[i].layers {
				b = binary.AppendUvarint(append(b, l.side), uint64(len(l.parts)))
				for _, sum := range l.parts {
					b = binary.LittleEndian.AppendUint32(b, sum)
				}
			}
		}
	}
	return b
}

// head reads what append wrote. An older version may have known fewer kinds.
func readHead(d *wire.Decoder) (h head, err error) {
	d.Copy(h.keyID[:])
	h.at = d.Varint()
	for range d.Len(4) {
		h.policies = append(h.policies, headPolicy{d.Text(), d.Varint(), d.Varint(), d.Bool()})
	}
	h.observed, h.ringLimit = d.Uvarint(), d.Below(maxPosition)
	h.tombSlots = int(d.Below(1 << 32))
	h.authenticated = d.Uvarint()
	for range d.Len(4) {
		l := headLane{d.Below(maxPosition), d.Below(maxPosition), d.Below(compact.MaxSlots + 1), d.Below(compact.MaxSlots + 1), longAgo}
		if d.Version >= 3 {
			l.gone = d.Varint()
		}
		h.lanes = append(h.lanes, l)
	}
	h.restarted, h.tombFloor = d.Varint(), d.Varint()
	for range d.Len(3) {
		h.blinds = append(h.blinds, blindInterval{d.Varint(), d.Varint(), d.Text()})
	}
	for _, kind := range storedKinds[:d.Below(uint64(kindCount)+1)] {
		for range d.Len(1) {
			h.ranges[kind] = append(h.ranges[kind], readChunkRange(d))
		}
	}
	for _, l := range h.lanes {
		if l.next == 0 {
			d.Fail()
		}
	}
	if len(h.lanes) == 0 || len(h.lanes) > maxLanes || h.ringLimit == 0 || len(h.policies) > fact.MaxPolicies || len(h.blinds) > maxBlind {
		d.Fail()
	}
	return h, d.End()
}

func readChunkRange(d *wire.Decoder) (r chunkRange) {
	for range d.Len(2) {
		l := layer{side: uint8(d.Below(maxSides))}
		for range d.Len(4) {
			var sum [4]byte
			d.Copy(sum[:])
			l.parts = append(l.parts, binary.LittleEndian.Uint32(sum[:]))
		}
		r.layers = append(r.layers, l)
	}
	return r
}
