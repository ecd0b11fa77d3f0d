package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

// heldUser is a user that is known for a while though no session shows it.
type heldUser struct {
	id    fact.ID
	until uint64 // so many sessions have got what they were owed, ever
}

// hold keeps a user known until nothing is owed to any session that may show it.
func (e *Engine) hold(id fact.ID) {
	if x := e.users.get(id); x != nil && !x.held {
		x.held = true
		e.held = append(e.held, heldUser{id, e.nextTurn() + dueOfFact})
	}
}

// dueOfFact is to how many sessions one fact makes something owed.
const dueOfFact = 2

// releaseHeld forgets the users who were named by what turned out to show nobody:
// a late request, or one of which a second record says that it was rejected. It
// reports whether the work that is left allowed that.
func (e *Engine) releaseHeld() (done bool) {
	n := 0
	for ; n < len(e.held) && (e.held[n].until <= e.repaid || e.Backlog() == 0); n++ {
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
