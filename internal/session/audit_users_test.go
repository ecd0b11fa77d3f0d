package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func (a *auditErrors) auditUsers(e *Engine) {
	u := &e.users
	known, links := 0, 0
	for n := uint32(1); n < u.used; n++ {
		x := u.user(n)
		if x.id.IsZero() {
			continue
		}
		known++
		if u.number(x.id) != n {
			a.addf("user %v is number %d and found as %d", x.id, n, u.number(x.id))
		}
		sessions := 0
		for l := x.first; l != 0; l = u.links[l].next {
			sessions++
			place := u.links[l].place
			t := &e.shards[place>>compact.SlotBits].sessions
			slot := place & compact.SlotMask
			if slot >= t.slots || t.entry(slot).flags&taken == 0 || !t.peek(slot).shows(x.id) && !t.peek(slot).legacy.has(x.id) &&
				!slices.ContainsFunc(t.peek(slot).evictedAncestors, func(id fact.ID) bool { return evictedSession(id) == x.id }) &&
				!slices.ContainsFunc(t.peek(slot).links, func(l identity) bool { return l.user == x.id }) {
				a.addf("user %v leads to a session that does not show it", x.id)
			}
		}
		links += sessions
		a.equal("sessions of a user", int(x.sessions), sessions)
		for l := x.first; l != 0; l = u.links[l].next {
			if link := u.links[l]; link.user != n || u.link(n, link.place) != l || link.next != 0 && u.links[link.next].prev != l {
				a.addf("a link of user %v is out of its list", x.id)
			}
		}
		if x.walking != slices.Contains(e.userEnds, n) {
			a.addf("user %v: walked over %v", x.id, x.walking)
		}
		if x.held != slices.ContainsFunc(e.held, func(h heldUser) bool { return sameUser(h.id, x.id) }) {
			a.addf("user %v: held %v", x.id, x.held)
		}
		if x.ended != (len(u.ended[x.id].ends) > 0) {
			a.addf("user %v: ended %v, with %d ends", x.id, x.ended, len(u.ended[x.id].ends))
		}
		if sessions == 0 && !x.ended && !x.held && !x.walking {
			a.addf("user %v is known for nothing", x.id)
		}
	}
	a.equal("users", u.count, known)
	a.check("links' index", u.linkOf.Check(links))
	a.check("users' index", u.index.Check(known))
	free := 0
	for next := u.free; next != 0; next = u.user(next).first {
		free++
	}
	a.equal("free users", int(u.used)-1-known, free)
	spare := 0
	for next := u.spare; next != 0; next = u.links[next].next {
		spare++
	}
	a.equal("spare links", len(u.links)-1-links, spare)
	shown := 0
	e.each(func(l *shard) {
		for _, slot := range takenSlots(&l.sessions) {
			var seen []fact.ID
			tl := l.sessions.peek(slot)
			for _, i := range slices.Concat(tl.identities, tl.links) {
				if !slices.ContainsFunc(seen, func(u fact.ID) bool { return sameUser(u, i.user) }) {
					seen = append(seen, i.user)
				}
			}
			for _, id := range tl.evictedAncestors {
				seen = append(seen, evictedSession(id))
			}
			for _, h := range tl.legacy.all {
				ids := []fact.ID{h.heirUser}
				for _, larger := range h.links {
					ids = append(ids, larger.id)
				}
				for _, id := range ids {
					if !id.IsZero() && !slices.ContainsFunc(seen, func(u fact.ID) bool { return sameUser(u, id) }) {
						seen = append(seen, id)
					}
				}
			}
			shown += len(seen)
			if x := l.sessions.entry(slot); x.flags&warm == 0 && x.user != 0 && !slices.ContainsFunc(seen, func(id fact.ID) bool { return sameUser(id, u.user(x.userNumber()).id) }) {
				a.addf("the entry in slot %d names user %d", slot, x.user)
			}
		}
	})
	if u.count < maxUsers { // else some are not known
		a.equal("links", links, shown)
	}
	listed, last := 0, int64(longAgo)
	for x := u.came.Front(); x != nil; x = x.Next() {
		end := x.Value.(*userEnd)
		if !slices.Contains(u.ended[end.user].came, x) || end.at < last {
			a.addf("an end of user %v at %d is out of place", end.user, end.at)
		}
		last = end.at
	}
	for id, had := range u.ended {
		if u.get(id) == nil || len(had.ends) == 0 || len(had.came) != len(had.ends) {
			a.addf("the ends of user %v are never forgotten", id)
		}
		listed += len(had.came)
	}
	a.equal("ends", u.came.Len(), listed)
}
