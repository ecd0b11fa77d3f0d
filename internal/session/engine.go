package session

import (
	"container/list"
	"sync"
	"sync/atomic"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Engine turns facts into findings. Create it with [New] or [Restore]. Safe for
// concurrent use.
type Engine struct {
	cfg Config
	gap int64 // see leastGap

	shards     []shard
	shardMask  uint64 // of an ID's second half
	remainders sync.Pool
	observed   atomic.Uint64 // how many facts have come

	// mu guards what is below and the shards. The fast path and [Checkpoint.Fill] hold
	// it for reading, and beside it the lock of the shard that they look at. Nobody
	// holds it for more than workOfHold units of work.
	mu     sync.RWMutex
	closed bool

	known
	observation
	backlogs
	suspicions
	storing

	work  work
	tick  tick
	stats Stats
}

// known is what is remembered beside the sessions themselves.
type known struct {
	users      users
	services   services
	blinds     blinds
	tombstones tombstones
	callers    callers
	// authenticated holds the policies that governed a session in which an
	// authentication was seen.
	authenticated uint64
	// watched is since when each policy is, on the collector's clock; unset: not yet.
	watched []int64
	// restarted is when an engine that knew more stopped.
	restarted int64
}

// observation is what one fact needs while it is observed.
type observation struct {
	seq uint64 // of the fact; the first has 1
	// Memory for the records of a trace, while a fact is observed and later.
	observing, placing, beside []*record
	heard                      []heardEnd // reused
	line                       []ancestor
	before                     []rotation
	holds                      []heldEnd
	expiries                   []expiry
}

// backlogs are what is to be done again, because of what came late.
type backlogs struct {
	// dirty holds the places of the dirty sessions, of which the first dirtyDone have
	// been seen to, and cleaned counts those that ever were.
	dirty     []uint32
	dirtyDone int
	// dirtyBefore is the turn that was the next one when that of the first in dirty came; 0: it
	// has not.
	dirtyBefore uint64
	cleaned     uint64
	// userEnds are the users whose sessions have yet to be told of an end.
	userEnds []uint32
	// blinded: the decided suspects from it on have yet to be told of a blind interval.
	blinded *list.Element
	// strays are records that are yet to be placed, and that no session leads to.
	strays []stray
	held   []heldUser // see [Engine.hold]
}

// suspicions are the suspects and what is found of them.
type suspicions struct {
	suspects suspects
	// undecided counts the suspects and the deferred that wait for their decision,
	// open all suspects.
	undecided, open int
	findings        findings
	out             []fact.Finding
	copied          int // timelines that findings in out have
}

// storing is what is stored, the copies that may be, and the checkpoint that is under
// way, or nil.
type storing struct {
	stored     [kindCount][]chunkRange
	doubtful   [kindCount][]uint64
	checkpoint *Checkpoint
	passes     int // checkpoints that were begun
}

// New returns an engine. The configuration must be valid: the component that
// reads it from a user checks it.
func New(cfg Config) *Engine {
	e := &Engine{
		cfg: cfg, gap: leastGap(cfg.Policies),
		known:      known{users: newUsers(), services: newServices(max(cfg.MaxServices, leastServices)), tombstones: newTombstones(cfg.MaxSessions), callers: newCallers(cfg.MaxRecentRequests)},
		suspicions: suspicions{suspects: newSuspects(), findings: newFindings(max(minClosed, cfg.MaxRecentRequests/8))},
	}
	for i := range cfg.Policies {
		e.watched = append(e.watched, unset)
		e.tombstones.tolerance = max(e.tombstones.tolerance, int64(cfg.Policies[i].Tolerance))
	}
	e.shards = newShards(&cfg, &e.tombstones)
	e.each(func(l *shard) { l.sessions.touch = func(slot uint32) { e.touchSlot(l, slot) } })
	e.shardMask = uint64(len(e.shards) - 1)
	e.stats = newStats(&e.services, len(cfg.Policies), cfg.MaxServices)
	e.stats.fingerprints = &e.tombstones.displaced
	return e
}

// Advance does what is due at now: it decides what has waited long enough, and lets
// findings out. It does so much as one hold of the lock allows, and reports whether
// there is more, for which it is to be called again. Call it at least every few
// seconds: between two calls nothing is decided unless its place is needed.
func (e *Engine) Advance(now int64) (more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.advanceSome(now)
}

// Close lets [Engine.Observe] take nothing any more.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
}

// Shutdown ends the engine where nothing keeps its state: what has not waited
// long enough is inconclusive.
func (e *Engine) Shutdown(now int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shutdown(now)
}

// Restarted says that an engine which stopped at until knew more: no verdict
// may rest on what this one was not told. Call it before the first fact.
func (e *Engine) Restarted(until int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.restartedAt(until)
}

// Blind says that facts whose time lies in [from, to] may be lost for good.
func (e *Engine) Blind(from, to int64, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.blind(from, to, reason)
}

// LoseCallers says that of spans which ended by until, in nanoseconds since the Unix epoch,
// some may have been told of that the engine does not know: what began by then lies inside
// others by its times. Safe for concurrent use.
func (e *Engine) LoseCallers(until int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.loseCallers(until)
}

// Resume lets what waits for its decision wait anew from now on: what may clear
// it waits in the senders' queues. It is called after [Restore], and after the
// facts of a journal have been observed once more.
func (e *Engine) Resume(now int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resumeAt(now)
}

// BeginCheckpoint begins a pass over what is known at now, on the collector's clock. It
// returns what was decided until then and not taken yet, too: that is in no checkpoint.
// One that is still under way is aborted.
func (e *Engine) BeginCheckpoint(now int64) (*Checkpoint, []fact.Finding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.work.allow(workOfHold)
	e.decideLater() // what is left measures no silence, should this be restored
	return e.beginCheckpoint(now), e.takeFindings()
}

// TakeFindings returns what was decided since the last call.
func (e *Engine) TakeFindings() []fact.Finding {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.takeFindings()
}

// TakeMeasured returns what was measured since the last call.
func (e *Engine) TakeMeasured() Measured {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.takeMeasured()
}

// Services are the names of services that are known, in the order in which they
// became so, that of a former run first.
func (e *Engine) Services() []string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.serviceNames()
}

// Sessions returns how many sessions are remembered.
func (e *Engine) Sessions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sessions()
}

// Snapshot is what an engine counts at one instant.
type Snapshot struct {
	*Stats
	Sessions int // that are remembered
	Pending  int // suspicions that wait for their decision
	// Backlog is how many sessions and users wait until what came late is held against
	// what came before.
	Backlog int
}

// Snapshot returns a copy of what is counted.
func (e *Engine) Snapshot() Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Snapshot{e.counters().Clone(), e.sessions(), e.pending(), e.backlog()}
}
