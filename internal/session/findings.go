package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// maxMembers bounds the requests of one finding that can still be cleared one
// by one. Beyond it the oldest but the first count as served for good. Tests
// have less.
var maxMembers = 64

// finding is one open finding and the suspects that it stands on.
type finding struct {
	id      uint64
	session fact.ID
	members []*suspect
	// given up members, all conclusive
	more                int
	moreFirst, moreLast int64

	last   fact.Finding // as it was sent last
	sent   bool
	sentAt int64
	dirty  bool
	closed bool // it stays as it was reported
	// partly: it was closed before and came up again, so that of last only the
	// revision, the state and the type are known until it is sent again.
	partly bool

	place     uint32 // where it is among findings
	inSession int    // among those of its session
	inLater   int    // and among those that are sent later; less than 0: nowhere
	sendAt    int64
}

// findings are the open ones by id: those that stand on a suspect.
type findings struct {
	placed[finding]
	open      map[uint64]*finding
	bySession map[fact.ID][]*finding
	// dirty have changed; later are those of them that were sent a moment ago.
	dirty []*finding
	later laterFindings
	// awaited counts, for each id, the suspects that may yet become what it stands
	// on.
	awaited map[uint64]int
	closed  closedFindings
}

func newFindings(closed int) findings {
	return findings{
		placed: newPlaced[finding](), open: map[uint64]*finding{}, bySession: map[fact.ID][]*finding{}, awaited: map[uint64]int{},
		closed: newClosedFindings(closed),
	}
}

// openOne opens the finding of id, or opens it again.
func (f *findings) openOne(id uint64, session fact.ID) *finding {
	x := &finding{id: id, session: session, moreFirst: unset, inLater: -1}
	if was := f.closed.take(id); was != nil {
		x.sent, x.sentAt, x.partly = true, was.sentAt, true
		x.last = fact.Finding{ID: id, Revision: was.revision, State: was.state, Type: was.typ}
		x.more, x.moreFirst, x.moreLast = was.requests, was.first, was.last
	}
	f.link(x)
	return x
}

func (f *findings) link(x *finding) {
	f.open[x.id] = x
	x.place = f.add(x)
	x.inSession = len(f.bySession[x.session])
	f.bySession[x.session] = append(f.bySession[x.session], x)
}

// remove lets go of x. Where it was sent, its revisions and what was served go on
// from there if it comes up again.
func (f *findings) remove(x *finding) {
	f.placed.remove(x.place)
	x.closed = true
	delete(f.open, x.id)
	list := f.bySession[x.session]
	last := len(list) - 1
	list[x.inSession] = list[last]
	list[x.inSession].inSession = x.inSession
	list[last] = nil
	if last == 0 {
		delete(f.bySession, x.session)
	} else {
		f.bySession[x.session] = list[:last]
	}
	f.later.remove(x)
	f.keepClosed(x)
}

// keepClosed keeps what is needed of x if it comes up again.
func (f *findings) keepClosed(x *finding) {
	if !x.sent {
		return
	}
	was := &closedFinding{id: x.id, revision: x.last.Revision, state: x.last.State, typ: x.last.Type, sentAt: x.sentAt, first: unset}
	if x.last.State == fact.Confirmed { // then what was served counts, whether or not it was sent
		was.requests, was.first, was.last = x.more, x.moreFirst, x.moreLast
		for _, s := range x.members {
			if s.judgement.doubt == "" {
				was.requests, was.first, was.last = was.requests+1, min(was.first, s.At), max(was.last, s.At)
			}
		}
	}
	f.closed.put(was)
}

// assign puts s in the finding that its judgement belongs to.
func (f *findings) assign(e *Engine, s *suspect) {
	id := e.findingID(s)
	if s.finding != nil && s.finding.id != id {
		f.detach(s)
	}
	to := f.open[id]
	if to == nil {
		to = f.openOne(id, s.session)
	}
	if s.finding == nil {
		f.touchOne(to)
		s.finding = to
		to.members = append(to.members, s)
	}
	f.hasChanged(to)
	if len(to.members) > maxMembers {
		e.detachOldest(to)
	}
}

// detach takes s out of its finding.
func (f *findings) detach(s *suspect) {
	if s.finding == nil {
		return
	}
	from := s.finding
	f.touchOne(from)
	s.finding = nil
	if i := slices.Index(from.members, s); i >= 0 {
		from.members = slices.Delete(from.members, i, i+1)
	}
	f.hasChanged(from)
}

// touchOne must be called before x changes.
func (f *findings) touchOne(x *finding) {
	if !x.closed {
		f.touch(int(x.place))
	}
}

