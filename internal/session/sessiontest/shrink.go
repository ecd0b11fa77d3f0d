package sessiontest

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// with is h with other steps.
func (h *History) with(steps []Step) *History {
	other := *h
	other.Steps = steps
	return &other
}

// Minimal takes away from h what is not needed for it to be bad: steps, what facts say,
// and what policies demand. It leaves h as it is.
func Minimal(h *History, bad func(*History) bool) *History {
	for again := true; again; {
		again = false
		for size := (len(h.Steps) + 1) / 2; size > 0; size /= 2 {
			for from := 0; from+size <= len(h.Steps); {
				less := h.with(slices.Delete(slices.Clone(h.Steps), from, from+size))
				kept := slices.ContainsFunc(h.Steps[from:from+size], func(s Step) bool { return s.Keep })
				if !kept && bad(less) {
					h, again = less, true
				} else {
					from++
				}
			}
		}
		for i := range h.Steps {
			for _, plainer := range plainerFacts {
				less := h.with(slices.Clone(h.Steps))
				if plainer(&less.Steps[i].Fact); less.Steps[i] != h.Steps[i] && !h.Steps[i].Keep && bad(less) {
					h, again = less, true
				}
			}
		}
		for i := range h.Config.Policies {
			for _, plainer := range plainerPolicies {
				less := h.with(h.Steps)
				less.Config.Policies = slices.Clone(h.Config.Policies)
				if plainer(&less.Config.Policies[i]); less.Config.Policies[i] != h.Config.Policies[i] && bad(less) {
					h, again = less, true
				}
			}
		}
	}
	return h
}

var plainerFacts = []func(*fact.Fact){
	func(f *fact.Fact) { f.Trace, f.Span = [16]byte{}, [8]byte{} },
	func(f *fact.Fact) { f.Flags = 0 },
	func(f *fact.Fact) { f.Flags &= f.Flags - 1 },
	func(f *fact.Fact) { f.Outcome = fact.Served },
	func(f *fact.Fact) {
		if f.Kind != fact.EndedUser {
			f.User = fact.Name{}
		}
	},
	func(f *fact.Fact) { f.End, f.At = f.Start, f.Start },
	func(f *fact.Fact) { f.Policy = 0 },
	func(f *fact.Fact) {
		if f.Resource != nil {
			f.Resource = Resources["web"]
		}
	},
	func(f *fact.Fact) { f.Details = fact.Details{} },
}

var plainerPolicies = []func(*Policy){
	func(p *Policy) { p.IdleTimeout = 0 },
	func(p *Policy) { p.AbsoluteTimeout = 0 },
	func(p *Policy) { p.Tolerance = 0 },
	func(p *Policy) { p.EndGrace = 0 },
	func(p *Policy) { p.RotationGrace = 0 },
	func(p *Policy) { p.Background = BackgroundObserve },
	func(p *Policy) { p.Evidence = fact.EvidenceSuccess },
	func(p *Policy) { p.Inclusive = false },
	func(p *Policy) { p.Sampled = false },
}
