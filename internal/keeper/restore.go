package keeper

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// Why something was not restored, beside the reasons of wire and of the engine.
const (
	lostUnavailable = "unavailable" // the storage could not be opened
	lostUnreadable  = "unreadable"  // reading it was an error

	// maxMissing bounds how many segments of a journal are looked for that are
	// not there.
	maxMissing = 1000
)

// recovery is a start: what it finds of the run before it, and what it does
// not. Instants are nanoseconds since the Unix epoch.
type recovery struct {
	k   *Keeper
	ctx context.Context //nolint:containedctx // of one start, which this is
	now int64

	engine  *session.Engine
	state   session.Restored
	lost    map[string]int64 // parts, by reason
	err     error            // of the storage, where one is the reason
	total   bool             // nothing is known of sessions any more
	partial bool             // nothing is known of some sessions

	up      uptime
	ran     bool // there was a run before, as far as can be told
	journal journalState
	oldest  uint64 // the first segment that is there, needless ones included
	next    uint64 // the first behind them
	bytes   int64  // of those that are there
	facts   int    // of the journal
	gap     int64  // facts are missing since then
}

// restore makes the engine of what is stored, and says what is missing of it.
// It is complete when it returns: nothing that is observed before it would be.
func (k *Keeper) restore(ctx context.Context, now time.Time) {
	k.checkpointAt.Store(now.UnixNano())
	r := recovery{k: k, ctx: ctx, now: now.UnixNano(), lost: map[string]int64{}, gap: never}
	if k.cfg.Store == nil {
		r.engine = session.New(k.cfg.Engine)
		if k.cfg.StoreLost {
			r.lose(lostUnavailable)
			r.engine.Restarted(r.now)
			r.report(never)
		}
		k.engine = r.engine
		return
	}
	r.readUptime()
	r.readJournalState()
	r.readState()
	r.readFindings()
	if r.total || r.partial {
		r.engine.Restarted(r.stopped())
	}
	r.replay()
	blindFrom := r.declareBlind()
	r.engine.Resume(r.now)
	k.engine = r.engine

	j := &k.mu.journal
	j.on = k.cfg.Acknowledged
	j.first, j.next, j.written, j.stored = r.oldest, r.next, r.next, r.bytes
	// That something is blind is stored with the next checkpoint.
	switch j.undurable = blindFrom; {
	case r.total:
		j.undurable = 0
	case !j.on:
		j.undurable = min(blindFrom, r.now)
	}
	r.report(blindFrom)
	// From here on a crash is one.
	if err := k.beat(ctx, false, storage.SetOperation(journalKey,
		k.journalState(r.journal.first, r.journal.checkpointed || r.total))); err != nil {
		k.cfg.Logger.Error("The storage takes nothing", zap.Error(err))
	}
}

func (r *recovery) lose(reason string) { r.lost[reason]++ }

// get reads a value; what cannot be read makes everything unknown.
func (r *recovery) get(key string) []byte {
	if r.err != nil {
		return nil
	}
	value, err := r.k.cfg.Store.Get(r.ctx, key)
	if err != nil {
		r.err, r.total = err, true
		r.lose(lostUnreadable)
	}
	return value
}

func (r *recovery) readUptime() {
	value := r.get(heartbeatKey)
	r.ran = value != nil || r.err != nil
	if value == nil {
		r.up = uptime{at: r.now}
		return
	}
	up, err := readUptime(value)
	if err != nil {
		r.lose(err.Error())
		up = uptime{at: r.now} // perhaps a crash just now
	}
	r.up = up
}

func (r *recovery) readJournalState() {
	value := r.get(journalKey)
	if value == nil {
		r.journal.first = uint64(r.now) // of no segment that was ever written
		return
	}
	if !r.ran { // it must have been
		r.ran = true
		r.lose(wire.ErrMissing.Error())
	}
	var err error
	if r.journal, err = readJournalState(value); err != nil {
		r.lose(err.Error())
		r.journal = journalState{first: uint64(r.now), checkpointed: true}
		r.gap = math.MinInt64
	}
}

// readState makes the engine.
func (r *recovery) readState() {
	if r.err == nil {
		var err error
		r.engine, r.state, err = session.Restore(r.k.cfg.Engine, func(key string) ([]byte, error) { return r.k.cfg.Store.Get(r.ctx, key) }, r.now)
		switch {
		case err == nil:
		case errors.Is(err, wire.ErrNewer), errors.Is(err, wire.ErrOlder), errors.Is(err, session.ErrOtherKey):
			r.lose(err.Error())
		default:
			r.lose(lostUnreadable)
			r.err = err
		}
		r.total = err != nil
	}
	for _, chunk := range r.state.Lost {
		r.lose(chunk.Reason)
		r.partial = true
	}
	switch {
	case r.total:
	case r.state.Found:
		r.ran = true
		r.total = r.state.At == 0 // the manifest is lost
	case r.journal.checkpointed || r.ran && r.journal.policies == nil:
		r.total = true
		r.lose(wire.ErrMissing.Error())
	}
	if r.state.At != 0 && r.journal.policies == nil && r.gap == never && r.err == nil {
		r.lose(wire.ErrMissing.Error())
		r.gap = math.MinInt64
	}
	if r.total {
		r.engine = session.New(r.k.cfg.Engine)
	}
}

