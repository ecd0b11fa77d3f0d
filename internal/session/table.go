package session

// table holds the timelines, bounded, by id. Slots are reused; a slot's index
// stays the same as long as its session is remembered.
type table struct {
	limit  int
	byID   map[ID]*timeline
	slots  []*timeline
	free   []uint32
	victim int // where the search for something to evict goes on
	sweep  int // where the search for something to forget goes on
}

// EvictionReason says why a session was forgotten.
type EvictionReason uint8

// The reasons.
const (
	// EvictedRetention: nothing arrived for Config.Retention.
	EvictedRetention EvictionReason = iota
	// EvictedLimit: Config.MaxSessions was reached.
	EvictedLimit

	// EvictionReasonCount is the number of reasons.
	EvictionReasonCount
)

var evictionReasonNames = [EvictionReasonCount]string{"retention", "max_sessions"}

func (r EvictionReason) String() string { return evictionReasonNames[r] }

func newTable(limit int) table {
	return table{limit: limit, byID: make(map[ID]*timeline)}
}

// get returns the timeline of id, or nil.
func (t *table) get(id ID) *timeline { return t.byID[id] }

// at returns the timeline in slot if it is still that of id, or nil.
func (t *table) at(slot uint32, id ID) *timeline {
	if int(slot) < len(t.slots) {
		if tl := t.slots[slot]; tl.inUse && tl.id == id {
			return tl
		}
	}
	return nil
}

func (t *table) len() int { return len(t.byID) }

func (t *table) full() bool { return len(t.byID) >= t.limit }

// insert makes room for id, which must not be in the table.
func (t *table) insert(id ID) *timeline {
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		slot = uint32(len(t.slots))
		t.slots = append(t.slots, &timeline{})
	}
	tl := t.slots[slot]
	*tl = timeline{
		id: id, slot: slot, inUse: true,
		first: unset, firstStart: unset, firstActivity: unset,
		// What a slot once needed, its next session may need too.
		active: tl.active[:0], calls: tl.calls[:0], authentications: tl.authentications[:0],
		lateStarts: tl.lateStarts[:0], ends: tl.ends[:0], rotations: tl.rotations[:0],
		raised: tl.raised[:0], lineage: tl.lineage[:0], identities: tl.identities[:0],
	}
	t.byID[id] = tl
	return tl
}

func (t *table) remove(tl *timeline) {
	delete(t.byID, tl.id)
	tl.inUse = false
	t.free = append(t.free, tl.slot)
}

// leastUseful looks at a few sessions, in turn, and returns the one whose loss
// costs least: ended ones first, then the one that is silent longest. Sessions
// with an open finding are kept. nil if all that it looked at are.
func (t *table) leastUseful() *timeline {
	const looks = 16
	var best *timeline
	for range looks {
		tl := t.next(&t.victim)
		if tl == nil || tl.suspects > 0 {
			continue
		}
		if best == nil || lessUseful(tl, best) {
			best = tl
		}
	}
	return best
}

func lessUseful(a, b *timeline) bool {
	if ea, eb := a.over(), b.over(); ea != eb {
		return ea
	}
	return a.lastArrival < b.lastArrival
}

// over reports whether the session ended behind its last authentication.
func (t *timeline) over() bool {
	last := int64(longAgo)
	if n := len(t.authentications); n > 0 {
		last = t.authentications[n-1]
	}
	return len(t.ends) > 0 && t.ends[len(t.ends)-1].at > last ||
		len(t.rotations) > 0 && t.rotations[len(t.rotations)-1].at > last
}

// next returns the session in the next slot, or nil if that one is free.
func (t *table) next(hand *int) *timeline {
	if len(t.slots) == 0 {
		return nil
	}
	*hand = (*hand + 1) % len(t.slots)
	if tl := t.slots[*hand]; tl.inUse {
		return tl
	}
	return nil
}
