package session

// tombs remembers when sessions were evicted, so that no verdict about an id
// that comes back rests on what was thrown away. Bounded: an eviction that is
// itself forgotten raises the instant before which every unknown id is doubted.
type tombs struct {
	slots []tomb
	floor int64
	// tolerance is the largest of all policies: so much in front of what a verdict
	// rests on something may clear it.
	tolerance int64
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

// raise doubts every unknown id before at.
func (t *tombs) raise(at int64) { t.floor = max(t.floor, at) }

// older reports whether all that was forgotten to have been thrown away is so
// much older than at that no verdict on what began there rests on it.
func (t *tombs) older(at int64) bool { return t.floor < at-t.tolerance }

// before is what is in doubt of a session that began at at, and of which nothing
// was known to be thrown away but what was older then.
func (t *tombs) before(at int64) int64 {
	if t.floor == longAgo {
		return longAgo
	}
	return min(t.floor, at-t.tolerance-1)
}

// known reports whether facts of id were thrown away that are remembered by
// themselves.
func (t *tombs) known(id ID) bool { return t.slot(id).mark == id[1]|1 }

// of returns the instant before which facts of id may have been thrown away.
func (t *tombs) of(id ID) int64 {
	if s := t.slot(id); s.mark == id[1]|1 {
		return max(t.floor, s.at)
	}
	return t.floor
}
