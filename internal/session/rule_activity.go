package session

import (
	"slices"
	"sort"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// keepsAlive reports whether a request with these properties keeps its session alive,
// unless it was rejected.
func keepsAlive(flags fact.Flags) bool { return flags&(fact.Consumer|fact.Passive) == 0 }

// isActivity reports whether a request keeps its session alive.
func isActivity(outcome fact.Outcome, flags fact.Flags) bool {
	return outcome != fact.Rejected && keepsAlive(flags)
}

// isActivity reports whether the record keeps its session alive.
func (r *record) isActivity() bool {
	switch r.kind {
	case fact.Request:
		return isActivity(r.outcome, r.flags) && r.state&exempted == 0
	case fact.Authenticated, fact.Started, fact.Rotated, fact.Activity:
		return true
	}
	return false
}

// isEvidence reports whether the record says anything of its session.
func (r *record) isEvidence() bool {
	switch r.kind {
	case fact.Exempt:
		return false
	case fact.Request:
		return r.outcome != fact.Rejected && r.state&exempted == 0
	}
	return true
}

// interval of activity: a stretch of it in which no start lies further than the
// smallest idle limit behind the latest end before it, so that no idle limit
// can have been exceeded within it.
type interval struct {
	start, end int64
	// policies that govern a request which starts at start: only those can
	// find the gap in front of it.
	policies uint64
}

// intervals is all activity of one session as a list of intervals, ordered, with a
// gap of at least the smallest idle limit between each two. It is a join:
// adding the same activity in any order, any number of times, gives the same
// list. A list cut to a fixed length would not be one; this one is bounded by
// time, since what may arrive is bounded by Config.MaxAge.
type intervals []interval

// maxIntervals bounds the list all the same. With an idle limit of 5 minutes and
// facts of 24 hours there are at most 288.
const maxIntervals = 1024

// add joins [start, end] to the list. gap is the smallest idle limit, outside
// the latest start of a judged request that is no activity itself. It reports
// whether a gap in front of any other request may have changed.
func (a *intervals) add(start, end int64, policies uint64, gap, outside int64) (changed bool) {
	list := *a
	n := len(list)
	if n > 0 {
		// The usual case: it goes on where the session is.
		last := &list[n-1]
		if start > last.start && continues(last.end, start, gap) {
			changed = end > last.end && outside > last.end
			last.end = max(last.end, end)
			return changed
		}
	}
	// intervals[:lo] end too far before it, intervals[hi:] start too far behind it.
	lo := sort.Search(n, func(i int) bool { return continues(list[i].end, start, gap) })
	hi := lo
	for hi < n && continues(end, list[hi].start, gap) {
		hi++
	}
	if lo == hi {
		list = append(list, interval{})
		copy(list[lo+1:], list[lo:])
		list[lo] = interval{start, end, policies}
		*a = list
		return lo < n || outside > start
	}
	merged := interval{start, end, policies}
	for _, r := range list[lo:hi] {
		switch {
		case r.start < merged.start:
			merged.start, merged.policies = r.start, r.policies
		case r.start == merged.start:
			merged.policies |= r.policies
		}
		merged.end = max(merged.end, r.end)
	}
	if hi-lo == 1 && merged == list[lo] {
		return false
	}
	changed = hi < n || hi-lo > 1 || outside > start ||
		merged.start != list[lo].start || merged.policies != list[lo].policies
	list[lo] = merged
	*a = append(list[:lo+1], list[hi:]...)
	return changed
}

// before returns the latest end of activity that started before at, and false
// if there is none.
func (a intervals) before(at int64) (end int64, ok bool) {
	for _, v := range slices.Backward(a) {
		if v.start < at {
			return v.end, true
		}
	}
	return 0, false
}

// firstGap finds the first silence too long for policy that is behind from and
// in front of a request that policy governs or of at. Silence begins at the
// returned instant.
func (a intervals) firstGap(p *Policy, policy uint8, from, at int64) (since int64, found bool) {
	since = from
	bit := uint64(1) << policy
	for i := range a {
		r := &a[i]
		if r.start >= at {
			break
		}
		if r.policies&bit != 0 && p.tooIdle(r.start-since) {
			return since, true
		}
		since = max(since, r.end)
	}
	return since, p.tooIdle(at - since)
}

// silent reports whether there is a silence too long for policy behind from and
// in front of a request that policy governs.
func (a intervals) silent(p *Policy, policy uint8, from int64) bool {
	for i := range a {
		if a[i].policies&(1<<policy) != 0 && p.tooIdle(a[i].start-from) {
			return true
		}
		from = max(from, a[i].end)
	}
	return false
}

// cut bounds the list. Intervals that end before since, the authentication that
// every request to come can go back to, say nothing any more; beyond that
// silences in the middle are given up, which can only hide a violation: the
// first is what a session died of, the last what it may die of next.
// It returns how many were given up.
func (a *intervals) cut(since int64) (lost int) {
	list := *a
	k := 0
	for k+1 < len(list) && list[k+1].start <= since {
		k++
	}
	list = append(list[:0], list[k:]...)
	for len(list) > maxIntervals {
		m := len(list) / 2
		list[m].end = list[m+1].end
		list = append(list[:m+1], list[m+2:]...)
		lost++
	}
	*a = list
	return lost
}
