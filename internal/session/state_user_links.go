package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// maxSessionsOfUser bounds how many sessions of one user, who may be
// "anonymous", a late end of all of them is held against.
const maxSessionsOfUser = 1 << 12

// maxUserLinks bounds the links between users and sessions. Tests have fewer.
var maxUserLinks = compact.MaxSlots

// largerSession is what the sessions that are part of session id are found by: like those
// of a user, they end with it.
func largerSession(id fact.ID) fact.ID {
	if id.IsZero() {
		return id
	}
	return fact.ID{mix(id[0], 0x6c61726765722073), mix(id[1], id[0]) | 1}
}

// maxEvictedAncestors bounds how many of those that an id continues, and that were thrown away, are
// listened for.
const maxEvictedAncestors = 8

// evictedSession is what those are found by that continue session id, which was thrown
// away for want of room.
func evictedSession(id fact.ID) fact.ID {
	return fact.ID{mix(id[0], 0x666f72676f747465), mix(id[1], id[0]) | 1}
}

func linkHash(user, place uint32) uint64 { return mix(uint64(user)<<32|uint64(place), 1) }

func (u *users) hashOfLink(n uint32) uint64 { return linkHash(u.links[n].user, u.links[n].place) }

// link returns the number of the link between a user and a session, or 0.
func (u *users) link(user, place uint32) uint32 {
	hash := linkHash(user, place)
	for n := range u.linkOf.All(hash) {
		if l := &u.links[n]; l.user == user && l.place == place {
			return n
		}
	}
	return 0
}

// addLink notes that the session at place, which did not before, showed id.
func (u *users) addLink(id fact.ID, place uint32) {
	user := u.number(id)
	if user == 0 { // it was named by what seemed to show nobody, long ago
		if !u.add(id, fact.Pseudonym{}) {
			return
		}
		user = u.number(id)
	}
	x := u.user(user)
	n := u.spare
	if x.sessions >= maxSessionsOfUser || n == 0 && len(u.links) > maxUserLinks {
		u.lost++
		return
	}
	if n != 0 {
		u.spare = u.links[n].next
	} else {
		n = uint32(len(u.links))
		u.links = append(u.links, link{})
	}
	u.links[n] = link{place: place, user: user, next: x.first}
	if x.first != 0 {
		u.links[x.first].prev = n
	}
	x.first = n
	x.sessions++
	u.linkOf.Put(u.hashOfLink(n), n, u.hashOfLink)
}

// unlink undoes addLink when the session is evicted.
func (u *users) unlink(id fact.ID, place uint32) {
	user := u.number(id)
	if user == 0 {
		return
	}
	if n := u.link(user, place); n != 0 {
		x, l := u.user(user), u.links[n]
		u.linkOf.Remove(u.hashOfLink(n), n, u.hashOfLink)
		if l.prev != 0 {
			u.links[l.prev].next = l.next
		} else {
			x.first = l.next
		}
		if l.next != 0 {
			u.links[l.next].prev = l.prev
		}
		if x.walk == n {
			x.walk = l.next
		}
		u.links[n] = link{next: u.spare}
		u.spare = n
		x.sessions--
	}
	u.release(id)
}

// begin lets all sessions of user be walked over, because of an end or a word that came at
// now. It reports whether they were not being walked over already.
func (u *users) begin(user uint32, now int64, word bool) bool {
	u.touch(int(user))
	x := u.user(user)
	x.since, x.word = now, word && (x.word || !x.walking)
	if x.walking {
		x.again = true
		return false
	}
	x.walking, x.walk = true, x.first
	return true
}

// next returns the place of the next session of a user who is walked over, and
// false behind the last.
func (u *users) next(user uint32) (place uint32, ok bool) {
	x := u.user(user)
	if x.walk == 0 && x.again {
		x.again, x.walk = false, x.first
	}
	if x.walk == 0 {
		u.touch(int(user))
		x.walking = false
		return 0, false
	}
	l := &u.links[x.walk]
	x.walk = l.next
	return l.place, true
}

// sameUser reports whether a and b are the ids of one user. All that a tombstone
// kept of one is its first half.
func sameUser(a, b fact.ID) bool { return a[0] == b[0] && (a[1] == b[1] || a[1] == 0 || b[1] == 0) }

// byHash returns the id whose first half is hash: as much as is known of it.
func (u *users) byHash(hash uint64) fact.ID {
	id := fact.ID{hash, 0}
	if x := u.get(id); x != nil {
		return x.id
	}
	u.add(id, fact.Pseudonym{})
	return id
}

// eachLarger calls each with the larger sessions that t, or what it inherits from, named,
// itself aside.
func (h *heritage) eachLarger(t *timeline, each func(id fact.ID)) {
	if len(t.links) == 0 && len(h.links) == 0 {
		return
	}
	seen := []fact.ID{largerSession(t.id)}
	of := func(id fact.ID) {
		if !slices.Contains(seen, id) {
			seen = append(seen, id)
			each(id)
		}
	}
	for _, l := range t.links {
		of(l.user)
	}
	for _, l := range h.links {
		of(l.id)
	}
}

// isPart reports whether t, which inherits above, named the larger session id at or before
// an instant and since its latest login, or, where there was none, what it continues did,
// as far as that counts for a request of seq.
func (t *timeline) isPart(above *heritage, id fact.ID, at int64, seq uint64) bool {
	since, login := t.loginAt(at)
	return slices.ContainsFunc(t.links, func(l identity) bool {
		return l.user == id && l.at <= at && l.effectiveSeq <= seq && (!login || l.at >= since)
	}) || !login && slices.ContainsFunc(above.links, func(l heldLink) bool {
		return l.id == id && l.from <= at && at < l.to
	})
}

// link joins l to what is inherited.
func (h *heritage) link(l heldLink) {
	for i := range h.links { // each id of a line names the same one
		if have := &h.links[i]; have.id == l.id && have.from <= l.to && l.from <= have.to {
			have.from, have.to = min(have.from, l.from), max(have.to, l.to)
			return
		}
	}
	if len(h.links) < maxHeldLinks {
		h.links = append(h.links, l)
		return
	}
	h.moreLinks = true
}

// linksOf joins what p named up to an instant, as far as that counts for a request of seq,
// to what is inherited, and lets its logins end what was named before them.
func (h *heritage) linksOf(p *timeline, until int64, seq uint64) {
	loginBehind := func(at int64) int64 {
		if i := loginsUntil(p.authentications, at); i < len(p.authentications) && p.authentications[i] <= until {
			return p.authentications[i]
		}
		return unset
	}
	above, login := h.links, loginBehind(longAgo)
	h.links = nil
	for _, l := range above {
		if l.to = min(l.to, login); l.from < l.to {
			h.link(l)
		}
	}
	for _, l := range p.links {
		if l.at <= until && l.effectiveSeq <= seq {
			h.link(heldLink{l.user, l.at, loginBehind(l.at)})
		}
	}
}

func evictedAncestorsField(bit uint64) timelineField {
	return timelineField{
		bit,
		func(t *timeline) bool { return len(t.evictedAncestors) > 0 },
		func(w *timelineWriter, t *timeline) {
			w.uvarint(uint64(len(t.evictedAncestors)))
			for _, id := range t.evictedAncestors {
				w.buf = wire.AppendUint128(w.buf, id)
			}
		},
		func(d *timelineReader, t *timeline) {
			for range d.Len(16) {
				t.evictedAncestors = append(t.evictedAncestors, d.Uint128())
			}
		},
	}
}
