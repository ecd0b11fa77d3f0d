package keeper

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/safestore"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// LoopsTimeout bounds [Keeper.Close]: a goroutine that hangs in the storage is left behind then.
const LoopsTimeout = 5 * time.Second

// ErrStopped is the answer to a batch that comes when the last checkpoint may have begun. Senders keep it
// and send it again.
var ErrStopped = errors.New("the session_timeout processor has stopped")

// Config is what a Keeper must know. It is not changed once [Open] has it.
type Config struct {
	Engine session.Config
	// Store keeps what is known. Without one nothing is kept, and no finding waits for a checkpoint.
	Store *safestore.Client
	// StoreLost: there should be a store and it could not be opened. What an earlier run knew is lost.
	StoreLost bool
	// Acknowledged: there is a journal, and what [Receipt.Wait] has returned for survives a crash.
	Acknowledged bool
	// DowntimeLost: nobody sends again what came while the collector was down.
	DowntimeLost bool
	// CheckpointInterval is how long after the beginning of one checkpoint the next begins.
	CheckpointInterval time.Duration
	// MaxJournal bounds the bytes of the journal that are in no checkpoint; 0 is 4 GiB.
	MaxJournal int64

	// Record is what leaves of a finding. It is called with the keeper's lock held.
	Record func(*fact.Finding) findinglog.Record
	// Found is told what was decided, with the timelines of the sessions. It is called with the keeper's
	// lock held, and must neither block nor call the keeper.
	Found     func([]findinglog.Record)
	Telemetry Telemetry
	Logger    *zap.Logger
}

// Telemetry is told what is to be counted. It is called from several goroutines at once, and must neither
// block nor call the keeper.
type Telemetry interface {
	// CheckpointWritten is told of each checkpoint how long it took, and why it was not stored.
	CheckpointWritten(took time.Duration, err error)
	// JournalWritten is told of each segment why it was not stored: [ErrJournalFull], or the storage's error.
	JournalWritten(err error)
	// StateLost is told how many parts a start could not restore for a reason.
	StateLost(reason string, parts int64)
}

// Keeper owns an engine and all that is stored of it. The steps of its life are [Open], [Keeper.Start],
// [Keeper.Close] and [Keeper.Stop]; in between it is safe for concurrent use.
//
// Locks are taken in this order, and none is held while its holder waits for what stands further left:
//
//	checkpoints, heartbeat   held while the storage works: who waits for one gives up with its context
//	mu                       never held while the storage works
//	Queue.mu, the engine's   each for a few steps
//
// Without a journal, facts go to the engine beside one another and take no lock here. With one they are
// observed and journaled under mu, so that the order of the journal is that of the engine. Under mu a
// checkpoint begins, too, and findings go from the engine to the queue: so each finding is at that instant
// in the engine's checkpoint or in the queue's, and each fact is in the checkpoint or in a later segment.
type Keeper struct {
	cfg    Config
	engine *session.Engine // safe for concurrent use by itself
	queue  *Queue

	running    context.Context // until Close
	halt       context.CancelFunc
	committing context.Context // longer than running: somebody waits for what is written
	breakOff   context.CancelFunc
	loops      sync.WaitGroup

	heartbeat struct {
		safestore.CtxMutex // held while it is written
		failed             bool
	}
	checkpoints struct {
		safestore.CtxMutex // held while one is written
		failed             bool
		buffer             []byte // for chunks: fresh memory is slow to write to, under a lock
	}
	checkpointAt atomic.Int64 // when the last one began that was stored
	commitWake   chan struct{}
	commitFailed bool // used by commitLoop

	mu struct {
		sync.Mutex
		journal        journal
		checkpointTook time.Duration
	}
}

// Open makes an engine of what is stored. Whatever is missing of that is counted and logged, and is no error:
// the engine knows less then, and says so of its verdicts. It is complete when Open returns.
func Open(ctx context.Context, cfg Config) *Keeper {
	if cfg.MaxJournal == 0 {
		cfg.MaxJournal = maxJournal
	}
	k := &Keeper{cfg: cfg, queue: newQueue(cfg.Store != nil), commitWake: make(chan struct{}, 1)}
	k.running, k.halt = context.WithCancel(context.Background())
	k.committing, k.breakOff = context.WithCancel(context.Background())
	k.heartbeat.CtxMutex, k.checkpoints.CtxMutex = safestore.NewCtxMutex(), safestore.NewCtxMutex()
	k.mu.journal.wake, k.mu.journal.limit = k.commitWake, cfg.MaxJournal
	k.restore(ctx, time.Now())
	return k
}

// Start begins to store what is known as time goes on. Call it once.
func (k *Keeper) Start() {
	if k.cfg.Store == nil {
		return
	}
	k.loops.Go(k.checkpointLoop)
	if k.mu.journal.on {
		k.loops.Go(k.commitLoop)
	}
}

// Queue is where findings wait for the next component.
func (k *Keeper) Queue() *Queue { return k.queue }

// Services are the names of services that the engine knows, those of an earlier run first.
func (k *Keeper) Services() []string { return k.engine.Services() }

// TakeMeasured returns what the engine measured since the last call.
func (k *Keeper) TakeMeasured() session.Measured { return k.engine.TakeMeasured() }

// ObserveCallers gives the engine spans that may be parents of requests, and arrived at now, in nanoseconds
// since the Unix epoch: before the facts that came with them. They are not needed once it has returned.
func (k *Keeper) ObserveCallers(callers []fact.Caller, now int64) {
	k.engine.ObserveCallers(callers, now)
}

