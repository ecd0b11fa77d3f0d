package session

import (
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// report sends what has changed: at once where somebody would act on it, otherwise
// no more often than Config.UpdateInterval. all: whatever is new. It reports whether
// the work that is left allowed that for all.
func (e *Engine) report(now int64, all bool) (done bool) {
	f, from, n := &e.findings, len(e.out), 0
	for ; n < len(f.dirty) && e.work.left >= workOfJudgement; n++ {
		x := f.dirty[n]
		f.touchOne(x)
		x.dirty = false
		if !e.reportOne(x, now, all) {
			f.later.add(x)
		}
	}
	done = n == len(f.dirty)
	f.dirty = slices.Delete(f.dirty, 0, n)
	// In an order that does not depend on the way that led here.
	slices.SortFunc(e.out[from:], func(a, b fact.Finding) int { return cmp.Compare(a.ID, b.ID) })
	return done
}

// reportOne reports whether f need not be looked at again, unless it changes; if
// not, f.sendAt says when.
func (e *Engine) reportOne(f *finding, now int64, all bool) (done bool) {
	if f.closed {
		return true
	}
	e.spend(1 + len(f.members))
	c, ok := e.content(f)
	if !ok {
		switch {
		case !f.sent, f.last.State == fact.Retracted:
			e.findings.remove(f)
			return true
		case f.partly: // what it was closed with stands
			e.findings.remove(f)
			return true
		case e.findings.awaited[f.id] > 0:
			f.sendAt = now
			return false
		}
		c = f.last
		c.State, c.Reason = fact.Retracted, ""
	}
	same := f.last
	same.Revision, same.DecidedAt, c.Revision, c.DecidedAt = 0, 0, 0, 0
	if f.sent && same == c {
		return true
	}
	urgent := !f.sent || same.State != c.State || same.Type != c.Type
	if f.sendAt = f.sentAt + int64(e.cfg.UpdateInterval); !urgent && !all && now < f.sendAt {
		return false
	}
	if !f.sent || same.State != c.State {
		e.stats.findings[c.State]++
	}
	e.findings.touchOne(f)
	c.Revision, c.DecidedAt = f.last.Revision+1, now
	f.last, f.sent, f.sentAt, f.partly = c, true, now, false
	c.Timeline = e.copyTimeline(f)
	e.out = append(e.out, c)
	if c.State == fact.Retracted {
		e.findings.remove(f)
	}
	return true
}

// retractEmptied lets findings of session out that nothing is left of, before the
// session is evicted: what was found is not so, and nobody would say it later.
func (e *Engine) retractEmptied(session fact.ID, now int64) {
	for _, f := range slices.Clone(e.findings.bySession[session]) {
		if len(f.members) == 0 {
			e.reportOne(f, now, true)
		}
	}
}

// findingID is the same for the same violation wherever it is found.
func (e *Engine) findingID(s *suspect) uint64 {
	if s.named && s.idFor == s.judgement.authentication {
		return s.id
	}
	s.named, s.idFor = true, s.judgement.authentication
	s.id = e.hashFinding(s)
	return s.id
}

func (e *Engine) hashFinding(s *suspect) uint64 {
	h := sha256.New()
	h.Write(s.t.pseudonym[:])
	for _, part := range [...]string{
		e.cfg.Policies[s.policy].Name,
		s.resource.ServiceName, s.resource.ServiceNamespace, s.resource.Environment,
	} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	if !e.cfg.PerRequest {
		h.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(s.judgement.authentication)))
	} else {
		b := []byte{1}
		if s.identified() {
			b = append(append(b, s.trace[:]...), s.span[:]...)
		}
		if !s.identified() || s.flags&fact.FromLog != 0 { // of several that have these ids
			b = binary.BigEndian.AppendUint64(b, uint64(s.Start))
			b = binary.BigEndian.AppendUint64(b, uint64(s.End))
			b = binary.BigEndian.AppendUint64(b, uint64(s.At))
			b = wire.AppendUint128(b, s.user)
			b = append(append(append(append(b, s.details.Method...), 0), s.details.Path...), s.details.Route...)
		}
		h.Write(b)
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// laterFindings are changed findings that were sent a moment ago, the one that may
// be sent again first in front: a heap.
type laterFindings []*finding

func (l *laterFindings) Len() int           { return len(*l) }
func (l *laterFindings) Less(i, j int) bool { return (*l)[i].sendAt < (*l)[j].sendAt }

func (l *laterFindings) Swap(i, j int) {
	f := *l
	f[i], f[j] = f[j], f[i]
	f[i].inLater, f[j].inLater = i, j
}

func (l *laterFindings) Push(x any) {
	f := x.(*finding)
	f.inLater = len(*l)
	*l = append(*l, f)
}

func (l *laterFindings) Pop() any {
	last := len(*l) - 1
	f := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	f.inLater = -1
	return f
}

func (l *laterFindings) add(f *finding) { heap.Push(l, f) }

func (l *laterFindings) remove(f *finding) {
	if f.inLater >= 0 {
		heap.Remove(l, f.inLater)
	}
}

// first returns the finding that may be sent first, or nil.
func (l *laterFindings) first() *finding {
	if len(*l) == 0 {
		return nil
	}
	return (*l)[0]
}

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