func (r *recovery) readFindings() {
	value := r.get(findingsKey)
	if value == nil {
		if r.state.At != 0 && r.err == nil { // every checkpoint has some, if only none
			r.lose(wire.ErrMissing.Error())
		}
		return
	}
	findings, corrupt, err := readFindings(value)
	for range corrupt {
		r.lose(wire.ErrCorrupt.Error())
	}
	if err != nil {
		r.lose(err.Error())
	}
	r.k.queue.restore(findings)
}

// replay gives the engine the facts of the journal. At the first that cannot be
// read it ends.
func (r *recovery) replay() {
	last := r.state.At
	for r.next = r.journal.first; ; r.next++ {
		value := r.get(segmentKey(r.next))
		if value == nil && (r.next >= r.up.segments || r.err != nil || r.up.segments-r.next > maxMissing) {
			break
		}
		r.bytes += int64(len(value))
		if r.gap != never || r.total {
			continue // only to know where the journal ends
		}
		if reason := r.replaySegment(value, &last); reason != "" {
			r.lose(reason)
			r.gap = last
		}
	}
	for r.oldest = r.journal.first; r.oldest > 0; r.oldest-- {
		value := r.get(segmentKey(r.oldest - 1))
		if value == nil {
			break
		}
		r.bytes += int64(len(value))
	}
	if r.err != nil {
		r.gap = min(r.gap, last)
		r.next = max(r.next, uint64(r.now))
	}
	if r.facts > 0 {
		r.up.at = max(r.up.at, last)
	}
}

func (r *recovery) replaySegment(value []byte, last *int64) (reason string) {
	if value == nil {
		return wire.ErrMissing.Error()
	}
	facts, err := unseal(value, segmentKey(r.next))
	if err != nil {
		return err.Error()
	}
	// What arrived at once was observed at once.
	var batch []fact.Fact
	var at int64
	observe := func() {
		r.engine.Observe(batch, at, func(int, session.Mark) {})
		batch = batch[:0]
	}
	defer observe()
	for len(facts) > 0 {
		f, arrival, rest, err := fact.Read(facts)
		if err != nil {
			return err.Error()
		}
		if arrival != at {
			observe()
		}
		f.Policy = r.policy(f.Policy)
		batch, at = append(batch, f), arrival
		*last = max(*last, arrival)
		r.facts++
		facts = rest
	}
	return ""
}

// policy is the number that a policy has now.
func (r *recovery) policy(was uint8) uint8 {
	if int(was) < len(r.journal.policies) {
		i := slices.IndexFunc(r.k.cfg.Engine.Policies, func(p session.Policy) bool { return p.Name == r.journal.policies[was] })
		if i >= 0 {
			return uint8(i)
		}
	}
	return fact.NoPolicy
}

// stopped is the latest instant at which the run before can have stopped.
func (r *recovery) stopped() int64 {
	if r.up.clean {
		return r.up.at
	}
	return min(r.up.at+int64(heartbeatSlack), r.now)
}

// declareBlind tells the engine of the time whose facts may be lost for good,
// and returns since when that is; never, if none are. Facts are observed a
// while after their time: within decision_wait, or they come too late anyway.
func (r *recovery) declareBlind() (from int64) {
	from = never
	if !r.ran {
		return from
	}
	if !r.up.clean { // the journal has facts alone
		r.engine.LoseCallers(r.stopped())
	}
	switch {
	case r.total && !r.up.clean:
		from = r.up.at // of what was before nothing is known
	case !r.up.clean && r.up.undurable != never:
		from = max(r.state.At, r.up.undurable)
	}
	if r.gap != never && !r.total {
		from = min(from, max(r.state.At, r.gap))
	}
	to, reason := r.stopped(), reasonCrash
	if r.k.cfg.DowntimeLost {
		from, to, reason = min(from, r.up.at), r.now, reasonDowntime
	}
	if from != never {
		from = max(from, to-int64(r.k.cfg.Engine.Retention)) // what is older is not held
		r.engine.Blind(from-int64(r.k.cfg.Engine.DecisionWait), to, reason)
	}
	return from
}

// report says once what a start has found, and what it has not.
func (r *recovery) report(blindFrom int64) {
	k := r.k
	for reason, n := range r.lost {
		k.cfg.Telemetry.StateLost(reason, n)
	}
	fields := []zap.Field{zap.Int("sessions", r.state.Sessions), zap.Int("journal_facts", r.facts)}
	if r.state.Found {
		fields = append(fields, zap.Time("checkpoint", time.Unix(0, r.state.At)))
	}
	if blindFrom != never {
		fields = append(fields, zap.Time("blind_from", time.Unix(0, blindFrom)), zap.Time("stopped", time.Unix(0, r.stopped())))
	}
	if len(r.lost) > 0 {
		fields = append(fields, zap.Any("parts_lost", r.lost), zap.Error(r.err))
	}
	switch {
	case r.total || r.k.cfg.Store == nil:
		k.cfg.Logger.Error("What was known of sessions before this start is lost: findings that rest on it will be inconclusive", fields...)
	case len(r.lost) > 0:
		k.cfg.Logger.Error("Part of what was known of sessions before this start is lost: findings that rest on it will be inconclusive", fields...)
	case blindFrom != never:
		k.cfg.Logger.Warn("What was known of sessions is restored; what came since may be lost, and findings that rest on it will be inconclusive", fields...)
	case r.ran:
		k.cfg.Logger.Info("What was known of sessions is restored", fields...)
	}
}
