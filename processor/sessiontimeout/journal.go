package sessiontimeout

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

const (
	// journalName is what is known of the journal as a whole; its segments are
	// under the names of segmentName.
	journalName = "journal"
	// maxPseudonyms bounds those that one group of batches keeps at hand.
	maxPseudonyms = 1 << 16
	// maxJournal bounds the bytes that are in segments and in no checkpoint:
	// ten minutes of 50,000 requests a second, which is ten checkpoints of a
	// minute that fail one after the other.
	maxJournal = 4 << 30
	// maxGathered bounds what waits in memory while a segment is written.
	maxGathered = 64 << 20
)

// errJournalFull: a bound was reached. What comes then passes, and is lost with
// a crash, like what cannot be written.
var errJournalFull = errors.New("the journal is full: no checkpoint makes room in it")

func segmentName(n uint64) string { return journalName + "/" + strconv.FormatUint(n, 10) }

// journal holds the facts that were observed and are not stored yet, in the
// order in which they were. What gathers while one segment is written is the
// next one, which is a group commit. Guarded by watch.mu, but for wake.
type journal struct {
	on bool
	// undurable is since when facts may be in checkpoints alone; never, if
	// there are none.
	undurable int64
	// resting: a write has failed, and what comes behind a gap is worth
	// nothing. It goes on with the next checkpoint.
	resting bool
	gap     bool // facts are missing that came since the last checkpoint began

	gathered []byte // a segment in the making, or nothing
	since    int64  // when the first of its facts arrived
	group    *group // who waits for it
	writing  *group // who waits for the segment that is being written, or nil
	spare    []byte
	next     uint64 // its number
	written  uint64 // every segment below has been tried
	first    uint64 // the oldest one that is stored
	// stored counts the bytes of segments that were stored, released of those
	// that have been deleted since; limit bounds the difference.
	stored, released, limit int64
	// flight is that of the segment that is being stored.
	flight int64

	names map[fact.ID]fact.Pseudonym // of this group
	wake  chan struct{}
}

// group is the batches that are stored together.
type group struct {
	done chan struct{}
	err  error // why nobody knows whether it is stored; written before done is closed
}

