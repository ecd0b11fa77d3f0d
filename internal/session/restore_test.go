package session

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// sizes are how much is kept, stored or done at once.
type sizes [18]int

func setSizes(s sizes) (was sizes) {
	for i, size := range [...]*int{
		&sessionBits, &recordBits, &maxChunkBytes, &placesAtOnce, &compact.FirstPreimageBlock, &compact.MaxPreimageBlock, &compact.FirstTextBlock, &compact.MaxTextBlock,
		&compact.FirstCells, &compact.MoveStep, &compact.SlabBytes, &timelinesAtOnce, &maxLater,
		&placeBits, &bucketBits, &groupBits, &cellBits, &block,
	} {
		was[i], *size = *size, s[i]
	}
	return was
}

// In tests they are so small that a small engine has several ranges, chunks and
// blocks, and that what grows and goes does so all the time. Numbers that the
// ordinary request is shifted by stay: see TestAged.
var shipped = setSizes(sizes{2, 3, 300, 3, 32, 64, 48, 64, 4, 1, 64, 4, 2, 1, 1, 1, 2, 2})

// asShipped lets sizes be what they are outside of tests, until what it returns
// is called.
func asShipped() (back func()) {
	was := setSizes(shipped)
	return func() { setSizes(was) }
}

// stored is what a storage holds.
type stored map[string][]byte

func (s stored) get(key string) ([]byte, error) { return s[key], nil }

// forget deletes keys, but for the last few, as where it is killed meanwhile.
func (s stored) forget(keys []string, but int) {
	for i := range len(keys) - but {
		delete(s, keys[i])
	}
}

// restartedHistory is the history of one number; one of eight goes through
// restarts.
func restartedHistory(seed uint64, how sessiontest.Delivery) *trial {
	h := seededHistory(seed, how)
	if seed%8 == 1 {
		h.restarts = seed
	}
	return h
}

// restarter lets the engine of a history be stored, stopped and killed at any
// time, and another go on.
type restarter struct {
	*rand.Rand
	h       *trial
	stored  stored
	buf     []byte
	c       *Checkpoint
	begun   durable // what c will hold
	durable durable // what the stored manifest holds
}

// durable is how far a run had come.
type durable struct {
	steps int
	final map[uint64]fact.Finding
}

func newRestarter(h *trial) *restarter {
	if h.restarts == 0 {
		return nil
	}
	return &restarter{Rand: rand.New(rand.NewPCG(h.restarts, 1)), h: h, stored: stored{}}
}

// next does what comes after so many steps, and returns the engine that goes on
// and the steps that it has to be told again.
func (r *restarter) next(e *Engine, o *outcome, steps int, now int64) (*Engine, []sessiontest.Step) {
	if r.c == nil && r.IntN(3) == 0 {
		r.begin(e, o, steps, now)
	}
	for r.c != nil && r.IntN(3) > 0 {
		r.write()
	}
	switch r.IntN(40) {
	case 0: // the storage fails
		if r.c != nil {
			r.c.Abort()
			r.c = nil
		}
		return e, nil
	case 1, 2: // it stops in order
		r.begin(e, o, steps, now)
		for r.c != nil {
			r.write()
		}
	case 3, 4: // it is killed
		if r.h.stops {
			return e, nil
		}
		r.c = nil
	default:
		return e, nil
	}
	e, res, err := Restore(r.h.config(), r.stored.get, now)
	if err != nil || len(res.Lost) > 0 || res.Found != (r.durable.steps > 0) {
		o.trouble = "restore: " + res.String() + " " + errorText(err)
	}
	o.final = maps.Clone(r.durable.final)
	if o.final == nil {
		o.final = map[uint64]fact.Finding{}
	}
	again := r.journal(r.h.Steps[r.durable.steps:steps])
	if len(again) == 0 && !r.h.stops && r.IntN(2) == 0 {
		e.resumeAt(now)
	}
	return e, again
}

func (r *restarter) begin(e *Engine, o *outcome, steps int, now int64) {
	r.c = beginPass(e, now)
	r.begun = durable{steps, maps.Clone(o.final)}
}

