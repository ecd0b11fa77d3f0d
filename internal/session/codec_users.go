package session

import "encoding/binary"

// What is stored of users, all of one after the other. Which sessions showed a user
// is not: the sessions say it.
const (
	tagUser = iota + 1
	tagUserEnds
	tagUserEnd
	tagUserDue // an end of all its sessions is yet to be held against them
)

// beginPass begins a pass over the users.
func (u *users) beginPass(stored []chunkRange) *rangedPass {
	return u.ranged.begin(int(u.used), stored, nil, u.append)
}

// append appends all of one user.
func (u *users) append(buf []byte, number int) []byte {
	if number == 0 {
		return buf
	}
	x := u.user(uint32(number))
	if x.id.IsZero() {
		return buf
	}
	buf = append(appendID(append(buf, tagUser), x.id), x.pseudonym[:]...)
	if had, ok := u.ended[x.id]; ok {
		buf = appendEndings(appendID(append(buf, tagUserEnds), x.id), had.ends, 0)
		for _, came := range had.came {
			buf = binary.AppendVarint(appendID(append(buf, tagUserEnd), x.id), came)
		}
	}
	if x.walking {
		buf = binary.AppendVarint(appendID(append(buf, tagUserDue), x.id), x.since)
	}
	return buf
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
					u.ended[id], x.ended = endsOfUser{ends: r.endings(list)}, true
				}
			}
		case tagUserEnd:
			if at := d.varint(); d.err == nil && len(u.endedAt) < maxUsersEnded {
				u.endedAt = append(u.endedAt, userEnd{id, at})
				if had, ok := u.ended[id]; ok {
					u.ended[id] = endsOfUser{had.ends, append(had.came, at)}
				}
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
