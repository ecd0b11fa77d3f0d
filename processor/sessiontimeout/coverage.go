package sessiontimeout

import (
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// coverageNames are the values of the attribute seen.
var coverageNames = [...]string{"request_with_id", "request_without_id", "other_with_id", "log_not_understood"}

// coverage counts records by service and by how far they can be judged. The
// services that come first are shown, and they stay.
type coverage struct {
	limit  int
	counts map[string]*[len(coverageNames)]int64
}

func newCoverage(maxServices int) coverage {
	return coverage{session.ShownServices(maxServices, len(coverageNames)), map[string]*[len(coverageNames)]int64{}}
}

func (c *coverage) add(service string, n *extract.Seen) {
	if n.RequestWithID|n.RequestWithoutID|n.OtherWithID|n.LogNotUnderstood == 0 {
		return
	}
	counts := c.counts[service]
	if counts == nil {
		counts = c.of(fact.Clean(service))
	}
	counts[0] += int64(n.RequestWithID)
	counts[1] += int64(n.RequestWithoutID)
	counts[2] += int64(n.OtherWithID)
	counts[3] += int64(n.LogNotUnderstood)
}

// knowServices shows services before they are seen again: those that were shown
// before a restart.
func (s *shared) knowServices(names []string) {
	s.counts.Lock()
	defer s.counts.Unlock()
	c := &s.counts.coverage
	for _, name := range names[:min(len(names), c.limit)] {
		c.of(name)
	}
}

// of are the counts of a service, or of all others.
func (c *coverage) of(service string) *[len(coverageNames)]int64 {
	counts := c.counts[service]
	if counts == nil && service != session.OtherService && c.shown() >= c.limit {
		return c.of(session.OtherService)
	}
	if counts == nil {
		counts = new([len(coverageNames)]int64)
		c.counts[strings.Clone(service)] = counts
	}
	return counts
}

// shown is how many services are.
func (c *coverage) shown() int {
	if c.counts[session.OtherService] != nil {
		return len(c.counts) - 1
	}
	return len(c.counts)
}
