package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

// heldUser is a user that is known for a while though no session shows it.
type heldUser struct {
	id    fact.ID
	until uint64 // so many sessions have become clean, ever
}

// hold keeps a user known until no session that may show it is dirty.
func (e *Engine) hold(id fact.ID) {
	if x := e.users.get(id); x != nil && !x.held {
		x.held = true
		e.held = append(e.held, heldUser{id, e.nextTurn() + dueOfFact})
	}
}

// dueOfFact is how many sessions one fact makes dirty.
const dueOfFact = 2

// releaseHeld forgets the users who were named by what turned out to show nobody:
// a late request, or one of which a second record says that it was rejected. It
// reports whether the work that is left allowed that.
func (e *Engine) releaseHeld() (done bool) {
	n := 0
	for ; n < len(e.held) && (e.held[n].until <= e.cleaned || e.backlog() == 0); n++ {
		if e.work.left <= 0 {
			break
		}
		e.spend(1)
		if x := e.users.get(e.held[n].id); x != nil {
			x.held = false
			e.users.release(x.id)
		}
	}
	if n == len(e.held) {
		e.held = e.held[:0]
	} else {
		e.held = e.held[n:]
	}
	return e.work.left > 0
}
