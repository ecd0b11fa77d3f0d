package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What here is written and read depends on how the recent records are kept.

// Records of one range, as a power of two. Tests have fewer.
var recordBits = 10

// positionAt returns what was at index when next was the next position.
func (r *recent) positionAt(index int, next uint64) uint64 {
	last := next - 1
	return last - ((last-1)%r.limit+r.limit-uint64(index))%r.limit
}

// appendAt appends the record at position.
func (r *recent) appendAt(buf []byte, position uint64, base int64) []byte {
	rec := r.at(position)
	details := r.details.At(rec.details)
	buf = appendRecord(buf, rec, details != nil, base)
	if details == nil {
		return buf
	}
	return appendDetails(buf, details)
}

// readRecent reads the records of the lane in the order of their positions, so
// that blocks of details go one after the other as the ring turns: the range that
// the oldest lies in comes first, and once more at the end for those that lie in
// front of it.
func (r *laneRestorer) readRecent() (lost bool) {
	lanes := len(r.head.lanes)
	next := r.head.lanes[r.number].next
	ranges := int((min(r.head.ringLimit, next-1) + 1<<recordBits - 1) >> recordBits)
	if ranges == 0 || (ranges-1)*lanes+r.number >= len(r.head.ranges[kindRecent]) {
		return ranges > 0
	}
	last := int((next - 2) % r.head.ringLimit) // where the newest lies
	first := 0
	if next > r.head.ringLimit {
		first = (last + 1) % int(r.head.ringLimit)
	}
	passes := ranges
	if first&(1<<recordBits-1) != 0 {
		passes++
	}
	for i := range passes {
		n := (first>>recordBits + i) % ranges
		bad := r.readRange(kindRecent, n*lanes+r.number, func(d *wire.Decoder) {
			base := d.Varint()
			for d.Err == nil && len(d.Left) > 0 {
				rec, details := readRecord(d, base)
				if d.Err != nil || rec.position == 0 {
					continue
				}
				index := int((rec.position - 1) % r.head.ringLimit)
				if (i > 0 || index >= first) && (i < ranges || index < first) {
					r.e.lanes[r.number].recent.restore(r.mapRecord(rec, r.number), &details)
				}
			}
		})
		lost = lost || bad
	}
	return lost
}

// latest is how late any fact can be that was known when it was stored.
func (r *restorer) latest() int64 { return r.head.at + int64(r.e.cfg.MaxAhead) }

func (r *restorer) mapRecord(rec record, lane int) record {
	rec.policy = r.policy(rec.policy)
	if rec.policy == fact.NoPolicy {
		rec.state &^= accused | afterSilence
	}
	rec.resource = r.resources[rec.resource]
	if rec.slot != compact.NoSlot {
		rec.slot = r.slot(lane, rec.slot)
	}
	return rec
}

// restore puts rec in its place if there is still one for it.
func (r *recent) restore(rec record, details *fact.Details) {
	if rec.position < r.oldest() || rec.position >= r.next {
		r.gone = max(r.gone, rec.End)
		return
	}
	to := r.place(rec.position)
	r.details.Release(to.details) // should it have been there already
	rec.details = r.details.put(details)
	*to = rec
}

// doubtTorn lets no verdict rest on what is known of a session some of whose
// recent facts are lost: an exempt request around another may be among them, or
// one that would turn out to be rejected.
func (r *restorer) doubtTorn() {
	r.e.eachTimeline(func(t *timeline) {
		recent, p := &t.lane.recent, t.recent
		for p >= recent.oldest() {
			rec := recent.at(p)
			if rec == nil || rec.session != t.id {
				t.forgotten = max(t.forgotten, r.head.at)
				return
			}
			p = rec.ofSession
		}
	})
}

// linkRecent links the records that were restored. A place whose record is not
// there holds one that is nobody's.
func (r *restorer) linkRecent() {
	undecided, strays := make([]int, len(r.e.lanes)), make([][]stray, len(r.e.lanes))
	r.sideBySide(len(undecided), func(i int) {
		l := &r.e.lanes[i]
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			if r.link(l, p) {
				undecided[i]++
			}
			if rec := l.recent.at(p); rec.state&unplaced != 0 && rec.slot == compact.NoSlot {
				strays[i] = append(strays[i], stray{l.number, p})
			}
		}
	})
	for i, n := range undecided {
		r.e.undecided += n
		r.e.strays = append(r.e.strays, strays[i]...)
	}
}

// link reports whether the record at p waits for its decision as one that is
// accused.
func (r *restorer) link(l *lane, p uint64) (undecided bool) {
	e, rec := r.e, l.recent.place(p)
	e.touchPosition(l, p)
	if rec.position != p {
		l.recent.gone = max(l.recent.gone, r.latest())
		*rec = record{position: p, kind: fact.Exempt, slot: compact.NoSlot, policy: fact.NoPolicy, state: decided}
		return false
	}
	rec.ofTrace = l.recent.expand(l.recent.traces.Put(rec.hash(), p, l.recent.window()))
	was := rec.state
	rec.state &^= suspected
	if was&suspected != 0 {
		if s := e.suspectOf(rec); s != nil {
			rec.state |= suspected
			s.record.details = rec.details
		}
	}
	if rec.state&(afterSilence|decided) == afterSilence && rec.policy != fact.NoPolicy {
		tally := &l.tally
		tally.silent[tally.row(e.stats.rowOf(rec.policy, e.services.resources[rec.resource].service))]++
	}
	return rec.state&accused != 0
}
