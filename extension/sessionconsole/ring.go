package sessionconsole

import (
	"container/list"
	"slices"
	"sync"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// held is one finding as it was decided last. It is not changed once it is in the ring.
type held struct {
	sequence uint64
	engine   *engine
	record   findinglog.Record // its Timeline is nil: history has it
	history  *history          // nil where none was copied
	shown    console.Finding
}

// ring holds the last findings, those that changed last at the back. Safe for concurrent use.
type ring struct {
	limit int
	mu    sync.RWMutex
	order *list.List // of *held, by sequence
	byID  map[uint64]*list.Element
	last  uint64 // sequence
	// ever findings came, displaced of them gave way. gaps are the sequences of the last of
	// those, in order, at most limit.
	ever, displaced int64
	gaps            []uint64
}

func newRing(limit int) *ring {
	return &ring{limit: limit, order: list.New(), byID: map[uint64]*list.Element{}}
}

// push takes what of decided, an engine's, is new: a finding that came again keeps its
// place in what is held, and what is still known of its past.
func (r *ring) push(from *engine, decided []findinglog.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range decided {
		r.pushOne(from, decided[i])
	}
}

func (r *ring) pushOne(from *engine, record findinglog.Record) {
	record.Clean()
	timeline := record.Timeline
	record.Timeline = nil
	r.last++
	h := &held{sequence: r.last, engine: from, record: record}
	if was := r.byID[record.ID]; was != nil {
		h.history = was.Value.(*held).history.followedBy(timeline, record.ExpiredAt)
		r.order.Remove(was)
	} else {
		r.ever++
		h.history = (*history)(nil).followedBy(timeline, record.ExpiredAt)
	}
	h.shown = h.finding()
	r.byID[record.ID] = r.order.PushBack(h)
	for r.order.Len() > r.limit {
		oldest := r.order.Remove(r.order.Front()).(*held)
		delete(r.byID, oldest.record.ID)
		r.displaced++
		if len(r.gaps) == r.limit {
			r.gaps = slices.Delete(r.gaps, 0, 1)
		}
		r.gaps = append(r.gaps, oldest.sequence)
	}
}

// get returns the finding of id, or nil.
func (r *ring) get(id uint64) *held {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.byID[id]; e != nil {
		return e.Value.(*held)
	}
	return nil
}

// after are those that came behind sequence, the oldest first, at most so many. missed is
// how many of those gave way.
func (r *ring) after(sequence uint64, most int) (all []*held, missed int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i, found := slices.BinarySearch(r.gaps, sequence)
	if found {
		i++
	}
	missed = len(r.gaps) - i
	e := r.order.Back()
	for e != nil && e.Value.(*held).sequence > sequence {
		e = e.Prev()
	}
	if e == nil {
		e = r.order.Front()
	} else {
		e = e.Next()
	}
	for ; e != nil && len(all) < most; e = e.Next() {
		all = append(all, e.Value.(*held))
	}
	return all, missed
}

// newest are all that are held, those that changed last in front.
func (r *ring) newest() []*held {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*held, 0, r.order.Len())
	for e := r.order.Back(); e != nil; e = e.Prev() {
		all = append(all, e.Value.(*held))
	}
	return all
}

// counts are what is held.
func (r *ring) counts() console.History {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := console.History{Held: r.order.Len(), Limit: r.limit, Ever: r.ever, States: map[string]int{}}
	for s := range fact.StateCount {
		c.States[s.String()] = 0
	}
	for e := r.order.Front(); e != nil; e = e.Next() {
		c.States[e.Value.(*held).record.State.String()]++
	}
	return c
}

// size is how many are held, and how many ever gave way.
func (r *ring) size() (held int, displaced int64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order.Len(), r.displaced
}
