package session

import "encoding/binary"

func (t *tombs) write(p *parts) {
	for i := range t.slots {
		if s := &t.slots[i]; s.mark != 0 {
			body := binary.AppendUvarint(p.next(), uint64(i))
			p.set(binary.AppendVarint(binary.BigEndian.AppendUint64(body, s.mark), s.at))
		}
	}
}

// read puts back what was written when there were so many slots: a slot is the
// end of an id, of which more bits count where there are more slots now, so that
// a tomb goes wherever it may belong.
func (t *tombs) read(d *decoder, slots int) {
	for d.err == nil && len(d.left) > 0 {
		slot := int(d.below(uint64(max(slots, 1))))
		mark := d.uint64()
		at := d.varint()
		if d.err != nil {
			return
		}
		for i := slot; i < max(len(t.slots), slot+1); i += slots {
			t.put(&t.slots[i&(len(t.slots)-1)], tomb{mark, at})
		}
	}
}

// put lets n take the place of what is in s.
func (t *tombs) put(s *tomb, n tomb) {
	if s.mark != 0 && s.mark != n.mark {
		t.raise(s.at)
	}
	*s = n
}
