package session

// rebuild reads t again from the recent facts, after one of them turned out to
// say something else than it seemed to: a log record whose span came later, a
// request whose second record was rejected, one that lies in an exempt one.
// Where not all of t's facts can be reached any more, what is older stays as it
// is, which can only keep a session alive too long.
func (e *Engine) rebuild(t *timeline) {
	var reach uint32
	oldest := int64(unset)
	for r := e.recent.at(t.recent); r != nil && r.session == t.id; r = e.recent.at(r.ofSession) {
		reach++
		oldest = min(oldest, r.Start)
	}
	old := *t
	kept := append(activity(nil), old.active...)
	t.first, t.firstActivity, t.sampled, t.outside = unset, unset, false, longAgo
	t.active, t.calls = t.active[:0], t.calls[:0]
	identities := append([]identity(nil), old.identities...)
	t.identities = t.identities[:0]
	if reach < t.facts {
		t.first, t.firstActivity, t.sampled = old.first, old.firstActivity, old.sampled
		t.identities = append(t.identities, identities...)
		for _, r := range kept {
			if r.start < oldest {
				t.active.add(r.start, r.end, r.policies, e.gap, longAgo)
			}
		}
	}
	for r := e.recent.at(t.recent); r != nil && r.session == t.id; r = e.recent.at(r.ofSession) {
		switch {
		case r.kind == Request && r.isEvidence():
			e.apply(t, r)
		case r.kind != Request && r.kind != Exempt:
			e.applyEvent(t, r)
		}
	}
	for i := range t.rotations {
		t.first = min(t.first, t.rotations[i].at)
	}
	for _, i := range identities {
		if !e.shows(t, i.user) {
			e.users.leave(i.user, t.slot)
		}
	}
}

func (e *Engine) shows(t *timeline, user ID) bool {
	for _, i := range t.identities {
		if i.user == user {
			return true
		}
	}
	return false
}
