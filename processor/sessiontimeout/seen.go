package sessiontimeout

import (
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// seenCounts counts records by service and by how far they can be judged.
type seenCounts struct {
	limit  int
	counts map[string]*[3]int64
}

func (s *seenCounts) add(service string, n *extract.Seen) {
	if n.RequestWithID|n.RequestWithoutID|n.OtherWithID == 0 {
		return
	}
	c := s.counts[service]
	if c == nil {
		if s.counts == nil {
			s.counts = map[string]*[3]int64{}
		}
		if len(s.counts) >= s.limit {
			service = session.OtherService
			c = s.counts[service]
		}
		if c == nil {
			c = new([3]int64)
			s.counts[strings.Clone(service)] = c
		}
	}
	c[0] += int64(n.RequestWithID)
	c[1] += int64(n.RequestWithoutID)
	c[2] += int64(n.OtherWithID)
}
