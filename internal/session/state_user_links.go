package session

import (
	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// maxSessionsOfUser bounds how many sessions of one user, who may be
// "anonymous", a late end of all of them is held against.
const maxSessionsOfUser = 1 << 12

// largerSession is what the sessions that are part of session id are found by: like those
// of a user, they end with it.
func largerSession(id fact.ID) fact.ID {
	if id.IsZero() {
		return id
	}
	return fact.ID{mix(id[0], 0x6c61726765722073), mix(id[1], id[0]) | 1}
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
	if x.sessions >= maxSessionsOfUser || n == 0 && len(u.links) > compact.MaxSlots {
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

// begin lets all sessions of user be walked over, because of what came at now. It
// reports whether they were not being walked over already.
func (u *users) begin(user uint32, now int64) bool {
	u.touch(int(user))
	x := u.user(user)
	x.since = now
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
