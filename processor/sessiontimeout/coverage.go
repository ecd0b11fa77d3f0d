package sessiontimeout

import (
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// coverageNames are the values of the attribute seen.
var coverageNames = [...]string{"request_with_id", "request_without_id", "other_with_id", "log_not_understood"}

// byService counts by service. The services that come first are shown, and they stay.
type byService[V any] struct {
	limit  int
	counts map[string]*V
}

// newByService is for an instrument whose other attributes make so many series of each
// service.
func newByService[V any](maxServices, series int) byService[V] {
	return byService[V]{session.ShownServices(maxServices, series), map[string]*V{}}
}

// find are the counts of a service, as telemetry names it, or of all others.
func (c *byService[V]) find(service string) *V {
	if counts := c.counts[service]; counts != nil {
		return counts
	}
	return c.of(fact.Clean(service))
}

// of are the counts of a service, by the name that it is shown by, or of all others.
func (c *byService[V]) of(service string) *V {
	counts := c.counts[service]
	if counts == nil && service != session.OtherService && c.shown() >= c.limit {
		return c.of(session.OtherService)
	}
	if counts == nil {
		counts = new(V)
		c.counts[strings.Clone(service)] = counts
	}
	return counts
}

// shown is how many services are.
func (c *byService[V]) shown() int {
	if c.counts[session.OtherService] != nil {
		return len(c.counts) - 1
	}
	return len(c.counts)
}

// know shows services before they are seen again.
func (c *byService[V]) know(services []string) {
	for _, name := range services[:min(len(services), c.limit)] {
		c.of(name)
	}
}

func (c *byService[V]) clone() map[string]V {
	all := make(map[string]V, len(c.counts))
	for service, counts := range c.counts {
		all[service] = *counts
	}
	return all
}

// coverage counts records by how far they can be judged.
type coverage = [len(coverageNames)]int64

// refusals counts records that are no facts by reason, and behind those the facts that
// were turned away because the engine was closed.
type refusals [extract.ReasonCount + 1]int64

// refusedStopped is the place of the latter.
const refusedStopped = extract.ReasonCount

// refusedReasons is how many there are of all, those of the engine among them.
const refusedReasons = int(refusedStopped) + 1 + int(session.RefusedReasonCount)

func refusedName(why extract.Reason) string {
	if why == refusedStopped {
		return "stopped"
	}
	return why.String()
}

// counts are of what needs no engine.
type counts struct {
	coverage byService[coverage]
	refused  byService[refusals]
}

func newCounts(maxServices int) counts {
	c := counts{newByService[coverage](maxServices, len(coverageNames)), newByService[refusals](maxServices, refusedReasons)}
	c.refused.of(session.OtherService)
	return c
}

// know shows services that were known before a restart.
func (c *counts) know(services []string) {
	c.coverage.know(services)
	c.refused.know(services)
}

// add counts what was seen in b.
func (c *counts) add(b *extract.Batch) {
	for i := range b.Resources {
		service := b.Resources[i].ServiceName
		if n := &b.Seen[i]; *n != (extract.Seen{}) {
			to := c.coverage.find(service)
			for kind, n := range [...]int{n.RequestWithID, n.RequestWithoutID, n.OtherWithID, n.LogNotUnderstood} {
				to[kind] += int64(n)
			}
		}
		if n := &b.Refused[i]; *n != ([extract.ReasonCount]int{}) {
			to := c.refused.find(service)
			for why, n := range n {
				to[why] += int64(n)
			}
		}
	}
}

// stopped counts facts that were turned away because the engine was closed. Where that
// was in the middle of a batch, nobody knows which they are: as many, of its end.
func (c *counts) stopped(facts []fact.Fact) {
	for i := range facts {
		c.refused.find(facts[i].Resource.ServiceName)[refusedStopped]++
	}
}
