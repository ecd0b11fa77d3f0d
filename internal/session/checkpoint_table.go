package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What here is written and read depends on how the table keeps its sessions.

// Sessions of one range, as a power of two. Tests have fewer.
var sessionBits = 13

// How a session is written: as an entry that is all there is, as an entry and
// its encoded timeline, or as a timeline; or that there is none any more.
const (
	sessionFree = iota
	sessionPlain
	sessionEncoded
	sessionTimeline

	sessionKindBits = 2
)

// base is what the instants and the positions of stored sessions are distances
// from: when the pass began, and the position of the shard's next recent fact then.
type base struct {
	at   int64
	next uint64
}

// appendSlot appends the session in slot behind the kind of what it is.
func (t *table) appendSlot(buf []byte, slot uint32, from base) []byte {
	x := t.entry(slot)
	switch {
	case x.flags&taken == 0:
		return append(buf, sessionFree)
	case x.flags&warm != 0:
		tl := t.timelines[x.more]
		return appendTimeline(wire.AppendUint128(append(buf, sessionTimeline), x.id), tl, tl.fields())
	case x.more != 0:
		return append(x.append(append(buf, sessionEncoded), from), t.slab.Get(x.more)...)
	}
	return x.append(append(buf, sessionPlain), from)
}

// What a stored entry has, beside flags: all are taken, and none is warm.
const (
	entrySince  = taken // another than from
	entryRecent = warm
	entryOpened = reportedEntry << 1 // another than policy
)

// append appends all of x but its references.
func (x *entry) append(buf []byte, from base) []byte {
	has := x.flags &^ (entrySince | entryRecent)
	if x.since != x.from {
		has |= entrySince
	}
	if x.recent != 0 {
		has |= entryRecent
	}
	if x.opened() != x.policy {
		has |= entryOpened
	}
	buf = append(wire.AppendUint128(buf, x.id), byte(has), x.policy)
	if has&entryOpened != 0 {
		buf = append(buf, x.opened())
	}
	buf = binary.AppendVarint(buf, from.at-x.from)
	buf = binary.AppendVarint(buf, x.end-x.from)
	if has&entrySince != 0 {
		buf = binary.AppendVarint(buf, x.from-x.since)
	}
	if has&entryRecent != 0 {
		buf = binary.AppendUvarint(buf, uint64(uint32(from.next)-x.recent))
	}
	buf = binary.AppendVarint(buf, from.at/secondNanos-int64(x.heard))
	buf = binary.AppendUvarint(buf, uint64(x.count()))
	return binary.AppendUvarint(buf, uint64(x.policies))
}

const secondNanos = 1_000_000_000

func readEntry(d *wire.Decoder, from base) (x entry) {
	x.id = d.Uint128()
	has := entryFlags(d.Byte())
	x.flags, x.policy = has&^(entryRecent|entryOpened)|taken, d.Byte()
	opened := x.policy
	if has&entryOpened != 0 {
		opened = d.Byte()
	}
	x.from = from.at - d.Varint()
	x.end, x.since = d.After(x.from), x.from
	if has&entrySince != 0 {
		x.since = x.from - d.Varint()
	}
	if has&entryRecent != 0 {
		x.recent = uint32(from.next) - uint32(d.Below(1<<32))
	}
	x.heard = uint32(from.at/secondNanos - d.Varint())
	x.facts = countAndOpened(uint32(d.Below(maxFacts+1)), opened)
	x.policies = uint16(d.Below(1 << 16))
	return x
}

// appendSession appends what appendSlot wrote, so many slots behind the one
// before it.
func appendSession(buf []byte, behind int, session []byte) []byte {
	kind, session := session[0], session[1:]
	buf = binary.AppendUvarint(buf, uint64(behind)<<sessionKindBits|uint64(kind))
	if kind == sessionEncoded || kind == sessionTimeline {
		buf = binary.AppendUvarint(buf, uint64(len(session)))
	}
	return append(buf, session...)
}

// storedSession is a session as it was stored.
type storedSession struct {
	slot  uint32 // where it was
	kind  byte
	entry entry        // of a timeline only the id
	body  wire.Decoder // of what stands behind the entry
}

// session reads what appendSession wrote, but for the timeline in it, behind the
// one in slot last. The body is memory of what is read.
func readSession(d *wire.Decoder, last int, from base) (s storedSession) {
	v := d.Uvarint()
	if v>>sessionKindBits == 0 {
		d.Fail()
	}
	s.kind = byte(v & (1<<sessionKindBits - 1))
	s.slot = uint32(min(uint64(last+1)+v>>sessionKindBits-1, uint64(compact.NoSlot)))
	switch s.kind {
	case sessionFree:
		return s
	case sessionPlain:
		if s.entry = readEntry(d, from); s.entry.flags&fast == 0 {
			d.Fail()
		}
	default:
		p := d.Part(d.Uvarint())
		if s.kind == sessionEncoded {
			s.entry = readEntry(&p, from)
		} else {
			s.entry.id = p.Uint128()
		}
		if p.Err != nil {
			d.Fail()
		}
		s.body = p
	}
	if s.entry.id.IsZero() {
		d.Fail()
	}
	return s
}

// timeline makes tl what s is; its slices it uses again. It reports whether s is
// one.
func (s *storedSession) timeline(tl *timeline) bool {
	if body := s.body; readTimeline(&body, tl) != nil {
		return false
	}
	if s.kind == sessionTimeline {
		return true
	}
	x := &s.entry
	if x.flags&fast != 0 && len(tl.intervals) == 0 {
		return false
	}
	tl.suspects, tl.dirty = 0, 0
	x.newer(tl)
	return true
}

// adopt makes slot that of a session that is all in its entry.
func (t *table) adopt(slot uint32, from *entry) {
	x := t.entry(slot)
	*x = *from
	x.more, x.user = 0, 0
	x.flags &= taken | fast | sampledEntry | overEntry | reportedEntry
}

// placeAt gives id a slot in which nothing has ever been. [table.freeRest] must
// follow before any other is given.
func (t *table) placeAt(id fact.ID, slot uint32) {
	for int(slot>>pageBits) >= len(t.pages) {
		t.grow()
	}
	t.slots = max(t.slots, slot+1)
	t.put(id, slot)
}

// freeRest makes the slots free that placeAt has left out.
func (t *table) freeRest() {
	if t.count == int(t.slots) {
		return
	}
	for slot := t.slots; slot > 0; slot-- {
		if x := t.entry(slot - 1); x.flags&taken == 0 {
			*x = entry{more: t.free}
			t.free = slot
		}
	}
}
