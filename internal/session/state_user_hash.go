package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

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