// hasChanged lets x be looked at when findings are sent next.
func (f *findings) hasChanged(x *finding) {
	if !x.dirty {
		f.touchOne(x)
		x.dirty = true
		f.later.remove(x)
		f.dirty = append(f.dirty, x)
	}
}

// await counts s among those that a finding may yet stand on, if it is.
func (e *Engine) await(s *suspect) {
	f := &e.findings
	if s.awaited {
		if f.awaited[s.awaitedBy]--; f.awaited[s.awaitedBy] == 0 {
			delete(f.awaited, s.awaitedBy)
		}
	}
	s.awaited = !s.discarded && !s.decided && s.judgement.violated && s.policy != fact.NoPolicy
	if s.awaited {
		s.awaitedBy = e.findingID(s)
		f.awaited[s.awaitedBy]++
	}
}

// detachOldest makes room: the oldest conclusive member but the first can no longer
// be cleared.
func (e *Engine) detachOldest(f *finding) {
	first := f.offender(true)
	for _, s := range f.members {
		if s != first && s.judgement.doubt == "" {
			e.detachMember(s)
			e.stats.closed++
			return
		}
	}
	// All inconclusive: one less changes nothing but their number.
	e.discard(f.members[len(f.members)-1])
}

// detachMember lets a conclusive member count for good.
func (e *Engine) detachMember(s *suspect) {
	f := s.finding
	e.findings.touchOne(f)
	f.more++
	f.moreFirst = min(f.moreFirst, s.At)
	f.moreLast = max(f.moreLast, s.At)
	e.discard(s)
}

// offender returns the request that the finding is about: the first that is
// conclusive, or not.
func (f *finding) offender(sure bool) *suspect {
	var first *suspect
	for _, s := range f.members {
		if (s.judgement.doubt == "") == sure && (first == nil || s.speaksBefore(first)) {
			first = s
		}
	}
	return first
}

// speaksBefore reports whether a finding is about s rather than about o:
// background work, which may be nobody's concern, hides no request.
func (s *suspect) speaksBefore(o *suspect) bool {
	if a, b := s.isBackground(), o.isBackground(); a != b {
		return b
	}
	return s.before(&o.record)
}

// before orders requests by their start.
func (r *record) before(o *record) bool {
	if r.EffectiveStart != o.EffectiveStart {
		return r.EffectiveStart < o.EffectiveStart
	}
	if r.At != o.At {
		return r.At < o.At
	}
	if r.span != o.span {
		return string(r.span[:]) < string(o.span[:])
	}
	return string(r.trace[:]) < string(o.trace[:])
}

// content is what f says now. ok is false if nothing is left of it.
func (e *Engine) content(f *finding) (c fact.Finding, ok bool) {
	sure := true
	s := f.offender(sure)
	if s == nil {
		sure = false
		s = f.offender(sure)
	}
	if s == nil {
		return fact.Finding{}, false
	}
	j := &s.judgement
	c = fact.Finding{
		ID: f.id, Type: j.typ, Reason: j.doubt,
		Session: s.t.pseudonym, Policy: int(s.policy),
		Resource: s.resource, Details: s.details, Trace: s.trace, Span: s.span, At: s.At,
		Overrun: j.overrun, ExpiredAt: j.at, StartedAt: j.origin.at, StartKnown: j.origin.known, EndedBy: j.by,
		Evidence: s.evidence(), Background: s.isBackground(),
		FirstAt: unset,
	}
	if !sure {
		c.State = fact.Inconclusive
	}
	if j.typ == fact.IdleTimeout {
		c.LastActivityAt = j.since
	}
	w := e.newEvaluation(s.t, &s.record)
	if user := w.identityAt(max(s.At, s.End)); !user.IsZero() {
		c.User = e.users.pseudonymOf(user)
	} else if len(s.details.User) == len(c.User) { // whom the client presented is named, and counts nowhere
		copy(c.User[:], s.details.User)
	}
	c.Details.User = ""
	for _, m := range f.members {
		if (m.judgement.doubt == "") == sure {
			c.Requests++
			c.FirstAt, c.LastAt = min(c.FirstAt, m.At), max(c.LastAt, m.At)
		}
	}
	if sure && f.more > 0 {
		c.Requests += f.more
		c.FirstAt, c.LastAt = min(c.FirstAt, f.moreFirst), max(c.LastAt, f.moreLast)
	}
	return c, true
}

// recall lets what changed a moment ago be sent again. It reports whether the work
// that is left allowed that for all.
func (e *Engine) recall(now int64, all bool) (done bool) {
	f := &e.findings
	for x := f.later.first(); x != nil && (all || x.sendAt <= now); x = f.later.first() {
		if e.work.left <= 0 {
			return false
		}
		e.spend(1)
		f.hasChanged(x)
	}
	return true
}
