package session

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sort"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// maxInstants bounds each list of a session's or user's instants.
const maxInstants = 64

// ending is an instant at which a session, or all sessions of a user, ended.
type ending struct {
	at      int64
	service uint32 // who reported it: an index in services.names
	// effectiveSeq: an end that came later than the reorder window binds only the
	// requests that arrived behind it. 0: for all.
	effectiveSeq uint64
	seq          uint64  // of the fact that said it, where it matters who came before that
	other        fact.ID // the id rotated to, or the session that is spared
}

// addEnding joins e to a sorted list. It reports whether the list changed and
// how many endings were given up to keep the list bounded.
func addEnding(list []ending, e ending) (_ []ending, changed bool, lost int) {
	i, found := slices.BinarySearchFunc(list, e, compareEnding)
	if found {
		if list[i].effectiveSeq <= e.effectiveSeq {
			return list, false, 0
		}
		list[i].effectiveSeq = e.effectiveSeq
		return list, true, 0
	}
	list = slices.Insert(list, i, e)
	if len(list) > maxInstants {
		// The first is what a session died of; the last ones may bind after
		// an authentication.
		list = slices.Delete(list, len(list)/2, len(list)/2+1)
		lost = 1
	}
	return list, true, lost
}

func compareEnding(a, b ending) int {
	return cmp.Or(
		cmp.Compare(a.at, b.at), cmp.Compare(a.service, b.service),
		cmp.Compare(a.other[0], b.other[0]), cmp.Compare(a.other[1], b.other[1]))
}

// addInstant joins at to a sorted list of instants.
func addInstant(list []int64, at int64) (_ []int64, changed bool, lost int) {
	i, found := slices.BinarySearch(list, at)
	if found {
		return list, false, 0
	}
	list = slices.Insert(list, i, at)
	if len(list) > maxInstants {
		list = slices.Delete(list, 0, 1)
		lost = 1
	}
	return list, true, lost
}

// latest returns the last instant of a sorted list that is not after at.
func latest(list []int64, at int64) (int64, bool) {
	for _, l := range slices.Backward(list) {
		if l <= at {
			return l, true
		}
	}
	return 0, false
}

// identity is a user that a session showed.
type identity struct {
	at           int64
	user         fact.ID
	effectiveSeq uint64 // see ending.effectiveSeq
	source       uint8  // which of the configured ones named it
}

func (i identity) cameLate() bool { return i.effectiveSeq > 0 }

// effective are those of list that count for a request of seq.
func effective(list []identity, seq uint64) []identity {
	tooLate := func(i identity) bool { return i.effectiveSeq > seq }
	if !slices.ContainsFunc(list, tooLate) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), tooLate)
}

// afterAll is the seq of a request to come.
const afterAll = math.MaxUint64

const (
	// maxRuns is how many of the last changes of user are known of a session.
	maxRuns = 8
	// maxIdentities bounds the list of all users that one session is known to have shown.
	maxIdentities = 64
	// MostUsers bounds Config.MaxUsers.
	MostUsers = 50
	// maxLateIdentities bounds how often whom a session showed came late to those who may yet
	// be judged: of those who came between the first times and the last not all is known.
	maxLateIdentities = 8
	// anySource stands for one that is not known.
	anySource = 0xff
)

// sameSource reports whether one source named both, as far as is known.
func sameSource(a, b uint8) bool { return a == b || a == anySource || b == anySource }

// loginsUntil is how many of a sorted list came at or before an instant.
func loginsUntil(logins []int64, at int64) int {
	return sort.Search(len(logins), func(i int) bool { return logins[i] > at })
}

