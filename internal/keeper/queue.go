package keeper

import (
	"slices"
	"sync"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

const (
	// MaxQueued bounds the findings that wait for the next component to take them.
	MaxQueued = 10_000
	// maxBatch bounds the findings that leave at once: more might not fit into what the next component can
	// send.
	maxBatch = 500
)

// Queue holds the findings that wait for the next component to take them, the oldest first. It is bounded:
// of too many the oldest are given up and counted. What waits is part of each checkpoint, and what an earlier
// run left waits here like what is found anew.
//
// With a store, a finding does not leave before a stored checkpoint knows it: after a crash nobody would know
// that it had left, and what clears it would take nothing back.
//
// Safe for concurrent use. One at a time may take findings from it: [Queue.Peek], then one of [Queue.Ack],
// [Queue.Reject] and [Queue.Retry].
type Queue struct {
	mu struct {
		sync.Mutex
		records []findinglog.Record
		limit   int
		durable bool
		held    int // the newest, which no stored checkpoint knows of
		pushed  int // so far
		// leaving are the oldest, which are with the next component. What becomes of them only it can say.
		leaving int
		lost    int64
	}
}

func newQueue(durable bool) *Queue {
	q := &Queue{}
	q.mu.limit, q.mu.durable = MaxQueued, durable
	return q
}

// Admit says whether findings may wait at all, MaxQueued of them. Where nothing will ever take them they are
// given up at once.
func (q *Queue) Admit(may bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.limit = 0
	if may {
		q.mu.limit = MaxQueued
	}
	q.trim()
}

// Push adds findings as the newest, and gives up the oldest if there are too many. A keeper pushes under its
// own lock, so that a checkpoint that begins has them here or in the engine.
func (q *Queue) Push(records ...findinglog.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.records = append(q.mu.records, records...)
	q.mu.pushed += len(records)
	if q.mu.durable {
		q.mu.held += len(records)
	}
	q.trim()
}

// Len is how many findings wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.mu.records)
}

// Lost is how many findings were given up so far.
func (q *Queue) Lost() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mu.lost
}

// Peek returns the oldest findings that may leave, at most 500 of them, to be read and not to be changed.
// They are leaving until it is said what became of them.
func (q *Queue) Peek() []findinglog.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.leaving = min(len(q.mu.records)-q.mu.held, maxBatch)
	return q.mu.records[:q.mu.leaving:q.mu.leaving]
}

// Ack says that the findings of the last Peek have left.
func (q *Queue) Ack() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropLeaving()
}

// Reject says that nobody will ever take the findings of the last Peek. They are lost.
func (q *Queue) Reject() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.lost += int64(q.dropLeaving())
}

// Retry says that the findings of the last Peek go on waiting, as the oldest.
func (q *Queue) Retry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.leaving = 0
}

// dropLeaving forgets those that are leaving, and returns how many. The caller holds the lock.
func (q *Queue) dropLeaving() int {
	n := q.mu.leaving
	q.mu.leaving = 0
	return q.drop(n)
}

// trim gives up what is too much. The caller holds the lock.
func (q *Queue) trim() { q.mu.lost += int64(q.drop(len(q.mu.records) - q.mu.limit)) }

// drop forgets the n oldest but those that are leaving, and returns how many: fewer where there are not so
// many. The caller holds the lock.
func (q *Queue) drop(n int) int {
	from := q.mu.leaving
	n = max(min(n, len(q.mu.records)-from), 0)
	if from == 0 {
		q.mu.records = q.mu.records[n:]
	} else { // those in front are being read
		q.mu.records = slices.Delete(q.mu.records, from, from+n)
	}
	if len(q.mu.records) == 0 {
		q.mu.records = nil
	}
	q.mu.held = min(q.mu.held, len(q.mu.records)-from)
	return n
}

// abandon gives up all. What is leaving may have left, but nobody will know.
func (q *Queue) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.leaving = 0
	q.mu.lost += int64(q.drop(len(q.mu.records)))
}

// held is how many wait for a checkpoint.
func (q *Queue) held() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mu.held
}

// restore begins with what an earlier run left, which a stored checkpoint knows.
func (q *Queue) restore(records []findinglog.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.records = records
}

// waiting is what waited at one instant.
type waiting struct {
	records []findinglog.Record
	pushed  int // by then
}

// snapshot is a copy, so that it can be stored without the lock.
func (q *Queue) snapshot() waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	return waiting{slices.Clone(q.mu.records), q.mu.pushed}
}

// release says that a checkpoint is stored which knows what had been pushed by then.
func (q *Queue) release(pushed int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.held = min(q.mu.held, q.mu.pushed-pushed)
}

// releaseAll lets all findings leave, although no checkpoint knows of them.
func (q *Queue) releaseAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.held = 0
}
