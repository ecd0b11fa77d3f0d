package advice

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// mostNoted facts are looked at in a second. Where more come, half as many sessions are.
const mostNoted = 200

// idWatch holds the ids that events name against those that requests name: of all
// sessions, or where many come, of those whose keyed hash ends in zeros, so that of a
// session all is seen or nothing. Safe for concurrent use.
type idWatch struct {
	differ    differ
	recording bool
	linked    bool // sessions may be part of larger ones
	// settle is how long sessions are watched before their ends say something: one may
	// end a whole idle limit after its last request.
	settle time.Duration
	mask   atomic.Uint64 // of the bits that are zero

	mu        sync.Mutex
	since     time.Time // when sessions of this mask began to be watched
	turned    time.Time
	now, last *ids // last is of the time before, or nil
	second    time.Time
	noted     int // in this second
}

func newIDWatch(cfg *Config) *idWatch {
	now := time.Now()
	w := &idWatch{differ: differ{hash: newHasher()}, recording: cfg.Recording, linked: cfg.Linked, since: now, turned: now, now: &ids{}}
	if !w.recording {
		w.settle = longLook + cfg.IdleLimit
	}
	return w
}

// note takes note of the ids of facts.
func (w *idWatch) note(b *extract.Batch) {
	mask, linked, locked := w.mask.Load(), w.linked, false
	for i := range b.Facts {
		f := &b.Facts[i]
		if f.Session.ID[0]&mask != 0 && (!linked || f.Linked == nil || f.Linked.ID[0]&mask != 0) {
			continue
		}
		if !locked {
			w.mu.Lock()
			locked = true
			w.turn(time.Now())
		}
		if w.mask.Load() != mask {
			break // there are fewer from now on
		}
		w.noteFact(f, mask)
	}
	if locked {
		w.mu.Unlock()
	}
}

// turn forgets what is older than the time before this one.
func (w *idWatch) turn(now time.Time) {
	if now.Sub(w.second) >= time.Second {
		w.second, w.noted = now, 0
	}
	if now.Sub(w.turned) >= max(round, w.settle) && !w.recording {
		w.last, w.now, w.turned = w.now, &ids{}, now
	}
}

func (w *idWatch) noteFact(f *fact.Fact, mask uint64) {
	if w.noted++; !w.recording && (w.noted > mostNoted || w.now.isFull()) {
		w.mask.Store(mask<<1 | 1)
		w.now, w.last, w.since, w.turned, w.noted = &ids{}, nil, w.second, w.second, 0
		return
	}
	isRequest := f.Kind == fact.Request
	if f.Linked != nil && f.Linked.Raw != "" && f.Linked.ID[0]&mask == 0 && (!isRequest || f.Outcome == fact.Served) {
		w.now.linked(&w.differ, f.Linked.Raw)
	}
	if f.Session.Raw == "" || f.Session.ID[0]&mask != 0 {
		return
	}
	hash := w.differ.hash.of(f.Session.Raw)
	switch f.Kind {
	case fact.Request:
		w.now.request(&w.differ, f.Session.Raw)
	case fact.Authenticated, fact.Started:
		w.now.login(hash)
	case fact.Rotated:
		w.now.login(hash)
		w.now.rotate(hash, w.differ.hash.of(f.Previous.Raw))
	case fact.Ended:
		if w.second.Sub(w.since) >= w.settle {
			w.now.end(&w.differ, f.Session.Raw)
		}
	}
}

// unknown are how many of how many ends name a session that no request does, and how
// their ids differ; and whether all logins, few or more, are of such sessions. All are
// zero where that is not known.
func (w *idWatch) unknown(few int64) (unknown, ends int, how []string, logins bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	settled := w.recording || time.Since(w.since) >= w.settle
	if !settled || w.now.isFull() {
		return 0, 0, nil, false
	}
	b := both{w.now}
	if w.last != nil {
		b = append(b, w.last)
	}
	if !b.any(func(s *ids) bool { return s.named.n > 0 }) {
		return 0, 0, nil, false
	}
	unknown, ends, how = b.unknownEnds(int(w.mask.Load() + 1))
	return unknown, ends, how, b.unknownLogins(few)
}
