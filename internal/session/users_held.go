package session

// hold keeps a user known until nothing is owed to any session that may show it.
func (e *Engine) hold(id ID) {
	if x := e.users.get(id); x != nil && !x.held {
		x.held = true
		e.held = append(e.held, id)
	}
}

// releaseHeld forgets the users who were named by what turned out to show nobody:
// a late request, or one of which a second record says that it was rejected.
func (e *Engine) releaseHeld() {
	if len(e.due) > 0 {
		return
	}
	for _, id := range e.held {
		if x := e.users.get(id); x != nil {
			x.held = false
			e.users.release(id)
		}
	}
	e.held = e.held[:0]
}
