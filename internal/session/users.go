package session

import "slices"

// users holds what is known of users: the ends of all their sessions, and
// which sessions showed them.
type users struct {
	// ended holds only users of whom an end was seen.
	ended map[ID][]ending
	// endedAt is when the last one arrived, in the order of arrival.
	endedAt []userEnd
	// sessions of a user, by slot; may hold slots that have since been given
	// to others.
	sessions map[ID][]uint32
	names    map[ID]Pseudonym
}

func newUsers() users {
	return users{ended: map[ID][]ending{}, sessions: map[ID][]uint32{}, names: map[ID]Pseudonym{}}
}

type userEnd struct {
	user    ID
	arrival int64
}

// maxUsersEnded bounds how many ends of users are remembered.
const maxUsersEnded = 1 << 20

// end joins an end to those of user. It reports whether it is a new one.
func (u *users) end(user ID, end ending, now int64) bool {
	list, changed, _ := addEnding(u.ended[user], end)
	if !changed {
		return false
	}
	u.ended[user] = list
	u.endedAt = append(u.endedAt, userEnd{user, now})
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
	oldest := u.endedAt[0]
	u.endedAt = u.endedAt[1:]
	if list := u.ended[oldest.user]; len(list) > 1 {
		u.ended[oldest.user] = list[1:]
		return
	}
	delete(u.ended, oldest.user)
	if len(u.sessions[oldest.user]) == 0 {
		delete(u.names, oldest.user)
	}
}

func (u *users) ends(user ID) []ending { return u.ended[user] }

// maxSessionsOfUser bounds how many sessions of one user, who may be
// "anonymous", a late end of all of them is held against.
const maxSessionsOfUser = 1 << 12

// join notes that the session in slot, which did not before, showed user.
func (u *users) join(user ID, slot uint32) {
	if list := u.sessions[user]; len(list) < maxSessionsOfUser {
		u.sessions[user] = append(list, slot)
	}
}

// leave undoes join when the session is forgotten.
func (u *users) leave(user ID, slot uint32) {
	list := u.sessions[user]
	for i, s := range list {
		if s == slot {
			list[i] = list[len(list)-1]
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) > 0 {
		u.sessions[user] = list
		return
	}
	delete(u.sessions, user)
	if len(u.ended[user]) == 0 {
		delete(u.names, user)
	}
}

// identityOf returns the user whom t showed last at or before at. An id that
// shows none has the one that its previous id showed last up to the rotation.
func (e *Engine) identityOf(t *timeline, position uint64, at, tolerance int64) (ID, bool) {
	var path [maxLineage + 1]ID
	steps := path[:0]
	for {
		if user, ok := identityAt(t.identities, at); ok {
			return user, true
		}
		steps = append(steps, t.id)
		from, rotated := e.parent(t, position, tolerance, steps)
		if from == nil || len(steps) == cap(steps) || contains(steps, from.id) {
			return ID{}, false
		}
		t, at = from, rotated
	}
}

// parent returns what t was rotated from, and when; path leads to t.
func (e *Engine) parent(t *timeline, position uint64, tolerance int64, path []ID) (*timeline, int64) {
	var forks [4]rotation
	var best rotation
	earliest := int64(unset)
	lineage := t.lineageAt(position, forks[:0])
	for _, r := range lineage {
		if contains(path, r.from) {
			continue
		}
		o := origin{at: r.at}
		if from := e.sessions.get(r.from); from != nil && len(lineage) > 1 && e.mayVisit() {
			var on [maxLineage + 1]ID
			o = e.originOf(from, position, r.at+tolerance, r.at, tolerance, append(on[:0], path...))
		}
		if o.at < earliest || o.at == earliest && r.from.less(best.from) {
			earliest, best = o.at, r
		}
	}
	return e.sessions.get(best.from), best.at
}

// usersOf appends to list every user whom t, or what it was rotated from, ever
// showed.
func (e *Engine) usersOf(t *timeline, position uint64, tolerance int64, list []ID) []ID {
	var path [maxLineage + 1]ID
	steps := path[:0]
	for t != nil && len(steps) < cap(steps) && !contains(steps, t.id) {
		for _, i := range t.identities {
			if !contains(list, i.user) {
				list = append(list, i.user)
			}
		}
		steps = append(steps, t.id)
		t, _ = e.parent(t, position, tolerance, steps)
	}
	return list
}

// nameUser keeps what a user is called in findings.
func (e *Engine) nameUser(n *Name) {
	if _, ok := e.users.names[n.ID]; !ok {
		e.users.names[n.ID] = e.cfg.pseudonym(n)
	}
}

// showIdentity joins who to what t showed. others: somebody may have been
// judged by it.
func (e *Engine) showIdentity(t *timeline, who identity, others bool) (due dueFor) {
	switch n := len(t.identities); {
	case n == 0:
		t.identities = append(t.identities, who)
		e.users.join(who.user, t.slot)
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
			e.users.leave(i.user, t.slot)
		}
	}
	for n, i := range t.identities {
		known := func(have identity) bool { return have.user == i.user }
		if !slices.ContainsFunc(was, known) && !slices.ContainsFunc(t.identities[:n], known) {
			e.users.join(i.user, t.slot)
		}
	}
	for _, i := range list {
		if len(e.users.sessions[i.user]) == 0 && len(e.users.ended[i.user]) == 0 {
			delete(e.users.names, i.user)
		}
	}
}

func (t *timeline) shows(user ID) bool {
	return slices.ContainsFunc(t.identities, func(i identity) bool { return i.user == user })
}
