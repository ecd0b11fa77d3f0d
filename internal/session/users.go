package session

import "slices"

// users holds what is known of users: who they are, the ends of all their
// sessions, and which sessions showed them. All but the ends is free of
// pointers.
type users struct {
	index index
	slabs [][]user
	used  uint32 // numbers that were ever given; the first is 1
	free  uint32 // the first free number; user.first leads to the next
	links []link
	spare uint32 // the first free link
	count int

	// ended holds only users of whom an end was seen.
	ended map[ID][]ending
	// endedAt is when the last one arrived, in the order of arrival.
	endedAt []userEnd
}

// user is known as long as a session that showed it is, or an end of all its
// sessions, or something is owed to a session that may show it.
type user struct {
	id        ID
	pseudonym Pseudonym
	first     uint32 // link to its newest session
	sessions  uint32
	ended     bool // there are ends
	held      bool // see [Engine.hold]
}

// link leads from a user to the slot of a session, and to the next.
type link struct{ slot, next uint32 }

const (
	userSlabBits = 5
	userSlabSize = 1 << userSlabBits
)

func newUsers() users {
	return users{index: newIndex(maxSlots), used: 1, links: make([]link, 1), ended: map[ID][]ending{}}
}

func (u *users) user(number uint32) *user {
	return &u.slabs[number>>userSlabBits][number&(userSlabSize-1)]
}

func (u *users) hashOf(number uint32) uint64 { return u.user(number).id[0] }

// number returns the number of id, or 0.
func (u *users) number(id ID) uint32 {
	for _, cells := range [...][]uint32{u.index.cells, u.index.old} {
		if cells == nil {
			continue
		}
		for s := searchIn(cells, id[0]); ; {
			n, ok := s.next()
			if !ok {
				break
			}
			if u.user(n).id == id {
				return n
			}
		}
	}
	return 0
}

// get returns what is known of id, or nil.
func (u *users) get(id ID) *user {
	if n := u.number(id); n != 0 {
		return u.user(n)
	}
	return nil
}

// maxUsers bounds how many users are known at a time. Tests have fewer.
var maxUsers = maxSlots - 1

// add makes id known, which must not be. It reports whether there is room.
func (u *users) add(id ID, p Pseudonym) bool {
	n := u.free
	if n != 0 {
		u.free = u.user(n).first
	} else {
		if n = u.used; int(n) > maxUsers {
			return false
		}
		if int(n>>userSlabBits) == len(u.slabs) {
			u.slabs = append(u.slabs, make([]user, userSlabSize))
		}
		u.used++
	}
	x := u.user(n)
	*x = user{id: id, pseudonym: p}
	u.count++
	u.index.put(id[0], n, u.hashOf)
	return true
}

// release forgets id if nothing is known of it any more.
func (u *users) release(id ID) {
	n := u.number(id)
	if n == 0 {
		return
	}
	if x := u.user(n); x.sessions == 0 && !x.ended && !x.held {
		u.index.remove(id[0], n, u.hashOf)
		*x = user{first: u.free}
		u.free = n
		u.count--
	}
}

// pseudonymOf returns what id is called in findings, if it is known.
func (u *users) pseudonymOf(id ID) Pseudonym {
	if x := u.get(id); x != nil {
		return x.pseudonym
	}
	return Pseudonym{}
}

type userEnd struct {
	user    ID
	arrival int64
}

// maxUsersEnded bounds how many ends of users are remembered.
const maxUsersEnded = 1 << 20

// end joins an end to those of user, who must be known. It reports whether it
// is a new one.
func (u *users) end(id ID, end ending, now int64) bool {
	x := u.get(id)
	if x == nil {
		return false
	}
	list, changed, _ := addEnding(u.ended[id], end)
	if !changed {
		return false
	}
	x.ended = true
	u.ended[id] = list
	u.endedAt = append(u.endedAt, userEnd{id, now})
	if len(u.endedAt) > maxUsersEnded {
		u.forgetOldest()
	}
	return true
}

// forget lets go of at most n ends that arrived before.
func (u *users) forget(before int64, n int) {
	for range n {
		if len(u.endedAt) == 0 || u.endedAt[0].arrival >= before {
			return
		}
		u.forgetOldest()
	}
}

// forgetOldest lets go of a user's ends if the oldest is the last one of that
// user.
func (u *users) forgetOldest() {
	id := u.endedAt[0].user
	u.endedAt = u.endedAt[1:]
	if list := u.ended[id]; len(list) > 1 {
		u.ended[id] = list[1:]
		return
	}
	delete(u.ended, id)
	if x := u.get(id); x != nil {
		x.ended = false
		u.release(id)
	}
}

func (u *users) ends(id ID) []ending { return u.ended[id] }

// maxSessionsOfUser bounds how many sessions of one user, who may be
// "anonymous", a late end of all of them is held against.
const maxSessionsOfUser = 1 << 12

