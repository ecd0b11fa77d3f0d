package session

import (
	"cmp"
	"container/heap"
)

// pending are the suspects that wait for their decision, the one that is decided
// first in front: a heap.
type pending struct {
	suspects []*suspect
}

func (p *pending) Len() int           { return len(p.suspects) }
func (p *pending) Less(i, j int) bool { return p.suspects[i].decidedBefore(p.suspects[j]) }

func (p *pending) Swap(i, j int) {
	s := p.suspects
	s[i], s[j] = s[j], s[i]
	s[i].inPending, s[j].inPending = i, j
}

func (p *pending) Push(x any) {
	s := x.(*suspect)
	s.inPending = len(p.suspects)
	p.suspects = append(p.suspects, s)
}

func (p *pending) Pop() any {
	last := len(p.suspects) - 1
	s := p.suspects[last]
	p.suspects[last] = nil
	p.suspects = p.suspects[:last]
	s.inPending = -1
	return s
}

// decidedBefore orders suspects by when they are due, then as they came.
func (s *suspect) decidedBefore(o *suspect) bool {
	return cmp.Or(cmp.Compare(s.due, o.due), cmp.Compare(s.number, o.number)) < 0
}

func (p *pending) add(s *suspect) {
	heap.Push(p, s)
}

func (p *pending) remove(s *suspect) {
	if s.inPending >= 0 {
		heap.Remove(p, s.inPending)
	}
}

// first returns the suspect that is decided first, or nil.
func (p *pending) first() *suspect {
	if len(p.suspects) == 0 {
		return nil
	}
	return p.suspects[0]
}

// postpone makes each wait until the instant that due says.
func (p *pending) postpone(due func(*suspect) int64) {
	for _, s := range p.suspects {
		s.due = due(s)
	}
	heap.Init(p)
}
