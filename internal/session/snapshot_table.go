package session

import "encoding/binary"

// What here is written and read depends on how the table keeps its sessions.

// Sessions of one range, as a power of two. Tests have fewer.
var sessionBits = 12

// slotCount returns how many slots there are, free ones included.
func (t *table) slotCount() uint32 { return uint32(len(t.slots)) }

// appendSlot appends the session in slot: id and timeline. Nothing if the slot
// is free.
func (t *table) appendSlot(buf []byte, slot uint32) []byte {
	tl := t.slots[slot]
	if !tl.inUse {
		return buf
	}
	return appendTimeline(appendID(buf, tl.id), tl)
}

// appendSession appends what appendSlot wrote as one of several.
func appendSession(buf []byte, slot uint32, session []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(slot))
	buf = binary.AppendUvarint(buf, uint64(len(session)))
	return append(buf, session...)
}

// session reads what appendSession wrote into t.
func (d *decoder) session(t *timeline) (slot uint32) {
	slot = uint32(d.below(uint64(noSlot)))
	p := d.part(d.uvarint())
	t.id = p.id()
	if d.err == nil && (t.id.IsZero() || readTimeline(p.left, t) != nil) {
		d.fail()
	}
	return slot
}

// each calls visit with every session.
func (t *table) each(visit func(*timeline)) {
	for _, tl := range t.slots {
		if tl.inUse {
			visit(tl)
		}
	}
}

// adopt puts a session that was read in the table, which has room for it.
// from is used again.
func (t *table) adopt(from *timeline) *timeline {
	tl := t.insert(from.id)
	slot := tl.slot
	*tl, *from = *from, *tl
	tl.slot, tl.inUse = slot, true
	t.byID[tl.id] = tl
	return tl
}