// each calls do with the slots of the sessions that showed id.
func (u *users) each(id ID, do func(slot uint32)) {
	x := u.get(id)
	if x == nil {
		return
	}
	for l := x.first; l != 0; l = u.links[l].next {
		do(u.links[l].slot)
	}
}

// join notes that the session in slot, which did not before, showed id.
func (u *users) join(id ID, slot uint32) {
	x := u.get(id)
	if x == nil || x.sessions >= maxSessionsOfUser {
		return
	}
	l := u.spare
	if l != 0 {
		u.spare = u.links[l].next
	} else {
		l = uint32(len(u.links))
		u.links = append(u.links, link{})
	}
	u.links[l] = link{slot, x.first}
	x.first = l
	x.sessions++
}

// leave undoes join when the session is forgotten.
func (u *users) leave(id ID, slot uint32) {
	x := u.get(id)
	if x == nil {
		return
	}
	for at := &x.first; *at != 0; at = &u.links[*at].next {
		if l := *at; u.links[l].slot == slot {
			*at = u.links[l].next
			u.links[l] = link{next: u.spare}
			u.spare = l
			x.sessions--
			break
		}
	}
	u.release(id)
}

// identityOf returns the user whom t showed last at or before at. An id that
// shows none has the one that its previous id showed last up to the rotation.
func (e *Engine) identityOf(t *timeline, order uint64, at, tolerance int64) (ID, bool) {
	var path [maxLineage + 1]ID
	steps := path[:0]
	for {
		if user, ok := identityAt(t.identities, at); ok {
			return user, true
		}
		steps = append(steps, t.id)
		from, rotated := e.parent(t, order, tolerance, steps)
		if from == nil || len(steps) == cap(steps) || contains(steps, from.id) {
			return ID{}, false
		}
		t, at = from, rotated
	}
}

// parent returns what t was rotated from, and when; path leads to t.
func (e *Engine) parent(t *timeline, order uint64, tolerance int64, path []ID) (*timeline, int64) {
	var forks [4]rotation
	var best rotation
	earliest := int64(unset)
	lineage := t.lineageAt(order, forks[:0])
	for _, r := range lineage {
		if contains(path, r.from) {
			continue
		}
		o := origin{at: r.at}
		if from := e.get(r.from); from != nil && len(lineage) > 1 && e.mayVisit() {
			var on [maxLineage + 1]ID
			o = e.originOf(from, order, r.at+tolerance, r.at, tolerance, append(on[:0], path...))
		}
		if o.at < earliest || o.at == earliest && r.from.less(best.from) {
			earliest, best = o.at, r
		}
	}
	return e.get(best.from), best.at
}

// usersOf appends to list every user whom t, or what it was rotated from, ever
// showed.
func (e *Engine) usersOf(t *timeline, order uint64, tolerance int64, list []ID) []ID {
	var path [maxLineage + 1]ID
	steps := path[:0]
	for t != nil && len(steps) < cap(steps) && !contains(steps, t.id) {
		for _, i := range t.identities {
			if !contains(list, i.user) {
				list = append(list, i.user)
			}
		}
		steps = append(steps, t.id)
		t, _ = e.parent(t, order, tolerance, steps)
	}
	return list
}

// nameUser keeps what a user is called in findings.
func (e *Engine) nameUser(n *Name) {
	if e.users.number(n.ID) == 0 && !e.users.add(n.ID, e.cfg.pseudonym(n)) {
		e.stats.lost++ // an end of all sessions will not find this one
	}
	e.hold(n.ID)
}

// showIdentity joins who to what t showed. others: somebody may have been
// judged by it.
func (e *Engine) showIdentity(t *timeline, who identity, others bool) (due dueFor) {
	e.name(t)
	switch n := len(t.identities); {
	case n == 0:
		t.identities = append(t.identities, who)
		e.users.join(who.user, t.placeOf())
	case n == 1 && t.identities[0].user == who.user:
		if t.identities[0].at <= who.at {
			return 0
		}
		t.identities[0].at = who.at
	default:
		// The list says too little to put another user in its place.
		return rebuildDue | lineDue
	}
	if others {
		return lineDue
	}
	return 0
}

// setIdentities makes list what t showed.
func (e *Engine) setIdentities(t *timeline, list []identity) {
	was := slices.Clone(t.identities)
	t.identities = addIdentities(t.identities[:0], list...)
	for _, i := range was {
		if !t.shows(i.user) {
			e.users.leave(i.user, t.placeOf())
		}
	}
	for n, i := range t.identities {
		known := func(have identity) bool { return have.user == i.user }
		if !slices.ContainsFunc(was, known) && !slices.ContainsFunc(t.identities[:n], known) {
			e.users.join(i.user, t.placeOf())
		}
	}
	for _, i := range list {
		e.users.release(i.user)
	}
}

func (t *timeline) shows(user ID) bool {
	return slices.ContainsFunc(t.identities, func(i identity) bool { return i.user == user })
}
