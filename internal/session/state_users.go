package session

import (
	"bytes"
	"cmp"
	"container/list"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// users holds what is known of users: who they are, the ends of all their
// sessions, and which sessions showed them. All but the ends is free of
// pointers.
type users struct {
	ranged // by number
	index  compact.Index
	pages  [][]user
	used   uint32 // numbers that were ever given; the first is 1
	free   uint32 // the first free number; user.first leads to the next
	links  []link
	spare  uint32 // the first free link
	// linkOf finds the link between a user and a session.
	linkOf compact.Index
	count  int
	// lost counts what is not known, since there is too much: the sessions of a user
	// who had so many already, and ends that were removed before their time.
	lost int64

	// released holds the names of some that were let go of, by low bits of their ids: what
	// showed nobody may turn out to show one.
	released []namedUser

	// ended holds only users of whom an end was seen.
	ended map[fact.ID]endsOfUser
	// sparing holds the users of whom there are ends that name a session, by that.
	sparing map[fact.ID][]fact.ID
	// came says when each of them came, the oldest first.
	came list.List // of *userEnd
}

// namedUser is what a user is called.
type namedUser struct {
	id        fact.ID
	pseudonym fact.Pseudonym
}

// releasedUsers is how many names are kept of those that were let go of, a power of two.
const releasedUsers = 1 << 10

// user is known as long as a session that showed it is, or an end of all its
// sessions, or a session that may show it is dirty.
type user struct {
	id        fact.ID
	pseudonym fact.Pseudonym
	first     uint32 // link to its newest session
	sessions  uint32
	ended     bool // there are ends
	// An end of all its sessions is yet to be held against those from walk on;
	// again: and then against all once more, since another came.
	walking, again bool
	walk           uint32
	since          int64 // when the last of these ends came
	word           bool  // they are walked over for no end, but for what was told of one that they continue
	held           bool  // see [Engine.hold]
}

// endsOfUser are the ends of all sessions of one user, and where each is among those
// of all users.
type endsOfUser struct {
	ends []ending
	came []*list.Element
}

// link is between a user and the place of a session. Those of one user are a list.
type link struct{ place, user, next, prev uint32 }

const (
	userPageBits = 5
	userPageSize = 1 << userPageBits
)

func newUsers() users {
	return users{ranged: ranged{bits: placeBits}, index: compact.NewIndex(compact.MaxSlots), linkOf: compact.NewIndex(compact.MaxSlots), used: 1, links: make([]link, 1), ended: map[fact.ID]endsOfUser{}, sparing: map[fact.ID][]fact.ID{}, released: make([]namedUser, releasedUsers)}
}

func (u *users) user(number uint32) *user {
	return &u.pages[number>>userPageBits][number&(userPageSize-1)]
}

func (u *users) hashOf(number uint32) uint64 { return u.user(number).id[0] }

// number returns the number of id, or 0.
func (u *users) number(id fact.ID) uint32 {
	for n := range u.index.All(id[0]) {
		if sameUser(u.user(n).id, id) {
			return n
		}
	}
	return 0
}

// get returns what is known of id, or nil.
func (u *users) get(id fact.ID) *user {
	if n := u.number(id); n != 0 {
		return u.user(n)
	}
	return nil
}

// maxUsers bounds how many users are known at a time. Tests have fewer.
var maxUsers = compact.MaxSlots - 1

// add makes id known, which must not be. It reports whether there is room.
func (u *users) add(id fact.ID, p fact.Pseudonym) bool {
	n := u.free
	if n != 0 {
		u.free = u.user(n).first
	} else {
		if n = u.used; int(n) > maxUsers {
			return false
		}
		if int(n>>userPageBits) == len(u.pages) {
			u.pages = append(u.pages, make([]user, userPageSize))
		}
		u.used++
	}
	u.touch(int(n))
	x := u.user(n)
	if was := &u.released[id[0]&(releasedUsers-1)]; p == (fact.Pseudonym{}) && was.id == id {
		p = was.pseudonym
	}
	*x = user{id: id, pseudonym: p}
	u.count++
	u.index.Put(id[0], n, u.hashOf)
	return true
}

// release forgets id if nothing is known of it any more.
func (u *users) release(id fact.ID) {
	n := u.number(id)
	if n == 0 {
		return
	}
	if x := u.user(n); x.sessions == 0 && !x.ended && !x.walking && !x.held {
		u.touch(int(n))
		u.index.Remove(id[0], n, u.hashOf)
		if x.pseudonym != (fact.Pseudonym{}) {
			u.released[x.id[0]&(releasedUsers-1)] = namedUser{x.id, x.pseudonym}
		}
		*x = user{first: u.free}
		u.free = n
		u.count--
	}
}

// pseudonymOf returns what id is called in findings, if it is known.
func (u *users) pseudonymOf(id fact.ID) fact.Pseudonym {
	if x := u.get(id); x != nil {
		return x.pseudonym
	}
	return fact.Pseudonym{}
}

// userEnd says when an end of a user came.
type userEnd struct {
	user fact.ID
	at   int64 // on the collector's clock
}

// maxUsersEnded bounds how many ends of users are remembered. Tests have fewer.
var maxUsersEnded = 1 << 20

// end joins an end to those of user, who must be known. It reports whether it
// is a new one.
func (u *users) end(id fact.ID, end ending, now int64) bool {
	n := u.number(id)
	if n == 0 {
		return false
	}
	had := u.ended[id]
	i, found := slices.BinarySearchFunc(had.ends, end, compareEnding)
	if found {
		return false
	}
	u.touch(int(n))
	u.user(n).ended = true
	if !end.other.IsZero() {
		u.sparing[end.other] = append(u.sparing[end.other], id)
	}
	u.ended[id] = endsOfUser{slices.Insert(had.ends, i, end), slices.Insert(had.came, i, u.came.PushBack(&userEnd{id, now}))}
	if len(had.ends) >= maxInstants {
		u.removeEnd(id, len(had.ends)/2) // as of those of a session
		u.lost++
	}
	if u.came.Len() > maxUsersEnded {
		u.removeOldestEnd()
		u.lost++
	}
	return true
}

// removeOldEnds lets go of ends that came before, but of those that may bind a session
// which is still known: these are asked about again when what comes now is. No more than
// n of them and of their sessions are looked at.
func (u *users) removeOldEnds(before, now int64, n int, mayBind func(place uint32, at int64) bool) {
	for n > 0 {
		oldest := u.came.Front()
		if oldest == nil || oldest.Value.(*userEnd).at >= before {
			return
		}
		end := oldest.Value.(*userEnd)
		number, had := u.number(end.user), u.ended[end.user]
		at, looks := had.ends[slices.Index(had.came, oldest)].at, maxEndLooks
		l := u.user(number).first
		for ; l != 0 && looks > 0 && !mayBind(u.links[l].place, at); l = u.links[l].next {
			looks--
		}
		if n -= 1 + maxEndLooks - looks; l == 0 {
			u.removeOldestEnd()
			continue
		}
		u.touch(int(number))
		end.at = max(now, u.came.Back().Value.(*userEnd).at)
		u.came.MoveToBack(oldest)
	}
}

// maxEndLooks is at how many sessions is looked for one that an end may bind: where there
// are more one is taken to be among them.
const maxEndLooks = 64

// removeOldestEnd lets go of the end that came first.
func (u *users) removeOldestEnd() {
	oldest := u.came.Front()
	id := oldest.Value.(*userEnd).user
	u.removeEnd(id, slices.Index(u.ended[id].came, oldest))
}

// removeEnd lets go of one end of a user, who is forgotten if that was all there is
// to know.
func (u *users) removeEnd(id fact.ID, i int) {
	n := u.number(id)
	u.touch(int(n))
	had := u.ended[id]
	if other := had.ends[i].other; !other.IsZero() {
		of := u.sparing[other]
		if of = slices.Delete(of, slices.Index(of, id), slices.Index(of, id)+1); len(of) == 0 {
			delete(u.sparing, other)
		} else {
			u.sparing[other] = of
		}
	}
	u.came.Remove(had.came[i])
	if len(had.ends) > 1 {
		u.ended[id] = endsOfUser{slices.Delete(had.ends, i, i+1), slices.Delete(had.came, i, i+1)}
		return
	}
	delete(u.ended, id)
	u.user(n).ended = false
	u.release(id)
}

func (u *users) ends(id fact.ID) []ending {
	if id[1] == 0 {
		if x := u.get(id); x != nil {
			id = x.id
		}
	}
	return u.ended[id].ends
}

func (t *timeline) shows(user fact.ID) bool {
	return slices.ContainsFunc(t.identities, func(i identity) bool { return sameUser(i.user, user) })
}

// names reports whether t named the larger session of that id.
func (t *timeline) names(larger fact.ID) bool {
	return slices.ContainsFunc(t.links, func(l identity) bool { return l.user == larger })
}

// namedAt is when t last named the larger session of that id, which it did, up to an instant.
func (t *timeline) namedAt(larger fact.ID, until int64) int64 {
	at := int64(longAgo)
	for _, l := range t.links {
		if l.user == larger && l.at <= until {
			at = max(at, l.at)
		}
	}
	return at
}

// shownLater orders identities by when they were shown: of two at one instant the one of
// the source that is listed first holds, then the one with the greater pseudonym.
func (u *users) shownLater(a, b identity) int {
	if c := cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.source, a.source)); c != 0 || a.user == b.user {
		return cmp.Or(c, cmp.Compare(a.effectiveSeq, b.effectiveSeq))
	}
	x, y := u.pseudonymOf(a.user), u.pseudonymOf(b.user)
	return cmp.Or(bytes.Compare(x[:], y[:]), cmp.Compare(a.user[0], b.user[0]), cmp.Compare(a.user[1], b.user[1]))
}

