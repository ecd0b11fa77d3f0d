package session

import (
	"cmp"
	"slices"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// callers are the spans that may be parents of requests. By them a request comes from its
// trace: a trace id alone proves nothing, since whoever calls chooses it.
type callers struct {
	ranged // by bucket
	// seen holds 32 bits of what names a span and the second in which it ended, in buckets
	// of a cache line, the newest of each in front.
	seen    []uint64
	used    bool   // any was
	touched uint64 // keeps loads alive
	// gone is the latest second in which one ended that gave up its place: a parent of what
	// began by then may have been seen.
	gone int64
	// services says when each of them called anybody.
	services map[serviceName]*calling
	last     *fact.Resource // what was looked up last in a call, and what it found
	lastOf   *calling
	awaited  awaited
	// walk is where the records are looked through once more, since a service turned out
	// to call: walking, from a position of a shard on.
	walk callersWalk
}

// serviceName tells services apart.
type serviceName struct{ name, namespace, environment string }

func (n serviceName) compare(o serviceName) int {
	return cmp.Or(cmp.Compare(n.name, o.name), cmp.Compare(n.namespace, o.namespace), cmp.Compare(n.environment, o.environment))
}

// clone is n in memory of its own.
func (n serviceName) clone() serviceName {
	return serviceName{strings.Clone(n.name), strings.Clone(n.namespace), strings.Clone(n.environment)}
}

func nameOf(r *fact.Resource) serviceName {
	return serviceName{r.ServiceName, r.ServiceNamespace, r.Environment}
}

// bucketSize is how many spans have one place.
const bucketSize = 8

// Buckets of one range, as a power of two. Tests have fewer.
var spanBits = 8

// maxSeen bounds the spans that are remembered, to 16 MB.
const maxSeen = 1 << 21

func newCallers(recent int) callers {
	n := bucketSize
	for n < 2*recent && n < maxSeen {
		n *= 2
	}
	return callers{ranged: ranged{bits: spanBits}, seen: make([]uint64, n), gone: longAgo / secondNanos, services: map[serviceName]*calling{}, awaited: newAwaited()}
}

// any reports whether any service is known to call.
func (c *callers) any() bool { return len(c.services) > 0 }

// spanHash is what names a span.
func spanHash(trace [16]byte, span [8]byte) uint64 {
	return mix(mix(le(trace[:8])^le(span[:]), le(trace[8:])), le(span[:]))
}

func (c *callers) bucketOf(hash uint64) int { return int(hash) & (len(c.seen)/bucketSize - 1) }

func (c *callers) bucket(n int) []uint64 {
	return c.seen[n*bucketSize : (n+1)*bucketSize : (n+1)*bucketSize]
}

// add remembers a span that ended at end. It reports whether another gave up its place.
func (c *callers) add(hash uint64, end int64) (displaced bool) {
	n, tag, ended := c.bucketOf(hash), hash>>32<<32, seconds(end)
	b := (*[bucketSize]uint64)(c.bucket(n))
	c.touch(n)
	c.used = true
	for i, x := range b {
		if (x^tag)>>32 == 0 && x != 0 {
			b[i] = tag | uint64(max(uint32(x), ended))
			return false
		}
	}
	last := b[bucketSize-1]
	// One by one: what is read as a whole so soon behind its parts waits for them.
	b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7] = tag|uint64(ended), b[0], b[1], b[2], b[3], b[4], b[5], b[6]
	if last == 0 {
		return false
	}
	c.gone = max(c.gone, int64(uint32(last)))
	return true
}

// has reports whether a span was seen.
func (c *callers) has(hash uint64) bool {
	tag := hash >> 32 << 32
	for _, x := range c.bucket(c.bucketOf(hash)) {
		if x != 0 && x>>32<<32 == tag {
			return true
		}
	}
	return false
}

// reaches reports whether the parent of what began at start is known if it was seen.
func (c *callers) reaches(start int64) bool { return int64(seconds(start)) > c.gone+1 }

// calling is when a service called anybody, and the reorder window around that: intervals
// that do not touch, the earliest first.
type calling struct {
	intervals []span
	// before: what is known of it begins here.
	since int64
}

