package session

// closedFinding is what is kept of a finding that nothing can clear or change any
// more: enough that its revisions and its count go on if it comes up again.
type closedFinding struct {
	revision    int
	requests    int
	first, last int64
	sentAt      int64
	state       State
	typ         Type
	number      uint64 // which of all that were ever closed
}

// closedFindings are the last ones of those.
type closedFindings struct {
	byID map[uint64]closedFinding
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
	return closedFindings{byID: map[uint64]closedFinding{}, limit: limit}
}

func (c *closedFindings) add(id uint64, f closedFinding) {
	c.closed++
	f.number = c.closed
	c.byID[id] = f
	c.ids = append(c.ids, closedID{id, f.number})
	for len(c.byID) > c.limit || len(c.ids) > 2*c.limit {
		c.forgetOldest()
	}
}

func (c *closedFindings) forgetOldest() {
	oldest := c.ids[0]
	c.ids = c.ids[1:]
	if c.byID[oldest.id].number == oldest.number {
		delete(c.byID, oldest.id)
	}
}

// take takes out what is known of id.
func (c *closedFindings) take(id uint64) (f closedFinding, ok bool) {
	f, ok = c.byID[id]
	delete(c.byID, id)
	return f, ok
}
