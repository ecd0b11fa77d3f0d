package advice

import (
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const (
	// everyOne of so many records is looked at.
	everyOne = 1024
	// firstOnes are all looked at, and again once in a round.
	firstOnes = 8192
	round     = time.Hour
	longRound = 24 * time.Hour
)

// Config is what an [Advisor] has to know of the configuration.
type Config struct {
	// Recording: what comes is complete, so that little is enough to say something.
	Recording bool
	// Absolute: a policy has an absolute limit, for which logins matter. Idle: one has an
	// idle limit, which rests on silence.
	Absolute, Idle bool
	// IdleLimit is the longest one.
	IdleLimit time.Duration
	// Linked: sessions may be part of larger ones.
	Linked bool
	// LogAtStart: access logs are known to have the time of a request's start.
	LogAtStart bool
	// Sampled: every policy knows that spans are missing.
	Sampled bool
	// EventNames are those that are mapped.
	EventNames map[string]bool
}

// Advisor looks more closely at some records. Safe for concurrent use.
type Advisor struct {
	cfg   Config
	ids   *idWatch
	words placeholders
	seen  atomic.Uint64 // records since the round began
	all   atomic.Uint64 // records since ever
	since time.Time

	mu    sync.Mutex
	began time.Time
	// lookingAtAll: the batch is one of those of which all records are looked at.
	lookingAtAll bool
	evidence     *evidence // of this round
	last         *evidence // of the one before, once that has seen all first ones
	// turned are the counts as of the beginning of this round, before of the last one:
	// who is gone is not talked of for ever. Nil for none.
	turned, before *Counts
}

// New returns an advisor that has seen nothing.
func New(cfg Config) *Advisor {
	now := time.Now()
	return &Advisor{cfg: cfg, ids: newIDWatch(&cfg), words: knownWords(), evidence: newEvidence(), since: now, began: now}
}

// SetPseudonym says what ids become where redaction has already run. Not to be called
// once telemetry comes.
func (a *Advisor) SetPseudonym(pseudonym func(raw string) fact.Pseudonym) {
	a.ids.differ.pseudonym = pseudonym
}

// Since is when it began.
func (a *Advisor) Since() time.Time { return a.since }

// chosen says which of the next n records are looked at: all, the one of this
// index, or none.
func (a *Advisor) chosen(n uint64) (all bool, one int) {
	if n == 0 {
		return false, -1
	}
	a.all.Add(n)
	to := a.seen.Add(n)
	from := to - n
	switch {
	case from < firstOnes:
		return true, -1
	case from/everyOne != to/everyOne:
		return false, int((from/everyOne+1)*everyOne - from - 1)
	}
	return false, -1
}

// Traces looks at spans, and at the facts that were made of them.
func (a *Advisor) Traces(td ptrace.Traces, b *extract.Batch) {
	a.ids.note(b)
	all, one := a.chosen(uint64(td.SpanCount()))
	if !all && one < 0 {
		return
	}
	if !all && !a.mu.TryLock() {
		return // somebody is looking already
	}
	if all {
		a.mu.Lock()
	}
	defer a.mu.Unlock()
	a.looking(all)
	a.eachSpan(td, all, one)
	if all {
		a.lookFacts(b)
	}
}

// looking takes note of since when and until when all records are looked at.
func (a *Advisor) looking(all bool) {
	a.lookingAtAll = all
	if !all {
		return
	}
	e := a.evidence
	e.last = time.Now()
	if e.first.IsZero() {
		e.first = e.last
	}
}

func (a *Advisor) eachSpan(td ptrace.Traces, all bool, one int) {
	i := 0
	for _, resource := range td.ResourceSpans().All() {
		var r *place
		for _, scope := range resource.ScopeSpans().All() {
			spans := scope.Spans()
			from, to := 0, spans.Len()
			if !all {
				from = one - i
				to = min(to, from+1)
			}
			i += spans.Len()
			if from < 0 {
				return
			}
			for j := from; j < to; j++ {
				if r == nil {
					r = a.place(resource.Resource())
				}
				a.lookSpan(r, spans.At(j))
			}
		}
	}
}

// Logs looks at log records, and at the facts that were made of them.
func (a *Advisor) Logs(ld plog.Logs, b *extract.Batch) {
	a.ids.note(b)
	all, one := a.chosen(uint64(ld.LogRecordCount()))
	if !all && one < 0 {
		return
	}
	if !all && !a.mu.TryLock() {
		return
	}
	if all {
		a.mu.Lock()
	}
	defer a.mu.Unlock()
	a.looking(all)
	i := 0
	for _, resource := range ld.ResourceLogs().All() {
		var r *place
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				if all || i == one {
					if r == nil {
						r = a.place(resource.Resource())
					}
					a.lookLog(r, scope.Scope().Name(), record)
				}
				i++
			}
		}
	}
	if all {
		a.lookFacts(b)
	}
}

// turn begins a new round where the last one is an hour old, or a day where little
// comes: what was mended is not said for ever.
func (a *Advisor) turn(now time.Time, c *Counts) {
	seen, age := a.seen.Load(), now.Sub(a.began)
	if a.cfg.Recording || seen == 0 || age < round || age < longRound && seen < firstOnes {
		return
	}
	a.last, a.evidence, a.began = a.evidence, newEvidence(), now
	a.before, a.turned = a.turned, c.clone()
	a.seen.Store(0)
}
