package session

import (
	"encoding/binary"
	"maps"
	"slices"
)

// What is stored of users, one after the other. Which sessions showed a user is
// not: the sessions say it.
const (
	tagUser = iota + 1
	tagUserEnds
	tagUserEnd
	tagUserDue // an end of all its sessions is yet to be held against them
)

func (u *users) write(p *parts) {
	for n := uint32(1); n < u.used; n++ {
		if x := u.user(n); !x.id.IsZero() {
			p.set(append(appendID(append(p.next(), tagUser), x.id), x.pseudonym[:]...))
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(u.ended), compareID) {
		p.set(appendEndings(appendID(append(p.next(), tagUserEnds), id), u.ended[id], 0))
	}
	for n := uint32(1); n < u.used; n++ {
		if x := u.user(n); x.walking {
			p.set(binary.AppendVarint(appendID(append(p.next(), tagUserDue), x.id), x.since))
		}
	}
	for _, end := range u.endedAt {
		p.set(binary.AppendVarint(appendID(append(p.next(), tagUserEnd), end.user), end.arrival))
	}
}

func (r *restorer) readUsers(d *decoder) {
	u := &r.e.users
	for d.err == nil && len(d.left) > 0 {
		tag := d.byte()
		id := d.id()
		switch tag {
		case tagUser:
			var name Pseudonym
			if d.copy(name[:]); d.err == nil && u.number(id) == 0 {
				u.add(id, name)
			}
		case tagUserEnds:
			if list := d.endings(nil, 0); d.err == nil && len(list) > 0 {
				if x := u.get(id); x != nil {
					u.ended[id], x.ended = r.endings(list), true
				}
			}
		case tagUserEnd:
			if at := d.varint(); d.err == nil && len(u.endedAt) < maxUsersEnded {
				u.endedAt = append(u.endedAt, userEnd{id, at})
			}
		case tagUserDue:
			if since := d.varint(); d.err == nil && u.number(id) != 0 {
				r.usersDue = append(r.usersDue, userEnd{id, since})
			}
		default:
			d.fail()
		}
	}
}
