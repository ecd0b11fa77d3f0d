package session

import (
	"sync/atomic"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// table holds the sessions, bounded, by id. A session's slot stays the same as
// long as it is remembered; slots are reused. Most sessions are an entry and
// perhaps a encoded timeline; those that are worked on are timelines, until [table.compact].
type table struct {
	limit      int // of this table alone
	all        *population
	index      compact.Index
	pages      [][]entry
	slots      uint32 // that were ever handed out
	free       uint32 // the first free slot and 1; entry.more leads to the next
	count      int
	slab       compact.Slab
	tombstones *tombstones
	shard      *shard // whose recent facts' positions entries hold the low bits of

	// timelines in use, and those to be used again. Those in use are the ones
	// that entry.more leads to.
	timelines  []*timeline
	spare      []*timeline
	encoded    []byte // reused
	compacting int    // timelines that compactSome has yet to look at
	// oldestSeq is no greater than the seq of any recent fact.
	oldestSeq uint64
	touch     func(slot uint32) // is called before what is stored of a session changes

	probation probation
	pinned    uint32 // not to be evicted, since it is being worked on
	// established is the constant of this name; tests have less.
	established int64
	victim      uint32 // where the search for something to evict goes on
	sweep       uint32 // where the search for something to forget goes on
}

// EvictionReason says why a session was evicted.
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

// population counts the sessions of all shards, and bounds them. A shard alone is
// bounded a little higher, since ids are routed by chance.
type population struct {
	limit int64
	count atomic.Int64
}

const (
	pageBits = 7
	pageSize = 1 << pageBits // entries: 8 KiB
	// pagesAtOnce is how many pages are made at once at most, so that they lie
	// in huge pages.
	pagesAtOnce = 1 << 8
)

// grow adds pages: more at once the more there are, and none that will never be
// used.
func (t *table) grow() {
	left := (t.limit+pageSize-1)/pageSize - len(t.pages)
	n := max(min(len(t.pages)/2, pagesAtOnce, left), 1)
	entries := compact.HugeSlice[entry](n * pageSize)
	for i := range n {
		t.pages = append(t.pages, entries[i*pageSize:(i+1)*pageSize:(i+1)*pageSize])
	}
}

func newTable(limit int, all *population, l *shard, tombstones *tombstones) table {
	limit = min(limit, compact.MaxSlots)
	return table{limit: limit, all: all, shard: l, tombstones: tombstones, index: compact.NewIndex(limit), probation: newProbation(limit), pinned: compact.NoSlot, established: int64(established)}
}

func (t *table) entry(slot uint32) *entry { return &t.pages[slot>>pageBits][slot&(pageSize-1)] }

func (t *table) hashOf(slot uint32) uint64 { return t.entry(slot).id[0] }

// find returns the slot of id, or NoSlot.
func (t *table) find(id fact.ID) uint32 {
	for s := t.index.Search(id[0]); ; {
		slot, ok := s.Next()
		if !ok {
			break
		}
		if t.entry(slot).id == id {
			return slot
		}
	}
	if t.index.Growing() {
		for s := t.index.Older(id[0]); ; {
			slot, ok := s.Next()
			if !ok {
				break
			}
			if t.entry(slot).id == id {
				return slot
			}
		}
	}
	return compact.NoSlot
}

// get returns the timeline of id, or nil.
func (t *table) get(id fact.ID) *timeline {
	if slot := t.find(id); slot != compact.NoSlot {
		return t.timeline(slot)
	}
	return nil
}

// at returns the timeline in slot if it is still that of id, or nil.
func (t *table) at(slot uint32, id fact.ID) *timeline {
	if slot < t.slots {
		if x := t.entry(slot); x.flags&taken != 0 && x.id == id {
			return t.timeline(slot)
		}
	}
	return nil
}

// timeline returns what the session in slot, which must be taken, is worked on
// with. It stays valid until it is compacted.
func (t *table) timeline(slot uint32) *timeline {
	x := t.entry(slot)
	if x.flags&warm != 0 {
		return t.timelines[x.more]
	}
	tl := t.blank()
	if x.more == 0 {
		x.plain(tl, slot, t.tombstones)
	} else {
		tl.id, tl.slot = x.id, slot
		encoded := wire.NewDecoder(t.slab.Get(x.more))
		if err := readTimeline(&encoded, tl); err != nil {
			panic("session: " + err.Error()) // compactOne wrote it
		}
		t.slab.Free(x.more)
	}
	x.newer(tl)
	tl.recent = t.shard.recent.expand(x.recent)
	t.warm(x, tl)
	return tl
}

func (t *table) blank() *timeline {
	if n := len(t.spare); n > 0 {
		tl := t.spare[n-1]
		t.spare = t.spare[:n-1]
		return tl
	}
	return &timeline{}
}

// warm makes tl stand for x.
func (t *table) warm(x *entry, tl *timeline) {
	x.flags |= warm
	x.more = uint32(len(t.timelines))
	tl.place, tl.shard = x.more, t.shard
	t.timelines = append(t.timelines, tl)
}

// cool takes tl from those in use.
func (t *table) cool(tl *timeline) {
	last := len(t.timelines) - 1
	moved := t.timelines[last]
	t.timelines[tl.place] = moved
	moved.place = tl.place
	t.entry(moved.slot).more = moved.place
	t.timelines[last] = nil
	t.timelines = t.timelines[:last]
	if len(t.spare) < timelinesAtOnce && !tl.large() {
		t.spare = append(t.spare, tl)
	}
}

// dirtyAt returns the timeline of the session in slot if it is dirty, or
// nil: it may be another's by now.
func (t *table) dirtyAt(slot uint32) *timeline {
	if x := t.entry(slot); x.flags&warm != 0 && t.timelines[x.more].dirty != 0 {
		return t.timelines[x.more]
	}
	return nil
}

func (t *table) len() int { return t.count }

// full reports whether there is no room for another session.
func (t *table) full() bool { return t.count >= t.limit || t.all.count.Load() >= t.all.limit }

// insert makes room for id, which must not be in the table.
func (t *table) insert(id fact.ID) *timeline { return t.start(id, t.place(id)) }

// start makes what is worked on of id, which was given slot.
func (t *table) start(id fact.ID, slot uint32) *timeline {
	tl := t.blank()
	tl.empty(id, slot)
	t.warm(t.entry(slot), tl)
	return tl
}

// place gives id a slot.
func (t *table) place(id fact.ID) uint32 {
	slot := t.free - 1
	if t.free != 0 {
		t.free = t.entry(slot).more
	} else {
		slot = t.slots
		if int(slot>>pageBits) == len(t.pages) {
			t.grow()
		}
		t.slots++
	}
	t.put(id, slot)
	return slot
}

// put puts id in slot.
func (t *table) put(id fact.ID, slot uint32) {
	t.count++
	t.all.count.Add(1)
	x := t.entry(slot)
	*x = entry{id: id, flags: taken}
	t.index.Put(id[0], slot, t.hashOf)
	t.probation.add(slot)
}

// remove forgets the session in slot.
func (t *table) remove(slot uint32) {
	x := t.entry(slot)
	t.index.Remove(x.id[0], slot, t.hashOf)
	switch {
	case x.flags&warm != 0:
		t.cool(t.timelines[x.more])
	case x.more != 0:
		t.slab.Free(x.more)
	}
	*x = entry{more: t.free}
	t.free = slot + 1
	t.count--
	t.all.count.Add(-1)
}