// wait returns when the group is stored, or cannot be. After an error nothing is
// acknowledged, and the sender sends again.
func (g *group) wait(ctx context.Context) error {
	if g == nil {
		return nil
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end lets go of those who wait for g, once. The caller holds watch.mu.
func (g *group) end(err error) {
	select {
	case <-g.done:
	default:
		g.err = err
		close(g.done)
	}
}

// size is how many bytes the stored segments have.
func (j *journal) size() int64 { return j.stored - j.released }

// full reports whether what has gathered must not be stored.
func (j *journal) full() bool { return j.size()+int64(len(j.gathered)) > j.limit }

// add gathers a fact that arrived at now.
func (j *journal) add(f *fact.Fact, now int64, pseudonym func(string) fact.Pseudonym) {
	if !j.on || j.resting {
		return
	}
	if j.group == nil {
		j.group, j.since = &group{done: make(chan struct{})}, now
		j.gathered, j.spare = wire.Begin(j.spare), nil
		j.names = map[fact.ID]fact.Pseudonym{}
	}
	j.gathered = fact.Append(j.gathered, f, now, func(n *fact.Name) fact.Pseudonym {
		p, known := j.names[n.ID]
		if !known {
			p = pseudonym(n.Raw)
			if len(j.names) < maxPseudonyms {
				j.names[n.ID] = p
			}
		}
		return p
	})
}

// waiting is the group of what was added last, or nil.
func (j *journal) waiting() *group {
	if j.group != nil {
		select {
		case j.wake <- struct{}{}:
		default: // it is awake
		}
	}
	return j.group
}

// take begins to write what has gathered.
func (j *journal) take() (segment []byte, since int64, g *group) {
	segment, since, g = j.gathered, j.since, j.group
	j.gathered, j.group, j.names = nil, nil, nil
	j.writing = g
	return segment, since, g
}

// rest gives the journal up until the next checkpoint, since facts that came
// from since on are missing. Nobody waits for it any longer.
func (j *journal) rest(since int64) {
	j.undurable = min(j.undurable, since)
	j.resting, j.gap = true, true
	j.drop(nil)
}

// drop lets go of what has gathered, and of those who wait for it.
func (j *journal) drop(err error) {
	if j.group != nil {
		j.group.end(err)
	}
	j.gathered, j.group, j.names = nil, nil, nil
}

// overflow is rest where what has gathered is too much for the memory.
func (j *journal) overflow() bool {
	if len(j.gathered) <= maxGathered {
		return false
	}
	j.rest(j.since)
	return true
}

// abandon lets go of everybody who still waits for something to be stored.
func (j *journal) abandon(err error) {
	j.drop(err)
	if j.writing != nil {
		j.writing.end(err)
	}
}

// journalMark is where a journal is when a checkpoint begins.
type journalMark struct {
	segment uint64 // in the making: what is in those before it will be in the checkpoint
	stored  int64
}

// checkpointBegins returns where the journal is. One that rests goes on from
// here, unless the storage is known to take nothing.
func (j *journal) checkpointBegins(storageWorks bool) journalMark {
	if storageWorks {
		j.resting = false
	}
	j.gap = j.resting
	return journalMark{j.next, j.stored + j.flight}
}

// checkpointStored says that a checkpoint which began at instant at is stored.
// Segments from first up to end are needless now.
func (j *journal) checkpointStored(at int64, m journalMark) (first, end uint64) {
	if j.on && !j.gap {
		j.undurable = never
	} else {
		j.undurable = max(j.undurable, at)
	}
	return j.first, min(m.segment, j.written)
}

// deleteSegments deletes those from first up to end. What cannot be deleted is
// in nobody's way, but for the bound, and deleted next time.
func (w *watch) deleteSegments(ctx context.Context, first, end uint64, m journalMark) {
	for first < end {
		next := min(first+deletedAtOnce, end)
		var ops []*storage.Operation
		for i := first; i < next; i++ {
			ops = append(ops, storage.DeleteOperation(segmentName(i)))
		}
		if w.kept.Batch(ctx, ops...) != nil {
			return
		}
		first = next
		w.mu.Lock()
		w.mu.journal.first = first
		w.mu.Unlock()
	}
	w.mu.Lock()
	w.mu.journal.released = min(m.stored, w.mu.journal.stored)
	w.mu.Unlock()
}

// commit writes what gathers, until the watch stops.
func (w *watch) commit() {
	for {
		select {
		case <-w.running.Done():
			w.commitGathered()
			return
		case <-w.journalWake:
			w.commitGathered()
		}
	}
}

// commitGathered writes one segment. It does not stop with the watch: somebody
// waits for it.
func (w *watch) commitGathered() {
	w.mu.Lock()
	j := &w.mu.journal
	if j.group == nil {
		w.mu.Unlock()
		return
	}
	full := j.full()
	segment, since, g := j.take()
	n := j.next
	if !full {
		j.next++
		j.flight = int64(len(segment))
	}
	w.mu.Unlock()

	ctx, err := w.committing, errJournalFull
	if !full {
		err = w.kept.Batch(ctx, storage.SetOperation(segmentName(n), seal(segment, segmentName(n))))
	}
	w.telemetry.stored(ctx, w.telemetry.builder.ProcessorSessionTimeoutJournalWrites, err)
	w.mu.Lock()
	j.flight = 0
	if !full {
		j.written = n + 1
	}
	if err != nil {
		if ctx.Err() != nil { // broken off by stop: the last checkpoint may fail, too
			j.abandon(errStopped)
		}
		j.rest(since)
	} else {
		j.spare = segment
		j.stored += int64(len(segment))
	}
	w.mu.Unlock()
	if err != nil {
		if !w.journalFailed {
			w.set.Logger.Error("The storage does not take what is acknowledged: until the next checkpoint, a crash loses what came since",
				zap.Time("since", time.Unix(0, since)), zap.Error(err))
		}
		_ = w.keepAlive(ctx, false) // it says so
	}
	w.journalFailed = err != nil
	w.mu.Lock()
	j.writing = nil
	g.end(nil)
	w.mu.Unlock()
}

// journalState is what is kept of the journal as a whole: where it begins, and
// what the numbers of policies in it mean.
type journalState struct {
	first        uint64
	checkpointed bool // there is a checkpoint that it follows
	policies     []string
}

func (s *journalState) sealed() []byte {
	b := wire.Begin(nil)
	b = binary.AppendUvarint(b, s.first)
	if s.checkpointed {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, name := range s.policies {
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	}
	return seal(b, journalName)
}

func readJournalState(value []byte) (s journalState, err error) {
	b, err := unseal(value, journalName)
	if err != nil {
		return s, err
	}
	first, n := binary.Uvarint(b)
	if n <= 0 || len(b) == n {
		return s, wire.ErrTruncated
	}
	s.first, s.checkpointed = first, b[n] == 1
	for b = b[n+1:]; len(b) > 0; {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return s, wire.ErrTruncated
		}
		s.policies = append(s.policies, string(b[n:n+int(length)]))
		b = b[n+int(length):]
	}
	return s, nil
}

func (w *watch) journalState(first uint64, checkpointed bool) []byte {
	s := journalState{first: first, checkpointed: checkpointed}
	for i := range w.cfg.Policies {
		s.policies = append(s.policies, w.cfg.Policies[i].Name)
	}
	return s.sealed()
}
