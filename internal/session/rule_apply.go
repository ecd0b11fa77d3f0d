package session

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// apply joins what r says to its session's timeline, and says what that makes
// dirty.
func (e *Engine) apply(t *timeline, r *record) (due dirtyFlags) {
	t.newest = max(t.newest, r.End)
	if r.flags&fact.Sampled != 0 && t.addSampled(r.At) {
		if t.suspects > 0 {
			due |= dirtyVerdicts
		}
	}
	if t.firstBeside != unset && r.Start <= t.firstStart { // perhaps it said that
		due |= dirtyTimeline | dirtyLineage
	}
	if r.state&late != 0 {
		// From the past: it can clear, and accuses only what follows it, by what it says.
		if r.isActivity() && e.addActivity(t, r, 0) {
			due |= dirtyVerdicts
		}
		return due | e.applySaid(t, r, true)
	}
	if !r.isExempt() {
		due |= e.applyJudged(t, r)
	}
	due |= e.applySaid(t, r, t.facts > 1 || len(t.rotations) > 0)
	if r.isActivity() {
		var governs uint64
		if r.policy != fact.NoPolicy {
			governs = 1 << r.policy
		}
		if r.EffectiveStart < r.Start {
			if t.addNestedStart(r.EffectiveStart, governs, r.state&coveredByActivity != 0, e.gap) {
				due |= dirtyVerdicts
			}
			governs = 0
		}
		if e.addActivity(t, r, governs) {
			due |= dirtyVerdicts
		}
		e.stats.lost += int64(t.boundIntervals(int64(e.cfg.ReorderWindow)))
	} else if !r.isExempt() {
		t.lastInactiveStart = max(t.lastInactiveStart, r.EffectiveStart)
	}
	return due
}

// applyJudged joins what a request that is not exempt says beside its activity: since when
// there is the session, who governs it, and whom it shows.
func (e *Engine) applyJudged(t *timeline, r *record) (due dirtyFlags) {
	known := t.facts > 1 || len(t.rotations) > 0 // somebody may have been judged
	if r.At < t.first {
		if known {
			due |= dirtyLineage
		}
		t.first = r.At
	}
	if r.policy != fact.NoPolicy {
		bit := uint64(1) << r.policy
		t.policies |= bit
		t.policy = r.policy
		if len(t.authentications) > 0 {
			e.authenticated |= bit
		}
	}
	if r.isActivity() {
		e.observeGap(t, r)
		if r.At < t.firstActivity {
			if known {
				due |= dirtyLineage
			}
			t.firstActivity = r.At
		}
	}
	return due
}

// applySaid joins whom r shows, and which larger session it names. others: somebody may
// have been judged by that.
func (e *Engine) applySaid(t *timeline, r *record, others bool) (due dirtyFlags) {
	if r.shows() {
		due |= e.showIdentity(t, r.identity(), others)
	}
	if e.names(r) {
		due |= e.link(t, r.link(), others)
	}
	return due
}

// identity is whom r shows. Who logs in is shown to all, since a login clears as it accuses.
func (r *record) identity() identity {
	i := identity{r.At, r.user, r.effectiveSeq(), r.userSource}
	if r.kind == fact.Authenticated {
		i.effectiveSeq = 0
	}
	return i
}

// link is the larger session that r names.
func (r *record) link() identity {
	return identity{at: r.At, user: r.linked, effectiveSeq: r.effectiveSeq()}
}

// effectiveSeq says which requests r accuses, see ending.effectiveSeq.
func (r *record) effectiveSeq() uint64 {
	if r.state&late == 0 {
		return 0
	}
	return r.seq + 1
}

// shownBy returns the user whom f shows. One that the client presented is none.
func shownBy(f *fact.Fact) fact.ID {
	if f.Flags&fact.UserPresented != 0 {
		return fact.ID{}
	}
	return f.User.ID
}

// shows reports whether the record shows its user: an event that says the end of a session
// does not, nor does an exempt request.
func (r *record) shows() bool { return !r.user.IsZero() && r.kind != fact.Ended && !r.isExempt() }

