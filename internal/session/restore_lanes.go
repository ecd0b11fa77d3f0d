package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// layLanes prepares the lanes, and reports whether there are as many as there
// were.
func (r *restorer) layLanes() (same bool) {
	e, h := r.e, &r.head
	same = len(h.lanes) == len(e.lanes)
	all, fits := uint64(0), same
	for i, stored := range h.lanes {
		all += stored.sessions
		fits = fits && stored.slots <= uint64(e.lanes[i].sessions.limit)
	}
	fits = fits && all <= uint64(e.cfg.MaxSessions)
	r.lanes = make([]laneRestorer, len(h.lanes)) // at least one
	for i := range r.lanes {
		r.lanes[i] = laneRestorer{restorer: r, number: i, alone: fits}
	}
	if same {
		e.each(func(l *lane) {
			stored := h.lanes[l.number]
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

// readLanes lets every lane be read, side by side where they have nothing to do
// with one another. lost: not all could be.
func (r *restorer) readLanes(read func(*laneRestorer) (lost bool)) (lost bool, err error) {
	bad := make([]bool, len(r.lanes))
	r.sideBySide(len(r.lanes), func(i int) { bad[i] = read(&r.lanes[i]) })
	for i := range r.lanes {
		l := &r.lanes[i]
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

// sideBySide calls do with 0 to n-1, lanes that may have nothing to do with one
// another.
func (r *restorer) sideBySide(n int, do func(i int)) {
	if r.e.cfg.SideBySide != nil && r.lanes[0].alone {
		r.e.cfg.SideBySide(n, do)
		return
	}
	for i := range n {
		do(i)
	}
}

// readRanges reads all ranges of one kind of the lane, in their order.
func (r *laneRestorer) readRanges(kind chunkKind, read func(d *wire.Decoder, part int)) (lost bool) {
	for n := r.number; n < len(r.head.ranges[kind]); n += len(r.lanes) {
		bad := r.readRange(kind, n, func(d *wire.Decoder) { read(d, n/len(r.lanes)) })
		lost = lost || bad
	}
	return lost
}

// readRange reads one range of the lane, unless the storage has failed.
func (r *laneRestorer) readRange(kind chunkKind, n int, read func(*wire.Decoder)) (lost bool) {
	if r.err != nil {
		return true
	}
	lost, r.err = r.restorer.readRange(kind, n, read, func(key string, why error) {
		r.lost = append(r.lost, LostChunk{key, why.Error()})
	})
	return lost
}