// fillsLess reports whether b, which a log says of its span, holds against a, which another
// does: the greater pseudonym does.
func (u *users) fillsLess(a, b identity) bool {
	x, y := u.pseudonymOf(a.user), u.pseudonymOf(b.user)
	return cmp.Or(bytes.Compare(x[:], y[:]), cmp.Compare(b.source, a.source)) < 0
}

// joinIdentities puts list in order and keeps of each run of one user the first that each
// source named. A run ends with the user and, where there are several, with each login, so
// that it is known whom the session showed since: most is how many of one source may be.
// What is left out is why a session with several users is read again from the recent facts
// when one is added. Nothing that was shown at or behind from was given up.
//
// Of what came late the same is kept for those who came before each of it, and for those who
// came behind: what one needs beside what the other does harms neither.
func (u *users) joinIdentities(list []identity, logins []int64, most int) (kept []identity, from int64) {
	if !slices.ContainsFunc(list, identity.cameLate) {
		return u.joinEffective(list, logins, most)
	}
	list, from = u.relevant(list, logins), longAgo
	var seqs []uint64
	for _, i := range list {
		if n, found := slices.BinarySearch(seqs, i.effectiveSeq); !found {
			seqs = slices.Insert(seqs, n, i.effectiveSeq)
		}
	}
	if len(seqs) > maxLateIdentities {
		few := maxLateIdentities - 1
		for _, i := range list {
			if i.effectiveSeq >= seqs[few] {
				from = max(from, i.at+1)
			}
		}
		seqs = append(seqs[:few], seqs[len(seqs)-1]) // who comes now has all
	}
	for _, seq := range seqs {
		some, since := u.joinEffective(slices.Clone(effective(list, seq)), logins, most)
		kept, from = append(kept, some...), max(from, since)
	}
	slices.SortFunc(kept, u.shownLater)
	return slices.Compact(kept), from
}

