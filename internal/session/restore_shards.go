package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// layShards prepares the shards, and reports whether there are as many as there
// were.
func (r *restorer) layShards() (same bool) {
	e, h := r.e, &r.manifest
	same = len(h.shards) == len(e.shards)
	all, fits := uint64(0), same
	for i, stored := range h.shards {
		all += stored.sessions
		fits = fits && stored.slots <= uint64(e.shards[i].sessions.limit)
	}
	fits = fits && all <= uint64(e.cfg.MaxSessions)
	r.shards = make([]shardRestorer, len(h.shards)) // at least one
	for i := range r.shards {
		r.shards[i] = shardRestorer{restorer: r, number: i, alone: fits}
	}
	if same {
		e.each(func(l *shard) {
			stored := h.shards[l.number]
			l.recent.startAt(stored.next)
			if l.recent.gone = stored.gone; r.older {
				l.recent.gone = r.latest()
			}
			l.cursor = min(max(stored.cursor, l.recent.oldest()), stored.next)
			l.sessions.index.Reserve(int(stored.sessions))
		})
	}
	return same
}

// readShards lets every shard be read, in parallel where they have nothing to do
// with one another. lost: not all could be.
func (r *restorer) readShards(read func(*shardRestorer) (lost bool)) (lost bool, err error) {
	bad := make([]bool, len(r.shards))
	r.sideBySide(len(r.shards), func(i int) { bad[i] = read(&r.shards[i]) })
	for i := range r.shards {
		l := &r.shards[i]
		l.tell()
		for _, c := range l.lost {
			if !slices.Contains(r.res.Lost, c) {
				r.res.Lost = append(r.res.Lost, c)
			}
		}
		if l.lost = nil; l.err != nil {
			return true, l.err
		}
		lost = lost || bad[i]
	}
	return lost, nil
}

// sideBySide calls do with 0 to n-1, shards that may have nothing to do with one
// another.
func (r *restorer) sideBySide(n int, do func(i int)) {
	if r.e.cfg.SideBySide != nil && r.shards[0].alone {
		r.e.cfg.SideBySide(n, do)
		return
	}
	for i := range n {
		do(i)
	}
}

// readRanges reads all ranges of one kind of the shard, in their order.
func (r *shardRestorer) readRanges(kind chunkKind, read func(d *wire.Decoder, part int)) (lost bool) {
	for n := r.number; n < len(r.manifest.ranges[kind]); n += len(r.shards) {
		bad := r.readRange(kind, n, func(d *wire.Decoder) { read(d, n/len(r.shards)) })
		lost = lost || bad
	}
	return lost
}

// readRange reads one range of the shard, unless the storage has failed.
func (r *shardRestorer) readRange(kind chunkKind, n int, read func(*wire.Decoder)) (lost bool) {
	if r.err != nil {
		return true
	}
	lost, r.err = r.restorer.readRange(kind, n, read, func(key string, why error) {
		r.lost = append(r.lost, LostChunk{key, why.Error()})
	})
	return lost
}

// readRecent reads the records of the shard in the order of their positions, so
// that blocks of details go one after the other as the ring turns: the range that
// the oldest lies in comes first, and once more at the end for those that lie in
// front of it.
func (r *shardRestorer) readRecent() (lost bool) {
	shards := len(r.manifest.shards)
	next := r.manifest.shards[r.number].next
	ranges := int((min(r.manifest.ringLimit, next-1) + 1<<recordBits - 1) >> recordBits)
	if ranges == 0 || (ranges-1)*shards+r.number >= len(r.manifest.ranges[kindRecent]) {
		return ranges > 0
	}
	last := int((next - 2) % r.manifest.ringLimit) // where the newest lies
	first := 0
	if next > r.manifest.ringLimit {
		first = (last + 1) % int(r.manifest.ringLimit)
	}
	passes := ranges
	if first&(1<<recordBits-1) != 0 {
		passes++
	}
	for i := range passes {
		n := (first>>recordBits + i) % ranges
		bad := r.readRange(kindRecent, n*shards+r.number, func(d *wire.Decoder) {
			base := d.Varint()
			for d.Err == nil && len(d.Left) > 0 {
				rec, details := readRecord(d, base)
				if d.Err != nil || rec.position == 0 {
					continue
				}
				index := int((rec.position - 1) % r.manifest.ringLimit)
				if (i > 0 || index >= first) && (i < ranges || index < first) {
					r.e.shards[r.number].recent.restore(r.mapRecord(rec, r.number), &details)
				}
			}
		})
		lost = lost || bad
	}
	return lost
}

// latest is how late any fact can be that was known when it was stored.
func (r *restorer) latest() int64 { return r.manifest.at + int64(r.e.cfg.MaxAhead) }

func (r *restorer) mapRecord(rec record, shard int) record {
	rec.policy = r.policy(rec.policy)
	if rec.policy == fact.NoPolicy {
		rec.state &^= deferred | afterGap
	}
	rec.resource = r.resources[rec.resource]
	if rec.slot != compact.NoSlot {
		rec.slot = r.slot(shard, rec.slot)
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
		recent, p := &t.shard.recent, t.recent
		for p >= recent.oldest() {
			rec := recent.at(p)
			if rec == nil || rec.session != t.id {
				t.unknownBefore = max(t.unknownBefore, r.manifest.at)
				return
			}
			p = rec.older(rec.ofSession)
		}
	})
}

// linkRecent links the records that were restored. A place whose record is not
// there holds one that is nobody's.
func (r *restorer) linkRecent() {
	undecided, strays := make([]int, len(r.e.shards)), make([][]stray, len(r.e.shards))
	waits := make([][]uint64, len(r.e.shards))
	r.sideBySide(len(undecided), func(i int) {
		l := &r.e.shards[i]
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			if r.link(l, p) {
				undecided[i]++
			}
			rec := l.recent.at(p)
			l.recent.latest = max(l.recent.latest, rec.End)
			if rec.state&awaitsParent != 0 {
				waits[i] = append(waits[i], p)
			}
			if rec.state&unplaced != 0 && rec.slot == compact.NoSlot {
				strays[i] = append(strays[i], stray{l.number, p})
			}
		}
	})
	for i, n := range undecided {
		r.e.undecided += n
		r.e.strays = append(r.e.strays, strays[i]...)
		for _, p := range waits[i] {
			r.e.awaitParent(r.e.shards[i].recent.at(p))
		}
	}
}

// link reports whether the record at p waits for its decision as one that is
// deferred.
func (r *restorer) link(l *shard, p uint64) (undecided bool) {
	e, rec := r.e, l.recent.place(p)
	e.touchPosition(l, p)
	if rec.position != p {
		l.recent.gone = max(l.recent.gone, r.latest())
		*rec = record{position: p, kind: part, slot: compact.NoSlot, policy: fact.NoPolicy, state: decided}
		return false
	}
	rec.ofTrace = l.recent.traces.Put(rec.hash(), p, l.recent.window())
	was := rec.state
	rec.state &^= suspected
	if was&suspected != 0 {
		if s := e.suspectOf(rec); s != nil {
			rec.state |= suspected
			s.record.details = rec.details
		}
	}
	if rec.state&(afterGap|decided) == afterGap && rec.policy != fact.NoPolicy {
		stats := &l.stats
		stats.longGaps[stats.row(e.stats.rowOf(rec.policy, e.services.resources[rec.resource].service))]++
	}
	return rec.state&deferred != 0
}
