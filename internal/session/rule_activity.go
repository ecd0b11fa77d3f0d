package session

import (
	"slices"
	"sort"
)

// spell of activity: a stretch of it in which no start lies further than the
// smallest idle limit behind the latest end before it, so that no idle limit
// can have been exceeded within it.
type spell struct {
	start, end int64
	// policies that govern a request which starts at start: only those can
	// find the gap in front of it.
	policies uint64
}

// activity is all activity of one session as a list of spells, ordered, with a
// gap of at least the smallest idle limit between each two. It is a join:
// adding the same activity in any order, any number of times, gives the same
// list. A list cut to a fixed length would not be one; this one is bounded by
// time, since what may arrive is bounded by Config.MaxAge.
type activity []spell

// maxSpells bounds the list all the same. With an idle limit of 5 minutes and
// facts of 24 hours there are at most 288.
const maxSpells = 1024

// add joins [start, end] to the list. gap is the smallest idle limit, outside
// the latest start of a judged request that is no activity itself. It reports
// whether a gap in front of any other request may have changed.
func (a *activity) add(start, end int64, policies uint64, gap, outside int64) (changed bool) {
	spells := *a
	n := len(spells)
	if n > 0 {
		// The usual case: it goes on where the session is.
		last := &spells[n-1]
		if start > last.start && start-last.end < gap {
			changed = end > last.end && outside > last.end
			last.end = max(last.end, end)
			return changed
		}
	}
	// spells[:lo] end too far before it, spells[hi:] start too far behind it.
	lo := sort.Search(n, func(i int) bool { return start-spells[i].end < gap })
	hi := lo
	for hi < n && spells[hi].start-end < gap {
		hi++
	}
	if lo == hi {
		spells = append(spells, spell{})
		copy(spells[lo+1:], spells[lo:])
		spells[lo] = spell{start, end, policies}
		*a = spells
		return lo < n || outside > start
	}
	merged := spell{start, end, policies}
	for _, r := range spells[lo:hi] {
		switch {
		case r.start < merged.start:
			merged.start, merged.policies = r.start, r.policies
		case r.start == merged.start:
			merged.policies |= r.policies
		}
		merged.end = max(merged.end, r.end)
	}
	if hi-lo == 1 && merged == spells[lo] {
		return false
	}
	changed = hi < n || hi-lo > 1 || outside > start ||
		merged.start != spells[lo].start || merged.policies != spells[lo].policies
	spells[lo] = merged
	*a = append(spells[:lo+1], spells[hi:]...)
	return changed
}

// before returns the latest end of activity that started before at, and false
// if there is none.
func (a activity) before(at int64) (end int64, ok bool) {
	for _, v := range slices.Backward(a) {
		if v.start < at {
			return v.end, true
		}
	}
	return 0, false
}

// firstGap finds the first silence of more than limit that is behind from and
// in front of a request that policy governs or of at. Silence begins at the
// returned instant.
func (a activity) firstGap(p *Policy, policy uint8, from, at, limit int64) (since int64, found bool) {
	since = from
	bit := uint64(1) << policy
	for i := range a {
		r := &a[i]
		if r.start >= at {
			break
		}
		if r.policies&bit != 0 && p.exceeds(r.start-since, limit) {
			return since, true
		}
		since = max(since, r.end)
	}
	return since, p.exceeds(at-since, limit)
}

// silent reports whether there is a silence of more than limit behind from and
// in front of a request that policy governs.
func (a activity) silent(p *Policy, policy uint8, from, limit int64) bool {
	for i := range a {
		if a[i].policies&(1<<policy) != 0 && p.exceeds(a[i].start-from, limit) {
			return true
		}
		from = max(from, a[i].end)
	}
	return false
}

// cut bounds the list. Spells that end before settled, the authentication that
// every request to come can go back to, say nothing any more; beyond that
// silences in the middle are given up, which can only hide a violation: the
// first is what a session died of, the last what it may die of next.
// It returns how many were given up.
func (a *activity) cut(settled int64) (lost int) {
	spells := *a
	k := 0
	for k+1 < len(spells) && spells[k+1].start <= settled {
		k++
	}
	spells = append(spells[:0], spells[k:]...)
	for len(spells) > maxSpells {
		m := len(spells) / 2
		spells[m].end = spells[m+1].end
		spells = append(spells[:m+1], spells[m+2:]...)
		lost++
	}
	*a = spells
	return lost
}