// applyEvent joins what the event says of its own session.
func (e *Engine) applyEvent(t *timeline, r *record) (due dirtyFlags) {
	t.newest = max(t.newest, r.At)
	inTime := r.state&late == 0
	if inTime && r.At < t.first {
		t.first = r.At
		due |= dirtyLineage
	}
	if inTime && r.At < t.firstBeside && t.firstBeside != unset {
		t.firstBeside = r.At
		due |= dirtyLineage
	}
	due |= e.applySaid(t, r, true)
	switch r.kind {
	case fact.Authenticated:
		var lost int
		var added bool
		first := r.At
		if len(t.authentications) > 0 {
			first = min(first, t.authentications[0])
		}
		t.authentications, added, lost = addInstant(t.authentications, r.At)
		if lost > 0 {
			t.droppedAuthentication = first
		}
		e.stats.lost += int64(lost)
		e.authenticated |= t.policies
		t.reported = t.reported && !added
		if added {
			if t.splitSampled(r.At) || len(t.identities) > 0 && !oneUser(t.identities) || len(t.links) > 0 { // whom did it show since?
				due |= dirtyTimeline
			}
			due |= dirtyLineage
		}
	case fact.Started, fact.Rotated:
		switch {
		case !inTime:
			if r.At < t.firstStart {
				due |= e.addLateStart(t, r)
			}
		case r.At < t.firstStart:
			t.firstStart, t.firstBeside = r.At, unset
			due |= dirtyLineage
		}
		if inTime && r.At == t.firstStart && r.flags&fact.FromRequest != 0 { // which is set aside
			if t.firstBeside == unset { // until it is read
				t.firstBeside = r.At
			}
			due |= dirtyTimeline | dirtyLineage
		}
	}
	if r.isActivity() {
		if inTime && r.At < t.firstActivity {
			t.firstActivity = r.At
			due |= dirtyLineage
		}
		if t.intervals.add(r.At, r.At, 0, e.gap, t.lastInactiveStart) {
			due |= dirtyVerdicts
		}
	}
	return due
}

// addLateStart joins a start from the past to those of t.
func (e *Engine) addLateStart(t *timeline, r *record) (due dirtyFlags) {
	starts, changed, lost := addEnding(t.lateStarts, ending{at: r.At, effectiveSeq: r.effectiveSeq()})
	t.lateStarts = starts
	e.stats.lost += int64(lost)
	if changed {
		due = dirtyLineage
	}
	return due
}

// showIdentity joins who to what t showed. others: somebody may have been
// judged by it.
func (e *Engine) showIdentity(t *timeline, who identity, others bool) (due dirtyFlags) {
	for i := range t.identities {
		if have := &t.identities[i].user; sameUser(*have, who.user) {
			*have = who.user
		}
	}
	switch {
	case len(t.identities) == 0:
		if !t.legacy.has(who.user) {
			e.users.addLink(who.user, t.placeOf())
		}
	case oneUser(t.identities) && t.identities[0].user == who.user:
		same := slices.IndexFunc(t.identities, func(have identity) bool { return have.source == who.source })
		if same >= 0 && t.identities[same].at <= who.at && t.identities[same].effectiveSeq <= who.effectiveSeq {
			return 0
		}
	default:
		// The list says too little to put another user in its place for good, and the recent
		// facts may be gone before they are read again.
		first, _ := firstShown(t.identities)
		e.setIdentities(t, append(slices.Clone(t.identities), who))
		if now, _ := firstShown(t.identities); now != first {
			due = dirtyParents
		}
		return due | dirtyTimeline | dirtyLineage
	}
	e.joinIdentities(t, append(t.identities, who), nil, 0)
	if len(t.lineage) > 0 { // whether it continues that may depend on whom it shows
		due = dirtyParents
	}
	if others {
		due |= dirtyLineage
	}
	return due
}

// joinIdentities makes what has to be kept of list what t showed.
func (e *Engine) joinIdentities(t *timeline, list []identity, logins []int64, most int) {
	var from int64
	if t.identities, from = e.users.joinIdentities(list, logins, most); from > t.shownFrom {
		e.stats.lost++
		t.shownFrom = from
	}
}

