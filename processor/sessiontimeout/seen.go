package sessiontimeout

import (
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// seenNames are the values of the attribute seen.
var seenNames = [...]string{"request_with_id", "request_without_id", "other_with_id"}

// seenCounts counts records by service and by how far they can be judged. The
// services that come first are shown, and they stay.
type seenCounts struct {
	limit  int
	counts map[string]*[len(seenNames)]int64
}

func newSeenCounts(maxServices int) seenCounts {
	return seenCounts{session.ShownServices(maxServices, len(seenNames)), map[string]*[len(seenNames)]int64{}}
}

func (s *seenCounts) add(service string, n *extract.Seen) {
	if n.RequestWithID|n.RequestWithoutID|n.OtherWithID == 0 {
		return
	}
	c := s.counts[service]
	if c == nil {
		c = s.of(fact.Clean(service))
	}
	c[0] += int64(n.RequestWithID)
	c[1] += int64(n.RequestWithoutID)
	c[2] += int64(n.OtherWithID)
}

// knowServices shows services before they are seen again: those that were shown
// before a restart.
func (w *watch) knowServices(names []string) {
	w.counts.Lock()
	defer w.counts.Unlock()
	s := &w.counts.seen
	for _, name := range names[:min(len(names), s.limit)] {
		s.of(name)
	}
}

// of are the counts of a service, or of all others.
func (s *seenCounts) of(service string) *[len(seenNames)]int64 {
	c := s.counts[service]
	if c == nil && service != session.OtherService && s.shown() >= s.limit {
		return s.of(session.OtherService)
	}
	if c == nil {
		c = new([len(seenNames)]int64)
		s.counts[strings.Clone(service)] = c
	}
	return c
}

// shown is how many services are.
func (s *seenCounts) shown() int {
	if s.counts[session.OtherService] != nil {
		return len(s.counts) - 1
	}
	return len(s.counts)
}
