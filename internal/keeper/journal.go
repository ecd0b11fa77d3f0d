package keeper

import (
	"errors"
	"strconv"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

const (
	// journalKey is what is known of the journal as a whole; its segments are
	// under those of segmentKey.
	journalKey = "journal"
	// maxPseudonyms bounds those that one group of batches keeps at hand.
	maxPseudonyms = 1 << 16
	// maxJournal bounds the bytes that are in segments and in no checkpoint:
	// ten minutes of 50,000 requests a second, which is ten checkpoints of a
	// minute that fail one after the other.
	maxJournal = 4 << 30
	// maxBuffer bounds what waits in memory while a segment is written.
	maxBuffer = 64 << 20
)

// ErrJournalFull says that a bound was reached. What comes then passes, and is lost with
// a crash, like what cannot be written.
var ErrJournalFull = errors.New("the journal is full: no checkpoint makes room in it")

func segmentKey(n uint64) string { return journalKey + "/" + strconv.FormatUint(n, 10) }

// journal holds the facts that were observed and are not stored yet, in the
// order in which they were. What gathers while one segment is written is the
// next one, which is a group commit. Guarded by Keeper.mu, but for wake.
type journal struct {
	on bool
	// undurable is since when facts may be in checkpoints alone; never, if
	// there are none.
	undurable int64
	// suspended: a write has failed, and what comes behind a gap is worth
	// nothing. It goes on with the next checkpoint.
	suspended bool
	gap       bool // facts are missing that came since the last checkpoint began

	buffer  []byte // the segment in the making, or nothing
	since   int64  // when the first of its facts arrived
	group   *group // who waits for it
	writing *group // who waits for the segment that is being written, or nil
	spare   []byte // memory for the next
	next    uint64 // the number of the segment in the making
	written uint64 // every segment below has been tried
	first   uint64 // the oldest one that is stored
	// stored counts the bytes of segments that were stored, released of those
	// that have been deleted since; limit bounds the difference.
	stored, released, limit int64
	flight                  int64 // bytes of the segment that is being stored

	names map[fact.ID]fact.Pseudonym // of this group
	wake  chan struct{}
}

// size is how many bytes the stored segments have.
func (j *journal) size() int64 { return j.stored - j.released }

// full reports whether what has gathered must not be stored.
func (j *journal) full() bool { return j.size()+int64(len(j.buffer)) > j.limit }

// add gathers a fact that arrived at now.
func (j *journal) add(f *fact.Fact, now int64, pseudonym func(string) fact.Pseudonym) {
	if !j.on || j.suspended {
		return
	}
	if j.group == nil {
		j.group, j.since = &group{done: make(chan struct{})}, now
		j.buffer, j.spare = wire.Begin(j.spare), nil
		j.names = map[fact.ID]fact.Pseudonym{}
	}
	j.buffer = fact.Append(j.buffer, f, now, func(n *fact.Name) fact.Pseudonym {
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
	segment, since, g = j.buffer, j.since, j.group
	j.buffer, j.group, j.names = nil, nil, nil
	j.writing = g
	return segment, since, g
}

// suspend gives the journal up until the next checkpoint, since facts that came
// from since on are missing. Nobody waits for it any longer.
func (j *journal) suspend(since int64) {
	j.undurable = min(j.undurable, since)
	j.suspended, j.gap = true, true
	j.drop(nil)
}

// drop lets go of what has gathered, and of those who wait for it.
func (j *journal) drop(err error) {
	if j.group != nil {
		j.group.end(err)
	}
	j.buffer, j.group, j.names = nil, nil, nil
}

// overflow is suspend where what has gathered is too much for the memory.
func (j *journal) overflow() bool {
	if len(j.buffer) <= maxBuffer {
		return false
	}
	j.suspend(j.since)
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

// checkpointBegins returns where the journal is. One that is suspended goes on from
// here, unless the storage is known to take nothing.
func (j *journal) checkpointBegins(storageWorks bool) journalMark {
	if storageWorks {
		j.suspended = false
	}
	j.gap = j.suspended
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
