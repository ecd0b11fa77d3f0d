package session

// tombs remembers when sessions were evicted, so that no verdict about an id
// that comes back rests on what was thrown away. Bounded: an eviction that is
// itself forgotten raises the instant before which every unknown id is doubted.
type tombs struct {
	slots []tomb
	floor int64
}

type tomb struct {
	mark uint64
	at   int64
}

func newTombs(sessions int) tombs {
	n := 64
	for n < sessions/8 && n < 1<<18 {
		n <<= 1
	}
	return tombs{slots: make([]tomb, n), floor: longAgo}
}

func (t *tombs) slot(id ID) *tomb { return &t.slots[id[0]&uint64(len(t.slots)-1)] }

func (t *tombs) bury(id ID, at int64) {
	t.put(t.slot(id), tomb{id[1] | 1, at})
}

// of returns the instant before which facts of id may have been thrown away.
func (t *tombs) of(id ID) int64 {
	if s := t.slot(id); s.mark == id[1]|1 {
		return max(t.floor, s.at)
	}
	return t.floor
}
