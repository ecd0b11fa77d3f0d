package sessionconsole

import (
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// history is what is known of a finding's session: its last timeline, and of an earlier one
// what happened around the expiry, which a busy session loses otherwise.
type history struct {
	*fact.Timeline
	earlier *fact.Timeline // its requests alone count; nil where the last has them all
	notHeld []fact.Span
}

// keptAround is how many requests before, and behind, the expiry are kept of an earlier
// timeline.
const keptAround = 50

// followedBy is h with what was copied later. h and next may be nil.
func (h *history) followedBy(next *fact.Timeline, expiry int64) *history {
	switch {
	case next == nil:
		return h
	case h == nil || next.HeldFrom == math.MinInt64:
		return &history{Timeline: next, notHeld: before(next.HeldFrom)}
	}
	from := h.Timeline
	if h.earlier != nil {
		from = h.earlier
	}
	n := slices.IndexFunc(from.Requests, func(r fact.TimelineRequest) bool { return r.Start > expiry })
	if n < 0 {
		n = len(from.Requests)
	}
	kept := from.Requests[max(0, n-keptAround):min(len(from.Requests), n+keptAround)]
	if i := slices.IndexFunc(kept, func(r fact.TimelineRequest) bool { return r.End >= next.HeldFrom }); i >= 0 {
		kept = kept[:i]
	}
	if len(kept) == 0 {
		return &history{Timeline: next, notHeld: before(next.HeldFrom)}
	}
	merged := &history{Timeline: next, earlier: &fact.Timeline{Requests: slices.Clone(kept), Texts: from.Texts, HeldFrom: from.HeldFrom}}
	if n > keptAround {
		merged.earlier.HeldFrom = max(from.HeldFrom, kept[0].Start)
	}
	merged.notHeld = append(before(merged.earlier.HeldFrom), fact.Span{From: kept[len(kept)-1].End, To: next.HeldFrom})
	return merged
}

func before(heldFrom int64) []fact.Span {
	if heldFrom == math.MinInt64 {
		return nil
	}
	return []fact.Span{{From: 0, To: heldFrom}}
}

// each calls do with all requests in order, and the texts that they refer to.
func (h *history) each(do func(r *fact.TimelineRequest, texts []string)) {
	for _, t := range []*fact.Timeline{h.earlier, h.Timeline} {
		if t == nil {
			continue
		}
		for i := range t.Requests {
			r := &t.Requests[i]
			if t == h.Timeline && h.earlier != nil && r.End < t.HeldFrom && h.earlierHas(r) {
				continue
			}
			do(r, t.Texts)
		}
	}
}

// earlierHas reports whether a request that the finding stands on is among those that were
// kept, too.
func (h *history) earlierHas(r *fact.TimelineRequest) bool {
	return slices.ContainsFunc(h.earlier.Requests, func(o fact.TimelineRequest) bool {
		return o.Start == r.Start && o.End == r.End && o.Trace == r.Trace
	})
}
