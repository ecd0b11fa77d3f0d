package sessiontimeout

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/session"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

const (
	// journalName is what is known of the journal as a whole; its segments are
	// under the names of segmentName.
	journalName = "journal"
	// maxPseudonyms bounds those that one group of batches keeps at hand.
	maxPseudonyms = 1 << 16
)

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
	spare    []byte
	next     uint64 // its number
	written  uint64 // every segment below has been tried
	first    uint64 // the oldest one that is stored

	names map[session.ID]session.Pseudonym // of this group
	wake  chan struct{}
}

// group is the batches that are stored together.
type group struct{ done chan struct{} }

// wait returns when the group is stored, or cannot be. The error is the
// context's: then nothing is acknowledged, and the sender sends again.
func (g *group) wait(ctx context.Context) error {
	if g == nil {
		return nil
	}
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add gathers a fact that arrived at now.
func (j *journal) add(f *session.Fact, now int64, pseudonym func(string) session.Pseudonym) {
	if !j.on || j.resting {
		return
	}
	if j.group == nil {
		j.group, j.since = &group{make(chan struct{})}, now
		j.gathered, j.spare = wire.Begin(j.spare), nil
		j.names = map[session.ID]session.Pseudonym{}
	}
	j.gathered = session.AppendFact(j.gathered, f, now, func(n *session.Name) session.Pseudonym {
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
func (j *journal) take() (segment []byte, n uint64, since int64, g *group) {
	segment, n, since, g = j.gathered, j.next, j.since, j.group
	j.gathered, j.group, j.names = nil, nil, nil
	j.next++
	return segment, n, since, g
}

// rest gives the journal up until the next checkpoint, since facts that came
// from since on are missing. Nobody waits for it any longer.
func (j *journal) rest(since int64) {
	j.undurable = min(j.undurable, since)
	j.resting, j.gap = true, true
	if j.group != nil {
		close(j.group.done)
	}
	j.gathered, j.group, j.names = nil, nil, nil
}

// checkpointBegins returns the segment in the making: what is in those before
// it will be in the checkpoint. A journal that rests goes on from here, unless
// the storage is known to take nothing.
func (j *journal) checkpointBegins(storageWorks bool) (segment uint64) {
	if storageWorks {
		j.resting = false
	}
	j.gap = j.resting
	return j.next
}

// checkpointStored says that a checkpoint which began at instant at, with
// segment n in the making, is stored. It returns what deletes the segments that
// it makes needless.
func (j *journal) checkpointStored(at int64, n uint64) (needless []*storage.Operation) {
	if j.on && !j.gap {
		j.undurable = never
	} else {
		j.undurable = max(j.undurable, at)
	}
	for i := j.first; i < min(n, j.written); i++ {
		needless = append(needless, storage.DeleteOperation(segmentName(i)))
	}
	return needless
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
	segment, n, since, g := j.take()
	w.mu.Unlock()

	ctx := context.Background()
	err := w.kept.batch(ctx, storage.SetOperation(segmentName(n), seal(segment, segmentName(n))))
	w.telemetry.stored(ctx, w.telemetry.builder.ProcessorSessionTimeoutJournalWrites, err)
	w.mu.Lock()
	j.written = n + 1
	if err != nil {
		j.rest(since)
	} else {
		j.spare = segment
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
	close(g.done)
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
