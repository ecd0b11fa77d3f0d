package session

// block is how many facts are looked up together: so many loads from memory
// that do not wait for one another.
const block = 64

// ObserveBatch takes facts that arrived at now, as [Engine.Observe] would one
// after the other, and calls suspected with the index of each that seems to
// violate. It is faster: what the facts need of the table is fetched for many
// of them at once.
func (e *Engine) ObserveBatch(facts []Fact, now int64, suspected func(i int, m Mark)) {
	var hashes [block]uint64
	var slots [block]uint32
	for from := 0; from < len(facts); from += block {
		part := facts[from:min(from+block, len(facts))]
		if e.sessions.index.old != nil {
			e.sessions.index.move(e.sessions.hashOf)
		}
		var touched uint64
		for i := range part {
			f := &part[i]
			hashes[i] = f.hash()
			touched += e.recent.traces.touch(hashes[i])
			touched += uint64(e.sessions.index.touch(f.Session.ID[0]))
		}
		for i := range part {
			slots[i] = e.sessions.index.likely(part[i].Session.ID[0])
		}
		for i := range part {
			if slots[i] < e.sessions.slots {
				touched += uint64(e.sessions.entry(slots[i]).flags)
			}
		}
		e.touched = touched
		for i := range part {
			f := &part[i]
			e.observed++
			if !e.admit(f, now) {
				continue
			}
			if slots[i] == noSlot || e.sessions.entry(slots[i]).id != f.Session.ID {
				slots[i] = e.sessions.find(f.Session.ID)
			}
			if e.takeReady(f, now, slots[i], hashes[i]) {
				continue
			}
			if m := e.observeAny(f, now); m.Suspected {
				suspected(from+i, m)
			}
		}
	}
}