// relevant puts list in order and leaves out what says nothing new to anybody: in a run of
// one user, what one source names that did so before, and no later.
func (u *users) relevant(list []identity, logins []int64) (kept []identity) {
	slices.SortFunc(list, u.shownLater)
	kept = list[:0]
	run, last := 0, identity{}
	for _, i := range list {
		if !sameUser(last.user, i.user) || loginsUntil(logins, last.at) != loginsUntil(logins, i.at) {
			run = len(kept)
		}
		last = i
		if !slices.ContainsFunc(kept[run:], func(have identity) bool { return have.source == i.source && have.effectiveSeq <= i.effectiveSeq }) {
			kept = append(kept, i)
		}
	}
	return kept
}

// joinEffective is joinIdentities of what counts for one seq.
func (u *users) joinEffective(list []identity, logins []int64, most int) (kept []identity, from int64) {
	slices.SortFunc(list, u.shownLater)
	if most == 0 || oneUser(list) {
		logins = nil
	}
	kept = list[:0]
	run := 0 // where the last run begins
	for _, w := range list {
		if n := len(kept); n > 0 && (!sameUser(kept[n-1].user, w.user) || loginsUntil(logins, kept[n-1].at) != loginsUntil(logins, w.at)) {
			run = n
		}
		if !slices.ContainsFunc(kept[run:], func(have identity) bool { return have.source == w.source }) {
			kept = append(kept, w)
		}
	}
	return boundIdentities(kept, logins, most)
}
