package session

import (
	"cmp"
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// copyTimeline copies what is still known of the session of f, for whoever shows the
// finding. Nothing is kept for that while the session lives.
func (e *Engine) copyTimeline(f *finding) *fact.Timeline {
	t := e.get(f.session)
	if e.copied >= e.cfg.Timelines || t == nil {
		return nil
	}
	e.copied++
	c := timelineCopy{e: e, texts: map[string]uint16{"": 0}, to: &fact.Timeline{Texts: []string{""}, HeldFrom: math.MinInt64}}
	c.requests(t, f)
	c.events(t)
	for _, s := range t.intervals {
		c.to.Spells = append(c.to.Spells, fact.Span{From: s.start, To: s.end})
	}
	for _, b := range e.blinds {
		c.to.Blind = append(c.to.Blind, fact.BlindSpan{Span: fact.Span{From: b.from, To: b.to}, Reason: b.reason})
	}
	return c.to
}

// timelineCopy is a copy under way. Equal texts become one.
type timelineCopy struct {
	e     *Engine
	texts map[string]uint16
	to    *fact.Timeline
}

// requests copies the newest requests of t, and those that f stands on, some of which may
// have given up their places.
func (c *timelineCopy) requests(t *timeline, f *finding) {
	ring, looked := &t.shard.recent, 0
	r := ring.at(t.recent)
	for ; r != nil && r.session == t.id && looked < fact.MaxTimeline-len(f.members); r = ring.at(r.older(r.ofSession)) {
		looked++
		if r.kind == fact.Request {
			d := ring.details.get(r.details)
			c.add(r, &c.e.services.resources[r.resource].Resource, &d)
		}
	}
	c.e.spend(looked + len(f.members))
	switch {
	case r != nil && r.session == t.id && len(c.to.Requests) > 0: // more than are copied
		c.to.HeldFrom = c.to.Requests[len(c.to.Requests)-1].End
	case ring.gone > t.first:
		c.to.HeldFrom = ring.gone
	}
	for _, s := range f.members {
		if !c.has(&s.record) {
			c.add(&s.record, &s.resource, &s.details)
		}
	}
	slices.SortStableFunc(c.to.Requests, func(a, b fact.TimelineRequest) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
}

// has reports whether the request of r is copied already: its place is its own still.
func (c *timelineCopy) has(r *record) bool {
	own := c.e.ring(r.session).at(r.position)
	return own != nil && own.session == r.session && slices.ContainsFunc(c.to.Requests, func(x fact.TimelineRequest) bool {
		return x.Start == r.At && x.End == r.End && x.Trace == r.trace && x.Late
	})
}

func (c *timelineCopy) add(r *record, of *fact.Resource, d *fact.Details) {
	c.to.Requests = append(c.to.Requests, fact.TimelineRequest{
		Start: r.At, End: r.End, Judged: r.EffectiveStart, Trace: r.trace,
		Service: c.text(of.ServiceName), Instance: c.text(of.ServiceInstance),
		Method: c.text(d.Method), Route: c.text(cmp.Or(d.Route, d.Path, d.RPCMethod, d.Destination)),
		Status: int16(d.Status), Outcome: c.e.outcome(r),
		Late:     r.state&suspected != 0,
		Exempt:   r.isExempt(),
		Inactive: !keepsAlive(r.flags) || r.isBackground(),
	})
}

func (c *timelineCopy) text(s string) uint16 {
	n, ok := c.texts[s]
	if !ok {
		n = uint16(len(c.to.Texts))
		c.to.Texts = append(c.to.Texts, s)
		c.texts[s] = n
	}
	return n
}

// events copies what happened to the session, in order.
func (c *timelineCopy) events(t *timeline) {
	add := func(x fact.TimelineEvent) { c.to.Events = append(c.to.Events, x) }
	for _, at := range t.authentications {
		add(fact.TimelineEvent{At: at, Kind: fact.Authenticated})
	}
	rotated := func(at int64) bool {
		return slices.ContainsFunc(t.lineage, func(r rotation) bool { return r.at == at })
	}
	for _, r := range t.lineage {
		add(fact.TimelineEvent{At: r.at, Kind: fact.Rotated, Other: r.rank})
	}
	if at := t.firstStart; at != unset && !rotated(at) {
		add(fact.TimelineEvent{At: at, Kind: fact.Started})
	}
	for i := range t.ends {
		add(fact.TimelineEvent{At: t.ends[i].at, Kind: fact.Ended, By: c.e.services.names[t.ends[i].service]})
	}
	for i := range t.rotations {
		add(fact.TimelineEvent{At: t.rotations[i].at, Kind: fact.Rotated, Away: true, By: c.e.services.names[t.rotations[i].service]})
	}
	slices.SortStableFunc(c.to.Events, func(a, b fact.TimelineEvent) int { return cmp.Compare(a.At, b.At) })
}