// boundIdentities keeps the first user, the last changes of user, and so many different
// ones since each login as may be, and one more.
func boundIdentities(list []identity, logins []int64, most int) (kept []identity, from int64) {
	first := len(list) - 1 // from there on are the last changes
	for changes := 0; first > 0; first-- {
		if !sameUser(list[first-1].user, list[first].user) {
			if changes++; changes == maxRuns {
				break
			}
		}
	}
	low := 0 // behind the first user
	for low < len(list) && sameUser(list[low].user, list[0].user) {
		low++
	}
	if first <= low && len(list) <= maxIdentities {
		return list, longAgo
	}
	kept, from = slices.Clone(list[:min(low, maxIdentities/2)]), list[first].at
	var since []identity // the first ones since the last login
	login := 0
	for i, w := range list[:first] {
		if n := loginsUntil(logins, w.at); n != login {
			login, since = n, since[:0]
		}
		known := slices.ContainsFunc(since, func(have identity) bool { return have.source == w.source && sameUser(have.user, w.user) })
		if most == 0 || known || different(since, w.source) > most {
			continue
		}
		if since = append(since, w); i >= low {
			kept = append(kept, w)
		}
	}
	kept = append(kept, list[first:]...)
	kept = slices.Delete(kept, 1, 1+max(len(kept)-maxIdentities, 0))
	return kept, max(from, kept[1].at)
}

// different is how many users of a source list shows.
func different(list []identity, source uint8) (n int) {
	for i, w := range list {
		if w.source == source && !slices.ContainsFunc(list[:i], func(have identity) bool { return have.source == source && sameUser(have.user, w.user) }) {
			n++
		}
	}
	return n
}

// identityAt returns the user whom the list shows last at or before at.
func identityAt(list []identity, at int64) (fact.ID, bool) {
	for _, l := range slices.Backward(list) {
		if l.at <= at {
			return l.user, true
		}
	}
	return fact.ID{}, false
}

// oneUser reports whether the list shows only one.
func oneUser(list []identity) bool {
	return len(list) > 0 && !slices.ContainsFunc(list[1:], func(i identity) bool { return !sameUser(i.user, list[0].user) })
}

// startOfRun is since when the last user was shown.
func startOfRun(list []identity) int64 {
	first := len(list) - 1
	for first > 0 && sameUser(list[first-1].user, list[first].user) {
		first--
	}
	return list[first].at
}

// firstShown is the first user that the list shows, and when: of several at one instant
// the last.
func firstShown(list []identity) (first identity, ok bool) {
	for _, i := range list {
		if i.at == list[0].at {
			first, ok = i, true
		}
	}
	return first, ok
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

// add joins [start, end] to the list. gap is the smallest idle limit, lastInactive
// the latest start of a judged request that is no activity itself. It reports
// whether a gap in front of any other request may have changed.
func (a *intervals) add(start, end int64, policies uint64, gap, lastInactive int64) (changed bool) {
	list := *a
	n := len(list)
	if n > 0 {
		// The usual case: it goes on where the session is.
		last := &list[n-1]
		if start > last.start && continues(last.end, start, gap) {
			changed = end > last.end && lastInactive > last.end
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
		return lo < n || lastInactive > start
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
	changed = hi < n || hi-lo > 1 || lastInactive > start ||
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

// continues reports whether activity from start on goes on where one ended at end: no
// idle limit can have been exceeded between them.
func continues(end, start, gap int64) bool { return start-end < gap }

// appendIntervals writes the last interval first, since it ends where the session
// does.
func appendIntervals(buf []byte, list intervals, base int64) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(list)))
	for _, s := range slices.Backward(list) {
		buf = binary.AppendVarint(buf, base-s.end)
		buf = binary.AppendVarint(buf, s.end-s.start)
		buf = binary.AppendUvarint(buf, s.policies)
		base = s.start
	}
	return buf
}

func readIntervals(d *wire.Decoder, list intervals, base int64) intervals {
	n := d.Len(3)
	list = slices.Grow(list[:0], n)[:n]
	for i := range slices.Backward(list) {
		end := base - d.Varint()
		start := end - d.Varint()
		list[i] = interval{start, end, d.Uvarint()}
		base = start
	}
	return list
}
