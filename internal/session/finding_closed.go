package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

// closedFinding is what is kept of a finding that nothing can clear or change any
// more: enough that its revisions and its count go on if it comes up again.
type closedFinding struct {
	id          uint64
	revision    int
	requests    int
	first, last int64
	sentAt      int64
	state       fact.State
	typ         fact.Type
	number      uint64 // which of all that were ever closed
	place       uint32
}

// closedFindings are the last ones of those.
type closedFindings struct {
	placed[closedFinding]
	byID map[uint64]*closedFinding
	// ids in the order in which they were closed, from oldest on; some came up
	// again meanwhile.
	ids    []closedID
	limit  int
	closed uint64
}

// minClosed is how many are kept at least.
const minClosed = 256

type closedID struct{ id, number uint64 }

func newClosedFindings(limit int) closedFindings {
	return closedFindings{placed: newPlaced[closedFinding](), byID: map[uint64]*closedFinding{}, limit: limit}
}

func (c *closedFindings) put(f *closedFinding) {
	c.take(f.id)
	c.closed++
	f.number = c.closed
	c.byID[f.id] = f
	f.place = c.add(f)
	c.ids = append(c.ids, closedID{f.id, f.number})
	for len(c.byID) > c.limit || len(c.ids) > 2*c.limit {
		c.removeOldest()
	}
}

func (c *closedFindings) removeOldest() {
	oldest := c.ids[0]
	c.ids = c.ids[1:]
	if f := c.byID[oldest.id]; f != nil && f.number == oldest.number {
		c.take(oldest.id)
	}
}

// take takes out what is known of id, or nil.
func (c *closedFindings) take(id uint64) *closedFinding {
	f := c.byID[id]
	if f != nil {
		c.remove(f.place)
		delete(c.byID, id)
	}
	return f
}
