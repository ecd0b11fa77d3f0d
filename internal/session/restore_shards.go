package session

import (
	"slices"

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
