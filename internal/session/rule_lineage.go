package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

// maxLineage bounds how many rotations are followed back.
const maxLineage = 64

// origin is where an absolute clock starts.
type origin struct {
	at             int64
	known          bool // an authentication or a known start
	authentication bool
	// unknownBefore: what was known before this of what it was rotated from may have
	// been thrown away.
	unknownBefore int64
	// firstIdentity is when the first of them showed a user, where that counts.
	firstIdentity int64
}

// origin finds the latest authentication in the lineage; without one, where an identity
// is asked for, the first that was shown in it; without that, the root's start.
func (w *evaluation) origin() origin {
	o := *w.ancestry()
	o.unknownBefore = max(o.unknownBefore, w.t.unknownBefore)
	first, shows := w.firstIdentity(w.t, w.limit)
	switch {
	case w.authentication != 0 && (!o.authentication || w.authentication > o.at):
		o.at, o.known, o.authentication = w.authentication, true, true
	case o.authentication:
	case shows && first <= o.firstIdentity:
		o.known = w.startsWithin(w.t, first) || o.known && first == o.firstIdentity
		o.at, o.firstIdentity = first, first
	case o.firstIdentity != unset:
	case len(w.t.lineage) == 0 || o.at == unset:
		o.at, o.known = w.since, w.known
	}
	return o
}

// ancestry is the origin as what the id was rotated from has it; at is unset if that is
// nothing.
func (w *evaluation) ancestry() *origin {
	if !w.rooted {
		w.root, w.rooted = w.findAncestry(), true
	}
	return &w.root
}

func (w *evaluation) findAncestry() (o origin) {
	o = origin{at: unset, unknownBefore: longAgo, firstIdentity: unset}
	login, identified := int64(longAgo), false
	w.ancestors(func(t *timeline, r *rotation) bool {
		o.at, o.known = r.at, false
		if t == nil {
			if !w.e.tombstones.startedBefore(r) {
				o.unknownBefore = unset
			}
			return false
		}
		o.unknownBefore = max(o.unknownBefore, t.unknownBefore)
		until := r.at + int64(w.policy.Tolerance)
		if at, ok := latest(t.authentications, until); ok {
			login = max(login, at)
		}
		if at, ok := w.firstIdentity(t, until); ok && at <= o.firstIdentity {
			identified = w.startsWithin(t, at) || identified && at == o.firstIdentity
			o.firstIdentity = at
		}
		if at, known := t.started(int64(w.policy.Tolerance)); known {
			o.at, o.known = at, true
		} else {
			o.at = min(o.at, t.firstActivity)
		}
		return true
	})
	switch {
	case login != longAgo:
		o.at, o.known, o.authentication = login, true, true
	case o.firstIdentity != unset:
		o.at, o.known = o.firstIdentity, identified
	}
	return o
}

// ancestors calls each with what the request's id was rotated from and how, the
// nearest first, until it returns false. t is nil for one that is not known.
func (w *evaluation) ancestors(each func(t *timeline, r *rotation) bool) {
	t, before := w.t, w.limit
	for range maxLineage {
		r, ok := t.lineageAt(w.r.seq, before)
		if !ok {
			return
		}
		if !w.e.take(1) {
			return
		}
		from := w.e.get(r.from)
		if !each(from, &r) || from == nil {
			return
		}
		t, before = from, r.at-1
	}
	if _, ok := t.lineageAt(w.r.seq, before); ok {
		w.e.stats.lost++
	}
}

// inherited returns the user whom what the id was rotated from showed last.
func (w *evaluation) inherited() fact.ID {
	if !w.asked {
		w.asked = true
		w.ancestors(func(t *timeline, r *rotation) bool {
			if t == nil {
				return false
			}
			user, ok := identityAt(t.identities, r.at)
			if ok {
				w.heir, w.heirUser, w.heirAt = t, user, r.at
			}
			return !ok
		})
	}
	return w.heirUser
}