// Observe gives the engine facts that arrived at now, in nanoseconds since the Unix epoch, and calls
// suspected as [session.Engine.Observe] does. It returns how many were not taken, since the keeper was
// closed. The facts are not needed once it has returned; the receipt says when they are stored.
func (k *Keeper) Observe(facts []fact.Fact, now int64, suspected func(int, session.Mark)) (stored Receipt, left int) {
	if !k.mu.journal.on { // it is on from the start or never
		return nil, k.engine.Observe(facts, now, suspected)
	}
	// So many at once as one hold of the lock allows.
	for from := 0; from < len(facts); from += session.FactsOfHold {
		to := min(from+session.FactsOfHold, len(facts))
		g, left := k.observePart(facts[from:to], now, func(i int, m session.Mark) { suspected(from+i, m) })
		if left > 0 {
			return nil, left + len(facts) - to
		}
		stored = stored.with(g)
	}
	return stored, 0
}

func (k *Keeper) observePart(facts []fact.Fact, now int64, suspected func(int, session.Mark)) (g *group, left int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if left := k.engine.Observe(facts, now, suspected); left > 0 { // all: Close waits for the lock
		return nil, left
	}
	for i := range facts {
		k.mu.journal.add(&facts[i], now, k.cfg.Engine.Pseudonym)
	}
	if k.mu.journal.overflow() {
		k.cfg.Telemetry.JournalWritten(ErrJournalFull)
	}
	return k.mu.journal.waiting(), 0
}

// Advance decides what has waited long enough at now, in nanoseconds since the Unix epoch, and puts into the
// queue what was found. It does what one hold of the engine's lock allows, waits for nobody, and reports
// whether there is more to be done at once.
func (k *Keeper) Advance(now int64) (more bool) {
	more = k.engine.Advance(now)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.collect(k.engine.TakeFindings())
	return more
}

// collect puts into the queue what was decided. The caller holds k.mu.
func (k *Keeper) collect(findings []fact.Finding) {
	records := make([]findinglog.Record, len(findings))
	for i := range findings {
		records[i] = k.cfg.Record(&findings[i])
	}
	if k.cfg.Found != nil && len(records) > 0 {
		k.cfg.Found(records)
	}
	for i := range records {
		records[i].Timeline = nil // it neither leaves nor waits
	}
	k.queue.Push(records...)
}

// decideLast decides what can still be decided. What has not waited long enough waits on in the storage, and
// without one is inconclusive.
func (k *Keeper) decideLast() {
	if now := time.Now().UnixNano(); k.cfg.Store == nil {
		k.engine.Shutdown(now)
	} else {
		for k.engine.Advance(now) {
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.collect(k.engine.TakeFindings())
}

// Finish decides what can still be decided, and stores a checkpoint if findings wait for one, so that they
// can leave before the next component stops. Facts may come afterwards.
func (k *Keeper) Finish(ctx context.Context) {
	k.decideLast()
	if k.cfg.Store != nil && k.queue.held() > 0 {
		_ = k.checkpoint(ctx, false) // it says so
	}
}

// Snapshot is what is counted at one instant.
type Snapshot struct {
	session.Snapshot
	Waiting      int   // findings
	Lost         int64 // findings that were given up
	Journaled    bool
	JournalSize  int64     // bytes that are in no checkpoint
	CheckpointAt time.Time // when the last one began that was stored; zero without a store
}

// Snapshot holds the locks for a copy.
func (k *Keeper) Snapshot() Snapshot {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := Snapshot{Snapshot: k.engine.Snapshot(), Journaled: k.mu.journal.on, JournalSize: k.mu.journal.size()}
	s.Waiting, s.Lost = k.queue.Len(), k.queue.Lost()
	if k.cfg.Store != nil {
		s.CheckpointAt = time.Unix(0, k.checkpointAt.Load())
	}
	return s
}

// Close lets the engine take nothing more, between two batches, and ends the keeper's goroutines. What hangs
// in the storage is left behind: it holds nothing that anybody needs, and ends when that returns. Whoever
// waits for facts to be stored has an answer when Close returns, within LoopsTimeout or ctx.
func (k *Keeper) Close(ctx context.Context) {
	k.mu.Lock()
	k.engine.Close()
	k.mu.Unlock()
	k.halt()
	ended := make(chan struct{})
	go func() {
		k.loops.Wait()
		close(ended)
	}()
	// A write that somebody waits for has half of the time to be done.
	for _, giveUp := range []func(){k.breakOff, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.mu.journal.abandon(ErrStopped)
	}} {
		patient, cancel := Part(ctx, LoopsTimeout/2)
		select {
		case <-ended:
		case <-patient.Done():
		}
		cancel()
		giveUp()
	}
}

// Stop decides what can still be decided and stores the last checkpoint. Findings that wait and are not
// stored are given up. The error is the storage's. Call it after Close, once.
func (k *Keeper) Stop(ctx context.Context) (err error) {
	k.decideLast()
	if k.cfg.Store != nil {
		err = k.checkpoint(ctx, true)
	}
	if k.cfg.Store == nil || err != nil {
		k.queue.abandon()
	}
	return err
}

// Part bounds a step of a stop by d, and by half of the time that ctx has left, so that some is left for the
// last checkpoint.
func Part(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, d)
}
