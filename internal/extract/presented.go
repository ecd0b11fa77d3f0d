package extract

import (
	"sync/atomic"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// presentedUsers remembers the pseudonyms of some of the users whom clients presented: each
// of their requests needs one, and hashing costs more than all else that is done for it.
// Safe for concurrent use.
type presentedUsers [1 << presentedBits]atomic.Pointer[presentedUser]

const presentedBits = 12

type presentedUser struct {
	id   fact.ID
	name string
}

// name is the pseudonym of user, as [fact.Details.User] has it.
func (p *presentedUsers) name(user fact.Name, x *Extractor) string {
	place := &p[user.ID[0]&(1<<presentedBits-1)]
	if known := place.Load(); known != nil && known.id == user.ID {
		return known.name
	}
	name := x.Pseudonym(user.Raw)
	known := &presentedUser{user.ID, string(name[:])}
	place.Store(known)
	return known.name
}