// write stores one chunk.
func (r *restarter) write() {
	key, value, ok := r.c.Next(r.buf)
	if !ok {
		r.c.Commit()
		r.stored.forget(r.c.Needless(), r.IntN(4))
		r.c = nil
		return
	}
	r.buf = value
	r.stored[key] = append([]byte{}, value...)
	if key == manifestKey {
		r.durable = r.begun
	}
}

// journal is what a journal holds of steps: all facts, and all else or some of
// it.
func (r *restarter) journal(steps []sessiontest.Step) (again []sessiontest.Step) {
	all := r.IntN(2) == 0
	for _, s := range steps {
		switch s.Verb {
		case sessiontest.Advance:
			if !all {
				continue
			}
		case sessiontest.Observe:
			b := fact.Append(nil, &s.Fact, s.Now, func(n *fact.Name) fact.Pseudonym { return sessiontest.Pseudonym(n.Raw) })
			f, now, rest, err := fact.Read(b)
			if err != nil || len(rest) > 0 {
				panic(err)
			}
			s.Fact, s.Now = f, now
		}
		again = append(again, s)
	}
	return again
}

func (r Restored) String() string {
	if len(r.Lost) == 0 {
		return ""
	}
	return fmt.Sprint(r.Lost)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// everything returns all that e would store, without an effect on what it will.
func everything(e *Engine, now int64) stored {
	checkpoint, kept, doubtful, passes := e.checkpoint, e.stored, e.doubtful, e.passes
	var changed []changes
	e.each(func(l *shard) {
		changed = append(changed, l.changed)
		l.changed = changes{}
	})
	e.checkpoint, e.stored, e.doubtful = nil, [kindCount][]chunkRange{}, [kindCount][]uint64{}
	kinds := []*ranged{
		&e.tombstones.displaced.ranged, &e.tombstones.ranged, &e.users.ranged, &e.callers.ranged,
		&e.suspects.ranged, &e.findings.ranged, &e.findings.closed.ranged,
	}
	var was []ranged
	for _, r := range kinds {
		was = append(was, *r)
		r.changed = nil
	}
	s := stored{}
	c := beginPass(e, now)
	for key, value, ok := c.Next(nil); ok; key, value, ok = c.Next(nil) {
		s[key] = value
	}
	e.each(func(l *shard) { l.changed = changed[l.number] })
	for i, r := range kinds {
		*r = was[i]
	}
	e.checkpoint, e.stored, e.doubtful, e.passes = checkpoint, kept, doubtful, passes
	return s
}

// restored returns the engine that s is of.
func (s stored) restored(cfg Config, now int64) (*Engine, string) {
	e, res, err := Restore(cfg, s.get, now)
	if err != nil || len(res.Lost) > 0 || !res.Found || res.At != now {
		return New(cfg), res.String() + errorText(err)
	}
	return e, ""
}

// TestCheckpointIsOneInstant: what is stored is what the engine knew when the
// checkpoint began, whatever it was told meanwhile, and though only what changed
// is written.
func TestCheckpointIsOneInstant(t *testing.T) {
	noGoroutine(t)
	var many atomic.Int64
	sampled(t, histories/20, func(seed uint64) *trial {
		h := seededHistory(seed, sessiontest.AnyOrder)
		h.restarts = seed + 1
		if seed%2 == 0 { // all is displaced and evicted
			h.room.sessions, h.room.requests, h.room.retention = 3, 20, time.Minute
		}
		return h
	}, func(h *trial) string { return oneInstant(h, &many) })
	for i, l := range littleRooms() {
		func() {
			defer l.set().set()
			sampled(t, histories/100, func(seed uint64) *trial {
				h := cramped(seed, uint64(i))
				if seed%5 > 0 { // or else few sessions live for long
					h.room.sessions = 100
				}
				h.restarts = seed + 1
				return h
			}, func(h *trial) string { return oneInstant(h, &many) })
		}()
	}
	t.Logf("%d checkpoints", many.Load())
}

// oneInstant says what is wrong with what is stored while h is told.
func oneInstant(h *trial, many *atomic.Int64) string {
	d, s := rand.New(rand.NewPCG(h.restarts, 2)), stored{}
	e := New(h.config())
	var c *Checkpoint
	var want stored
	var at int64
	for i := range h.Steps {
		step := &h.Steps[i]
		doStep(step, e)
		if d.IntN(4) == 0 {
			e.takeFindings()
		}
		if c == nil && d.IntN(3) == 0 {
			at = step.Now
			want, c = everything(e, at), beginPass(e, at)
		}
		if c != nil && d.IntN(40) == 0 {
			c.Abort()
			c = nil
		}
		for n := d.IntN(4); c != nil && n > 0; n-- {
			key, value, ok := c.Next(nil)
			if ok {
				s[key] = value
				continue
			}
			c.Commit()
			s.forget(c.Needless(), d.IntN(4))
			c = nil
			many.Add(1)
			e1, why1 := s.restored(h.config(), at)
			e2, why2 := want.restored(h.config(), at)
			if why1 != "" || why2 != "" {
				return why1 + " " + why2
			}
			for _, e := range []*Engine{e1, e2} { // there are several ways to write one state
				e.eachTimeline(func(t *timeline) {
					if t.unknownBefore < t.first { // it says no more than the floor of its engine, which may have been raised meanwhile
						t.unknownBefore = longAgo
					}
				})
				e.compactAll()
			}
			a, b := everything(e1, at), everything(e2, at)
			for key := range b {
				if !bytes.Equal(a[key], b[key]) && key != manifestKey {
					return fmt.Sprintf("after %d steps %s is\n%q, not\n%q", i+1, key, a[key], b[key])
				}
			}
			if !bytes.Equal(a[manifestKey], b[manifestKey]) {
				return fmt.Sprintf("after %d steps the head is another", i+1)
			}
		}
	}
	return ""
}

// TestStopsChangeNothing: an engine that goes on with what another stored sends
// what that one would have sent, and when.
func TestStopsChangeNothing(t *testing.T) {
	sampled(t, histories/10, func(seed uint64) *trial {
		h := seededHistory(seed, sessiontest.AnyOrder)
		h.restarts, h.stops = seed+1, true
		return h
	}, func(h *trial) string {
		with := told(h, withoutCounters(run(h, false)))
		plain := *h
		plain.restarts = 0
		if without := told(h, withoutCounters(run(&plain, false))); with != without {
			return "stopped:\n" + with + "\nnot stopped:\n" + without
		}
		return ""
	})
}

func withoutCounters(o outcome) outcome {
	o.engine = nil
	return o
}

// TestResume: what waits for its decision waits anew, so that what comes after a
// restart still clears it before anybody is told.
func TestResume(t *testing.T) {
	for _, crowd := range []int{1, 2 * int(maxPending)} { // beyond it they are deferred only
		cfg := historyConfig()
		cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Minute}}
		e := New(cfg)
		request := func(e *Engine, at int64, span int) {
			f := fact.Fact{Session: sessiontest.SessionName(0), Start: sessiontest.Epoch + at, End: sessiontest.Epoch + at, At: sessiontest.Epoch + at, Resource: sessiontest.Resources["web"], Trace: [16]byte{1, byte(span)}}
			f.Span[0], f.Span[1] = byte(span), 1
			e.observe(&f, sessiontest.Epoch+at)
		}
		request(e, 0, 0)
		late := int64(5 * time.Minute)
		for i := range crowd {
			request(e, late, 1+i)
		}
		now := sessiontest.Epoch + late
		e, why := everything(e, now).restored(cfg, now)
		if why != "" {
			t.Fatal(why)
		}
		if e.pending() != crowd {
			t.Errorf("%d pending, want %d", e.pending(), crowd)
		}
		now += int64(time.Hour)
		e.resumeAt(now)
		e.advance(now + int64(cfg.DecisionWait) - 1)
		if found := e.takeFindings(); len(found) > 0 || e.pending() != crowd {
			t.Errorf("%d findings, %d pending before the wait was over", len(found), e.pending())
		}
		e.advance(now + int64(cfg.DecisionWait))
		if found := e.takeFindings(); len(found) != 1 || e.pending() > 0 {
			t.Errorf("%d findings, %d pending when it was", len(found), e.pending())
		}
	}
}
