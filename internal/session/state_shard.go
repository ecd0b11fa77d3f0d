package session

import (
	"math/bits"
	"sync"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// shard is a share of the sessions, by their ids, with their recent facts. Shards
// let several batches be taken in parallel: an ordinary request needs nothing
// but its own shard.
type shard struct {
	number   uint32
	mu       sync.Mutex // held by what may run beside [Engine.Observe], and that itself
	sessions table
	recent   recent
	cursor   uint64 // position of the next recent request to be decided
	changed  changes
	stats    shardStats
	later    []record // see decideLater
	swept    uint32   // places that [Engine.forget] has looked at in this round
	work     uint64   // units spent without the engine
	touched  uint32   // keeps the loads of ObserveReady alive
}

// stats is what ordinary requests count, until [Engine.gather] adds it up.
type shardStats struct {
	requests [][VerdictCount]int64 // by the rows of Stats
	judged   []bool                // as in Stats
	served   []int64               // the longest silence let pass, before it is decided
	longGaps []int32               // undecided records that came after a longer one
	facts    int64
	early    int64
}

// maxShards is the largest number of shards.
const maxShards = 128

// newShards makes so many shards, rounded up to a power of two.
func newShards(cfg *Config, tombstones *tombstones) []shard {
	n := 1 << bits.Len(uint(min(max(cfg.Shards, 1), maxShards)-1))
	shards, all := make([]shard, n), &population{limit: int64(cfg.MaxSessions)}
	for i := range shards {
		l := &shards[i]
		l.number, l.cursor = uint32(i), 1
		l.recent = newRecent((cfg.MaxRecentRequests + n - 1) / n)
		share := cfg.MaxSessions / n
		limit := min(cfg.MaxSessions, share+share/64+64)
		l.sessions = newTable(limit, all, l, tombstones)
	}
	return shards
}

// shard returns the shard of id.
func (e *Engine) shardOf(id fact.ID) *shard { return &e.shards[id[1]&e.shardMask] }

// ring returns the recent facts of id and of others.
func (e *Engine) ring(id fact.ID) *recent { return &e.shardOf(id).recent }

// get returns the timeline of id, or nil.
func (e *Engine) get(id fact.ID) *timeline { return e.shardOf(id).sessions.get(id) }

// at returns the timeline of r's session, or nil if it has been evicted.
func (e *Engine) at(r *record) *timeline { return e.shardOf(r.session).sessions.at(r.slot, r.session) }

// place says where a session is: the shard and the slot in it.
func (t *timeline) placeOf() uint32 { return t.shard.number<<compact.SlotBits | t.slot }

// timelineAt returns the timeline of the session at place.
func (e *Engine) timelineAt(place uint32) *timeline {
	return e.shards[place>>compact.SlotBits].sessions.timeline(place & compact.SlotMask)
}

// beganBefore reports whether the session at place may have been seen before an instant.
func (e *Engine) beganBefore(place uint32, at int64) bool {
	s := &e.shards[place>>compact.SlotBits].sessions
	x := s.entry(place & compact.SlotMask)
	if x.flags&warm != 0 {
		return s.timelines[x.more].first < at
	}
	return x.since < at
}

// each calls do with every shard.
func (e *Engine) each(do func(*shard)) {
	for i := range e.shards {
		do(&e.shards[i])
	}
}

// oldestSeq returns the seq of the oldest recent fact that there is.
func (e *Engine) oldestSeq() uint64 {
	oldest := e.observed.Load()
	e.each(func(l *shard) {
		if r := l.recent.at(l.recent.oldest()); r != nil {
			oldest = min(oldest, r.seq)
		}
	})
	return oldest
}

// gather adds up what the shards have counted.
func (e *Engine) gather() {
	s := &e.stats
	s.lost += e.users.lost
	e.users.lost = 0
	e.each(func(l *shard) {
		for row := range l.stats.requests {
			s.grow(row)
			for v, n := range l.stats.requests[row] {
				s.requests[row][v] += n
			}
			s.judged[row] = s.judged[row] || l.stats.judged[row]
		}
		s.facts[fact.Request] += l.stats.facts
		s.early += l.stats.early
		e.work.done += l.work
		l.work = 0
		clear(l.stats.requests)
		l.stats.facts, l.stats.early = 0, 0
	})
}

// longerGap notes, for row, whether a request was served after a longer silence
// than any before it; when it is decided the silence is measured.
func (t *shardStats) longerGap(row int, silence int64) bool {
	if silence <= t.served[row] {
		return false
	}
	t.served[row] = silence
	t.longGaps[row]++
	return true
}

// measured says that such a request was decided: longest is what was measured so
// far. Some silences turn out to be none, and then shorter ones count again.
func (t *shardStats) measured(row int, longest int64) {
	if t.longGaps[row] = max(t.longGaps[row]-1, 0); t.longGaps[row] == 0 {
		t.served[row] = longest
	}
}

// row makes room for row and returns it.
func (t *shardStats) row(row int) int {
	for row >= len(t.requests) {
		t.requests = append(t.requests, [VerdictCount]int64{})
		t.judged = append(t.judged, false)
		t.served = append(t.served, 0)
		t.longGaps = append(t.longGaps, 0)
	}
	return row
}