type span struct{ from, to int64 }

// maxCalling bounds the intervals of one service.
const maxCalling = 64

// maxCallingServices bounds the services of which it is known when they call.
const maxCallingServices = 1 << 12

// calls reports whether the service called anybody so close to [from, to].
func (c *calling) calls(from, to int64) bool {
	if c == nil || to < c.since {
		return false
	}
	i, _ := slices.BinarySearchFunc(c.intervals, from, func(x span, from int64) int { return cmp.Compare(x.to, from) })
	return i < len(c.intervals) && c.intervals[i].from <= to
}

// covers reports whether the last interval has all of x, as it mostly does: then add has
// nothing to do.
func (c *calling) covers(x span) bool {
	if c == nil || len(c.intervals) == 0 {
		return false
	}
	last := &c.intervals[len(c.intervals)-1]
	return last.from <= x.from && x.to <= last.to
}

// add joins an interval, and returns what of it is new: all, or what is behind or before
// all that was known of it.
func (c *calling) add(x span) (news span, lost int) {
	if x.to < c.since {
		return span{}, 0
	}
	if n := len(c.intervals); n > 0 && c.intervals[n-1].from <= x.from && x.from <= c.intervals[n-1].to { // as usual
		last := &c.intervals[n-1]
		if x.to <= last.to {
			return span{}, 0
		}
		news = span{last.to + 1, x.to}
		last.to = x.to
		return news, 0
	}
	news = x
	first, _ := slices.BinarySearchFunc(c.intervals, x.from, func(y span, from int64) int { return cmp.Compare(y.to, from) })
	last := first
	for ; last < len(c.intervals) && c.intervals[last].from <= x.to; last++ {
		y := c.intervals[last]
		switch {
		case y.from <= x.from && x.to <= y.to:
			return span{}, 0
		case y.from <= x.from:
			news.from = y.to + 1
		case x.to <= y.to:
			news.to = y.from - 1
		}
		x = span{min(x.from, y.from), max(x.to, y.to)}
	}
	c.intervals = slices.Replace(c.intervals, first, last, x)
	if len(c.intervals) > maxCalling {
		c.since = c.intervals[0].to + 1
		c.intervals = slices.Delete(c.intervals, 0, 1)
		lost++
	}
	return news, lost
}

// callingOf returns when the service of r called anybody, or nil.
func (c *callers) callingOf(r *fact.Resource) *calling { return c.services[nameOf(r)] }

// awaited are the requests that would lie inside another if their parent were seen.
type awaited struct {
	of    map[uint64][]recordPlace
	queue []awaitedRecord // in the order in which they came
}

type awaitedRecord struct {
	parent uint64
	place  recordPlace
}

// maxAwaited bounds them. Tests have fewer.
var maxAwaited = 1 << 16

// maxOfParent is how many of them wait for one span: whoever makes up a parent may give it
// to as many requests as he likes.
const maxOfParent = 16

func newAwaited() awaited { return awaited{of: map[uint64][]recordPlace{}} }

// add notes that the record at place waits for its parent, and reports whether there was
// room.
func (a *awaited) add(parent uint64, place recordPlace) bool {
	list := a.of[parent]
	if slices.Contains(list, place) {
		return true
	}
	if len(list) == maxOfParent {
		return false
	}
	a.of[parent] = append(list, place)
	a.queue = append(a.queue, awaitedRecord{parent, place})
	return true
}

// remove lets go of one.
func (a *awaited) remove(x awaitedRecord) {
	list := a.of[x.parent]
	if i := slices.Index(list, x.place); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if a.of[x.parent] = list; len(list) == 0 {
		delete(a.of, x.parent)
	}
}

// callersWalk is how far the records have been looked through once more.
type callersWalk struct {
	due      bool
	over     span // for what lies around this
	shard    int
	position uint64
	suspect  int
}

// begin lets them be looked through for what lies around x, too.
func (w *callersWalk) begin(x span) {
	if w.due {
		x = span{min(x.from, w.over.from), max(x.to, w.over.to)}
	}
	*w = callersWalk{due: true, over: x}
}
