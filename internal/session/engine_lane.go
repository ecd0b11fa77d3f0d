package session

import (
	"math/bits"
	"sync"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// lane is a share of the sessions, by their ids, with their recent facts. Lanes
// let several batches be taken side by side: an ordinary request needs nothing
// but its own lane.
type lane struct {
	number   uint32
	mu       sync.Mutex // held by what may run beside [Engine.ObserveReady], and that itself
	sessions table
	recent   recent
	cursor   uint64 // position of the next recent request to be decided
	changed  changes
	tally    tally
	later    []record // see decideLater
	swept    uint32   // places that [Engine.forget] has looked at in this round
	work     uint64   // units spent without the engine
	touched  uint32   // keeps the loads of ObserveReady alive
}

// tally is what ordinary requests count, until [Engine.gather] adds it up.
type tally struct {
	requests [][VerdictCount]int64 // by the rows of Stats
	served   []int64               // the longest silence let pass, before it is decided
	silent   []int32               // undecided records that came after a longer one
	facts    int64
	early    int64
}

// maxLanes is the largest number of lanes.
const maxLanes = 128

// newLanes makes so many lanes, rounded up to a power of two.
func newLanes(cfg *Config, tombstones *tombstones) []lane {
	n := 1 << bits.Len(uint(min(max(cfg.Lanes, 1), maxLanes)-1))
	lanes, all := make([]lane, n), &population{limit: int64(cfg.MaxSessions)}
	for i := range lanes {
		l := &lanes[i]
		l.number, l.cursor = uint32(i), 1
		l.recent = newRecent((cfg.MaxRecentRequests + n - 1) / n)
		limit := cfg.MaxSessions
		if n > 1 {
			limit = min(limit, limit/n+limit/n/64+64)
		}
		l.sessions = newTable(limit, all, l, tombstones)
	}
	return lanes
}

// lane returns the lane of id.
func (e *Engine) lane(id fact.ID) *lane { return &e.lanes[id[1]&e.laneMask] }

// ring returns the recent facts of id and of others.
func (e *Engine) ring(id fact.ID) *recent { return &e.lane(id).recent }

// get returns the timeline of id, or nil.
func (e *Engine) get(id fact.ID) *timeline { return e.lane(id).sessions.get(id) }

// at returns the timeline of r's session, or nil if it has been forgotten.
func (e *Engine) at(r *record) *timeline { return e.lane(r.session).sessions.at(r.slot, r.session) }

// place says where a session is: the lane and the slot in it.
func (t *timeline) placeOf() uint32 { return t.lane.number<<compact.SlotBits | t.slot }

// timelineAt returns the timeline of the session at place.
func (e *Engine) timelineAt(place uint32) *timeline {
	return e.lanes[place>>compact.SlotBits].sessions.timeline(place & compact.SlotMask)
}

// each calls do with every lane.
func (e *Engine) each(do func(*lane)) {
	for i := range e.lanes {
		do(&e.lanes[i])
	}
}

// oldestOrder returns the order of the oldest recent fact that there is.
func (e *Engine) oldestOrder() uint64 {
	oldest := e.observed.Load()
	e.each(func(l *lane) {
		if r := l.recent.at(l.recent.oldest()); r != nil {
			oldest = min(oldest, r.order)
		}
	})
	return oldest
}

// gather adds up what the lanes have counted.
func (e *Engine) gather() {
	s := &e.stats
	s.lost += e.users.lost
	e.users.lost = 0
	e.each(func(l *lane) {
		for row := range l.tally.requests {
			s.grow(row)
			for v, n := range l.tally.requests[row] {
				s.requests[row][v] += n
			}
		}
		s.facts[fact.Request] += l.tally.facts
		s.early += l.tally.early
		e.work.done += l.work
		l.work = 0
		clear(l.tally.requests)
		l.tally.facts, l.tally.early = 0, 0
	})
}

// heardAfter notes, for row, whether a request was served after a longer silence
// than any before it; when it is decided the silence is measured.
func (t *tally) heardAfter(row int, silence int64) bool {
	if silence <= t.served[row] {
		return false
	}
	t.served[row] = silence
	t.silent[row]++
	return true
}

// measured says that such a request was decided: longest is what was measured so
// far. Some silences turn out to be none, and then shorter ones count again.
func (t *tally) measured(row int, longest int64) {
	if t.silent[row] = max(t.silent[row]-1, 0); t.silent[row] == 0 {
		t.served[row] = longest
	}
}

// row makes room for row and returns it.
func (t *tally) row(row int) int {
	for row >= len(t.requests) {
		t.requests = append(t.requests, [VerdictCount]int64{})
		t.served = append(t.served, 0)
		t.silent = append(t.silent, 0)
	}
	return row
}
