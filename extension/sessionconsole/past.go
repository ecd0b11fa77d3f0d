package sessionconsole

import (
	"sync"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

const (
	// window is how far back the state's sentence looks, sampleEvery how exactly.
	window      = time.Hour
	sampleEvery = time.Minute
)

// past are an engine's counts as they were within the window, so that what has happened
// since can be said. Safe for concurrent use.
type past struct {
	mu      sync.Mutex
	samples []sample // in order; the first is as old as the window, or the beginning
}

type sample struct {
	at     time.Time
	counts console.Counts
}

// note keeps counts if the last sample is old enough.
func (p *past) note(now time.Time, c console.Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.samples); n > 0 && now.Sub(p.samples[n-1].at) < sampleEvery {
		return
	}
	c.Advice = nil // what was to be said once
	p.samples = append(p.samples, sample{now, c})
	for len(p.samples) > 1 && now.Sub(p.samples[1].at) >= window {
		p.samples[0] = sample{}
		p.samples = p.samples[1:]
	}
}

// since returns what was counted since the window began, or the engine did, and when that was.
func (p *past) since(now console.Counts) (c console.Counts, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c = now
	if len(p.samples) == 0 {
		return c, time.Time{}
	}
	then := p.samples[0]
	type key struct {
		policy  int
		service string
	}
	was := map[key]console.Judged{}
	for _, j := range then.counts.Judged {
		was[key{j.Policy, j.Service}] = j
	}
	c.Judged = make([]console.Judged, len(now.Judged))
	for i, j := range now.Judged {
		o := was[key{j.Policy, j.Service}]
		j.InTime, j.Late, j.Refused = j.InTime-o.InTime, j.Late-o.Late, j.Refused-o.Refused
		j.RefusedEarly, j.Indeterminate = j.RefusedEarly-o.RefusedEarly, j.Indeterminate-o.Indeterminate
		c.Judged[i] = j
	}
	seen := map[string]console.Seen{}
	for _, s := range then.counts.Seen {
		seen[s.Service] = s
	}
	c.Seen = make([]console.Seen, len(now.Seen))
	for i, s := range now.Seen {
		o := seen[s.Service]
		c.Seen[i] = console.Seen{
			Service: s.Service, WithID: s.WithID - o.WithID, WithoutID: s.WithoutID - o.WithoutID,
			Other: s.Other - o.Other, NotUnderstood: s.NotUnderstood - o.NotUnderstood,
		}
	}
	return c, then.at
}