// setIdentities makes list what t showed.
func (e *Engine) setIdentities(t *timeline, list []identity) {
	was := slices.Clone(t.identities)
	for i := range list { // until its name was heard only a tombstone had told of it
		if x := e.users.get(list[i].user); x != nil {
			list[i].user = x.id
		}
	}
	e.joinIdentities(t, append(t.identities[:0], list...), t.authentications, e.cfg.MaxUsers)
	for _, i := range was {
		if !t.shows(i.user) && !t.legacy.has(i.user) {
			e.users.unlink(i.user, t.placeOf())
		}
	}
	for n, i := range t.identities {
		known := func(have identity) bool { return sameUser(have.user, i.user) }
		if !t.legacy.has(i.user) && !slices.ContainsFunc(was, known) && !slices.ContainsFunc(t.identities[:n], known) {
			e.users.addLink(i.user, t.placeOf())
		}
	}
	for _, i := range list {
		e.users.release(i.user)
	}
}

// names reports whether r names the larger session that its own is part of: an event does,
// or a request that was served.
func (e *Engine) names(r *record) bool {
	return !r.linked.IsZero() && r.isEvidence() && (r.kind != fact.Request || e.outcome(r) == fact.Served)
}

// link joins a larger session that was named to those of t. others: somebody may have been
// judged by it.
func (e *Engine) link(t *timeline, l identity, others bool) (due dirtyFlags) {
	logins := loginsUntil(t.authentications, l.at)
	for _, have := range t.links {
		if have.user == l.user && have.at <= l.at && have.effectiveSeq <= l.effectiveSeq && loginsUntil(t.authentications, have.at) == logins {
			return 0
		}
	}
	e.setLinks(t, append(slices.Clone(t.links), l))
	if others {
		return dirtyLineage
	}
	return 0
}

// maxLinks is how many larger sessions one may name since a login, and maxAllLinks since all
// that are known.
const maxLinks, maxAllLinks = 4, 32

// setLinks makes list the larger sessions that t named, the first time since each login.
func (e *Engine) setLinks(t *timeline, list []identity) {
	slices.SortStableFunc(list, func(a, b identity) int { return cmp.Or(cmp.Compare(a.at, b.at), compareID(a.user, b.user)) })
	was, itself := slices.Clone(t.links), largerSession(t.id) // what it calls itself matters to what continues it
	t.links = t.links[:0]
	for _, l := range list {
		logins, known := loginsUntil(t.authentications, l.at), false
		var others []fact.ID
		for _, have := range t.links {
			if loginsUntil(t.authentications, have.at) == logins {
				known = known || have.user == l.user && have.effectiveSeq <= l.effectiveSeq
				if have.user != itself && have.user != l.user && !slices.Contains(others, have.user) {
					others = append(others, have.user)
				}
			}
		}
		switch {
		case known:
		case len(others) == maxLinks && l.user != itself || len(t.links) == maxAllLinks:
			if !t.moreLinks {
				e.stats.lost++
			}
			t.moreLinks = true
		default:
			t.links = append(t.links, l)
		}
	}
	named := func(list []identity, id fact.ID) bool {
		return slices.ContainsFunc(list, func(l identity) bool { return l.user == id })
	}
	for n, l := range t.links {
		if !named(was, l.user) && !named(t.links[:n], l.user) && !t.legacy.has(l.user) {
			e.users.addLink(l.user, t.placeOf())
		}
	}
	for n, l := range was {
		if !named(t.links, l.user) && !named(was[:n], l.user) && !t.legacy.has(l.user) {
			e.users.unlink(l.user, t.placeOf())
		}
	}
}

// bindsPart reports whether an end of the larger session id binds t, which inherits above.
func (w *evaluation) bindsPart(above *heritage, t *timeline, end *ending, id fact.ID) bool {
	return w.isEffective(end) && t.seen() < end.at && !w.isTooLate(t, end) && t.isPart(above, id, end.at, w.r.seq)
}

// startsWithIdentity reports whether t showed a user, and a policy takes that for its start.
func (e *Engine) startsWithIdentity(t *timeline) bool {
	return len(t.identities) > 0 && slices.ContainsFunc(e.cfg.Policies, func(p Policy) bool { return p.Evidence == fact.EvidenceIdentity })
}
