package session

import "container/heap"

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
