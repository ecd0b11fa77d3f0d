package session

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What is stored of users, all of one after the other. Which sessions showed a user
// is not: the sessions say it.
const (
	tagUser = iota + 1
	tagUserEnds
	tagUserEnd   // when one of them came, in their order; before version 3 in that in which they did
	tagUserDirty // an end of all its sessions is yet to be held against them
)

// beginPass begins a pass over the users.
func (u *users) beginPass(stored []chunkRange) *rangedPass {
	return u.beginRanges(int(u.used), stored, nil, u.append)
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
	buf = append(wire.AppendUint128(append(buf, tagUser), x.id), x.pseudonym[:]...)
	if had, ok := u.ended[x.id]; ok {
		buf = appendEndings(wire.AppendUint128(append(buf, tagUserEnds), x.id), had.ends, 0)
		for _, came := range had.came {
			buf = binary.AppendVarint(wire.AppendUint128(append(buf, tagUserEnd), x.id), came.Value.(*userEnd).at)
		}
	}
	if x.walking {
		buf = binary.AppendVarint(wire.AppendUint128(append(buf, tagUserDirty), x.id), x.since)
	}
	return buf
}

func (r *restorer) readUsers(d *wire.Decoder) {
	u := &r.e.users
	for d.Err == nil && len(d.Left) > 0 {
		tag := d.Byte()
		id := d.Uint128()
		switch tag {
		case tagUser:
			var name fact.Pseudonym
			if d.Copy(name[:]); d.Err == nil && u.number(id) == 0 {
				u.add(id, name)
			}
		case tagUserEnds:
			if list := readEndings(d, nil, 0); d.Err == nil && len(list) > 0 && u.number(id) != 0 {
				r.userEnds[id] = list
			}
		case tagUserEnd:
			if at := d.Varint(); d.Err == nil {
				r.userEndsCame[id] = append(r.userEndsCame[id], at)
			}
		case tagUserDirty:
			if since := d.Varint(); d.Err == nil && u.number(id) != 0 {
				r.dirtyUsers = append(r.dirtyUsers, userEnd{id, since})
			}
		default:
			d.Fail()
		}
	}
}

// addUserEnds takes the ends of users that were read. What is not known of when one
// came is taken to be as late as can be.
func (r *restorer) addUserEnds() {
	u := &r.e.users
	type stored struct {
		userEnd
		ending
	}
	var all []stored
	for id, list := range r.userEnds {
		came := r.userEndsCame[id]
		latest := r.now
		if r.older && len(came) > 0 {
			latest = slices.Max(came)
		}
		for i, end := range list {
			at := latest
			if !r.older && i < len(came) {
				at = came[i]
			}
			all = append(all, stored{userEnd{id, at}, end})
		}
	}
	slices.SortFunc(all, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.userEnd.at, b.userEnd.at), compareID(a.user, b.user), compareEnding(a.ending, b.ending))
	})
	for i := range all {
		all[i].service = r.service(all[i].service)
		u.end(all[i].user, all[i].ending, all[i].userEnd.at)
	}
}
