package session

import "encoding/binary"

// What here is written and read depends on how the table keeps its sessions.

// Sessions of one range, as a power of two. Tests have fewer.
var sessionBits = 10

// How a session is written: as an entry that is all there is, as an entry and
// its blob, or as a timeline.
const (
	sessionPlain = iota + 1
	sessionBlob
	sessionTimeline
)

// appendSlot appends the session in slot. Nothing if the slot is free.
func (t *table) appendSlot(buf []byte, slot uint32) []byte {
	x := t.entry(slot)
	switch {
	case x.flags&taken == 0:
		return buf
	case x.flags&warm != 0:
		return appendTimeline(appendID(append(buf, sessionTimeline), x.id), t.timelines[x.more])
	case x.more != 0:
		return append(x.append(append(buf, sessionBlob)), t.blobs.get(x.more)...)
	}
	return x.append(append(buf, sessionPlain))
}

// append appends all of x but its references.
func (x *entry) append(buf []byte) []byte {
	buf = appendID(buf, x.id)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(x.from))
	buf = binary.AppendVarint(buf, x.end-x.from)
	buf = binary.AppendVarint(buf, x.since-x.from)
	buf = binary.LittleEndian.AppendUint32(buf, x.recent)
	buf = binary.LittleEndian.AppendUint32(buf, x.heard)
	buf = binary.AppendUvarint(buf, uint64(x.facts))
	buf = binary.AppendUvarint(buf, uint64(x.policies))
	return append(buf, x.policy, byte(x.flags))
}

func (d *decoder) entry() (x entry) {
	x.id = d.id()
	var fixed [8]byte
	d.copy(fixed[:])
	x.from = int64(binary.LittleEndian.Uint64(fixed[:]))
	x.end, x.since = d.after(x.from), d.after(x.from)
	d.copy(fixed[:])
	x.recent, x.heard = binary.LittleEndian.Uint32(fixed[:4]), binary.LittleEndian.Uint32(fixed[4:])
	x.facts, x.policies = uint32(d.below(1<<32)), uint16(d.below(1<<16))
	x.policy, x.flags = d.byte(), entryFlags(d.byte())
	return x
}

// appendSession appends what appendSlot wrote as one of several.
func appendSession(buf []byte, slot uint32, session []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(slot))
	buf = binary.AppendUvarint(buf, uint64(len(session)))
	return append(buf, session...)
}

// storedSession is a session as it was stored.
type storedSession struct {
	slot  uint32 // where it was
	kind  byte
	entry entry  // of a timeline only the id
	body  []byte // what stands behind the entry
}

// session reads what appendSession wrote, but for the timeline in it. The body is
// memory of what is read.
func (d *decoder) session() (s storedSession) {
	s.slot = uint32(d.below(uint64(noSlot)))
	p := d.part(d.uvarint())
	switch s.kind = p.byte(); s.kind {
	case sessionPlain:
		if s.entry = p.entry(); p.end() != nil || s.entry.flags&(taken|ready|warm) != taken|ready {
			d.fail()
		}
	case sessionBlob:
		s.entry = p.entry()
	case sessionTimeline:
		s.entry.id = p.id()
	default:
		d.fail()
	}
	if p.err != nil || s.entry.id.IsZero() {
		d.fail()
	}
	s.body = p.left
	return s
}

// timeline makes tl what s is; its slices it uses again. It reports whether s is
// one.
func (s *storedSession) timeline(tl *timeline) bool {
	if readTimeline(s.body, tl) != nil {
		return false
	}
	if s.kind == sessionTimeline {
		return true
	}
	x := &s.entry
	if x.flags&ready != 0 && len(tl.active) == 0 {
		return false
	}
	tl.suspects, tl.due = 0, 0
	x.newer(tl)
	return true
}

// adopt puts a session that is all in its entry in the table, which has room
// for it.
func (t *table) adopt(from *entry) (slot uint32) {
	slot = t.place(from.id)
	x := t.entry(slot)
	*x = *from
	x.more, x.user = 0, 0
	x.flags &= taken | ready | sampledEntry | overEntry | reportedEntry
	return slot
}

// take makes t what from is, but for its place in the table.
func (t *timeline) take(from *timeline) {
	id, lane, slot, place := t.id, t.lane, t.slot, t.place
	*t, *from = *from, *t
	t.id, t.lane, t.slot, t.place = id, lane, slot, place
}

// eachTimeline calls visit with every session. No pointer to one may be held.
func (e *Engine) eachTimeline(visit func(*timeline)) {
	e.each(func(l *lane) {
		for slot := range l.sessions.slots {
			if l.sessions.entry(slot).flags&taken == 0 {
				continue
			}
			visit(l.sessions.timeline(slot))
			if len(l.sessions.timelines) > timelinesAtOnce {
				e.settleAll()
			}
		}
	})
}
