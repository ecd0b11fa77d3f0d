package sessionconsole

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// mostServices bounds how many are listed.
const mostServices = 1000

// services under each policy, the worst first.
func (x *consoleExtension) services(now time.Time) console.Services {
	all := console.Services{Services: []console.Service{}}
	for _, e := range x.list() {
		counts, _ := e.counts(now)
		seen := map[string]console.Seen{}
		for _, s := range counts.Seen {
			seen[s.Service] = s
		}
		for _, j := range counts.Judged {
			p := e.policy(j.Policy)
			all.Services = append(all.Services, console.Service{
				Engine: e.id, Replay: e.description.Replay, Policy: cut(p.Name), Service: cut(j.Service),
				InTime: j.InTime, Late: j.Late, Refused: j.Refused, RefusedEarly: j.RefusedEarly, Indeterminate: j.Indeterminate,
				Violations: violations(j.Violations), Enforcement: wilson(j.Refused, j.Refused+j.Late),
				IdleTimeout: p.IdleTimeout.Seconds(), AbsoluteTimeout: p.AbsoluteTimeout.Seconds(),
				LongestServed: j.LongestServed.Seconds(), ShortestRefused: j.ShortestRefused.Seconds(),
				WithID: seen[j.Service].WithID, WithoutID: seen[j.Service].WithoutID,
			})
		}
	}
	rank := func(s *console.Service) float64 { // what nobody tried says less than what held
		if s.Enforcement == nil {
			return 2
		}
		return s.Enforcement.Rate
	}
	slices.SortStableFunc(all.Services, func(a, b console.Service) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(b.Late, a.Late), cmp.Compare(a.Service, b.Service))
	})
	if n := len(all.Services); n > mostServices {
		all.Services, all.More = all.Services[:mostServices], n-mostServices
	}
	return all
}

// wilson is the rate of k in n, with its 95 % confidence interval; nil where n is 0.
func wilson(k, n int64) *console.Rate {
	if n == 0 {
		return nil
	}
	const z = 1.959963984540054
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return &console.Rate{Rate: p, Low: max(0, middle-half), High: min(1, middle+half), N: n}
}

// violations are never null: a page may look through them.
func violations(m map[string]int64) map[string]int64 {
	if m == nil {
		return map[string]int64{}
	}
	return m
}
